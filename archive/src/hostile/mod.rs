//! Archives made to mislead a ZIP reader, and honest ones as the usual programs write them, both made by code.
//!
//! Tests of this and other crates feed them to the gate; nothing else uses them.

mod files;
mod honest;
pub mod packages;
mod plan;
#[cfg(test)]
mod properties;
mod sample;
mod structure;
mod writers;

use crate::findings::code::Code;
use files::{bombs, disguises, documents, nested, polyglots, programs, streams};
use structure::{ends, extras, formats, headers, layout, names, zip64};

pub use files::bombs::document_with_bomb;
#[cfg(test)]
pub(crate) use files::streams::{dynamic_block, lenient_streams};
pub use honest::{archive, honest};
pub use writers::{Office, Set, Written, office, writers, written};

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
        packages::in_other_formats(),
    ]
    .concat()
}

fn case(name: &'static str, bytes: Vec<u8>, expected: Code) -> Case {
    Case { name, bytes, expected }
}
