//! The marketplace as its users meet it, on real services. Started by `make test`.

mod auth;
mod bad_input;
mod kill;
mod outage;
mod pipeline;
mod queue;
