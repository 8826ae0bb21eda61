//! Clean-up: what has had its time, what nobody finished, what belongs to nobody.

mod archive_chats;
mod expire_uploads;
mod export_audit_log;
mod recheck_totals;
mod reconcile_storage;
mod reindex;
mod remove_object;
mod retention;

pub use archive_chats::ArchiveChats;
pub use expire_uploads::ExpireUploads;
pub use export_audit_log::ExportAuditLog;
pub use recheck_totals::RecheckTotals;
pub use reconcile_storage::ReconcileStorage;
pub use reindex::Reindex;
pub use remove_object::RemoveObject;
pub use retention::Retention;
