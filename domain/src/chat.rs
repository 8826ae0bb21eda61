//! Chats: two people about one nano, its creator and somebody who is interested in it.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use crate::{
    ids::UserId,
    nano::Status,
    text::{self, TextError},
    words,
};

/// Characters of a message.
pub const LONGEST_MESSAGE: usize = 1_000;
/// Characters of what somebody adds to a report.
pub const LONGEST_NOTE: usize = 500;
/// How long a message lies unread before a mail tells of it: whoever is there reads it earlier.
pub const UNREAD_FOR: TimeDelta = TimeDelta::hours(1);

words! {
    pub enum ChatState ("chat state") {
        Open = "open",
        /// Nobody wrote for a month; the next message opens it again.
        Archived = "archived",
        /// By an admin, for good: it can be read, and nothing is added.
        Closed = "closed",
    }
}

words! {
    /// What somebody finds wrong with a message.
    pub enum ReportReason ("reason") {
        Copyright = "copyright",
        Spam = "spam",
        Inappropriate = "inappropriate",
        Malware = "malware",
        Other = "other",
    }
}

words! {
    pub enum ReportState ("report state") {
        Pending = "pending",
        /// The message was taken away.
        Resolved = "resolved",
        Dismissed = "dismissed",
    }
}

/// An admin has closed the chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the chat is closed")]
pub struct Closed;

impl ChatState {
    /// The state after somebody has written.
    pub const fn write(self) -> Result<Self, Closed> {
        match self {
            Self::Open | Self::Archived => Ok(Self::Open),
            Self::Closed => Err(Closed),
        }
    }

    /// The state after an admin has closed it.
    pub const fn close(self) -> Result<Self, Closed> {
        match self {
            Self::Open | Self::Archived => Ok(Self::Closed),
            Self::Closed => Err(Closed),
        }
    }
}

/// Why somebody cannot begin a chat about a nano.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotBegun {
    /// What is not public is not there for others.
    #[error("there is no such nano")]
    NotThere,
    #[error("it is their own nano")]
    OwnNano,
}

/// Whether `person` may begin a chat with the creator of a nano: it is public, and somebody else's.
pub fn may_begin(status: Status, creator: UserId, person: UserId) -> Result<(), NotBegun> {
    if creator == person {
        Err(NotBegun::OwnNano)
    } else if !status.is_public() {
        Err(NotBegun::NotThere)
    } else {
        Ok(())
    }
}

/// A message as it is kept: trimmed, 1 to [`LONGEST_MESSAGE`] characters on any number of lines.
pub fn message(text: &str) -> Result<String, TextError> {
    let text = text::paragraphs(text, LONGEST_MESSAGE)?;
    if text.is_empty() { Err(TextError::Empty) } else { Ok(text) }
}

/// When a message counts as written: now, but later than the one before it, in whole milliseconds as the API shows times. So the
/// order of times is the order of numbers whatever the clocks of the processes say, and whoever asks for what came after a time
/// they were shown misses nothing and gets nothing twice.
pub fn written_at(now: DateTime<Utc>, last: Option<DateTime<Utc>>) -> DateTime<Utc> {
    let step = TimeDelta::milliseconds(1);
    let now = now.duration_trunc(step).unwrap_or(now);
    last.map_or(now, |last| now.max(last + step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_chat_stays_closed_and_an_archived_one_wakes_up() {
        assert_eq!(ChatState::Open.write(), Ok(ChatState::Open));
        assert_eq!(ChatState::Archived.write(), Ok(ChatState::Open));
        assert_eq!(ChatState::Closed.write(), Err(Closed));
        assert_eq!(ChatState::Archived.close(), Ok(ChatState::Closed));
        assert_eq!(ChatState::Closed.close(), Err(Closed));
    }

    #[test]
    fn chats_begin_about_public_nanos_of_others() {
        let (ada, bea) = (UserId::new(), UserId::new());
        assert_eq!(may_begin(Status::Published, ada, bea), Ok(()));
        assert_eq!(may_begin(Status::Published, ada, ada), Err(NotBegun::OwnNano));
        for status in Status::ALL.iter().filter(|status| !status.is_public()) {
            assert_eq!(may_begin(*status, ada, bea), Err(NotBegun::NotThere), "{status}");
        }
    }

    #[test]
    fn messages_have_1_to_1000_characters() {
        assert_eq!(message("  Hello,\r\nAda \n").as_deref(), Ok("Hello,\nAda"));
        assert_eq!(message(" \n "), Err(TextError::Empty));
        assert!(message(&"ä".repeat(1000)).is_ok());
        assert_eq!(message(&"ä".repeat(1001)), Err(TextError::TooLong { have: 1001, most: 1000 }));
        assert_eq!(message("a\u{202e}b"), Err(TextError::Character));
    }

    #[test]
    fn times_follow_the_order_of_messages() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let now = at("2026-12-01T10:00:00.123987Z");
        assert_eq!(written_at(now, None), at("2026-12-01T10:00:00.123Z"));
        assert_eq!(written_at(now, Some(at("2026-12-01T09:00:00Z"))), at("2026-12-01T10:00:00.123Z"));
        assert_eq!(written_at(now, Some(at("2026-12-01T10:00:00.123Z"))), at("2026-12-01T10:00:00.124Z"));
        assert_eq!(written_at(now, Some(at("2026-12-01T10:00:07Z"))), at("2026-12-01T10:00:07.001Z"), "a clock ahead");
    }
}
