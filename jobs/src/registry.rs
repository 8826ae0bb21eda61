//! Every kind of job this build knows. Only the worker uses this: it is what pulls the handlers' code in.

use std::{collections::HashMap, sync::Arc};

use futures::future::BoxFuture;
use infra::db::{DbError, Tx};
use serde_json::Value;

use crate::{
    Context, Job, JobError, Outcome, Queue, RetryPolicy, expire_uploads::ExpireUploads, index_nano::IndexNano,
    make_thumbnails::MakeThumbnails, prune_ledger::PruneLedger, publish_nano::PublishNano, remove_object::RemoveObject,
    review_nano::ReviewNano, run::Run, scan_content::ScanContent, send_email::SendEmail,
    validate_archive::ValidateArchive,
};

/// The handlers by wire name.
#[derive(Clone, Default)]
pub struct Registry {
    kinds: HashMap<&'static str, Arc<dyn Handler>>,
}

impl Registry {
    /// All jobs of the marketplace.
    pub fn all() -> Self {
        Self::default()
            .with::<ValidateArchive>()
            .with::<MakeThumbnails>()
            .with::<ScanContent>()
            .with::<ReviewNano>()
            .with::<PublishNano>()
            .with::<IndexNano>()
            .with::<SendEmail>()
            .with::<RemoveObject>()
            .with::<ExpireUploads>()
            .with::<PruneLedger>()
    }

    /// Adds a kind.
    #[must_use]
    pub fn with<J: Job>(mut self) -> Self {
        self.kinds.insert(J::KIND, Arc::new(Typed::<J>(std::marker::PhantomData)));
        self
    }

    /// The handler for these arguments, or `None` for a kind or version this build does not know.
    pub(crate) fn find(&self, kind: &str, version: u16) -> Option<&Arc<dyn Handler>> {
        self.kinds.get(kind).filter(|handler| handler.version() == version)
    }

    /// Whether jobs of this queue may need a child process.
    pub(crate) fn isolates_in(&self, queue: Queue) -> bool {
        queue == Queue::Heavy || self.kinds.values().any(|handler| handler.isolated() && handler.queue() == queue)
    }

    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.kinds.keys().copied()
    }
}

/// A job kind with its type erased.
pub(crate) trait Handler: Send + Sync {
    fn version(&self) -> u16;
    fn retry(&self) -> RetryPolicy;
    fn timeout(&self) -> std::time::Duration;
    fn queue(&self) -> Queue;
    fn isolated(&self) -> bool;
    fn max_crashes(&self) -> u32;
    fn run<'a>(&'a self, args: Value, context: &'a Context, run: &'a Run) -> BoxFuture<'a, Result<Outcome, JobError>>;
    fn discarded<'a>(
        &'a self,
        args: Value,
        context: &'a Context,
        tx: &'a mut Tx,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), DbError>>;
}

struct Typed<J>(std::marker::PhantomData<fn() -> J>);

impl<J: Job> Handler for Typed<J> {
    fn version(&self) -> u16 {
        J::VERSION
    }

    fn retry(&self) -> RetryPolicy {
        J::RETRY
    }

    fn timeout(&self) -> std::time::Duration {
        J::TIMEOUT
    }

    fn queue(&self) -> Queue {
        J::QUEUE
    }

    fn isolated(&self) -> bool {
        J::ISOLATED
    }

    fn max_crashes(&self) -> u32 {
        J::MAX_CRASHES
    }

    fn run<'a>(&'a self, args: Value, context: &'a Context, run: &'a Run) -> BoxFuture<'a, Result<Outcome, JobError>> {
        Box::pin(async move {
            let job: J = serde_json::from_value(args)
                .map_err(|error| JobError::Discard(anyhow::anyhow!("the arguments do not fit {}: {error}", J::KIND)))?;
            job.run(context, run).await
        })
    }

    fn discarded<'a>(
        &'a self,
        args: Value,
        context: &'a Context,
        tx: &'a mut Tx,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        Box::pin(async move {
            match serde_json::from_value::<J>(args) {
                Ok(job) => job.discarded(context, tx, reason).await,
                // Arguments that cannot be read have nothing to say.
                Err(_) => Ok(()),
            }
        })
    }
}
