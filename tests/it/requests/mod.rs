//! The promises of every request: who may call what, the error contract, sessions, whose an address is, connections, clients that
//! go away.

mod aborted;
mod access;
mod addresses;
mod auth;
mod connections;
mod contract;
mod hostile;
mod identity;
mod logins;
mod matrix;
mod quotas;
mod rights;
mod sessions;
pub mod things;
mod verification_mails;
