//! The marketplace as its users meet it, on real services. Started by `make test`.

mod access;
mod auth;
mod author;
mod bad_input;
mod batches;
mod catalogue;
mod chaos;
mod child;
mod contract;
mod control;
mod events;
mod example;
mod kill;
mod liveness;
mod metrics;
mod operate;
mod outage;
mod owner;
mod pipeline;
mod queue;
mod rights;
mod statistics;
mod steps;
mod traces;
mod uploads;
mod upstream;
