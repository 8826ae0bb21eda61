//! A worker process: apalis runs the jobs, MySQL says which, Redis says when.
//!
//! A worker process registers as a row in `workers`, with a lease that the heartbeat renews from a thread of its own;
//! once the lease is lost it registers anew. Around it turn the dispatcher (ledger -> ready list), a claimer per queue
//! (ready list -> claimed rows -> apalis), the executor (a claimed row -> its handler, in `child` when it needs a
//! process of its own), settle (how it came back -> fenced outcome) and the rescuer (jobs of dead workers, jobs that are due).

mod backend;
pub mod child;
mod claimer;
mod completer;
mod controls;
mod dispatcher;
mod executor;
mod heartbeat;
mod journal;
mod leases;
mod metrics;
mod one_run;
mod process;
mod progress;
mod rescuer;
mod running;
mod settle;
mod span;

pub use one_run::run_one;
pub use process::{Worker, WorkerSettings};
