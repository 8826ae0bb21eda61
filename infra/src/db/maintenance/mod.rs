//! The statements of regular upkeep, each over rows of many tables: retention, the comparison with the object store, and
//! the question whether the database takes writes.

pub mod mode;
pub mod retention;
pub mod stored_objects;
pub mod write_probe;
