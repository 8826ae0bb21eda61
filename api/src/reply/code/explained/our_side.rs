//! What is not the caller's doing.

use super::{Section, entry};
use crate::reply::Code;

pub(super) const SECTION: Section = Section {
    en: "Our side",
    de: "Auf unserer Seite",
    entries: &[
        entry(
            Code::Maintenance,
            "The operators have begun maintenance (`details.reason`, `details.since`): what would change something is refused.",
            "Try again after `Retry-After` seconds; `GET /maintenance` says whether it is over.",
            "Der Betrieb wartet die Anlage (`details.reason`, `details.since`): was etwas ändern würde, wird abgelehnt.",
            "Nach `Retry-After` Sekunden noch einmal versuchen; `GET /maintenance` sagt, ob es vorbei ist.",
        ),
        entry(
            Code::TooManyConnections,
            "The process has as many connections as it may have, in all or from this address.",
            "Try again after `Retry-After` seconds; reuse connections.",
            "Der Prozess hat so viele Verbindungen, wie er haben darf, insgesamt oder von dieser Adresse.",
            "Nach `Retry-After` Sekunden noch einmal versuchen; Verbindungen wiederverwenden.",
        ),
        entry(
            Code::Unavailable,
            "A service is away, or all database connections are in use.",
            "Try again after `Retry-After` seconds.",
            "Ein Dienst ist nicht da, oder alle Datenbankverbindungen sind belegt.",
            "Nach `Retry-After` Sekunden noch einmal versuchen.",
        ),
        entry(
            Code::QueryTooSlow,
            "A look-up of the admin pages took longer than 3 s and was stopped, so that it does not slow the work it looks at.",
            "Name a kind, an owner or a reference, or a shorter time; try again after `Retry-After` seconds when the database is busy.",
            "Eine Abfrage der Verwaltungsseiten dauerte länger als 3 s und wurde abgebrochen, damit sie die Arbeit nicht bremst, die sie ansieht.",
            "Eine Art, einen Eigentümer, einen Bezug oder einen kürzeren Zeitraum nennen; ist die Datenbank beschäftigt, nach `Retry-After` Sekunden noch einmal versuchen.",
        ),
        entry(
            Code::Internal,
            "A fault of ours.",
            "Report the request id.",
            "Ein Fehler von uns.",
            "Die Request-ID melden.",
        ),
    ],
};
