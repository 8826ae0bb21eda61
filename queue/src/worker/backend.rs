//! The apalis `Backend`: it only reads a channel. All I/O happens in tasks of our own, because an error returned
//! from `poll_*` would end the worker and drop the jobs it runs, and because apalis calls `poll_close` only after
//! the last running job.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    task::{Task, task_id::RandomId},
    worker::context::WorkerContext,
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tower::layer::util::Identity;

use crate::ledger::Claimed;

/// A claimed job on its way to its handler, with the slot it occupies.
pub(super) struct Assignment {
    pub(super) job: Claimed,
    pub(super) slot: OwnedSemaphorePermit,
}

/// What the claimer of one queue hands to apalis.
pub(super) struct LedgerBackend {
    claimed: mpsc::Receiver<Assignment>,
}

impl LedgerBackend {
    pub(super) fn new(claimed: mpsc::Receiver<Assignment>) -> Self {
        Self { claimed }
    }
}

impl Backend for LedgerBackend {
    type Task = Task<Assignment>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Option<Result<Self::Task, Infallible>>> {
        self.claimed.poll_recv(cx).map(|assignment| assignment.map(|assignment| Ok(Task::new(assignment))))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for LedgerBackend {
    type Args = Assignment;
    type Id = RandomId;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
