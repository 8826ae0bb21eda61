//! MySQL: all SQL of the project, one file per table.
//!
//! Every session is READ COMMITTED in UTC: the ledger's locking relies on it (REPEATABLE READ's gap locks
//! turn claims and sweeps into deadlocks).

pub mod audit_exports;
pub mod audit_log;
pub mod bulk_actions;
pub mod categories;
pub mod cron;
mod cron_ticks;
mod decode;
pub mod downloads;
pub mod email_deliveries;
pub mod email_tokens;
pub mod flows;
pub mod job_attempts;
pub mod job_error_groups;
pub mod job_errors;
pub mod job_failures;
pub mod job_family;
pub mod job_kinds;
pub mod job_limits;
pub mod job_line;
pub mod job_logs;
pub mod job_payloads;
pub mod job_progress;
pub mod job_rollups;
pub mod job_series;
pub mod job_stats;
pub mod job_story;
pub mod jobs;
pub mod moderation_cases;
pub mod nano_events;
pub mod nano_lists;
pub mod nano_versions;
pub mod nanos;
pub mod queue_controls;
pub mod queue_leases;
pub mod queue_pauses;
pub mod queue_signal;
pub mod queue_status;
pub mod refresh_tokens;
pub mod retention;
pub mod stored_objects;
mod tx;
pub mod uploads;
pub mod users;
pub mod workers;

pub use tx::{Db, DbError, Hint, HintSink, INSPECTION_LIMIT, Tx};
