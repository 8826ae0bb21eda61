//! Every kind of job this build knows. Only the worker uses this: it is what pulls the handlers' code in.

use std::{cmp::Ordering, collections::HashMap, sync::Arc};

use futures::future::BoxFuture;
use infra::db::{DbError, Tx};
use serde_json::Value;

use crate::{
    Context, ExportAuditLog, Job, JobError, Outcome, Queue, ReconcileStorage, RemindModerators, Retention, RetryPolicy,
    RollUpStats, bulk_action::BulkAction, class, expire_uploads::ExpireUploads, index_nano::IndexNano,
    make_thumbnails::MakeThumbnails, prune_ledger::PruneLedger, publish_nano::PublishNano, remove_object::RemoveObject,
    review_nano::ReviewNano, run::Run, scan_content::ScanContent, send_email::SendEmail, tell_given_up::TellGivenUp,
    validate_archive::ValidateArchive,
};

/// The handlers by wire name.
#[derive(Clone, Default)]
pub struct Registry {
    kinds: HashMap<&'static str, Arc<dyn Handler>>,
}

/// Every job of the marketplace, once: a line here makes a job known.
macro_rules! marketplace {
    ($($job:ident,)*) => {
        /// The wire names of every kind this build knows. Naming them pulls no handler in, so the API may.
        pub const KINDS: &[&str] = &[$($job::KIND,)*];

        impl Registry {
            /// All jobs of the marketplace.
            pub fn all() -> Self {
                Self::default()$(.with::<$job>())*
            }
        }
    };
}

marketplace! {
    ValidateArchive,
    MakeThumbnails,
    ScanContent,
    ReviewNano,
    PublishNano,
    IndexNano,
    SendEmail,
    RemoveObject,
    ExpireUploads,
    PruneLedger,
    BulkAction,
    ExportAuditLog,
    ReconcileStorage,
    RollUpStats,
    Retention,
    RemindModerators,
    TellGivenUp,
}

impl Registry {
    /// Adds a kind.
    #[must_use]
    pub fn with<J: Job>(mut self) -> Self {
        self.kinds.insert(J::KIND, Arc::new(Typed::<J>(std::marker::PhantomData)));
        self
    }

    /// The handler for these arguments, or `None` for a kind or version this build does not know.
    pub(crate) fn find(&self, kind: &str, version: u16, args: &Value) -> Option<&Arc<dyn Handler>> {
        self.kinds.get(kind).filter(|handler| handler.knows(version, args))
    }

    #[cfg(test)]
    pub(crate) fn handlers(&self) -> impl Iterator<Item = (&'static str, &Arc<dyn Handler>)> {
        self.kinds.iter().map(|(kind, handler)| (*kind, handler))
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
    #[cfg(test)]
    fn version(&self) -> u16;
    fn knows(&self, version: u16, args: &Value) -> bool;
    /// The arguments in today's shape; `None` for a version nobody knows.
    #[cfg(test)]
    fn current(&self, version: u16, args: Value) -> Option<Value>;
    /// Reads today's arguments and writes them again.
    #[cfg(test)]
    fn round_trip(&self, args: Value) -> Result<Value, serde_json::Error>;
    fn retry(&self, class: &str) -> RetryPolicy;
    fn timeout(&self) -> std::time::Duration;
    fn queue(&self) -> Queue;
    fn isolated(&self) -> bool;
    fn max_crashes(&self) -> u32;
    fn run<'a>(
        &'a self,
        version: u16,
        args: Value,
        context: &'a Context,
        run: &'a Run,
    ) -> BoxFuture<'a, Result<Outcome, JobError>>;
    fn discarded<'a>(
        &'a self,
        version: u16,
        args: Value,
        context: &'a Context,
        tx: &'a mut Tx,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), DbError>>;
}

struct Typed<J>(std::marker::PhantomData<fn() -> J>);

impl<J: Job> Typed<J> {
    fn decode(version: u16, args: Value) -> Result<J, JobError> {
        let current = current::<J>(version, args).unwrap_or_default();
        serde_json::from_value(current).map_err(|error| {
            let text = format!("the stored arguments do not fit {} version {version}: {error}", J::KIND);
            JobError::discard_as(class::ARGUMENTS, anyhow::anyhow!(text))
        })
    }
}

/// A newer version than this build's is never handed to `upgrade`: after a rollback such rows wait for the build
/// that wrote them.
fn current<J: Job>(version: u16, args: Value) -> Option<Value> {
    match version.cmp(&J::VERSION) {
        Ordering::Equal => Some(args),
        Ordering::Less => J::upgrade(version, args),
        Ordering::Greater => None,
    }
}

impl<J: Job> Handler for Typed<J> {
    #[cfg(test)]
    fn version(&self) -> u16 {
        J::VERSION
    }

    fn knows(&self, version: u16, args: &Value) -> bool {
        // Without a copy of the arguments on the usual way.
        version == J::VERSION || current::<J>(version, args.clone()).is_some()
    }

    #[cfg(test)]
    fn current(&self, version: u16, args: Value) -> Option<Value> {
        current::<J>(version, args)
    }

    #[cfg(test)]
    fn round_trip(&self, args: Value) -> Result<Value, serde_json::Error> {
        serde_json::to_value(serde_json::from_value::<J>(args)?)
    }

    fn retry(&self, class: &str) -> RetryPolicy {
        J::retry(class)
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

    fn run<'a>(
        &'a self,
        version: u16,
        args: Value,
        context: &'a Context,
        run: &'a Run,
    ) -> BoxFuture<'a, Result<Outcome, JobError>> {
        Box::pin(async move { Self::decode(version, args)?.run(context, run).await })
    }

    fn discarded<'a>(
        &'a self,
        version: u16,
        args: Value,
        context: &'a Context,
        tx: &'a mut Tx,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        Box::pin(async move {
            match Self::decode(version, args) {
                Ok(job) => job.discarded(context, tx, reason).await,
                // Arguments that cannot be read have nothing to say.
                Err(_) => Ok(()),
            }
        })
    }
}
