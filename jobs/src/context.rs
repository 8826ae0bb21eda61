//! Everything a handler may use, built once per process.

use std::{path::PathBuf, sync::Arc};

use domain::{archive::Limits, review::ReviewPolicy};
use infra::{cache::Cache, clock::Clock, db::Db, mail::Mailer, search::SearchBackend, storage::Storage};

use crate::{JobError, Run, content::LazyScanner};

#[derive(Clone)]
pub struct Context {
    pub db: Db,
    pub storage: Storage,
    pub search: SearchBackend,
    pub cache: Cache,
    pub mailer: Mailer,
    pub scanner: Arc<LazyScanner>,
    pub clock: Clock,
    pub settings: Arc<Settings>,
}

/// What the handlers can be told.
#[derive(Clone, Debug)]
pub struct Settings {
    pub review_policy: ReviewPolicy,
    pub archive_limits: Limits,
    /// Where archives are unpacked and rebuilt; emptied at start.
    pub scratch: PathBuf,
    /// The web app's address, for links in mails.
    pub public_url: String,
    /// Days a finished job stays in the ledger.
    pub ledger_days: u32,
}

impl Context {
    /// The same with another folder for running jobs' files.
    #[must_use]
    pub fn with_scratch(mut self, scratch: PathBuf) -> Self {
        Arc::make_mut(&mut self.settings).scratch = scratch;
        self
    }

    /// A folder for one run's files; gone when dropped, and at the next start after a crash.
    pub(crate) fn scratch_dir(&self, run: &Run) -> Result<tempfile::TempDir, JobError> {
        tempfile::Builder::new()
            .prefix(&format!("{}-", run.job()))
            .tempdir_in(&self.settings.scratch)
            .map_err(JobError::from)
    }
}
