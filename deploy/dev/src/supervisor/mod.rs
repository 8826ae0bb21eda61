//! Starts programs with the services they need, and ends both together.

pub mod command;
pub mod run;
pub mod stack;
mod web;
