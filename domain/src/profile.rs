//! What people say of themselves.

use std::str::FromStr;

/// Categories that somebody may be interested in.
pub const INTERESTS_MAX: usize = 5;
pub const NAME_MAX: usize = 100;
pub const BIO_MAX: usize = 500;
/// Of a company, and of a job title.
pub const WORK_MAX: usize = 100;

/// The text is no telephone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a telephone number")]
pub struct PhoneError;

/// A telephone number in the form it is stored in: digits, 5 to 15 of them (ITU-T E.164, 6), with a `+` before a country's code.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone(String);

impl FromStr for Phone {
    type Err = PhoneError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (plus, rest) = text.strip_prefix('+').map_or(("", text), |rest| ("+", rest));
        let mut digits = String::new();
        for c in rest.chars() {
            match c {
                '0'..='9' => digits.push(c),
                // How people group them.
                ' ' | '\u{a0}' | '-' | '/' | '.' | '(' | ')' => {}
                _ => return Err(PhoneError),
            }
        }
        if (5..=15).contains(&digits.len()) { Ok(Self(format!("{plus}{digits}"))) } else { Err(PhoneError) }
    }
}

impl Phone {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, stored) in [
            (" +49 (30) 901820 ", "+4930901820"),
            ("030/90 18-20", "030901820"),
            ("+1.202.456.1111", "+12024561111"),
            ("12345", "12345"),
        ] {
            assert_eq!(text.parse::<Phone>().map(|phone| phone.0).as_deref(), Ok(stored), "{text}");
        }
        for wrong in ["", "1234", "+1234567890123456", "0800 CALL", "++49301234", "٠٣٠١٢٣٤٥", "030+12345"] {
            assert!(wrong.parse::<Phone>().is_err(), "{wrong}");
        }
    }
}
