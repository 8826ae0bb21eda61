//! Why each error code is answered, and what to do about it, in German and English; and the page that is made of it,
//! `docs/errors.md`.

use std::fmt::Write;

use domain::user::Language;

use super::Code;

/// A code's explanation in one language.
pub struct Explained {
    pub cause: &'static str,
    pub cure: &'static str,
}

/// One code in both.
struct Entry {
    code: Code,
    en: Explained,
    de: Explained,
}

/// What belongs together, with its heading in English and German.
struct Section {
    en: &'static str,
    de: &'static str,
    entries: &'static [Entry],
}

const fn entry(
    code: Code,
    cause: &'static str,
    cure: &'static str,
    cause_de: &'static str,
    cure_de: &'static str,
) -> Entry {
    Entry { code, en: Explained { cause, cure }, de: Explained { cause: cause_de, cure: cure_de } }
}

const SECTIONS: &[Section] = &[
    Section {
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
    },
    Section {
        en: "Signing in",
        de: "Anmelden",
        entries: &[
            entry(
                Code::Unauthorized,
                "The access token is missing, unreadable, or signed by a key this installation does not know.",
                "Send `Authorization: Bearer <access token>`.",
                "Das Zugriffstoken fehlt, ist unlesbar oder mit einem Schlüssel unterschrieben, den diese Installation nicht kennt.",
                "`Authorization: Bearer <access token>` senden.",
            ),
            entry(
                Code::TokenExpired,
                "The access token is older than its lifetime (15 minutes by default).",
                "`POST /auth/refresh-token`.",
                "Das Zugriffstoken ist älter als seine Gültigkeit (üblich sind 15 Minuten).",
                "`POST /auth/refresh-token`.",
            ),
            entry(
                Code::SessionEnded,
                "Somebody signed out of this session, or its refresh token was used twice, or it is older than 90 days.",
                "Sign in again.",
                "Die Sitzung wurde beendet, ihr Refresh-Token zweimal benutzt, oder sie ist älter als 90 Tage.",
                "Neu anmelden.",
            ),
            entry(
                Code::InvalidCredentials,
                "Email or password is wrong; which of them is not told.",
                "Try again; after 5 failures in 15 minutes from one address there is a pause.",
                "E-Mail-Adresse oder Passwort ist falsch; welches von beiden, wird nicht gesagt.",
                "Noch einmal versuchen; nach 5 Fehlversuchen von einer Adresse in 15 Minuten gibt es eine Pause.",
            ),
            entry(
                Code::InvalidRefreshToken,
                "The refresh token is unknown, expired, revoked or used already, or the session is older than 90 days. A second use ends the session for everybody, but for the same client (`User-Agent`) 1 to 60 s after the first, while nobody has used what that was answered with: its answer may have been lost.",
                "Sign in again.",
                "Das Refresh-Token ist unbekannt, abgelaufen, widerrufen oder schon benutzt, oder die Sitzung ist älter als 90 Tage. Eine zweite Benutzung beendet die Sitzung für alle; nur derselbe Client (`User-Agent`) darf sie 1 bis 60 s nach der ersten wiederholen, solange niemand deren Antwort benutzt hat: sie kann verloren gegangen sein.",
                "Neu anmelden.",
            ),
            entry(
                Code::TooManyAttempts,
                "Too many failed logins, or as many under way at once. `RateLimit-Policy` says which limit: `login` (5 in 15 minutes, of this account from this address or browser), `login-address` (100 in 15 minutes, from this address), `login-account` (this account is guessed at from everywhere; one attempt in 2 s is tried), `login-code` (50 wrong codes of a second factor in a day; recovery codes are let through, and browsers that have signed in with a code before).",
                "Wait as long as `Retry-After` says.",
                "Zu viele Fehlversuche, oder ebenso viele zugleich. `RateLimit-Policy` nennt die Grenze: `login` (5 in 15 Minuten, für dieses Konto von dieser Adresse oder diesem Browser), `login-address` (100 in 15 Minuten von dieser Adresse), `login-account` (dieses Konto wird von überall her erraten; alle 2 s wird ein Versuch geprüft), `login-code` (50 falsche Codes eines zweiten Faktors am Tag; Wiederherstellungscodes werden durchgelassen, und Browser, die sich schon mit einem Code angemeldet haben).",
                "So lange warten, wie `Retry-After` sagt.",
            ),
            entry(
                Code::AccountNotActive,
                "The account is inactive, suspended or deleted (`details.status`).",
                "Ask the operators.",
                "Das Konto ist inaktiv, gesperrt oder gelöscht (`details.status`).",
                "Beim Betreiber nachfragen.",
            ),
            entry(
                Code::EmailNotVerified,
                "Uploading and downloading need a confirmed address.",
                "Follow the link in the mail, or `POST /auth/resend-verification`.",
                "Hoch- und Herunterladen setzen eine bestätigte Adresse voraus.",
                "Dem Link in der Mail folgen, oder `POST /auth/resend-verification`.",
            ),
            entry(
                Code::Forbidden,
                "The role lacks a right (`details.permission`), or a public nano belongs to somebody else.",
                "To upload, accept the creator terms: `POST /users/me/creator-terms`. Otherwise ask somebody with the right.",
                "Der Rolle fehlt ein Recht (`details.permission`), oder ein öffentliches Nano gehört jemand anderem.",
                "Zum Hochladen die Creator-Bedingungen annehmen: `POST /users/me/creator-terms`. Sonst jemanden mit dem Recht bitten.",
            ),
            entry(
                Code::UsernameTaken,
                "Another account has this username.",
                "Choose another.",
                "Ein anderes Konto hat diesen Benutzernamen.",
                "Einen anderen wählen.",
            ),
            entry(
                Code::ScopeMissing,
                "A personal access token without the scope that the operation asks for (`details.scope`; `x-scope` in the OpenAPI document).",
                "Make a token with it.",
                "Ein persönliches Zugriffstoken ohne den Scope, den die Operation verlangt (`details.scope`; `x-scope` im OpenAPI-Dokument).",
                "Ein Token mit diesem Scope anlegen.",
            ),
            entry(
                Code::SessionRequired,
                "A personal access token, where only a session counts: passwords, addresses, second factors, sessions, tokens, moderation, the accounts of others.",
                "Sign in; use that access token.",
                "Ein persönliches Zugriffstoken, wo nur eine Sitzung zählt: Passwörter, Adressen, zweite Faktoren, Sitzungen, Tokens, Moderation, Konten anderer.",
                "Anmelden und dessen Zugriffstoken verwenden.",
            ),
            entry(
                Code::TooManyTokens,
                "50 personal access tokens are live.",
                "Revoke one: `DELETE /auth/tokens/{id}`.",
                "50 persönliche Zugriffstokens sind gültig.",
                "Eines widerrufen: `DELETE /auth/tokens/{id}`.",
            ),
            entry(
                Code::SecondFactorRequired,
                "The password is right, and the account has a second factor.",
                "Send the same again with `code`: six digits from the app, or a recovery code.",
                "Das Passwort stimmt, und das Konto hat einen zweiten Faktor.",
                "Dasselbe noch einmal mit `code` senden: sechs Ziffern aus der App oder ein Wiederherstellungscode.",
            ),
            entry(
                Code::SecondFactorInvalid,
                "The code is wrong, older than a minute or so, or was used already. At a login it counts like a wrong password.",
                "Take the next code of the app; check the clock of the telephone.",
                "Der Code ist falsch, älter als etwa eine Minute oder schon benutzt. Bei der Anmeldung zählt er wie ein falsches Passwort.",
                "Den nächsten Code der App nehmen; die Uhr des Telefons prüfen.",
            ),
            entry(
                Code::SecondFactorState,
                "Set up: the second factor is on already. Switching on: none is being set up, that was more than 15 minutes ago, or it is on. Else: it is not on.",
                "See how it is: `GET /auth/2fa`.",
                "Einrichten: Der zweite Faktor ist schon an. Anschalten: Es wird keiner eingerichtet, das ist mehr als 15 Minuten her, oder er ist an. Sonst: Er ist nicht an.",
                "Nachsehen, wie es ist: `GET /auth/2fa`.",
            ),
            entry(
                Code::SecondFactorSetupRequired,
                "`REQUIRE_ADMIN_2FA` is set, and this admin has no second factor: only what is under `/auth` works.",
                "`POST /auth/2fa/setup`, then `/auth/2fa/enable`.",
                "`REQUIRE_ADMIN_2FA` ist gesetzt, und diese Admin hat keinen zweiten Faktor: Nur was unter `/auth` liegt, geht.",
                "Erst `POST /auth/2fa/setup`, dann `/auth/2fa/enable`.",
            ),
            entry(
                Code::LinkInvalid,
                "The token of a mailed link is unknown, expired or used.",
                "Ask for another: `POST /auth/resend-verification` or `POST /auth/forgot-password`.",
                "Das Token eines zugesandten Links ist unbekannt, abgelaufen oder benutzt.",
                "Einen neuen anfordern: `POST /auth/resend-verification` oder `POST /auth/forgot-password`.",
            ),
            entry(
                Code::RateLimited,
                "More than one person may ask for; `RateLimit-Policy` names the quota. `writes`: 120 requests a minute that change something, evenly after a first burst; `reads`: 1,200 a minute; both for each signed-in person, ten times as many for an address where nobody is signed in. `streams`: 30 event streams open. `uploads`: 20 files on their way in. `passwords`: 64 passwords of one address wait to be compared. Also too many registrations or mails asked for from one address, or too many retries and cancels of own steps, within an hour.",
                "Wait as long as `Retry-After` says.",
                "Mehr, als eine Person verlangen darf; `RateLimit-Policy` nennt das Kontingent. `writes`: 120 ändernde Anfragen in der Minute, nach einem ersten Schwung gleichmäßig; `reads`: 1.200 in der Minute; beides je angemeldeter Person, zehnmal so viele für eine Adresse, von der niemand angemeldet ist. `streams`: 30 offene Ereignisströme. `uploads`: 20 Dateien zugleich unterwegs. `passwords`: 64 Passwörter einer Adresse, die auf den Vergleich warten. Auch zu viele Registrierungen oder angeforderte Mails von einer Adresse, oder zu viele Wiederholungen und Abbrüche eigener Schritte in einer Stunde.",
                "So lange warten, wie `Retry-After` sagt.",
            ),
        ],
    },
    Section {
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
    },
    Section {
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
    },
    Section {
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
    },
    Section {
        en: "Jobs",
        de: "Jobs",
        entries: &[
            entry(
                Code::JobKeyTaken,
                "The job ended, and another one is live under its unique key (`details.job_id`): a retry would run beside it.",
                "Wait for that job, or cancel it first.",
                "Der Job ist beendet, und unter seinem eindeutigen Schlüssel läuft oder wartet ein anderer (`details.job_id`): eine Wiederholung liefe daneben.",
                "Auf jenen Job warten oder ihn zuerst abbrechen.",
            ),
            entry(
                Code::JobState,
                "The job's state (`details.state`) does not allow it: a completed job is not retried, a discarded one not cancelled. Owners: only a failed step; one that was set aside after crashes is for the operators.",
                "Read the job first; which states an action fits is in the OpenAPI document.",
                "Der Zustand des Jobs (`details.state`) erlaubt es nicht: ein fertiger wird nicht wiederholt, ein aufgegebener nicht abgebrochen. Eigene Schritte: nur gescheiterte; was nach Abstürzen beiseitegelegt wurde, ist Sache des Betriebs.",
                "Zuerst den Job lesen; welche Zustände zu einer Handlung passen, steht im OpenAPI-Dokument.",
            ),
            entry(
                Code::FlowTooLarge,
                "With `flow`, the job has more than 1,000 jobs (`details.limit`).",
                "`POST /admin/jobs/bulk`.",
                "Mit `flow` hat der Job mehr als 1.000 Jobs (`details.limit`).",
                "`POST /admin/jobs/bulk`.",
            ),
            entry(
                Code::NotPaused,
                "Nothing is paused under this name, or the pause has ended by itself.",
                "Nothing: it runs.",
                "Unter diesem Namen ist nichts angehalten, oder die Pause ist von selbst zu Ende gegangen.",
                "Nichts: es läuft.",
            ),
            entry(
                Code::WorkerState,
                "The worker is `draining`, `stopped` or `dead` (`details.state`).",
                "`GET /admin/jobs/workers` has those that live.",
                "Der Worker ist `draining`, `stopped` oder `dead` (`details.state`).",
                "`GET /admin/jobs/workers` nennt die lebenden.",
            ),
            entry(
                Code::ScheduleUnknownJob,
                "A scheduler of a newer release wrote the schedule down, and this build does not know its job.",
                "Ask an API of the newer release, once it runs.",
                "Ein Scheduler einer neueren Version hat den Zeitplan eingetragen, und dieser Stand kennt dessen Job nicht.",
                "Eine API der neueren Version fragen, sobald sie läuft.",
            ),
        ],
    },
    Section {
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
    },
];

