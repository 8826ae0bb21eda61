//! Archives made to mislead a ZIP reader, and honest ones as the usual programs write them, both made by code.
//!
//! Tests of this and other crates feed them to the gate; nothing else uses them.

mod content;
mod ends;
mod honest;
mod names;
mod plan;
mod sample;
mod structure;

pub use honest::{archive, honest};

use super::code::Code;

/// One hostile archive and the code that must be among its findings.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub expected: Code,
}

/// All hostile archives, each refused under the default options. They are small: a few MiB in all.
pub fn corpus() -> Vec<Case> {
    let mut cases = ends::cases();
    cases.extend(structure::cases());
    cases.extend(names::cases());
    cases.extend(content::cases());
    cases
}

fn case(name: &'static str, bytes: Vec<u8>, expected: Code) -> Case {
    Case { name, bytes, expected }
}
