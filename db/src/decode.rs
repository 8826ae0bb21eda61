//! Columns that become a domain value in one step; one that does not fit is a database error, not a panic.

use crate::DbError;

/// Reads a BINARY(32) column.
pub fn hash(bytes: &[u8]) -> Result<[u8; 32], DbError> {
    bytes
        .try_into()
        .map_err(|error: std::array::TryFromSliceError| DbError::Other(sqlx::Error::Decode(Box::new(error))))
}
