//! What is kept of a job beside its row: arguments, attempts, log lines, progress, and what people did to it.

pub mod attempts;
pub mod logs;
pub mod payloads;
pub mod progress;
pub mod timeline;
