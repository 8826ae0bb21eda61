//! Nanos and uploads.

use super::{Section, entry};
use crate::reply::Code;

pub(super) const SECTION: Section = Section {
    en: "Nanos and uploads",
    de: "Nanos und Uploads",
    entries: &[
        entry(
            Code::MoveNotAllowed,
            "The nano's status does not allow the step; `details` has status and action.",
            "Read the nano first. While it is being checked or reviewed, it cannot be edited.",
            "Der Status des Nanos erlaubt den Schritt nicht; `details` nennt Status und Schritt.",
            "Zuerst das Nano lesen. Solange es geprüft oder begutachtet wird, lässt es sich nicht ändern.",
        ),
        entry(
            Code::VersionInProgress,
            "An earlier file of this nano is still being checked or waits for review.",
            "Wait for it, or `POST /nanos/{id}/withdraw`.",
            "Eine frühere Datei dieses Nanos wird noch geprüft oder wartet auf die Begutachtung.",
            "Darauf warten, oder `POST /nanos/{id}/withdraw`.",
        ),
        entry(
            Code::OwnRating,
            "The rating is the caller's own.",
            "Leave it to others.",
            "Die Bewertung stammt von der fragenden Person selbst.",
            "Es anderen überlassen.",
        ),
        entry(
            Code::RatingExists,
            "There is one rating for each person and nano; `details.rating_id` is this one.",
            "`PATCH /ratings/{rating_id}`.",
            "Es gibt eine Bewertung je Person und Nano; `details.rating_id` ist diese.",
            "`PATCH /ratings/{rating_id}`.",
        ),
        entry(
            Code::RatingRemoved,
            "A moderator removed the rating; it cannot be changed, deleted or replaced by another.",
            "The mail about it and `GET /ratings/{rating_id}` have the reason.",
            "Die Moderation hat die Bewertung entfernt; sie lässt sich weder ändern noch löschen noch ersetzen.",
            "Der Grund steht in der Mail dazu und in `GET /ratings/{rating_id}`.",
        ),
        entry(
            Code::CollectionFull,
            "The caller has 5,000 favourites, 100 lists, 25 saved searches or 10 webhooks, the list has 200 nanos, the webhook has 5 secrets that are still good or 20 test messages under way, or the delivery was sent 20 times; `details.limit` says which.",
            "Remove some first; secrets that were replaced end by themselves after a day, test messages once they have arrived or failed.",
            "Die fragende Person hat 5.000 Favoriten, 100 Listen, 25 gespeicherte Suchen oder 10 Webhooks, die Liste hat 200 Nanos, der Webhook hat 5 noch gültige Geheimnisse oder 20 Testnachrichten unterwegs, oder die Zustellung wurde 20-mal gesendet; `details.limit` nennt die Grenze.",
            "Zuerst einige entfernen; ersetzte Geheimnisse enden nach einem Tag von selbst, Testnachrichten, sobald sie angekommen oder gescheitert sind.",
        ),
        entry(
            Code::UploadClosed,
            "The upload is finished, given up or expired (`details.state`).",
            "Begin another.",
            "Der Upload ist abgeschlossen, aufgegeben oder abgelaufen (`details.state`).",
            "Einen neuen beginnen.",
        ),
        entry(
            Code::FileEmpty,
            "The file has 0 bytes.",
            "Choose the file again.",
            "Die Datei hat 0 Bytes.",
            "Die Datei noch einmal auswählen.",
        ),
        entry(
            Code::FileTooLarge,
            "The file is larger than `UPLOAD_MAX_BYTES`; `details.limit` says how large it may be.",
            "Make it smaller or split it.",
            "Die Datei ist größer als `UPLOAD_MAX_BYTES`; `details.limit` sagt, wie groß sie sein darf.",
            "Sie verkleinern oder aufteilen.",
        ),
        entry(
            Code::LengthMismatch,
            "Fewer or more bytes arrived than `Content-Length` announced. Nothing is kept.",
            "Upload again.",
            "Es kamen weniger oder mehr Bytes an, als `Content-Length` angekündigt hat. Nichts davon wird behalten.",
            "Noch einmal hochladen.",
        ),
        entry(
            Code::ChecksumMismatch,
            "The SHA-256 of what arrived is not the one that `Content-Digest` announced. Nothing is kept.",
            "Upload again.",
            "Die SHA-256-Summe der empfangenen Bytes ist nicht die, die `Content-Digest` angekündigt hat. Nichts davon wird behalten.",
            "Noch einmal hochladen.",
        ),
    ],
};
