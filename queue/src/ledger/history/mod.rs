//! The tables beside a job's row: arguments, attempts, log lines, progress, and the actions of people on it.

pub mod attempts;
pub mod checkpoints;
pub mod logs;
pub mod payloads;
pub mod progress;
pub mod timeline;
pub mod traces;
