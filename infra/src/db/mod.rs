//! The marketplace's SQL: one file per table, or per thing that people do with several.

pub mod audit_exports;
pub mod audit_log;
pub mod categories;
pub mod downloads;
pub mod email_deliveries;
pub mod email_tokens;
pub mod moderation_cases;
pub mod nano_events;
pub mod nano_lists;
pub mod nano_versions;
pub mod nanos;
pub mod refresh_tokens;
pub mod retention;
pub mod stored_objects;
pub mod uploads;
pub mod users;
