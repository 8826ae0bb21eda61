//! Webhooks.

use super::{Section, entry};
use crate::reply::Code;

pub(super) const SECTION: Section = Section {
    en: "Webhooks",
    de: "Webhooks",
    entries: &[entry(
        Code::WebhookDisabled,
        "Its owner has switched it off, or it has failed for days (`disabled_for` of the webhook says which).",
        "Switch it on with `PATCH /me/webhooks/{id}` and `\"enabled\": true`, then ask again.",
        "Er wurde von der Person selbst abgeschaltet oder war tagelang nicht zu erreichen (`disabled_for` des Webhooks nennt den Grund).",
        "Mit `PATCH /me/webhooks/{id}` und `\"enabled\": true` einschalten, dann noch einmal fragen.",
    )],
};
