//! The test kit: the whole marketplace on real services, and people who use it.

pub mod app;
pub mod archives;
pub mod authenticator;
pub mod client;
pub mod collector;
pub mod contract;
pub mod database;
pub mod events;
pub mod fleet;
pub mod hostile;
pub mod kit;
pub mod outside;
pub mod receiver;
pub mod routes;
pub mod sample_nano;
pub mod skew;
pub mod snapshot;
pub mod socket;
pub mod talk;

pub use app::TestApp;
pub use client::{Answer, User};
