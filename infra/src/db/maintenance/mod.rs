//! The statements of regular upkeep, each over rows of many tables: retention, and the comparison with the object store.

pub mod retention;
pub mod stored_objects;
