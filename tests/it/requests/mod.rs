//! The promises of every request: who may call what, the error contract, sessions, whose an address is, connections, clients that
//! go away.

mod aborted;
mod access;
mod addresses;
mod answers;
mod auth;
mod compression;
mod conditional;
mod connections;
mod consents;
mod contract;
mod data_requests;
mod email_change;
mod hostile;
mod identity;
mod links;
mod logins;
mod maintenance;
mod matrix;
mod passkeys;
mod password_reset;
mod personal_tokens;
mod profiles;
mod quotas;
mod repeats;
mod rights;
pub mod second_factor;
mod sessions;
pub mod things;
mod verification_mails;
