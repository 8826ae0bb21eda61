//! The job queue's promises, with jobs made for the purpose.

mod batches;
mod child;
mod control;
mod cron;
mod hello;
mod liveness;
mod queue;
mod schema;
mod statistics;
mod upstream;
