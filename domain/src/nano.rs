//! A nano: its fields, and the moves its status may make. Every allowed move is one function here; whatever has
//! no function, or ends in [`MoveError`], does not happen.

use crate::words;

/// Longest title, in characters.
pub const TITLE_MAX: usize = 255;
/// Longest description, in characters.
pub const DESCRIPTION_MAX: usize = 1000;
/// Most categories of one nano; it has at least one.
pub const CATEGORIES_MAX: usize = 5;
/// Longest duration: a day. A nano is a short learning unit; more is a typing error.
pub const DURATION_MAX_MINUTES: u32 = 24 * 60;

words! {
    pub enum Format ("format") {
        Video = "video",
        Text = "text",
        Quiz = "quiz",
        Interactive = "interactive",
        Mixed = "mixed",
    }
}

impl Format {
    /// Only these may carry script files (`docs/archive-rules.md`, rule 13).
    pub const fn allows_script(self) -> bool {
        matches!(self, Self::Interactive | Self::Quiz)
    }
}

words! {
    pub enum License ("license") {
        CcBy = "CC-BY",
        CcBySa = "CC-BY-SA",
        Cc0 = "CC0",
        Proprietary = "proprietary",
    }
}

/// 1 foundation, 2 intermediate, 3 advanced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u8);

impl Level {
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Level {
    type Error = LevelError;
    fn try_from(level: u8) -> Result<Self, LevelError> {
        if (1..=3).contains(&level) { Ok(Self(level)) } else { Err(LevelError) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a level is 1, 2 or 3")]
pub struct LevelError;

words! {
    pub enum Status ("nano status") {
        Draft = "draft",
        Processing = "processing",
        PendingReview = "pending_review",
        Published = "published",
        Rejected = "rejected",
        Archived = "archived",
        Deleted = "deleted",
    }
}

words! {
    /// The state of one version of the file. A published nano stays live while a newer version is on its way.
    pub enum VersionState ("version state") {
        Processing = "processing",
        PendingReview = "pending_review",
        Published = "published",
        Rejected = "rejected",
        Withdrawn = "withdrawn",
        Superseded = "superseded",
    }
}

impl VersionState {
    /// Its fate is still open, so no other version may be started.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Processing | Self::PendingReview)
    }
}

/// A move that the rules do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    #[error("a nano that is {from} cannot be {action}")]
    NotFrom { from: Status, action: &'static str },
    #[error("an earlier version is still {0}")]
    VersionOpen(VersionState),
    #[error("a moderator archived this nano; only a moderator can restore it")]
    ArchivedByModerator,
}

const fn not_from<T>(from: Status, action: &'static str) -> Result<T, MoveError> {
    Err(MoveError::NotFrom { from, action })
}

impl Status {
    /// Everyone may see it.
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Published)
    }

    /// Title, description and the like may be changed. While it is checked or judged, what is judged stands still.
    pub fn edit(self) -> Result<(), MoveError> {
        match self {
            Self::Draft | Self::Rejected | Self::Published => Ok(()),
            from => not_from(from, "edited"),
        }
    }

    /// A new file arrived in full: its check begins. A published nano stays published meanwhile.
    ///
    /// `latest` is the state of the newest version, if there is one.
    pub fn begin_processing(self, latest: Option<VersionState>) -> Result<Self, MoveError> {
        if let Some(state) = latest.filter(|state| state.is_open()) {
            return Err(MoveError::VersionOpen(state));
        }
        match self {
            Self::Draft | Self::Rejected => Ok(Self::Processing),
            Self::Published => Ok(Self::Published),
            from => not_from(from, "processed"),
        }
    }

    /// The version was checked and waits for a person.
    pub fn await_review(self) -> Result<Self, MoveError> {
        match self {
            Self::Processing => Ok(Self::PendingReview),
            Self::Published => Ok(Self::Published),
            from => not_from(from, "put up for review"),
        }
    }

    /// The version passed.
    pub fn publish(self) -> Result<Self, MoveError> {
        match self {
            Self::Processing | Self::PendingReview | Self::Published => Ok(Self::Published),
            from => not_from(from, "published"),
        }
    }

    /// The version failed its check or its review. A published nano keeps its published version.
    pub fn reject(self) -> Result<Self, MoveError> {
        match self {
            Self::Processing | Self::PendingReview => Ok(Self::Rejected),
            Self::Published => Ok(Self::Published),
            from => not_from(from, "rejected"),
        }
    }

    /// The creator takes a waiting nano back.
    pub fn withdraw(self) -> Result<Self, MoveError> {
        match self {
            Self::PendingReview => Ok(Self::Draft),
            from => not_from(from, "withdrawn"),
        }
    }

    /// Off the shelf, restorable.
    pub fn archive(self) -> Result<Self, MoveError> {
        match self {
            Self::Published => Ok(Self::Archived),
            from => not_from(from, "archived"),
        }
    }

    /// Back on the shelf. What a moderator took down, only a moderator puts back.
    pub fn restore(self, archived_by_moderator: bool, as_moderator: bool) -> Result<Self, MoveError> {
        match self {
            Self::Archived if archived_by_moderator && !as_moderator => Err(MoveError::ArchivedByModerator),
            Self::Archived => Ok(Self::Published),
            from => not_from(from, "restored"),
        }
    }

    /// Gone for good; possible from every state, and a second time it changes nothing.
    #[must_use]
    pub const fn delete(self) -> Self {
        Self::Deleted
    }

    /// What `DELETE /nanos/{id}` means: what was public is archived, what never was is deleted. Repeating it
    /// changes nothing.
    #[must_use]
    pub const fn remove(self) -> Self {
        match self {
            Self::Published | Self::Archived => Self::Archived,
            Self::Draft | Self::Processing | Self::PendingReview | Self::Rejected | Self::Deleted => Self::Deleted,
        }
    }
}

impl VersionState {
    /// The version was checked and waits for a person.
    pub fn await_review(self) -> Result<Self, VersionMoveError> {
        self.to(Self::PendingReview, matches!(self, Self::Processing))
    }

