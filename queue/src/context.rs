//! The context trait: the database and the clock that the queue needs of a program's own context. The rest of it is
//! between the program and its handlers.

use db::{Db, DbError, Tx, clock::Clock};

use crate::{LedgerDays, control::Act};

/// Everything the handlers of a program may use, built once per process.
pub trait QueueContext: Clone + Send + Sync + 'static {
    fn db(&self) -> &Db;

    fn clock(&self) -> &Clock;

    /// How long a job that has ended stays in the ledger.
    fn ledger_days(&self) -> LedgerDays {
        LedgerDays::of(30)
    }

    /// Writes down what one of the queue's own jobs did, in that job's transaction: for programs that keep an audit log.
    fn audit(&self, _tx: &mut Tx, _act: Act) -> impl Future<Output = Result<(), DbError>> + Send {
        async { Ok(()) }
    }

    /// Sets the program's own gauges of the whole fleet; called every 5 s in one worker.
    fn measure(&self) -> impl Future<Output = Result<(), DbError>> + Send {
        async { Ok(()) }
    }
}

/// The context of nobody: for enqueueing jobs that run with any.
#[derive(Clone, Copy)]
pub(crate) enum NoContext {}

impl QueueContext for NoContext {
    fn db(&self) -> &Db {
        match *self {}
    }

    fn clock(&self) -> &Clock {
        match *self {}
    }
}
