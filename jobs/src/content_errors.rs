//! What a content step's error means for its job: a fault of this machine waits, anything else counts as a failure.

use crate::{
    JobError,
    content::{
        ArchiveError,
        scan::{RulesError, ScanError},
        text::TextError,
        thumbnail::ThumbnailError,
    },
};

fn of_archive(error: ArchiveError) -> JobError {
    if matches!(error, ArchiveError::Io(_)) { JobError::Transient(error.into()) } else { JobError::failed(error) }
}

macro_rules! content_error {
    ($($error:ident),*) => {$(
        impl From<$error> for JobError {
            fn from(error: $error) -> Self {
                match error {
                    $error::Archive(cause) => of_archive(cause),
                    $error::Thread(_) => Self::Transient(error.into()),
                    $error::Cancelled => Self::failed(error),
                }
            }
        }
    )*};
}

content_error!(ThumbnailError, ScanError, TextError);

impl From<RulesError> for JobError {
    /// The rules of this machine cannot be read; the upload is not to blame.
    fn from(error: RulesError) -> Self {
        Self::Transient(error.into())
    }
}
