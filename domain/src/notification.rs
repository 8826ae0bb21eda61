//! What people are told of, by which channels, and the links that end mails of a kind.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;
use words::words;

use crate::{ids::UserId, token::TokenFormatError};

words! {
    /// What somebody is told of. Its mail has a template of the same name. What guards an account (a new password, an ended
    /// session) is none of these: such mails are always sent.
    pub enum Kind ("notification kind") {
        NanoPublished = "nano_published",
        NanoPendingReview = "nano_pending_review",
        NanoRejected = "nano_rejected",
        /// Of title and description.
        EditRejected = "edit_rejected",
        CommentRejected = "comment_rejected",
        ReplyRejected = "reply_rejected",
        /// By a moderator.
        RatingRemoved = "rating_removed",
        RatingReceived = "rating_received",
        RatingReplied = "rating_replied",
        SavedSearchFound = "saved_search_found",
    } or Unknown = "unknown"
}

/// By which channels somebody is told of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preference {
    pub kind: Kind,
    pub in_app: bool,
    pub mail: bool,
}

impl Kind {
    /// What holds until somebody says otherwise. A nano may be rated a hundred times a day: that comes by mail to whoever asks for
    /// it.
    pub const fn by_default(self) -> Preference {
        Preference { kind: self, in_app: true, mail: !matches!(self, Self::RatingReceived) }
    }

    /// Whether it stands in the app whatever somebody prefers: whoever made something that was refused has to find out why.
    pub const fn is_always_in_app(self) -> bool {
        matches!(
            self,
            Self::NanoRejected | Self::EditRejected | Self::CommentRejected | Self::ReplyRejected | Self::RatingRemoved
        )
    }
}

/// The key of one person's links.
pub type LinkKey = [u8; 32];

/// Half of a SHA-256 is enough of a proof (RFC 2104, section 5), and the link stays short.
const PROOF_BYTES: usize = 16;

/// The last part of a link that ends mails of one kind: whose mails, and the proof that we wrote the link. Nothing of it is stored,
/// and it works as long as the key of its person stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    pub user: UserId,
    proof: [u8; PROOF_BYTES],
}

impl Unsubscribe {
    pub fn sign(user: UserId, kind: Kind, key: &LinkKey) -> Self {
        let mut proof = [0; PROOF_BYTES];
        proof.copy_from_slice(&mac(user, kind, key).finalize().into_bytes()[..PROOF_BYTES]);
        Self { user, proof }
    }

    /// Whether this key has signed it for mails of this kind.
    pub fn is_signed(&self, kind: Kind, key: &LinkKey) -> bool {
        mac(self.user, kind, key).verify_truncated_left(&self.proof).is_ok()
    }

    /// 64 hex digits, for a link.
    pub fn digits(&self) -> String {
        hex::encode([self.user.0.as_bytes().as_slice(), &self.proof].concat())
    }

    /// Reads what [`Unsubscribe::digits`] wrote.
    pub fn from_digits(digits: &str) -> Result<Self, TokenFormatError> {
        let (mut user, mut proof) = ([0; 16], [0; PROOF_BYTES]);
        let (head, tail) = digits.split_at_checked(32).ok_or(TokenFormatError)?;
        hex::decode_to_slice(head, &mut user).map_err(|_| TokenFormatError)?;
        hex::decode_to_slice(tail, &mut proof).map_err(|_| TokenFormatError)?;
        Ok(Self { user: UserId(Uuid::from_bytes(user)), proof })
    }
}

fn mac(user: UserId, kind: Kind, key: &LinkKey) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length is one");
    mac.update(format!("unsubscribe {kind} {user}").as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_ends_mails_of_its_person_and_kind_only() {
        let (user, key) = (UserId::new(), [7; 32]);
        let link = Unsubscribe::sign(user, Kind::RatingReplied, &key);
        let digits = link.digits();
        assert_eq!((digits.len(), Unsubscribe::from_digits(&digits)), (64, Ok(link)));
        assert!(link.is_signed(Kind::RatingReplied, &key));
        assert!(!link.is_signed(Kind::RatingReceived, &key));
        assert!(!link.is_signed(Kind::RatingReplied, &[8; 32]));
        assert!(!Unsubscribe { user: UserId::new(), ..link }.is_signed(Kind::RatingReplied, &key));
        for at in 0..digits.len() {
            let mut forged = digits.clone();
            let other = if forged.as_bytes()[at] == b'0' { "1" } else { "0" };
            forged.replace_range(at..=at, other);
            assert!(!Unsubscribe::from_digits(&forged).unwrap().is_signed(Kind::RatingReplied, &key), "digit {at}");
        }
        for bad in ["", "00", &digits[1..], &format!("{digits}00"), &"ä".repeat(32), &"x".repeat(64)] {
            assert_eq!(Unsubscribe::from_digits(bad), Err(TokenFormatError), "{bad}");
        }
    }

    #[test]
    fn why_something_was_refused_always_stands_in_the_app() {
        for kind in Kind::ALL {
            let refused = ["_rejected", "_removed"].iter().any(|end| kind.as_str().ends_with(end));
            assert_eq!(kind.is_always_in_app(), refused, "{kind}");
            assert!(kind.by_default().in_app, "{kind}");
        }
    }
}
