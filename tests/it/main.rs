//! The marketplace as its users meet it, on real services. Started by `make test`.

mod access;
mod admin_jobs;
mod auth;
mod author;
mod bad_input;
mod batches;
mod bulk;
mod catalogue;
mod chaos;
mod child;
mod contract;
mod control;
mod cron;
mod events;
mod example;
mod kill;
mod liveness;
mod outage;
mod periodic;
mod pipeline;
mod queue;
mod steps;
mod uploads;
mod upstream;
