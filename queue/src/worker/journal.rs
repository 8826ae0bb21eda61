//! The run journal: a line in a file when a run begins and another when its handler has come back, for those who check the
//! queue from outside.
//!
//! Each line is one write to the end of the file. So workers may share a file, and a process that is killed leaves one
//! torn line at most.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use serde::Serialize;

use crate::{
    ids::{JobId, WorkerId},
    ledger::Claimed,
};

/// Cheap to clone. By default nothing is written.
#[derive(Clone, Debug, Default)]
pub(super) struct RunJournal(Option<Arc<File>>);

/// A run that has begun. It ends in the journal when it is dropped, at the latest.
pub(super) struct JournalEntry<'a> {
    journal: &'a RunJournal,
    job: &'a Claimed,
    ended: AtomicBool,
}

#[derive(Serialize)]
struct Line<'a> {
    event: &'static str,
    job: JobId,
    run: u32,
    kind: &'a str,
    worker: WorkerId,
    /// Of the worker, also when the run has a child process.
    pid: u32,
    /// Microseconds since 1970.
    at: u64,
}

impl RunJournal {
    /// Goes on with the file, or begins it. Without a path nothing is written.
    pub(super) fn open(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let mut last = *b"\n";
        if file.metadata()?.len() > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
        Ok(Self(Some(Arc::new(file))))
    }

    pub(super) fn begin<'a>(&'a self, job: &'a Claimed) -> JournalEntry<'a> {
        let entry = JournalEntry { journal: self, job, ended: AtomicBool::new(false) };
        entry.write("begin", now());
        entry
    }
}

impl JournalEntry<'_> {
    /// The handler has come back. What it says later counts for nothing.
    pub(super) fn end(&self) {
        self.end_at(now());
    }

    /// The same at a time that somebody else noted, in microseconds since 1970.
    pub(super) fn end_at(&self, at: u64) {
        if !self.ended.swap(true, Ordering::Relaxed) {
            self.write("end", at);
        }
    }

    fn write(&self, event: &'static str, at: u64) {
        let Some(file) = &self.journal.0 else { return };
        let Claimed { id, fence, kind, .. } = self.job;
        let line = Line { event, job: *id, run: fence.run, kind, worker: fence.worker, pid: std::process::id(), at };
        let written = serde_json::to_vec(&line).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            file.as_ref().write_all(&line)
        });
        if let Err(error) = written {
            tracing::warn!(%error, "the run journal cannot be written");
        }
    }
}

impl Drop for JournalEntry<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Microseconds since 1970.
pub(super) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::ledger::Fence;

    fn claimed() -> Claimed {
        let (id, worker) = (JobId::new(), WorkerId(Uuid::now_v7()));
        Claimed {
            id,
            fence: Fence { job: id, token: Uuid::now_v7(), run: 3, worker },
            kind: "greet".into(),
            args_version: 1,
            args: json!({}),
            queue: "greetings".into(),
            priority: 2,
            tenant: Uuid::nil(),
            failures: 0,
            max_failures: 1,
            lost: 0,
            crashes: 0,
            flow: None,
            trace_parent: None,
            deadline: None,
            claimed_at: std::time::Instant::now(),
            waited: Duration::ZERO,
            limited: false,
        }
    }

    #[test]
    fn a_run_begins_and_ends_once_and_a_torn_line_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.jsonl");
        std::fs::write(&path, r#"{"event":"beg"#).unwrap();
        let journal = RunJournal::open(Some(&path)).unwrap();
        let job = claimed();
        let entry = journal.begin(&job);
        entry.end_at(7);
        drop(entry);
        drop(RunJournal::open(Some(&path)).unwrap().begin(&job));
        drop(RunJournal::default().begin(&job));
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let events: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
        assert_eq!((text.lines().count(), events), (5, vec!["begin", "end", "begin", "end"]));
        assert_eq!((&lines[1]["at"], &lines[1]["run"], &lines[1]["kind"]), (&json!(7), &json!(3), &json!("greet")));
        assert_eq!(lines[0]["job"], job.id.to_string());
        assert_eq!(lines[0]["worker"], job.fence.worker.to_string());
        assert_eq!(lines[0]["pid"], std::process::id());
        assert!(lines[0]["at"].as_u64() > Some(1_700_000_000_000_000));
    }
}
