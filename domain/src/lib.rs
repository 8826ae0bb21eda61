//! The rules of the marketplace: pure functions, no network, no database, no async runtime.

pub mod administration;
pub mod audit;
pub mod audit_export;
pub mod chat;
pub mod collection;
pub mod consent;
pub mod data_request;
pub mod ids;
pub mod name;
pub mod nano;
pub mod notification;
pub mod password;
pub mod password_hash;
pub mod profile;
pub mod rating;
pub mod redact;
pub mod review;
pub mod saved_search;
pub mod second_factor;
pub mod text;
pub mod token;
pub mod upload;
pub mod user;
pub mod webhook;

pub use words::words;
