//! Moderation.

use super::{Section, entry};
use crate::reply::Code;

pub(super) const SECTION: Section = Section {
    en: "Moderation",
    de: "Moderation",
    entries: &[
        entry(
            Code::OwnNano,
            "Nobody decides about their own nano.",
            "Leave it to another moderator.",
            "Über das eigene Nano entscheidet niemand.",
            "Es jemand anderem aus der Moderation überlassen.",
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
