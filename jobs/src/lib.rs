//! Background work: the job contract, the ledger's use, and one file per job.

pub mod changes;
mod content_errors;
mod context;
#[cfg(test)]
mod corpus;
mod enqueue;
mod job;
mod ledger;
mod mails;
mod periodic;
mod pipeline;
mod registry;
mod run;
mod run_log;
pub mod steer;

// One file per job.
mod bulk_action;
mod expire_uploads;
mod export_audit_log;
mod index_nano;
mod make_thumbnails;
mod prune_ledger;
mod publish_nano;
mod reconcile_storage;
mod remind_moderators;
mod remove_object;
mod retention;
mod review_nano;
mod roll_up_stats;
mod scan_content;
mod send_email;
mod tell_given_up;
mod validate_archive;

pub use bulk_action::{BulkAction, states as bulk_states};
pub use context::{AuditLock, Context, PeriodicSettings, Settings};
pub use enqueue::{EnqueueError, Flow, enqueue, enqueue_all, enqueue_at, enqueue_in};
pub use expire_uploads::ExpireUploads;
pub use export_audit_log::ExportAuditLog;
pub use index_nano::IndexNano;
pub use infra::db::job_logs::Level;
pub use job::{Job, JobError, Outcome, Priority, Queue, Reference, RetryPolicy, UnknownQueue, class};
pub use ledger::{Fleet, FleetSettings, child, connect_belt, run_one};
pub use make_thumbnails::MakeThumbnails;
pub use periodic::{Enqueue, PERIODIC, Periodic, RunNowError, periodic, run_schedule_now};
pub use pipeline::{UPLOAD_STEPS, VersionRef};
pub use prune_ledger::PruneLedger;
pub use publish_nano::PublishNano;
pub use reconcile_storage::ReconcileStorage;
pub use registry::{KINDS, Registry};
pub use remind_moderators::RemindModerators;
pub use remove_object::RemoveObject;
pub use retention::Retention;
pub use review_nano::ReviewNano;
pub use roll_up_stats::RollUpStats;
pub use run::Run;
pub use scan_content::ScanContent;
pub use send_email::{NewMail, SendEmail, queue_mail};
pub use tell_given_up::TellGivenUp;
pub use validate_archive::ValidateArchive;
