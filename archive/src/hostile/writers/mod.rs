//! Ordinary learning content as real programs pack it, header by header: each program and setting once, with where its
//! layout was seen. All of it must pass.

mod content;
mod java;
mod javascript;
mod languages;
mod mac;
mod office;
mod services;
mod style;
mod unix;
mod windows;

pub use content::Set;
pub use office::{Office, office};

use style::Style;

/// An archive as one program writes one set of files, and the names its files must come out with.
#[derive(Clone, Debug)]
pub struct Written {
    /// The program and its setting.
    pub writer: &'static str,
    pub set: Set,
    pub bytes: Vec<u8>,
    /// Without folders and what is left out, in the order of the archive.
    pub names: Vec<String>,
}

/// Every writer with every set it can pack.
pub fn written() -> Vec<Written> {
    styles().iter().flat_map(|style| Set::ALL.iter().filter_map(|&set| style.write(set))).collect()
}

/// How many programs and settings there are.
pub fn writers() -> usize {
    styles().len()
}

fn styles() -> Vec<Style> {
    [
        unix::styles(),
        windows::styles(),
        mac::styles(),
        languages::styles(),
        javascript::styles(),
        java::styles(),
        services::styles(),
    ]
    .concat()
}
