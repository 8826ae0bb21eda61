//! One run of one job, as its handler sees it.

use std::sync::{Arc, Mutex, PoisonError};

use domain::ids::JobId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::JobError;

/// Which run this is, whether it should stop, and where to say how far it is.
#[derive(Clone)]
pub struct Run {
    job: JobId,
    number: u32,
    failures: u32,
    cancel: CancellationToken,
    progress: Arc<Progress>,
}

impl Run {
    pub(crate) fn new(job: JobId, number: u32, failures: u32, cancel: CancellationToken) -> Self {
        Self { job, number, failures, cancel, progress: Arc::default() }
    }

    pub fn job(&self) -> JobId {
        self.job
    }

    /// How many times the job was claimed, this run included.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Earlier failures that burnt an attempt.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Cancelled at shutdown, when the lease is lost, and at the timeout. Long work looks here often.
    pub fn cancelled(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Says how far the work is; call it as often as you like, it is stored at most once a second.
    pub fn progress(&self, done: u64, total: Option<u64>, note: &str) {
        self.progress.set(done, total, note);
    }

    pub(crate) fn progress_cell(&self) -> Arc<Progress> {
        self.progress.clone()
    }
}

/// The newest progress that was not stored yet.
#[derive(Default)]
pub(crate) struct Progress {
    latest: Mutex<Option<(u64, Option<u64>, String)>>,
    changed: Notify,
}

impl Progress {
    fn set(&self, done: u64, total: Option<u64>, note: &str) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some((done, total, note.to_owned()));
        self.changed.notify_one();
    }

    /// Waits for news.
    pub(crate) async fn next(&self) -> (u64, Option<u64>, String) {
        loop {
            if let Some(latest) = self.latest.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return latest;
            }
            self.changed.notified().await;
        }
    }
}

impl Run {
    /// Runs CPU-bound work on a blocking thread. It is told to stop by the token it is given.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Run) -> T + Send + 'static,
    ) -> Result<T, JobError> {
        let run = self.clone();
        let span = tracing::Span::current();
        match tokio::task::spawn_blocking(move || span.in_scope(|| work(&run))).await {
            Ok(value) => Ok(value),
            Err(error) => Err(JobError::Failed(anyhow::anyhow!("the work panicked: {error}"))),
        }
    }
}
