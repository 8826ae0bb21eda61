//! The marketplace as its users meet it, on real services. Started by `make test`.

mod chat;
mod clients;
mod documents;
mod faults;
mod handlers;
mod ledger;
mod nanos;
mod notifications;
mod operators;
mod opinions;
mod readers;
mod requests;
mod webhooks;
