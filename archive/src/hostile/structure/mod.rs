//! Archives whose structure misleads: headers, end records, extra fields, names.

pub mod ends;
pub mod extras;
pub mod formats;
pub mod headers;
pub mod layout;
pub mod letters;
pub mod names;
pub mod zip64;
