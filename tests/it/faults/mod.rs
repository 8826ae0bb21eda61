//! Uploads while programs are killed and services are away.

mod chaos;
mod failover;
mod frozen;
mod kill;
mod mail;
mod outage;
mod replica;
mod rollout;
mod server_errors;
