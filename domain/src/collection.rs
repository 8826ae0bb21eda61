//! Favourites and lists of nanos: how many there may be, and who sees a list.

use crate::words;

/// Most favourites of one person.
pub const FAVORITES_MAX: u64 = 5_000;
/// Most lists of one person.
pub const LISTS_MAX: u64 = 100;
/// Most nanos on one list.
pub const LIST_NANOS_MAX: usize = 200;
/// Longest name of a list, in characters.
pub const LIST_NAME_MAX: usize = 100;
/// Longest description of a list, in characters.
pub const LIST_DESCRIPTION_MAX: usize = 500;

words! {
    /// Who sees a list besides the person who keeps it.
    pub enum Visibility ("visibility") {
        /// Nobody.
        Private = "private",
        /// Whoever has its link.
        Link = "link",
    }
}
