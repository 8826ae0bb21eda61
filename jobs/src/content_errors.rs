//! Errors of the content readers as job errors: a fault of this machine is transient, anything else is a failure.

use content::{
    ArchiveError,
    scan::{RulesError, ScanError},
    text::TextError,
    thumbnail::ThumbnailError,
};
use queue::JobError;

fn of_archive(error: ArchiveError) -> JobError {
    if matches!(error, ArchiveError::Io(_)) { JobError::Transient(error.into()) } else { JobError::failed(error) }
}

macro_rules! content_error {
    ($($name:ident: $error:ident),*) => {$(
        pub(crate) fn $name(error: $error) -> JobError {
            match error {
                $error::Archive(cause) => of_archive(cause),
                $error::Thread(_) => JobError::Transient(error.into()),
                $error::Cancelled => JobError::failed(error),
            }
        }
    )*};
}

content_error!(of_thumbnail: ThumbnailError, of_scan: ScanError, of_text: TextError);

/// The rules of this machine cannot be read; the upload is not to blame.
pub(crate) fn of_rules(error: RulesError) -> JobError {
    JobError::Transient(error.into())
}
