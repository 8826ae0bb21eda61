//! What can be wrong with any request.

use super::{Section, entry};
use crate::reply::Code;

pub(super) const SECTION: Section = Section {
    en: "Requests",
    de: "Anfragen",
    entries: &[
        entry(
            Code::ValidationFailed,
            "Fields are missing, wrong or unknown. `details.fields` names every one of them, each with its own message.",
            "Correct the fields and send the request again.",
            "Felder fehlen, sind falsch oder unbekannt. `details.fields` nennt jedes einzelne mit einer eigenen Meldung.",
            "Die Felder berichtigen und die Anfrage noch einmal senden.",
        ),
        entry(
            Code::MalformedJson,
            "The body is not a JSON object. `details` has line and column where the parser knows them.",
            "Send valid JSON.",
            "Der Inhalt ist kein JSON-Objekt. `details` nennt Zeile und Spalte, soweit der Parser sie kennt.",
            "Gültiges JSON senden.",
        ),
        entry(
            Code::UnsupportedMediaType,
            "A body was sent with another `Content-Type` than `application/json`.",
            "Set the header.",
            "Ein Inhalt kam mit einem anderen `Content-Type` als `application/json`.",
            "Den Header setzen.",
        ),
        entry(
            Code::BodyTooLarge,
            "A JSON body has more than 64 KiB.",
            "Send less; files go to `PUT /nanos/{id}/file`.",
            "Ein JSON-Inhalt hat mehr als 64 KiB.",
            "Weniger senden; Dateien gehören an `PUT /nanos/{id}/file`.",
        ),
        entry(
            Code::BodyInterrupted,
            "The body ended early, was silent for 30 s (`STALL_TIMEOUT`), came with less than 2 KiB/s on the whole, or a JSON body took longer than 15 s.",
            "Send it again.",
            "Der Inhalt brach ab, stockte 30 s lang (`STALL_TIMEOUT`), kam im Ganzen mit weniger als 2 KiB/s, oder ein JSON-Inhalt brauchte länger als 15 s.",
            "Noch einmal senden.",
        ),
        entry(
            Code::HostInvalid,
            "`details.reason`: the request has no `Host` (`missing`), several (`repeated`), one that is none (`malformed`), or its absolute target names another one (`not_the_target`).",
            "Send one `Host` header.",
            "`details.reason`: Die Anfrage hat keinen `Host` (`missing`), mehrere (`repeated`), einen, der keiner ist (`malformed`), oder ihr absolutes Ziel nennt einen anderen (`not_the_target`).",
            "Genau einen `Host`-Header senden.",
        ),
        entry(
            Code::IdempotencyKeyReused,
            "The caller has sent this `Idempotency-Key` with another request (method, address or body) within 24 hours.",
            "Take a new key for each thing to be made; send a repeated request byte for byte as before.",
            "Dieser `Idempotency-Key` kam in den letzten 24 Stunden vom selben Aufrufer mit einer anderen Anfrage (Methode, Adresse oder Inhalt).",
            "Für alles, was angelegt werden soll, einen neuen Schlüssel nehmen; eine wiederholte Anfrage Byte für Byte wie zuvor senden.",
        ),
        entry(
            Code::IdempotencyKeyInUse,
            "The first request with this `Idempotency-Key` has not been answered yet.",
            "Ask again after `Retry-After` seconds; the answer is then that of the first one.",
            "Die erste Anfrage mit diesem `Idempotency-Key` ist noch nicht beantwortet.",
            "Nach `Retry-After` Sekunden noch einmal fragen; die Antwort ist dann die der ersten.",
        ),
        entry(
            Code::PreconditionFailed,
            "`If-Match` names a state that is no longer the current one: somebody has edited it since it was read. `details` has the current `revision` and `etag`.",
            "Read it again, repeat the change on what it says now, and send the new `ETag`.",
            "`If-Match` nennt einen Stand, der nicht mehr der jetzige ist: seit dem Lesen hat ihn jemand geändert. `details` nennt `revision` und `etag` des jetzigen.",
            "Neu lesen, die Änderung am jetzigen Stand wiederholen und dessen `ETag` senden.",
        ),
        entry(
            Code::PreconditionRequired,
            "Somebody else's nano is edited without `If-Match`: its creator may be editing it at the same time.",
            "Read the nano and send its `ETag` in `If-Match`.",
            "Ein fremdes Nano wird ohne `If-Match` geändert: vielleicht ändert es gerade auch, wer es erstellt hat.",
            "Das Nano lesen und sein `ETag` in `If-Match` senden.",
        ),
        entry(
            Code::CursorInvalid,
            "`cursor` is not what an earlier page of this list, with the same filter, gave out as `meta.next_cursor`.",
            "Begin again without a cursor; send cursors with the filter they came from.",
            "`cursor` ist nicht das, was eine frühere Seite dieser Liste mit demselben Filter als `meta.next_cursor` genannt hat.",
            "Ohne Cursor neu beginnen; Cursor nur mit dem Filter senden, zu dem sie gehören.",
        ),
        entry(
            Code::NotFound,
            "There is nothing at this address, or nothing this caller may see: what is private and not yours looks like this too.",
            "Check the address and whom you are signed in as.",
            "Unter dieser Adresse gibt es nichts, oder nichts, was dieser Aufrufer sehen darf: auch Privates von anderen sieht so aus.",
            "Die Adresse prüfen, und wer angemeldet ist.",
        ),
        entry(
            Code::MethodNotAllowed,
            "The address exists, but not with this method.",
            "See the OpenAPI document.",
            "Die Adresse gibt es, aber nicht mit dieser Methode.",
            "Im OpenAPI-Dokument nachsehen.",
        ),
    ],
};
