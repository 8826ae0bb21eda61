//! Whoever watches and controls the fleet: pages, commands, bulk actions, metrics and traces.

mod accounts;
mod admin_jobs;
mod admin_refusals;
mod alerts;
mod backup;
mod bulk;
mod change;
mod cli;
mod connections;
mod data_key;
mod explain;
mod mails;
pub(crate) mod metrics;
mod operate;
mod personal_data;
mod reindex;
mod traces;
