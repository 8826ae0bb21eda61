//! The ledger backend: apalis runs the jobs, MySQL says which, Redis says when.
//!
//! One fleet member ("incarnation") is a row in `workers` with a lease that its own thread renews. Around it turn
//! the feeder (ledger -> belt), a claimer per queue (belt -> claimed rows -> apalis), the runner (a claimed row ->
//! handler -> fenced outcome; `child` when it needs a process of its own) and the sweeper (what is due, what the dead left behind).

mod backend;
mod belt;
pub mod child;
mod claimer;
mod completer;
mod feeder;
mod fleet;
mod gauges;
mod held;
mod leases;
mod liveness;
mod memory;
mod meters;
mod one_run;
mod orders;
mod runner;
mod span;
mod sweeper;

pub use belt::connect as connect_belt;
pub use fleet::{Fleet, FleetSettings};
pub use one_run::run_one;
