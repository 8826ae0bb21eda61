//! The marketplace's background work: one file per job, in rooms, and the one list of them in `marketplace.rs`.

mod accounts;
mod context;
#[cfg(test)]
mod corpus;
pub mod mail;
pub mod maintenance;
mod marketplace;
pub mod queues;
pub mod read_only;
mod readers;
pub mod steps;

pub use accounts::{NotAdministered, administer};
pub use context::{AuditLock, Context, PeriodicSettings, Settings};
pub use mail::{
    NewMail, Notice, RemindModerators, SendEmail, TellUnread, queue_email_change, queue_mail, queue_notice,
    queue_password_reset, queue_verification,
};
pub use maintenance::{ArchiveChats, ExpireUploads, ExportAuditLog, ReconcileStorage, RemoveObject, Retention};
pub use marketplace::{KINDS, registry};
pub use queues::QUEUES;
pub use readers::readers;
pub use steps::{
    IndexNano, MakeThumbnails, PublishNano, ReviewNano, ScanContent, ScanEdit, ValidateArchive, VersionRef,
    publish_edit,
};
