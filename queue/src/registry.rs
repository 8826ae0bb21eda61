//! The registry: every kind of job a worker knows, with its handler. Only workers use it: it is what pulls the handlers'
//! code in.

use std::{cmp::Ordering, collections::HashMap, marker::PhantomData, sync::Arc, time::Duration};

use db::{DbError, Tx};
use futures::future::BoxFuture;
use serde_json::Value;

use crate::{
    Job, JobError, Kind, Kinds, Outcome, Queue, QueueContext, Queues, RetryPolicy, Run,
    builtin::{CancelFlow, TellGivenUp},
    class,
    reader::Readers,
};

/// The handlers by wire name, and the queues they run in.
#[derive(Clone)]
pub struct Registry<C> {
    queues: Queues,
    kinds: Arc<Kinds>,
    handlers: HashMap<&'static str, Arc<dyn Handler<C>>>,
    readers: Readers,
}

impl<C: QueueContext> Registry<C> {
    /// No kinds yet, but the queue's own for what follows when a job is given up.
    pub fn new(queues: Queues) -> Self {
        let empty =
            Self { queues, kinds: Arc::new(Kinds::new(&[])), handlers: HashMap::new(), readers: Readers::default() };
        empty.with::<TellGivenUp>().with::<CancelFlow>()
    }

    /// Adds a kind.
    #[must_use]
    pub fn with<J: Job<C>>(mut self) -> Self {
        self.handlers.insert(J::KIND, Arc::new(Typed::<J>(PhantomData)));
        Arc::make_mut(&mut self.kinds).add(Kind::of::<J, C>());
        self
    }

    /// The readers that its handlers call.
    #[must_use]
    pub fn with_readers(mut self, readers: Readers) -> Self {
        self.readers = readers;
        self
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.readers
    }

    pub fn queues(&self) -> &Queues {
        &self.queues
    }

    pub fn kinds(&self) -> &Arc<Kinds> {
        &self.kinds
    }

    /// The handler for these arguments, or `None` for a kind or version this build does not know.
    pub(crate) fn find(&self, kind: &str, version: u16, args: &Value) -> Option<&Arc<dyn Handler<C>>> {
        self.handlers.get(kind).filter(|handler| handler.knows(version, args))
    }

    pub fn handlers(&self) -> impl Iterator<Item = (&'static str, &Arc<dyn Handler<C>>)> {
        self.handlers.iter().map(|(kind, handler)| (*kind, handler))
    }

    /// Whether jobs of this queue are expected to need a child process. Those that were lost twice need one in any queue, and
    /// wait for its start.
    pub(crate) fn isolates_in(&self, queue: Queue) -> bool {
        self.kinds.iter().any(|kind| kind.isolated && kind.queue == queue)
    }
}

/// A job kind with its type erased.
pub trait Handler<C>: Send + Sync {
    /// Of today's arguments.
    fn version(&self) -> u16;
    /// Whether this build knows arguments of this version.
    fn knows(&self, version: u16, args: &Value) -> bool;
    /// The arguments in today's shape; `None` for a version nobody knows.
    fn current(&self, version: u16, args: Value) -> Option<Value>;
    /// Reads today's arguments and writes them again: what it does not keep, it would lose.
    fn round_trip(&self, args: Value) -> Result<Value, serde_json::Error>;
    fn retry(&self, class: &str) -> RetryPolicy;
    fn timeout(&self) -> Duration;
    fn isolated(&self) -> bool;
    fn max_crashes(&self) -> u32;
    fn run<'a>(&'a self, call: Call<'a, C>, run: &'a Run) -> BoxFuture<'a, Result<Outcome, JobError>>;
    /// The hook of a job that is given up, if its kind has one.
    fn given_up<'a>(&'a self, call: Call<'a, C>, tx: &'a mut Tx, reason: &'a str)
    -> BoxFuture<'a, Result<(), DbError>>;
}

/// What a handler is called with.
#[derive(Clone)]
pub struct Call<'a, C> {
    pub context: &'a C,
    pub version: u16,
    pub args: Value,
}

struct Typed<J>(PhantomData<fn() -> J>);

/// A newer version than this build's is never handed to `upgrade`: after a rollback such rows wait for the build
/// that wrote them.
fn current<J: Job<C>, C: QueueContext>(version: u16, args: Value) -> Option<Value> {
    match version.cmp(&J::VERSION) {
        Ordering::Equal => Some(args),
        Ordering::Less => J::upgrade(version, args),
        Ordering::Greater => None,
    }
}

fn decode<J: Job<C>, C: QueueContext>(version: u16, args: Value) -> Result<J, JobError> {
    let current = current::<J, C>(version, args).unwrap_or_default();
    serde_json::from_value(current).map_err(|error| {
        let text = format!("the stored arguments do not fit {} version {version}: {error}", J::KIND);
        JobError::discard_as(class::ARGUMENTS, anyhow::anyhow!(text))
    })
}

impl<J: Job<C>, C: QueueContext> Handler<C> for Typed<J> {
    fn version(&self) -> u16 {
        J::VERSION
    }

    fn knows(&self, version: u16, args: &Value) -> bool {
        // Without a copy of the arguments on the usual way.
        version == J::VERSION || current::<J, C>(version, args.clone()).is_some()
    }

    fn current(&self, version: u16, args: Value) -> Option<Value> {
        current::<J, C>(version, args)
    }

    fn round_trip(&self, args: Value) -> Result<Value, serde_json::Error> {
        serde_json::to_value(serde_json::from_value::<J>(args)?)
    }

    fn retry(&self, class: &str) -> RetryPolicy {
        J::retry(class)
    }

    fn timeout(&self) -> Duration {
        J::TIMEOUT
    }

    fn isolated(&self) -> bool {
        J::ISOLATED
    }

    fn max_crashes(&self) -> u32 {
        J::MAX_CRASHES
    }

    fn run<'a>(&'a self, call: Call<'a, C>, run: &'a Run) -> BoxFuture<'a, Result<Outcome, JobError>> {
        Box::pin(async move { decode::<J, C>(call.version, call.args)?.run(call.context, run).await })
    }

    fn given_up<'a>(
        &'a self,
        call: Call<'a, C>,
        tx: &'a mut Tx,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        Box::pin(async move {
            match (J::GIVEN_UP, decode::<J, C>(call.version, call.args)) {
                (Some(hook), Ok(job)) => hook(&job, call.context, tx, reason).await,
                // Arguments that cannot be read have nothing to say.
                _ => Ok(()),
            }
        })
    }
}
