//! The marketplace's background work: one file per job, in rooms, and the one list of them in `marketplace.rs`.

mod accounts;
mod context;
#[cfg(test)]
mod corpus;
mod data_key;
pub mod mail;
pub mod maintenance;
mod marketplace;
mod notify;
pub mod people;
pub mod queues;
pub mod read_only;
mod readers;
pub mod steps;
pub mod webhooks;

pub use accounts::{NotAdministered, administer};
pub use context::{AuditLock, Context, PeriodicSettings, Settings};
pub use data_key::{DataKeyMismatch, NotResealed, check_data_key, reseal, settle};
pub use mail::{
    AlertSavedSearches, NewMail, Notice, RemindModerators, SendEmail, TellUnread, queue_email_change, queue_mail,
    queue_notice, queue_password_reset, queue_verification,
};
pub use maintenance::{
    ArchiveChats, ExpireUploads, ExportAuditLog, RecheckTotals, ReconcileStorage, Reindex, RemoveObject, Retention,
};
pub use marketplace::{KINDS, registry};
pub use notify::{News, notify};
pub use people::{
    Asked, ErasePerson, ExportPerson, TendDataRequests, WarnInactive, ask_erasure, ask_export, withdraw_erasure,
};
pub use queues::QUEUES;
pub use readers::readers;
pub use steps::{
    IndexNano, IndexRated, MakeThumbnails, PublishNano, ReviewNano, ScanContent, ScanEdit, ScanProfile, ScanRating,
    ValidateArchive, VersionRef, index_ratings, publish_edit, tell_of_reply,
};
pub use webhooks::{Announcement, DeliverWebhook, announce, redeliver, try_webhook};
