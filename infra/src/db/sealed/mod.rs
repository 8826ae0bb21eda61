//! What stands sealed in the database, and with which key.

pub mod data_key_proof;
pub mod sealed_columns;
