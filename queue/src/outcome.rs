//! Outcomes and errors of a run, as values.

use std::time::Duration;

use db::{Transience, Tx};

use crate::ledger::history::attempts::CLASS_LIMIT;

#[cfg(doc)]
use crate::{Job, Run};

/// How a run ended well.
pub enum Outcome {
    /// Done; the handler wrote nothing to the database.
    Done,
    /// Done; these writes, the completed mark and what was enqueued commit together or not at all.
    DoneIn(Tx),
    /// Not yet: run again after this long. Burns no attempt.
    Snooze(Duration),
    /// No longer wanted.
    Cancel(String),
}

/// How a run went wrong.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// A service is away or busy: wait for it, burning no attempt.
    #[error("waiting: {0}")]
    Transient(#[source] anyhow::Error),
    /// The work failed: try again by the retry policy.
    #[error("{0}")]
    Failed(#[source] anyhow::Error),
    /// Trying again cannot help.
    #[error("given up: {0}")]
    Discard(#[source] anyhow::Error),
    /// The process that read for it died ([`Run::read`]): handed on with `?` it counts as the job's crash, and where memory
    /// was the reason the job gets more of it first.
    #[error("{how}")]
    Crashed { how: String, out_of_memory: bool },
    /// The job was given to others meanwhile: the run ends without a trace. Comes from [`Run::transaction`].
    #[error("the job was taken away from this run")]
    Lost,
}

/// Names of failures, for grouping and for [`Job::retry`]. A job may have further ones of its own: short, stable
/// words of at most 32 ASCII characters.
pub mod class {
    /// No class was named.
    pub const FAILED: &str = "failed";
    /// The handler panicked.
    pub const PANIC: &str = "panic";
    /// The run took longer than [`TIMEOUT`](crate::Job::TIMEOUT).
    pub const TIMEOUT: &str = "timeout";
    /// The stored arguments do not fit the job.
    pub const ARGUMENTS: &str = "arguments";
    /// Its child process died.
    pub const CRASHED: &str = "crashed";
    /// Its child process ran out of memory.
    pub const OUT_OF_MEMORY: &str = "out_of_memory";
    /// A service was away.
    pub const TRANSIENT: &str = "transient";
    /// The handler said that trying again cannot help.
    pub const DISCARD: &str = "discard";
    /// Its deadline passed before it could begin.
    pub const DEADLINE: &str = "deadline";
    /// Its worker process died.
    pub const LOST: &str = "lost";
}

/// An error with the name of its class.
#[derive(Debug)]
struct Classed {
    class: &'static str,
    error: anyhow::Error,
}

impl std::fmt::Display for Classed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Classed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl JobError {
    pub fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self::Failed(error.into())
    }

    /// A failure of a class that the job's policy knows.
    pub fn failed_as(class: &'static str, error: impl Into<anyhow::Error>) -> Self {
        Self::Failed(Classed { class, error: error.into() }.into())
    }

    /// Given up, for a reason that has a name.
    pub fn discard_as(class: &'static str, error: impl Into<anyhow::Error>) -> Self {
        Self::Discard(Classed { class, error: error.into() }.into())
    }

    /// Short and stable: what was named, if it fits the ledger.
    pub(crate) fn class(&self) -> &'static str {
        let (error, default) = match self {
            Self::Transient(_) => return class::TRANSIENT,
            Self::Lost => return class::LOST,
            Self::Crashed { out_of_memory: true, .. } => return class::OUT_OF_MEMORY,
            Self::Crashed { .. } => return class::CRASHED,
            Self::Failed(error) => (error, class::FAILED),
            Self::Discard(error) => (error, class::DISCARD),
        };
        let named = error.downcast_ref::<Classed>().map(|classed| classed.class);
        named.filter(|class| class.is_ascii() && (1..=CLASS_LIMIT).contains(&class.len())).unwrap_or(default)
    }
}

/// What may pass by itself is waited for; anything else counts as a failure.
impl<E: Transience> From<E> for JobError {
    fn from(error: E) -> Self {
        if error.is_transient() { Self::Transient(error.into()) } else { Self::Failed(error.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_class_and_its_text() {
        let error = JobError::failed_as("smtp", anyhow::anyhow!("refused").context("sending"));
        assert_eq!((error.class(), format!("{error:#}").as_str()), ("smtp", "sending"));
        assert_eq!(std::error::Error::source(&error).and_then(|cause| cause.source()).unwrap().to_string(), "refused");
        assert_eq!(JobError::failed(anyhow::anyhow!("plain")).class(), class::FAILED);
        assert_eq!(JobError::discard_as(class::ARGUMENTS, anyhow::anyhow!("no id")).class(), class::ARGUMENTS);
        let unfit = JobError::failed_as("a name far too long for the ledger's column", anyhow::anyhow!("x"));
        assert_eq!(unfit.class(), class::FAILED);
    }
}
