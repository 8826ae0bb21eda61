//! The administration of accounts.

use super::{Section, entry};
use crate::reply::Code;

pub(super) const SECTION: Section = Section {
    en: "Users",
    de: "Konten",
    entries: &[
        entry(
            Code::OwnAccount,
            "Nobody changes their own role, suspends themselves, or takes their own second factor away as an admin.",
            "Ask another admin; a second factor: `POST /auth/2fa/disable`.",
            "Niemand ändert die eigene Rolle, sperrt sich selbst oder nimmt sich als Admin den eigenen zweiten Faktor.",
            "Eine andere Admin bitten; ein zweiter Faktor: `POST /auth/2fa/disable`.",
        ),
        entry(
            Code::LastAdmin,
            "Nobody else is an active admin.",
            "Make another one first: `PUT /admin/users/{id}/role`.",
            "Sonst ist niemand aktive Admin.",
            "Zuerst eine weitere ernennen: `PUT /admin/users/{id}/role`.",
        ),
        entry(
            Code::ExportTooSoon,
            "A copy of the person's data was asked for less than a day ago (`details.next_at`).",
            "Download that one (`GET /me/data-export/download`), or ask again after `Retry-After` seconds.",
            "Eine Kopie der Daten dieser Person wurde vor weniger als einem Tag angefordert (`details.next_at`).",
            "Jene herunterladen (`GET /me/data-export/download`) oder nach `Retry-After` Sekunden noch einmal fragen.",
        ),
        entry(
            Code::ErasureWaits,
            "The erasure of the account waits for the end of its 30 days, or is under way.",
            "Nothing; `GET /me/deletion` says when, and `DELETE /me/deletion` keeps the account.",
            "Die Löschung des Kontos wartet auf das Ende ihrer 30 Tage oder läuft.",
            "Nichts; `GET /me/deletion` sagt, wann, und `DELETE /me/deletion` behält das Konto.",
        ),
        entry(
            Code::AccountUnconfirmed,
            "Only who has confirmed their address may moderate, operate or administer: until then the account may belong to whoever typed the address.",
            "Its owner follows the link in their mail first.",
            "Nur wer die eigene Adresse bestätigt hat, darf moderieren, den Betrieb steuern oder verwalten: Bis dahin kann das Konto jedem gehören, der die Adresse eingetippt hat.",
            "Zuerst folgt der Mensch, dem sie gehört, dem Link in seiner Mail.",
        ),
        entry(
            Code::AccountState,
            "The account's status (`details.status`) does not allow it: a suspended one is not suspended again, a deleted one stays so. Without `details`: it has no second factor.",
            "See how it is: `GET /admin/users/{id}`.",
            "Der Status des Kontos (`details.status`) lässt es nicht zu: Ein gesperrtes wird nicht noch einmal gesperrt, ein gelöschtes bleibt gelöscht. Ohne `details`: Es hat keinen zweiten Faktor.",
            "Nachsehen, wie es ist: `GET /admin/users/{id}`.",
        ),
    ],
};
