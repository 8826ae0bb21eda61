//! Opaque secrets given to people: refresh tokens and the links in mails. Only their SHA-256 is stored, so a
//! stolen table opens nothing.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

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

impl FromStr for SecretToken {
    type Err = TokenFormatError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix(PREFIX).ok_or(TokenFormatError)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| TokenFormatError)?;
        Ok(Self(bytes))
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
    fn foreign_text_is_refused_and_debug_shows_nothing() {
        for bad in ["", "nano_", "nano_00", "eyJhbGciOi", &"0".repeat(64)] {
            assert!(bad.parse::<SecretToken>().is_err(), "{bad}");
        }
        assert_eq!(format!("{:?}", SecretToken::from_random([7; 32])), "SecretToken(…)");
    }
}
