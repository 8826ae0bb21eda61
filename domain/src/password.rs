//! The password rules: length first (NIST SP 800-63B, 5.1.1.2), no character classes, nothing that is guessed early.
//! The zxcvbn crate estimates the guesses from its lists of leaked passwords, words, names, dates and keyboard rows.

/// Fewest characters.
pub const MIN_CHARS: usize = 10;
/// Longest input in bytes; longer ones only cost hashing time.
pub const MAX_BYTES: usize = 1024;

/// Why a password is refused. Several can hold at once; the first that holds is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("a password has at least {MIN_CHARS} characters")]
    TooShort,
    #[error("a password has at most {MAX_BYTES} bytes")]
    TooLong,
    #[error("this password is easy to guess: it is a common one, or built from common words")]
    Common,
    #[error("the password must not be guessable from the email address or the username")]
    Personal,
}

/// Guesses that a password must be worth, as a power of ten.
///
/// zxcvbn calls 10^8 "safely unguessable" online, and 10^10 out of reach even for whoever holds the hashes (its scores
/// 3 and 4, from the paper at USENIX Security 2016). This line lies between, drawn by measurement. A common word
/// with a year and signs is worth up to 10^8.7 (`!!qwertzuiop123`; `!!!Sommer2026` 10^8.2), so score 3 would let it
/// pass. Ten random letters and digits are worth 10^10, which score 4 would refuse; of these, one in a hundred falls
/// below the line.
const MIN_GUESSES_LOG10: f64 = 9.0;
/// Only the beginning is estimated. The time grows with each sign that may stand for a letter (`4@8({[<`): the worst
/// 24 characters take 17 ms, the worst 100 more than a second; ordinary passwords take 0.1 ms.
const ESTIMATED_CHARS: usize = 24;
/// Words that zxcvbn's lists (English texts, leaked passwords, names from the USA) lack and that people here choose
/// first: the name of the service, as NIST asks, and German words.
const LOCAL_WORDS: &[&str] =
    &["nano", "marketplace", "nanomarketplace", "willkommen", "fruehling", "frühling", "ichliebedich"];

/// Checks a new password against the rules.
///
/// `email` and `username` are those of the account; the comparison ignores case.
pub fn check(password: &str, email: &str, username: &str) -> Result<(), PasswordError> {
    if password.chars().count() < MIN_CHARS {
        return Err(PasswordError::TooShort);
    }
    if password.len() > MAX_BYTES {
        return Err(PasswordError::TooLong);
    }
    let lower = password.to_lowercase();
    let (email, username) = (email.to_lowercase(), username.to_lowercase());
    let local = email.split('@').next().unwrap_or_default();
    let account = [email.as_str(), local, username.as_str()];
    if account.contains(&lower.as_str()) {
        return Err(PasswordError::Personal);
    }
    if !is_guessable(password, &[LOCAL_WORDS, &account].concat()) {
        return Ok(());
    }
    Err(if is_guessable(password, LOCAL_WORDS) { PasswordError::Common } else { PasswordError::Personal })
}

/// True when somebody who knows what people choose, and `words`, would soon guess the password.
fn is_guessable(password: &str, words: &[&str]) -> bool {
    let beginning: String = password.chars().take(ESTIMATED_CHARS).collect();
    zxcvbn::zxcvbn(&beginning, words).guesses_log10() < MIN_GUESSES_LOG10
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(password: &str) -> Result<(), PasswordError> {
        check(password, "ada.lovelace@example.org", "ada-countess")
    }

    #[test]
    fn length_is_counted_in_characters_and_capped_in_bytes() {
        assert_eq!(checked("kurz"), Err(PasswordError::TooShort));
        assert_eq!(checked("äöüßäöüßä"), Err(PasswordError::TooShort));
        assert_eq!(checked(&"xy7".repeat(400)), Err(PasswordError::TooLong));
    }

    #[test]
    fn the_usual_suspects_are_refused() {
        for bad in [
            "password123",
            "Passwort2024!",
            "1234567890",
            "0987654321",
            "qwertzuiop",
            "aaaaaaaaaa",
            "abcabcabcabc",
            "passwordpassword",
            "!!!Sommer2026",
            "111222333444",
            "1q2w3e4r5t",
            "abcdefghijkl",
        ] {
            assert_eq!(checked(bad), Err(PasswordError::Common), "{bad}");
        }
    }

    #[test]
    fn the_account_itself_is_no_secret() {
        assert_eq!(checked("Ada.Lovelace@example.org"), Err(PasswordError::Personal));
        assert_eq!(checked("ada.lovelace"), Err(PasswordError::Personal));
        assert_eq!(checked("ADA-countess"), Err(PasswordError::Personal));
        assert_eq!(check("Xylomancer!7", "x@example.org", "xylomancer"), Err(PasswordError::Personal));
        assert_eq!(check("Xylomancer!7", "x@example.org", "somebody"), Ok(()));
    }

    #[test]
    fn local_words_are_common_ones() {
        for bad in ["Willkommen2026!", "Frühling2026", "ichliebedich1", "NanoMarketplace!1"] {
            assert_eq!(checked(bad), Err(PasswordError::Common), "{bad}");
        }
    }

    #[test]
    fn the_longest_passwords_are_estimated_by_their_beginning() {
        assert_eq!(checked(&"4@8({[<369&#!1/0$5+7%2".repeat(40)), Ok(()));
        assert_eq!(checked(&"password".repeat(100)), Err(PasswordError::Common));
    }

    #[test]
    fn ordinary_passphrases_pass() {
        for good in ["correct horse battery", "Zwölf kleine Lerneinheiten", "kx93-Jf02-mm", "lernen-macht-klug-7"] {
            assert_eq!(checked(good), Ok(()), "{good}");
        }
    }
}
