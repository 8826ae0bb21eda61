//! The review policy and moderation cases: a checked nano is published, waits for a person, or is rejected.

use crate::{rating::Part, words};

words! {
    /// Which checked versions go to a person before they are public.
    pub enum ReviewPolicy ("review policy") {
        Always = "always",
        /// A creator's first nano, and whatever the scan flagged.
        FirstUpload = "first_upload",
        FlaggedOnly = "flagged_only",
    }
}

words! {
    /// What a finding of the content scan asks for; later ones are graver.
    pub enum ScanAction ("scan action") {
        /// Shown to the creator and the moderators.
        Note = "note",
        /// A person has to look.
        Review = "review",
        /// Must not reach anybody.
        Quarantine = "quarantine",
    }
}

words! {
    /// Why a moderation case was opened. `Edited`, `Comment` and `Reply` are about words, the others about a version.
    pub enum Cause ("cause") {
        FirstUpload = "first_upload",
        Always = "always",
        Flagged = "flagged",
        /// The title or description of a published nano is to change.
        Edited = "edited",
        /// Of a rating.
        Comment = "comment",
        /// Of a creator, to a rating.
        Reply = "reply",
    } or Unknown = "unknown"
}

words! {
    pub enum CaseState ("case state") {
        Pending = "pending",
        Investigating = "investigating",
        Resolved = "resolved",
        Dismissed = "dismissed",
    }
}

impl CaseState {
    /// Waits for a decision.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Investigating)
    }
}

words! {
    pub enum Decision ("decision") {
        NoAction = "no_action",
        Approve = "approve",
        Reject = "reject",
        Warn = "warn",
        Archive = "archive",
        Delete = "delete",
    }
}

impl From<Part> for Cause {
    fn from(part: Part) -> Self {
        match part {
            Part::Comment => Self::Comment,
            Part::Reply => Self::Reply,
        }
    }
}

impl Cause {
    /// Which words of a rating it is about, if it is about a rating.
    pub const fn part(self) -> Option<Part> {
        match self {
            Self::Comment => Some(Part::Comment),
            Self::Reply => Some(Part::Reply),
            Self::FirstUpload | Self::Always | Self::Flagged | Self::Edited | Self::Unknown => None,
        }
    }
}

/// What happens to a version whose checks are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Publish,
    Review(Cause),
    Reject,
}

/// Applies the policy.
///
/// `gravest` is the gravest action among the scan's findings, if there are any; `has_published` says whether the
/// creator has had a nano published before.
pub fn judge(policy: ReviewPolicy, has_published: bool, gravest: Option<ScanAction>) -> Verdict {
    match (gravest, policy) {
        (Some(ScanAction::Quarantine), _) => Verdict::Reject,
        (Some(ScanAction::Review), _) => Verdict::Review(Cause::Flagged),
        (_, ReviewPolicy::Always) => Verdict::Review(Cause::Always),
        (_, ReviewPolicy::FirstUpload) if !has_published => Verdict::Review(Cause::FirstUpload),
        _ => Verdict::Publish,
    }
}

/// Why a case cannot be decided by this person now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    #[error("a newer release has opened the case, and decides it")]
    NewerRelease,
    #[error("the case was decided already")]
    Closed,
    #[error("nobody judges their own nano")]
    OwnNano,
    #[error("the case is locked to another reviewer")]
    LockedToOther,
}

/// Whether a reviewer may decide a case: it is open, not about their own nano, and not locked to somebody else.
pub fn may_decide(state: CaseState, is_own: bool, locked_to_other: bool) -> Result<(), DecisionError> {
    if is_own {
        Err(DecisionError::OwnNano)
    } else if !state.is_open() {
        Err(DecisionError::Closed)
    } else if locked_to_other && state == CaseState::Investigating {
        Err(DecisionError::LockedToOther)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ReviewPolicy as P;

    #[test]
    fn the_scan_comes_before_the_policy() {
        for policy in P::ALL {
            assert_eq!(judge(*policy, true, Some(ScanAction::Quarantine)), Verdict::Reject);
            assert_eq!(judge(*policy, true, Some(ScanAction::Review)), Verdict::Review(Cause::Flagged));
        }
    }

    #[test]
    fn clean_versions_follow_the_policy() {
        for gravest in [None, Some(ScanAction::Note)] {
            assert_eq!(judge(P::Always, true, gravest), Verdict::Review(Cause::Always));
            assert_eq!(judge(P::FirstUpload, false, gravest), Verdict::Review(Cause::FirstUpload));
            assert_eq!(judge(P::FirstUpload, true, gravest), Verdict::Publish);
            assert_eq!(judge(P::FlaggedOnly, false, gravest), Verdict::Publish);
        }
    }

    #[test]
    fn gravity_is_ordered() {
        assert_eq!([ScanAction::Review, ScanAction::Note].into_iter().max(), Some(ScanAction::Review));
        assert!(ScanAction::Quarantine > ScanAction::Review);
    }

    #[test]
    fn decisions_need_an_open_case_of_somebody_else() {
        assert_eq!(may_decide(CaseState::Pending, false, false), Ok(()));
        assert_eq!(may_decide(CaseState::Pending, true, false), Err(DecisionError::OwnNano));
        assert_eq!(may_decide(CaseState::Resolved, false, false), Err(DecisionError::Closed));
        assert_eq!(may_decide(CaseState::Investigating, false, true), Err(DecisionError::LockedToOther));
        assert_eq!(may_decide(CaseState::Investigating, false, false), Ok(()));
    }
}
