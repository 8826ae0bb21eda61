use std::{error::Error, io};

use aws_sdk_s3::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

/// What a call to the object store can end in.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// There is no such object.
    #[error("no such object")]
    NotFound,
    /// The incoming stream is longer than allowed; nothing was kept.
    #[error("more than {limit} bytes")]
    TooLarge { limit: u64 },
    /// The incoming stream failed (the client went away); nothing was kept.
    #[error("the incoming data broke off: {0}")]
    Body(#[source] Box<dyn Error + Send + Sync>),
    /// A file on this machine cannot be read or written.
    #[error("local file: {0}")]
    File(#[from] io::Error),
    /// The store is away, slow, or refuses us. The same call may succeed later; it says nothing about the object.
    #[error("the object store is not available: {operation}: {cause}")]
    Unavailable { operation: &'static str, cause: String },
}

impl db::Transience for StorageError {
    fn is_transient(&self) -> bool {
        Self::is_transient(self)
    }
}

impl StorageError {
    /// True when the same call may succeed later without any change to it.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            // A full disk says nothing about the object.
            Self::File(error) => matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded),
            _ => false,
        }
    }
}

pub(super) fn unavailable(operation: &'static str, cause: impl std::fmt::Display) -> StorageError {
    StorageError::Unavailable { operation, cause: cause.to_string() }
}

/// A missing key is the only answer of the store that is about the object. Everything else, a missing bucket or a
/// refused signature included, is a fault of the installation and worth another try once it is mended.
pub(super) fn failed<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> StorageError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error.code() {
        Some("NoSuchKey" | "NotFound") => StorageError::NotFound,
        _ => unavailable(operation, causes(&error)),
    }
}

/// An error and what caused it, in one readable line.
pub(super) fn causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // Many errors repeat their cause already.
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        next = cause.source();
    }
    line
}
