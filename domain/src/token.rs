//! Opaque secrets given to people: refresh tokens, the links in mails, personal access tokens. Only their SHA-256 is stored, so a
//! stolen table opens nothing.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};
use words::words;

/// SHA-256 of a secret: what the tables keep.
pub type TokenHash = [u8; 32];

/// The text is not a token of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token")]
pub struct TokenFormatError;

/// 256 random bits, written as `nano_` and 64 hex digits: recognisable to secret scanners, and told apart from a
/// JWT by its first letters.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretToken([u8; 32]);

const PREFIX: &str = "nano_";
/// Of personal access tokens, whose owners keep them in files: it says what was found there.
const PERSONAL_PREFIX: &str = "nano_pat_";

words! {
    /// What a personal access token is good for, within what its owner may do. None of them opens what guards the account itself:
    /// passwords, addresses, second factors, sessions, tokens, and the accounts of others.
    pub enum Scope ("scope") {
        /// See what its owner sees.
        Read = "read",
        /// Make, change and archive nanos; rate those of others, keep favourites, lists and searches.
        Write = "write",
        /// Upload files and hand them in.
        Upload = "upload",
        /// Retry, cancel and steer jobs.
        Jobs = "jobs",
    }
}

impl SecretToken {
    /// Wraps bytes from a cryptographic random source; the caller has one, this crate has none.
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn hash(&self) -> TokenHash {
        Sha256::digest(self.0).into()
    }

    /// The text for its owner. Never log it.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", hex::encode(self.0))
    }
}

impl SecretToken {
    /// The text of a personal access token for its owner. Never log it.
    pub fn reveal_personal(&self) -> String {
        format!("{PERSONAL_PREFIX}{}", hex::encode(self.0))
    }

    /// 64 hex digits, for a link. Never log them.
    pub fn digits(&self) -> String {
        hex::encode(self.0)
    }

    /// Whether the text means to be a personal access token, and which one.
    pub fn personal(text: &str) -> Option<Result<Self, TokenFormatError>> {
        text.strip_prefix(PERSONAL_PREFIX).map(Self::from_digits)
    }

    /// Reads what [`SecretToken::digits`] wrote.
    pub fn from_digits(digits: &str) -> Result<Self, TokenFormatError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| TokenFormatError)?;
        Ok(Self(bytes))
    }
}

impl FromStr for SecretToken {
    type Err = TokenFormatError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_digits(text.strip_prefix(PREFIX).ok_or(TokenFormatError)?)
    }
}

impl fmt::Debug for SecretToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_comes_back_as_the_same_secret() {
        let token = SecretToken::from_random([7; 32]);
        let text = token.reveal();
        assert!(text.starts_with("nano_0707"));
        assert_eq!(text.parse::<SecretToken>().unwrap().hash(), token.hash());
    }

    #[test]
    fn a_personal_token_says_what_it_is() {
        let token = SecretToken::from_random([7; 32]);
        let text = token.reveal_personal();
        assert_eq!(SecretToken::personal(&text), Some(Ok(token.clone())));
        assert!(text.parse::<SecretToken>().is_err(), "it is no refresh token");
        assert_eq!(SecretToken::personal(&token.reveal()), None);
        assert_eq!(SecretToken::personal("nano_pat_07"), Some(Err(TokenFormatError)));
    }

    #[test]
    fn foreign_text_is_refused_and_debug_shows_nothing() {
        for bad in ["", "nano_", "nano_00", "eyJhbGciOi", &"0".repeat(64)] {
            assert!(bad.parse::<SecretToken>().is_err(), "{bad}");
        }
        assert_eq!(format!("{:?}", SecretToken::from_random([7; 32])), "SecretToken(…)");
    }
}
