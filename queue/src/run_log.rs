//! The lines a run leaves for its operators: bounded in number and length, kept with the job, sent to `tracing` too.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use db::{Db, clock::Clock};
use serde_json::{Map, Value};
use tokio::sync::Notify;

use crate::ledger::{
    Fence,
    history::logs::{self, Level, LogLine},
};

/// Lines kept of a run. The last one says how many more there were, if so.
pub(crate) const LINES: u16 = 200;
/// Bytes of a line: its message, and its fields as JSON.
const LINE_BYTES: usize = 1024;
/// Runs of a job whose lines are kept.
const RUNS: u32 = 5;
/// Between two writes.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long the end of a run waits for its last lines: they are worth less than the outcome.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// The lines of one run that are not stored yet. Clones share them.
#[derive(Clone)]
pub(crate) struct RunLog {
    lines: Arc<Lines>,
    clock: Clock,
}

#[derive(Default)]
struct Lines {
    state: Mutex<State>,
    added: Notify,
}

#[derive(Default)]
struct State {
    waiting: Vec<LogLine>,
    taken: u16,
    dropped: u32,
    /// Lines of older runs need to be forgotten once.
    older_forgotten: bool,
}

impl RunLog {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { lines: Arc::default(), clock }
    }

    pub(crate) fn add(&self, level: Level, message: &str, fields: &[(&str, Value)]) {
        let (message, fields) = bounded(message, fields);
        tell(level, &message, fields.as_ref());
        let mut state = self.lock();
        if state.taken >= LINES - 1 {
            state.dropped += 1;
            return;
        }
        state.taken += 1;
        let line = LogLine { seq: state.taken, at: self.clock.now(), level, message, fields };
        state.waiting.push(line);
        drop(state);
        self.lines.added.notify_one();
    }

    /// Stores what comes, at most once a second; never returns. Dropping it loses nothing: lines wait until they are
    /// stored, and storing one twice is harmless.
    pub(crate) async fn keep(&self, db: &Db, fence: &Fence) {
        loop {
            self.lines.added.notified().await;
            self.write(db, fence).await;
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Stores the rest, at the end of the run.
    pub(crate) async fn finish(&self, db: &Db, fence: &Fence) {
        {
            let mut state = self.lock();
            if state.dropped > 0 {
                let message = format!("{} further lines were dropped: a run keeps {LINES}", state.dropped);
                state.dropped = 0;
                state.waiting.push(LogLine {
                    seq: LINES,
                    at: self.clock.now(),
                    level: Level::Warn,
                    message,
                    fields: None,
                });
            }
        }
        if tokio::time::timeout(LAST_WRITE, self.write(db, fence)).await.is_err() {
            tracing::debug!("the run's last log lines were not stored in time");
        }
    }

    async fn write(&self, db: &Db, fence: &Fence) {
        let (batch, forget) = {
            let state = self.lock();
            (state.waiting.clone(), !state.older_forgotten)
        };
        let Some(last) = batch.last().map(|line| line.seq) else { return };
        let oldest = if forget { (fence.run + 1).saturating_sub(RUNS) } else { 0 };
        match logs::write(db, fence.job, fence.run, oldest, &batch).await {
            Ok(()) => {
                let mut state = self.lock();
                state.waiting.retain(|line| line.seq > last);
                state.older_forgotten = true;
            }
            Err(error) => tracing::debug!(%error, "log lines of the run were not stored"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.lines.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The message on one line and the fields that fit beside it. A field that does not fit is named, without its value.
fn bounded(message: &str, fields: &[(&str, Value)]) -> (String, Option<Value>) {
    let mut line = String::new();
    for c in message.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if line.len() + c.len_utf8() + '…'.len_utf8() > LINE_BYTES {
            line.push('…');
            break;
        }
        line.push(c);
    }
    let mut left = LINE_BYTES - line.len();
    let mut kept = Map::new();
    for (name, value) in fields {
        let value_bytes = value.to_string().len();
        // Quotes, colon, comma.
        let frame = name.len() + 4;
        let (value, size) = if frame + value_bytes <= left {
            (value.clone(), frame + value_bytes)
        } else {
            let short = Value::from(format!("({value_bytes} bytes)"));
            let size = frame + short.to_string().len();
            (short, size)
        };
        // Two bytes are the object's braces.
        if size + 2 > left {
            break;
        }
        left -= size;
        kept.insert((*name).to_owned(), value);
    }
    (line, (!kept.is_empty()).then_some(Value::Object(kept)))
}

/// To the process' own log, under the run's span.
fn tell(level: Level, message: &str, fields: Option<&Value>) {
    let fields = fields.map(tracing::field::display);
    match level {
        Level::Debug => tracing::debug!(fields, "{message}"),
        Level::Info | Level::Unknown => tracing::info!(fields, "{message}"),
        Level::Warn => tracing::warn!(fields, "{message}"),
        Level::Error => tracing::error!(fields, "{message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(line: &(String, Option<Value>)) -> usize {
        line.0.len() + line.1.as_ref().map_or(0, |fields| fields.to_string().len())
    }

    #[test]
    fn a_line_stays_within_its_limit_and_says_what_was_cut() {
        let long = "ü".repeat(3_000);
        let cut = bounded(&long, &[("a", 1.into())]);
        assert!(bytes(&cut) <= LINE_BYTES, "{}", bytes(&cut));
        assert!(cut.0.ends_with('…'));

        let cut = bounded("big field", &[("text", long.into()), ("n", 7.into())]);
        assert!(bytes(&cut) <= LINE_BYTES);
        assert_eq!(cut.1, Some(serde_json::json!({ "text": "(6002 bytes)", "n": 7 })));

        let many: Vec<(String, Value)> = (0..500).map(|n| (format!("field{n}"), n.into())).collect();
        let many: Vec<(&str, Value)> = many.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        assert!(bytes(&bounded("many", &many)) <= LINE_BYTES);
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(bounded("one\ntwo\u{1b}[31m", &[]), ("one two [31m".into(), None));
    }

    #[test]
    fn a_run_keeps_a_bounded_number_of_lines() {
        let log = RunLog::new(Clock::System);
        for n in 0..1_000 {
            log.add(Level::Debug, "line", &[("n", n.into())]);
        }
        let state = log.lock();
        assert_eq!(state.waiting.len(), usize::from(LINES) - 1);
        assert_eq!(state.dropped, 1_000 - u32::from(LINES) + 1);
    }
}
