//! Names that the system gives: of kinds of jobs, queues, schedules, classes of failures and outcomes.

use std::{fmt, ops::Deref, str::FromStr};

use serde::Deserialize;

/// A name that somebody has typed: 1 to 64 visible ASCII characters.
///
/// The columns of such names are `ascii`. The database answers a comparison of one with any other text by an error of the
/// statement, not by "no such row", so text becomes a `Name` before it comes near a query: in paths and filters of requests as in
/// arguments of commands.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {} visible ASCII characters", Name::LONGEST)]
pub struct NotAName;

impl Name {
    /// No column of names is wider.
    pub const LONGEST: usize = 64;
    /// What it looks like, for the OpenAPI document.
    pub const PATTERN: &str = "^[!-~]+$";
}

impl TryFrom<String> for Name {
    type Error = NotAName;
    fn try_from(text: String) -> Result<Self, NotAName> {
        let fits = (1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text)) } else { Err(NotAName) }
    }
}

impl FromStr for Name {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        text.to_owned().try_into()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl Deref for Name {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_visible_ascii() {
        for good in ["send_email", "a", "smtp:550", "%'\\", &"a".repeat(64)] {
            assert_eq!(good.parse::<Name>().as_deref(), Ok(good));
        }
        for bad in ["", " ", "a b", "é", "a\u{0}", "\u{7f}", "\u{202e}", &"a".repeat(65)] {
            assert_eq!(bad.parse::<Name>(), Err(NotAName), "{bad:?}");
        }
    }
}
