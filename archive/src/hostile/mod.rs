//! Archives made to mislead a ZIP reader, and honest ones as the usual programs write them, both made by code.
//!
//! Tests of this and other crates feed them to the gate; nothing else uses them.

mod bombs;
mod disguises;
mod documents;
mod ends;
mod extras;
mod formats;
mod headers;
mod honest;
mod layout;
mod letters;
mod names;
mod nested;
mod plan;
mod polyglots;
mod programs;
#[cfg(test)]
mod properties;
mod sample;
mod streams;
mod zip64;

pub use bombs::document_with_bomb;
pub use honest::{archive, honest};

use super::code::Code;

/// One hostile archive and the code that must be among its findings.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub expected: Code,
}

/// All hostile archives, each refused under the default options. They are small: about 12 MiB in all.
pub fn corpus() -> Vec<Case> {
    [
        ends::cases(),
        zip64::cases(),
        layout::cases(),
        headers::cases(),
        formats::cases(),
        extras::cases(),
        names::cases(),
        streams::cases(),
        bombs::cases(),
        nested::cases(),
        programs::cases(),
        disguises::cases(),
        polyglots::cases(),
        documents::cases(),
    ]
    .concat()
}

fn case(name: &'static str, bytes: Vec<u8>, expected: Code) -> Case {
    Case { name, bytes, expected }
}
