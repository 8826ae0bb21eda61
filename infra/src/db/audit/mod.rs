//! The audit log, and its exports to the object store.

pub mod audit_exports;
pub mod audit_log;
pub mod person_keys;
mod sealing;
