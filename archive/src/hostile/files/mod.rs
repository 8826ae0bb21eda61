//! Archives of sound structure that hold what must not be in them: bombs, programs, disguised or broken files.

pub mod bombs;
pub mod disguises;
pub mod documents;
pub mod nested;
pub mod polyglots;
pub mod programs;
pub mod streams;
