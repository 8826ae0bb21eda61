//! Errors of the content readers as job errors: a fault of this machine is transient, anything else is a failure.

use content::{ArchiveError, ContentError, scan::RulesError};
use queue::JobError;

pub(crate) fn of_content(error: ContentError) -> JobError {
    match error {
        ContentError::Archive(ArchiveError::Io(_)) | ContentError::Thread(_) => JobError::Transient(error.into()),
        ContentError::Archive(_) | ContentError::Cancelled => JobError::failed(error),
    }
}

/// The rules of this machine cannot be read; the upload is not to blame.
pub(crate) fn of_rules(error: RulesError) -> JobError {
    JobError::Transient(error.into())
}
