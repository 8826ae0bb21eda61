//! The marketplace's background work: one file per job, in rooms, and the one list of them in `marketplace.rs`.

mod content_errors;
mod context;
#[cfg(test)]
mod corpus;
pub mod mail;
pub mod maintenance;
mod marketplace;
pub mod queues;
pub mod steps;

pub use context::{AuditLock, Context, PeriodicSettings, Settings};
pub use mail::{NewMail, RemindModerators, SendEmail, queue_mail};
pub use maintenance::{ExpireUploads, ExportAuditLog, ReconcileStorage, RemoveObject, Retention};
pub use marketplace::{KINDS, registry};
pub use queues::QUEUES;
pub use steps::{IndexNano, MakeThumbnails, PublishNano, ReviewNano, ScanContent, ValidateArchive, VersionRef};
