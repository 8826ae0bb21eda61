//! Searches that people keep, and are told of new nanos by.

use serde::{Deserialize, Serialize};

use crate::{ids::UserId, nano::Format, user::Language};

/// Most saved searches of one person.
pub const SAVED_SEARCHES_MAX: u64 = 25;
/// Longest name of a saved search, in characters.
pub const SAVED_SEARCH_NAME_MAX: usize = 100;

/// What is looked for, as it is stored: the words and filters of a search. Absent ones do not filter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Criteria {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// A slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creator: Option<UserId>,
    /// Minutes, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_min: Option<u32>,
    /// Minutes, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_max: Option<u32>,
}

impl Criteria {
    /// Whether it would find everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
