//! What breaks and how it comes back: the plan of a seed, the injector that follows it, and the history of recoveries.

pub mod inject;
pub mod plan;
pub mod recovery;
