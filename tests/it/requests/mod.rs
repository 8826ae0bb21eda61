//! The promises of every request: who may call what, the error contract, sessions, clients that go away.

mod aborted;
mod access;
mod auth;
mod contract;
mod rights;
