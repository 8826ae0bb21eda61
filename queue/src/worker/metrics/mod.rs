//! The metrics of a worker: its own runs and memory, and, from the one that rescues, the backlog of the whole fleet.

mod breaker;
pub(super) mod gauges;
pub(super) mod memory;
pub(super) mod meters;
