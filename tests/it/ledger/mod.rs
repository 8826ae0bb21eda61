//! The job queue's promises, with jobs made for the purpose.

mod batches;
mod child;
mod control;
mod cron;
mod head;
mod hello;
mod liveness;
mod locks;
mod queue;
mod schema;
mod statistics;
mod unique;
mod upstream;
mod windows;
