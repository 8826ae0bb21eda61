//! Names of entries (rules 9 and 10): how they are decoded, which are refused, and that no two mean the same file.

mod codepage;
mod joiners;
pub mod name;
pub mod unique;
