//! Running a decoder that may panic, recurse deeply or take for ever.

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

/// Deeply nested documents need stack; only touched pages count as memory.
const STACK: usize = 64 << 20;
/// How often the cancel flag is looked at while the decoder works.
const POLL: Duration = Duration::from_millis(25);

/// Why a decoder gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    #[error("the decoder panicked: {0}")]
    Panicked(String),
    #[error("the decoder was still busy after {0:?}")]
    TimedOut(Duration),
    #[error("cancelled")]
    Cancelled,
    #[error("no thread for the decoder: {0}")]
    Thread(#[source] io::Error),
}

/// Runs `work` on a thread of its own and waits for it, at most for `limit`.
///
/// A thread cannot be killed: after a timeout it goes on until it is done or the process ends. That is why jobs that
/// parse hostile bytes run in a child process; there the process ends with the job.
pub fn run<T: Send + 'static>(
    limit: Duration,
    cancelled: &dyn Fn() -> bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Stopped> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("decoder".into())
        .stack_size(STACK)
        .spawn(move || {
            // Nobody listens any more after a timeout; then the result is dropped here.
            let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
        })
        .map_err(Stopped::Thread)?;
    let started = Instant::now();
    loop {
        match receiver.recv_timeout(POLL) {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(panic)) => return Err(Stopped::Panicked(reason(&*panic))),
            Err(RecvTimeoutError::Disconnected) => return Err(Stopped::Panicked("thread lost".into())),
            Err(RecvTimeoutError::Timeout) if cancelled() => return Err(Stopped::Cancelled),
            Err(RecvTimeoutError::Timeout) if started.elapsed() >= limit => return Err(Stopped::TimedOut(limit)),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn reason(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no reason given".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_panics_and_timeouts() {
        let never = || false;
        assert_eq!(run(Duration::from_secs(5), &never, || 7).unwrap(), 7);
        let panicked = run(Duration::from_secs(5), &never, || -> u8 { std::panic::resume_unwind(Box::new("bad")) });
        assert!(matches!(panicked, Err(Stopped::Panicked(reason)) if reason == "bad"));
        let (_keep, wait) = mpsc::channel::<()>();
        let late = run(Duration::from_millis(30), &never, move || wait.recv_timeout(Duration::from_secs(2)).is_ok());
        assert!(matches!(late, Err(Stopped::TimedOut(_))));
        let (_keep, wait) = mpsc::channel::<()>();
        let stopped = run(Duration::from_secs(5), &|| true, move || wait.recv_timeout(Duration::from_secs(2)).is_ok());
        assert!(matches!(stopped, Err(Stopped::Cancelled)));
    }
}
