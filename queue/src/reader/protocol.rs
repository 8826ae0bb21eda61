//! The protocol between a worker and a reader's process: one line of JSON and the open files over a socket, lines of JSON
//! back over a pipe.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    reader::{Confinement, ReadError},
    worker::child::{ChildLimits, relay::Measured},
};

/// Bytes of an assignment at most: what surely fits into a socket's buffer, so that handing it over never waits.
pub(super) const ASSIGNMENT_MAX: usize = 64 << 10;
/// Files of an assignment at most; the kernel takes 253 in a message.
pub(super) const FILES_MAX: usize = 32;
/// Bytes of one line from a reader at most; an answer is one line.
pub(super) const LINE_MAX: u64 = 16 << 20;
/// Bytes that a reader may say in all.
pub(super) const SAID_MAX: u64 = 64 << 20;

/// What the process is told, together with the inputs and outputs as open files.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Assignment {
    pub(super) reader: String,
    pub(super) task: Value,
    /// Where the inputs lie; as many of the files come first.
    pub(super) inputs: Vec<PathBuf>,
    pub(super) folder: PathBuf,
    pub(super) programs: BTreeMap<String, PathBuf>,
    pub(super) limits: ChildLimits,
    /// The worker's span of this run.
    pub(super) trace_parent: Option<String>,
}

/// A line on a reader's standard output.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// What holds the process from now on.
    Confined(Confinement),
    Progress {
        done: u64,
        total: Option<u64>,
        note: String,
    },
    /// What it has counted and timed since the last line of this kind.
    Measured(Vec<Measured>),
    /// Spans that have ended: an OTLP request, in hexadecimal digits.
    Spans(String),
    Answer(Value),
    Error(ReadError),
    /// It failed at the memory limit.
    OutOfMemory(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_as_they_are_documented() {
        let line = |said: &Said| serde_json::to_string(said).unwrap();
        assert_eq!(line(&Said::Answer(Value::Bool(true))), r#"{"answer":true}"#);
        assert_eq!(line(&Said::Error(ReadError::Failed("no".into()))), r#"{"error":{"failed":"no"}}"#);
        let progress = Said::Progress { done: 1, total: Some(2), note: "checking".into() };
        assert_eq!(line(&progress), r#"{"progress":{"done":1,"total":2,"note":"checking"}}"#);
    }
}
