//! Benchmarks of the queue beside BullMQ, Celery, stock apalis-redis and a bare SQL loop, and of the API beside a plain axum
//! program, each in one run on one machine.
//!
//! `docs/benchmarks.md` says what is measured and how. The binary `bench` starts the services, runs the scenarios and
//! prints the tables; `bench-worker` is our side: a real fleet member with the few jobs of [`jobs`].

pub mod jobs;
pub mod journal;
pub mod peers;
pub mod report;
pub mod scenarios;
pub mod stage;
pub mod stats;
pub mod worker;
