//! The protocol between a worker and its child processes: one JSON value a line.

use std::{path::PathBuf, time::Duration};

use db::Telegram;
use serde::{Deserialize, Serialize};

use crate::{
    ledger::{Claimed, list::Fingerprint, stats::errors::Failures},
    worker::child::relay::Measured,
};

/// The one line on a child's standard input: a job that the worker holds, and the bounds of this run.
#[derive(Debug, Serialize, Deserialize)]
pub struct ChildAssignment {
    pub(super) job: Claimed,
    pub(super) limits: ChildLimits,
    /// Folder for the run's files; the worker removes it afterwards, however the child ended.
    pub(super) scratch: PathBuf,
    /// The worker's span of this run.
    pub(super) trace_parent: Option<String>,
}

/// What the kernel holds a child to. Wall-clock time is the worker's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildLimits {
    /// Private writable memory, in bytes.
    pub memory: u64,
    /// Processor time.
    pub cpu: Duration,
    /// Size of any file it writes, in bytes.
    pub file: u64,
}

/// A line on a child's standard output.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Message {
    /// It cannot work at all, through no fault of the job.
    Unready(String),
    /// It committed something that others want to know at once.
    Notices(Vec<Telegram>),
    /// What it has counted and timed since the last message of this kind.
    Measured(Vec<Measured>),
    /// Spans that have ended: an OTLP request, in hexadecimal digits.
    Spans(String),
    /// Failures it has written, for the statistics.
    Failed(Vec<(Fingerprint, Failures)>),
    /// The handler has returned, at this time in microseconds since 1970; writing its outcome may wait for the database
    /// as long as the lease lasts.
    Settling(u64),
    /// The outcome's name; it is in the ledger.
    Outcome(String),
    /// The handler failed at the memory limit; nothing is in the ledger.
    OutOfMemory(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_as_they_are_documented() {
        let line = |message: &Message| serde_json::to_string(message).unwrap();
        assert_eq!(line(&Message::Outcome("completed".into())), r#"{"outcome":"completed"}"#);
        assert_eq!(line(&Message::Settling(7)), r#"{"settling":7}"#);
    }
}
