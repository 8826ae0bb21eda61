//! Everything outside the process: one module per system.

pub mod cache;
pub mod db;
pub mod disk;
pub mod env;
pub mod host;
pub mod mail;
pub mod seal;
pub mod sealed_file;
pub mod search;
pub mod storage;
pub mod telemetry;
pub mod tls;
pub mod webhook;
