//! The marketplace's jobs one by one, and the contract for their authors.

mod author;
mod example;
mod given_up;
mod periodic;
mod steps;
