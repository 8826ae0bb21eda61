//! What counts as a password: length first (NIST SP 800-63B, 5.1.1.2), no character-class rules, nothing that
//! stands at the top of every list of leaked passwords.

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
    #[error("this password is among the most common ones")]
    Common,
    #[error("the password must not be the email address or the username")]
    Personal,
}

/// Words that leaked passwords are built from: the word alone, repeated, or with digits and signs around it.
const COMMON_STEMS: &[&str] = &[
    "password",
    "passwort",
    "passw0rd",
    "p@ssword",
    "p@ssw0rd",
    "kennwort",
    "geheim",
    "hallo",
    "hello",
    "letmein",
    "welcome",
    "willkommen",
    "admin",
    "administrator",
    "login",
    "master",
    "qwerty",
    "qwertz",
    "qwertyuiop",
    "qwertzuiop",
    "asdfghjkl",
    "asdfasdf",
    "yxcvbnm",
    "zxcvbnm",
    "iloveyou",
    "ichliebedich",
    "schatz",
    "sommer",
    "winter",
    "fruehling",
    "herbst",
    "summer",
    "spring",
    "autumn",
    "monkey",
    "dragon",
    "football",
    "fussball",
    "baseball",
    "basketball",
    "superman",
    "batman",
    "starwars",
    "pokemon",
    "princess",
    "sunshine",
    "trustno",
    "michael",
    "jennifer",
    "daniel",
    "andreas",
    "changeme",
    "default",
    "secret",
    "computer",
    "internet",
    "samsung",
    "test",
    "testtest",
    "test123",
    "user",
    "guest",
    "root",
    "toor",
    "abc",
    "abcd",
    "abcdef",
    "abcdefgh",
    "abcdefghij",
    "qazwsx",
    "qazwsxedc",
    "1qaz2wsx",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "zaq12wsx",
    "q1w2e3r4",
    "nano",
    "marketplace",
    "nanomarketplace",
    "whatever",
    "freedom",
    "shadow",
    "mustang",
    "corvette",
    "liverpool",
    "arsenal",
    "bayern",
    "dortmund",
    "schalke",
    "deutschland",
    "berlin",
    "hamburg",
    "muenchen",
];

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
    let email = email.to_lowercase();
    let local = email.split('@').next().unwrap_or_default();
    if lower == email || lower == local || lower == username.to_lowercase() {
        return Err(PasswordError::Personal);
    }
    if is_common(&lower) {
        return Err(PasswordError::Common);
    }
    Ok(())
}

fn is_common(lower: &str) -> bool {
    let stem = lower.trim_matches(|c: char| !c.is_alphabetic());
    stem.is_empty() && is_run(lower)
        || COMMON_STEMS.contains(&stem)
        || COMMON_STEMS.contains(&lower.trim_matches(|c: char| !c.is_alphanumeric()))
        || is_repetition(lower)
        || is_run(lower)
}

/// One piece of up to 4 characters, or one common word, over and over: `aaaaaaaaaa`, `abcabcabcabc`.
fn is_repetition(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=chars.len() / 2).any(|size| {
        let piece: String = chars[..size].iter().collect();
        chars.iter().zip(chars.iter().skip(size)).all(|(a, b)| a == b)
            && (size <= 4 || COMMON_STEMS.contains(&piece.as_str()))
    })
}

/// At most two breaks in a chain of neighbours: `1234567890`, `9876543210`, `abcdefghijkl`, `1234512345`.
fn is_run(text: &str) -> bool {
    let chars: Vec<u32> = text.chars().map(u32::from).collect();
    let breaks = chars.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) > 1).count();
    breaks <= 2 && chars.iter().max().zip(chars.iter().min()).is_some_and(|(max, min)| max - min <= 60)
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
    }

    #[test]
    fn ordinary_passphrases_pass() {
        for good in ["correct horse battery", "Zwölf kleine Lerneinheiten", "kx93-Jf02-mm", "lernen-macht-klug-7"] {
            assert_eq!(checked(good), Ok(()), "{good}");
        }
    }
}
