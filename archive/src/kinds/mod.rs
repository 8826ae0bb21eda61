//! Kinds of files (rule 13): what may be in an archive, and whether a file is what its name says.

pub mod content_types;
pub mod kind;
pub mod magic;
pub mod scope;
pub mod second;
pub mod sniff;
pub mod text;
