//! The promises of every request: who may call what, the error contract, sessions, whose an address is, connections, clients that
//! go away.

mod aborted;
mod access;
mod addresses;
mod auth;
mod compression;
mod conditional;
mod connections;
mod contract;
mod hostile;
mod identity;
mod links;
mod logins;
mod maintenance;
mod matrix;
mod quotas;
mod repeats;
mod rights;
mod sessions;
pub mod things;
mod verification_mails;
