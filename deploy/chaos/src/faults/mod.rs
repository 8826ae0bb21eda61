//! The faults of a run: the plan that follows from the seed, the injector that carries it out, and the recovery times.

pub mod inject;
pub mod plan;
pub mod recovery;
