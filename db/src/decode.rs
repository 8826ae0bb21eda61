//! Stored words become domain enums here; a word nobody knows is a database error, not a panic.

use std::str::FromStr;

use crate::{DbError, UnknownWord};

/// Reads an ENUM column's word.
pub fn word<T: FromStr<Err = UnknownWord>>(text: &str) -> Result<T, DbError> {
    text.parse().map_err(|error: UnknownWord| DbError::Other(sqlx::Error::Decode(Box::new(error))))
}

/// Reads a BINARY(32) column.
pub fn hash(bytes: &[u8]) -> Result<[u8; 32], DbError> {
    bytes
        .try_into()
        .map_err(|error: std::array::TryFromSliceError| DbError::Other(sqlx::Error::Decode(Box::new(error))))
}
