//! What is kept of requests.

pub mod idempotency_keys;
