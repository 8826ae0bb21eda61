//! The second factor: six digits from an authenticator app (TOTP, RFC 6238, with what all apps know: SHA-1, 30 s), and recovery
//! codes for whoever has lost it.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Totp, TotpError};

use crate::token::TokenHash;

/// Bytes of a secret: as many as the RFC recommends (RFC 4226, 4).
pub const SECRET_BYTES: usize = 20;
/// How many recovery codes somebody gets.
pub const RECOVERY_CODES: usize = 10;
/// Bytes of a recovery code: 128 random bits, which nobody guesses, so that a plain hash of it is enough (ASVS 6.5.2 asks for 112).
pub const RECOVERY_BYTES: usize = 16;
/// Letters of a recovery code, five bits each.
const RECOVERY_LETTERS: u32 = 26;
/// Without what looks like something else.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// What an authenticator app and we share.
pub struct Secret(Totp);

impl Secret {
    /// Of at least 16 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, TotpError> {
        Builder::new().with_secret(bytes.to_vec()).build().map(Self)
    }

    /// For typing it in.
    pub fn base32(&self) -> String {
        self.0.secret().to_base32()
    }

    /// For a QR code (the "Key URI Format" that the apps agree on). The app shows `issuer` and `account`; neither may have a
    /// colon.
    pub fn uri(&self, issuer: &str, account: &str) -> Result<String, TotpError> {
        let named = Builder::new().with_issuer(Some(issuer)).with_account_name(account);
        named.with_secret(self.0.secret().as_bytes().to_vec()).build()?.to_url()
    }

    /// The step of the time that the code belongs to: now, or 30 s before or after, for clocks that are not quite right.
    /// Each step's code may be used once, and none from before it (RFC 6238, 5.2): `last` is the newest that was used.
    pub fn step(&self, code: &str, now: DateTime<Utc>, last: Option<u64>) -> Option<u64> {
        let step = self.0.check(code, now.timestamp().unsigned_abs())?;
        last.is_none_or(|last| step > last).then_some(step)
    }

    /// The code that an app shows at this time.
    pub fn code(&self, now: DateTime<Utc>) -> String {
        self.0.generate(now.timestamp().unsigned_abs()).to_string()
    }
}

/// What somebody types in where a second factor is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// From the app.
    Code(String),
    /// The hash of a recovery code.
    Recovery(TokenHash),
}

impl Answer {
    /// Spaces and dashes are for reading, and so are capitals. Six digits are a code; everything else may be a recovery code.
    pub fn read(text: &str) -> Self {
        let text: String =
            text.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_lowercase).collect();
        if text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Self::Code(text)
        } else {
            Self::Recovery(Sha256::digest(text).into())
        }
    }
}

/// A recovery code made of random bytes, as its owner writes it down, in groups of four.
pub fn recovery_code(bytes: [u8; RECOVERY_BYTES]) -> String {
    let bits = bytes.iter().fold(0_u128, |bits, byte| (bits << 8) | u128::from(*byte));
    let letter = |place: u32| {
        let index = usize::try_from((bits >> (5 * place)) & 0x1f).unwrap_or_default();
        char::from(ALPHABET[index])
    };
    let letters: Vec<char> = (0..RECOVERY_LETTERS).map(letter).collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn secret() -> Secret {
        Secret::new(b"12345678901234567890").unwrap()
    }

    /// RFC 6238, appendix B, the last six of eight digits.
    #[test]
    fn the_codes_are_those_of_the_rfc() {
        for (time, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(secret().code(at(time)), code);
        }
    }

    #[test]
    fn a_code_is_good_around_its_time_and_once() {
        let (secret, now) = (secret(), at(1_111_111_109));
        let step = secret.step("081804", now, None).unwrap();
        assert_eq!(step, 1_111_111_109 / 30);
        for (seconds, good) in [(-60, false), (-59, true), (30, true), (31, false)] {
            let found = secret.step("081804", at(1_111_111_109 + seconds), None);
            assert_eq!(found == Some(step), good, "{seconds} s later");
        }
        assert_eq!(secret.step("081804", now, Some(step)), None, "used");
        assert_eq!(secret.step("081804", now, Some(step + 1)), None, "a newer one was used");
        assert_eq!(secret.step("081804", now, Some(step - 1)), Some(step));
        for wrong in ["081805", "81804", "0818040", "", "０８１８０４"] {
            assert_eq!(secret.step(wrong, now, None), None, "{wrong}");
        }
    }

    #[test]
    fn apps_get_what_they_need() {
        let secret = secret();
        assert_eq!(secret.base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let uri = secret.uri("Nano", "ada@example.org").unwrap();
        assert!(uri.starts_with("otpauth://totp/Nano:ada") && uri.contains("issuer=Nano"), "{uri}");
        assert!(uri.contains(&secret.base32()), "{uri}");
    }

    #[test]
    fn recovery_codes_are_read_as_people_write_them() {
        let code = recovery_code(*b"sixteen bytes 01");
        assert_eq!(code.len(), 32, "{code}");
        let hash = Answer::read(&code);
        assert!(matches!(hash, Answer::Recovery(_)));
        assert_eq!(Answer::read(&format!("  {} ", code.to_uppercase().replace('-', " "))), hash);
        for other in [*b"sixteen bytes 00", *b"rixteen bytes 01", *b"\xf3ixteen bytes 01"] {
            assert_ne!(Answer::read(&recovery_code(other)), hash, "every bit counts");
        }
        assert_eq!(Answer::read("123 456"), Answer::Code("123456".into()));
    }
}
