//! The jobs that this worker knows it runs.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{ids::JobId, ledger::Fence};

/// By job and run: a job that was asked for again may begin its next run here before the last one has quite ended.
#[derive(Default)]
pub(super) struct RunningJobs {
    jobs: Mutex<HashMap<(JobId, u32), Holding>>,
    begun: Notify,
    emptied: Notify,
    /// How often the ledger is still to be asked what it says we run.
    doubts: AtomicU32,
}

struct Holding {
    cancel: CancellationToken,
    /// Why somebody asked this job to stop.
    asked: Option<String>,
}

impl RunningJobs {
    pub(super) fn insert(&self, fence: &Fence, cancel: CancellationToken) {
        let mut jobs = self.lock();
        let asked = jobs.remove(&(fence.job, fence.run)).and_then(|before| before.asked);
        // Asked between the claim and the start: it stops before it begins.
        if asked.is_some() {
            cancel.cancel();
        }
        let first = jobs.is_empty();
        jobs.insert((fence.job, fence.run), Holding { cancel, asked });
        if first {
            // Also for whoever looks a moment later.
            self.begun.notify_one();
        }
    }

    /// Until something begins to run where nothing did.
    pub(super) async fn begun(&self) {
        self.begun.notified().await;
    }

    /// Tells a run to stop, if it is here. It ends as cancelled, unless it completes first.
    pub(super) fn ask_to_stop(&self, job: JobId, run: u32, reason: &str) {
        if let Some(holding) = self.lock().get_mut(&(job, run))
            && holding.asked.is_none()
        {
            holding.asked = Some(reason.to_owned());
            holding.cancel.cancel();
        }
    }

    /// Why the run was told to stop, if somebody asked for it.
    pub(super) fn asked(&self, fence: &Fence) -> Option<String> {
        self.lock().get(&(fence.job, fence.run)).and_then(|holding| holding.asked.clone())
    }

    pub(super) fn remove(&self, fence: &Fence) {
        let mut jobs = self.lock();
        jobs.remove(&(fence.job, fence.run));
        if jobs.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    pub(super) fn contains(&self, fence: &Fence) -> bool {
        self.lock().contains_key(&(fence.job, fence.run))
    }

    /// An answer was lost: the ledger may say that we run what we know nothing of. It is asked three times, since only what
    /// is found twice in a row is no claim under way.
    pub(super) fn doubt(&self) {
        self.doubts.store(3, Ordering::Relaxed);
    }

    /// Whether the ledger is to be asked now.
    pub(super) fn is_in_doubt(&self) -> bool {
        let less = |doubts: u32| doubts.checked_sub(1);
        self.doubts.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Asks every running job to stop.
    pub(super) fn cancel_all(&self) {
        for holding in self.lock().values() {
            holding.cancel.cancel();
        }
    }

    pub(super) async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.len() == 0 {
                return;
            }
            // The timeout covers a removal between the look and the wait.
            let _ = tokio::time::timeout(std::time::Duration::from_millis(200), emptied).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(JobId, u32), Holding>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