    /// It becomes the live one.
    pub fn publish(self) -> Result<Self, VersionMoveError> {
        self.to(Self::Published, matches!(self, Self::Processing | Self::PendingReview))
    }

    pub fn reject(self) -> Result<Self, VersionMoveError> {
        self.to(Self::Rejected, matches!(self, Self::Processing | Self::PendingReview))
    }

    pub fn withdraw(self) -> Result<Self, VersionMoveError> {
        self.to(Self::Withdrawn, matches!(self, Self::Processing | Self::PendingReview))
    }

    /// A newer version took its place.
    pub fn supersede(self) -> Result<Self, VersionMoveError> {
        self.to(Self::Superseded, matches!(self, Self::Published))
    }

    fn to(self, to: Self, allowed: bool) -> Result<Self, VersionMoveError> {
        if allowed { Ok(to) } else { Err(VersionMoveError { from: self, to }) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version that is {from} cannot become {to}")]
pub struct VersionMoveError {
    pub from: VersionState,
    pub to: VersionState,
}

#[cfg(test)]
mod tests {
    use super::*;
    use Status as S;

    /// Every move from every status, so that a new arm cannot slip in unseen.
    #[test]
    fn the_whole_table() {
        type Move = (&'static str, fn(S) -> Option<S>);
        let moves: &[Move] = &[
            ("begin_processing", |s| s.begin_processing(None).ok()),
            ("await_review", |s| s.await_review().ok()),
            ("publish", |s| s.publish().ok()),
            ("reject", |s| s.reject().ok()),
            ("withdraw", |s| s.withdraw().ok()),
            ("archive", |s| s.archive().ok()),
            ("restore", |s| s.restore(false, false).ok()),
            ("remove", |s| Some(s.remove())),
            ("delete", |s| Some(s.delete())),
        ];
        let rows: Vec<String> = S::ALL
            .iter()
            .map(|from| {
                let to: Vec<String> =
                    moves.iter().filter_map(|(name, go)| go(*from).map(|to| format!("{name}:{to}"))).collect();
                format!("{from} {}", to.join(" "))
            })
            .collect();
        assert_eq!(
            rows,
            [
                "draft begin_processing:processing remove:deleted delete:deleted",
                "processing await_review:pending_review publish:published reject:rejected remove:deleted delete:deleted",
                "pending_review publish:published reject:rejected withdraw:draft remove:deleted delete:deleted",
                "published begin_processing:published await_review:published publish:published reject:published archive:archived remove:archived delete:deleted",
                "rejected begin_processing:processing remove:deleted delete:deleted",
                "archived restore:published remove:archived delete:deleted",
                "deleted remove:deleted delete:deleted",
            ]
        );
    }

    #[test]
    fn a_second_version_waits_for_the_first() {
        for open in [VersionState::Processing, VersionState::PendingReview] {
            assert_eq!(S::Published.begin_processing(Some(open)), Err(MoveError::VersionOpen(open)));
        }
        assert_eq!(S::Published.begin_processing(Some(VersionState::Published)), Ok(S::Published));
        assert_eq!(S::Rejected.begin_processing(Some(VersionState::Rejected)), Ok(S::Processing));
    }

    #[test]
    fn a_takedown_is_undone_by_moderators_only() {
        assert_eq!(S::Archived.restore(true, false), Err(MoveError::ArchivedByModerator));
        assert_eq!(S::Archived.restore(true, true), Ok(S::Published));
    }

    #[test]
    fn versions_end_once() {
        use VersionState as V;
        assert_eq!(V::Processing.publish(), Ok(V::Published));
        assert_eq!(V::Published.supersede(), Ok(V::Superseded));
        for end in [V::Rejected, V::Withdrawn, V::Superseded] {
            assert!(end.publish().is_err() && end.reject().is_err() && end.withdraw().is_err());
        }
        assert!(V::Published.reject().is_err());
    }

    #[test]
    fn levels_are_one_to_three() {
        assert!(Level::try_from(0).is_err() && Level::try_from(4).is_err());
        assert_eq!(Level::try_from(3).map(Level::get), Ok(3));
    }
}
