//! Ids and words: the two small types that every table is made of, each defined in one line.
//!
//! An id is a UUID of its own type, a word one of a few fixed texts. Both know their text and their JSON; with the feature
//! `sql` also their columns (`BINARY(16)` and `ENUM`), so that statements bind and return them without conversions.

mod id;
mod word;

pub use word::{UnknownWord, Words};

#[doc(hidden)]
pub mod private {
    #[cfg(feature = "sql")]
    pub use sqlx;
    pub use uuid;
}
