//! Nanos, and everything that hangs on one: uploads, versions, events, moderation cases, downloads, categories.

pub mod categories;
pub mod downloads;
pub mod moderation_cases;
pub mod nano_edits;
pub mod nano_events;
pub mod nano_lists;
pub mod nano_versions;
pub mod nanos;
pub mod uploads;
