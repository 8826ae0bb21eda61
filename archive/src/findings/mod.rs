//! Findings: codes with their texts in both languages, and the report they add up to.

pub mod code;
mod figures;
pub mod report;
mod texts_de;
mod texts_en;
pub mod writer;
