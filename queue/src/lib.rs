//! The queue: a job is a row in MySQL, enqueued in the transaction that makes it true; Redis holds the ready list; workers
//! claim rows, run their handlers and complete them with a fence.
//!
//! This crate knows no marketplace. A program defines its jobs ([`Job`]), lists them in a [`Registry`], and runs a [`Worker`];
//! `examples/hello.rs` does all of it in a few lines. `docs/jobs.md` is the contract for authors.

pub mod alive;
pub mod builtin;
mod context;
pub mod control;
mod enqueue;
pub mod health;
pub mod ids;
mod job;
mod kinds;
pub mod ledger;
mod ledger_days;
mod outcome;
pub mod reader;
pub mod ready;
mod registry;

mod run;
mod run_log;
pub mod schedule;
mod trace;
pub mod watch;
mod worker;

pub use context::QueueContext;
pub use enqueue::{EnqueueError, Flow, enqueue, enqueue_all, enqueue_at, enqueue_in, enqueue_when_quiet};
pub use job::{GivenUp, Job, Priority, Reference, RetryPolicy};
pub use kinds::{Kind, Kinds, Queue, Queues, UnknownQueue};
pub use ledger::{flows::OnGivenUp, history::logs::Level};
pub use ledger_days::{BadLedgerDays, LedgerDays};
pub use outcome::{JobError, Outcome, class};
pub use registry::{Handler, Registry};
pub use run::Run;
pub use worker::{Worker, WorkerSettings, child, run_one};
