//! Failures of a reader: of the whole step, or of one entry alone.

use crate::{
    entries::ArchiveError,
    guard::Stopped,
    image::decode::DecodeError,
    video::{VideoError, tool::ToolError},
};

/// Why a step failed. All of these are faults of the machine or of the step before; bad content becomes a note or a finding.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    #[error(transparent)]
    Archive(ArchiveError),
    #[error("no thread for the decoder: {0}")]
    Thread(#[source] std::io::Error),
    #[error("cancelled")]
    Cancelled,
}

impl From<ArchiveError> for ContentError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Cancelled => Self::Cancelled,
            other => Self::Archive(other),
        }
    }
}

impl From<std::io::Error> for ContentError {
    fn from(error: std::io::Error) -> Self {
        Self::Archive(error.into())
    }
}

/// Why an entry gave nothing.
pub(crate) enum Miss {
    /// Its own fault: code and message of a note.
    Note(&'static str, String),
    /// Not its fault: the step ends.
    Fault(ContentError),
}

impl Miss {
    /// Of a document that is an archive in itself: what is damaged is the document, and packing the upload again would
    /// not help.
    pub(crate) fn of_document(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Damaged(_) => Self::Note("document_broken", error.to_string()),
            other => other.into(),
        }
    }
}

impl From<ArchiveError> for Miss {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::TooLarge { .. } => Self::Note("entry_too_large", error.to_string()),
            ArchiveError::Damaged(_) => Self::Note("entry_damaged", error.to_string()),
            ArchiveError::Io(_) | ArchiveError::Cancelled => Self::Fault(error.into()),
        }
    }
}

impl From<Stopped> for Miss {
    fn from(error: Stopped) -> Self {
        match error {
            Stopped::Panicked(_) => Self::Note("decoder_failed", error.to_string()),
            Stopped::TimedOut(_) => Self::Note("decoder_timeout", error.to_string()),
            Stopped::Cancelled => Self::Fault(ContentError::Cancelled),
            Stopped::Thread(error) => Self::Fault(ContentError::Thread(error)),
        }
    }
}

impl From<DecodeError> for Miss {
    fn from(error: DecodeError) -> Self {
        Self::Note(error.code(), error.to_string())
    }
}

impl From<VideoError> for Miss {
    fn from(error: VideoError) -> Self {
        match error {
            VideoError::Archive(error) => error.into(),
            VideoError::Tool(ToolError::Cancelled) => Self::Fault(ContentError::Cancelled),
            VideoError::Tool(ToolError::Missing { .. } | ToolError::Start { .. }) => {
                Self::Note("tool_missing", error.to_string())
            }
            VideoError::Tool(ToolError::TimedOut { .. }) => Self::Note("decoder_timeout", error.to_string()),
            VideoError::Tool(ToolError::Failed { .. } | ToolError::TooMuch { .. })
            | VideoError::NoFrame
            | VideoError::Unreadable(_) => Self::Note("video_unreadable", error.to_string()),
        }
    }
}
