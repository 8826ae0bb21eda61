//! Moderation.

use super::{Section, entry};
use crate::reply::Code;

pub(super) const SECTION: Section = Section {
    en: "Moderation",
    de: "Moderation",
    entries: &[
        entry(
            Code::OwnNano,
            "Nobody decides about their own nano, or about what others say of it, and nobody rates it.",
            "Leave it to others.",
            "Über das eigene Nano, und was andere dazu sagen, entscheidet niemand selbst, und niemand bewertet es.",
            "Es anderen überlassen.",
        ),
        entry(
            Code::CaseClosed,
            "The case was decided, or the version was withdrawn meanwhile, or somebody else works on it.",
            "Reload the queue.",
            "Der Fall wurde entschieden, die Version inzwischen zurückgezogen, oder jemand anderes arbeitet daran.",
            "Die Liste neu laden.",
        ),
    ],
};
