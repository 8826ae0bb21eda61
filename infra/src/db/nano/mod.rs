//! Nanos, and everything that hangs on one: uploads, versions, events, moderation cases, downloads, categories, ratings,
//! favourites.

pub mod categories;
pub mod downloads;
pub mod favorites;
pub mod moderation_cases;
pub mod nano_edits;
pub mod nano_events;
pub mod nano_lists;
pub mod nano_totals;
pub mod nano_versions;
pub mod nanos;
pub mod rating_lists;
pub mod rating_votes;
pub mod rating_words;
pub mod ratings;
pub mod uploads;