impl Code {
    /// Its cause and its cure.
    pub fn explained(self, language: Language) -> Option<&'static Explained> {
        let mut entries = SECTIONS.iter().flat_map(|section| section.entries);
        let entry = entries.find(|entry| entry.code == self)?;
        Some(match language {
            Language::De => &entry.de,
            Language::En => &entry.en,
        })
    }
}

const HEAD: &str = include_str!("head.md");
const GERMAN: &str = include_str!("german.md");

/// `docs/errors.md`. Writing to a string cannot fail.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    tables(&mut page, Language::En, "##");
    page.push_str(GERMAN);
    tables(&mut page, Language::De, "###");
    page
}

fn tables(page: &mut String, language: Language, level: &str) {
    for section in SECTIONS {
        let (title, head) = match language {
            Language::De => (section.de, "| Code | Status | Ursache | Abhilfe |"),
            Language::En => (section.en, "| code | status | cause | cure |"),
        };
        let _ = write!(page, "\n{level} {title}\n\n{head}\n| --- | --- | --- | --- |\n");
        for entry in section.entries {
            let Explained { cause, cure } = match language {
                Language::De => &entry.de,
                Language::En => &entry.en,
            };
            let (code, status) = (entry.code.as_str(), entry.code.status().as_u16());
            let _ = writeln!(page, "| `{code}` | {status} | {cause} | {cure} |");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_once_in_both_languages() {
        for code in Code::ALL {
            let entries = SECTIONS.iter().flat_map(|section| section.entries);
            assert_eq!(entries.filter(|entry| entry.code == *code).count(), 1, "{}", code.as_str());
            let (en, de) = (code.explained(Language::En).unwrap(), code.explained(Language::De).unwrap());
            for text in [en.cause, en.cure, de.cause, de.cure] {
                assert!(text.len() > 10 && text.ends_with(['.', ')']) && !text.contains(['|', '\n']), "{text:?}");
            }
            assert_ne!(en.cause, de.cause);
        }
    }

    #[test]
    fn docs_errors_md_is_this_catalogue() {
        if std::env::var_os("UPDATE_DOCS").is_some_and(|on| on == "1") {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md"), page()).unwrap();
            return;
        }
        assert!(
            include_str!("../../../../docs/errors.md") == page(),
            "docs/errors.md is out of date; renew it: api errors > docs/errors.md"
        );
    }
}
