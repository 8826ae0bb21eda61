//! Many changes at once, and how an index is made anew from the rows.

use domain::ids::NanoId;

use super::{Document, SearchBackend};

/// A write, with the version of the row that it was made from.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Upsert { document: Box<Document>, version: u64 },
    Delete { id: NanoId, version: u64 },
}

impl Change {
    pub fn id(&self) -> NanoId {
        match self {
            Self::Upsert { document, .. } => document.id,
            Self::Delete { id, .. } => *id,
        }
    }

    pub fn version(&self) -> u64 {
        match self {
            Self::Upsert { version, .. } | Self::Delete { version, .. } => *version,
        }
    }
}

/// What an index says about one nano.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    pub id: NanoId,
    pub version: u64,
    /// Whether queries find it; otherwise it is what a removal left behind.
    pub published: bool,
}

/// How an index is made anew.
pub enum Renewal {
    /// Where it is: this is what it says, in the order of the ids.
    InPlace(Vec<Known>),
    /// In an index beside it, which takes its place when it is full ([`SearchBackend::take_over`]).
    Beside {
        index: SearchBackend,
        /// It was made just now, and is empty.
        begun: bool,
    },
}
