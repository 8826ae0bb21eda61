//! Every error code of the API, with its status and what it says to people. The codes are stable; the texts may
//! be improved.

mod explained;

use domain::user::Language;
use http::StatusCode;
use serde::{Serialize, Serializer};

pub use explained::page;

macro_rules! codes {
    ($($name:ident = $status:ident, $word:literal, $en:literal, $de:literal;)*) => {
        /// What went wrong, as a word for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $en] $name,)* }

        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// One sentence for a person.
            pub const fn message(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$name, Language::En) => $en, (Self::$name, Language::De) => $de,)*
                }
            }
        }
    };
}

codes! {
    ValidationFailed = UNPROCESSABLE_ENTITY, "VALIDATION_FAILED",
        "Some fields are missing or wrong; details name each of them.",
        "Einige Felder fehlen oder sind falsch; die Details nennen jedes einzelne.";
    MalformedJson = BAD_REQUEST, "MALFORMED_JSON",
        "The body is not a JSON object.",
        "Der Inhalt der Anfrage ist kein JSON-Objekt.";
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE",
        "The body must be sent as application/json.",
        "Der Inhalt muss als application/json gesendet werden.";
    BodyTooLarge = PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE",
        "The body is larger than this endpoint accepts.",
        "Der Inhalt ist größer, als dieser Endpunkt annimmt.";
    BodyInterrupted = BAD_REQUEST, "BODY_INTERRUPTED",
        "The body ended early or came too slowly.",
        "Der Inhalt brach ab oder kam zu langsam.";
    HostInvalid = BAD_REQUEST, "HOST_INVALID",
        "The request must name its host once, and the same one as in its address.",
        "Die Anfrage muss ihren Host genau einmal nennen, und denselben wie in ihrer Adresse.";
    CursorInvalid = BAD_REQUEST, "CURSOR_INVALID",
        "This cursor is not from this list; begin again without one.",
        "Dieser Cursor stammt nicht aus dieser Liste; bitte ohne ihn neu beginnen.";
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED",
        "This Idempotency-Key was sent with another request; take a new key for each one.",
        "Dieser Idempotency-Key gehört zu einer anderen Anfrage; bitte für jede Anfrage einen neuen nehmen.";
    IdempotencyKeyInUse = CONFLICT, "IDEMPOTENCY_KEY_IN_USE",
        "The first request with this Idempotency-Key is still being worked on; ask again shortly.",
        "Die erste Anfrage mit diesem Idempotency-Key wird noch bearbeitet; bitte gleich noch einmal fragen.";
    PreconditionFailed = PRECONDITION_FAILED, "PRECONDITION_FAILED",
        "Somebody has changed this since you read it; read it again and repeat your change on that.",
        "Das hat seit dem Lesen jemand anderes geändert; bitte neu laden und die Änderung daran wiederholen.";
    PreconditionRequired = PRECONDITION_REQUIRED, "PRECONDITION_REQUIRED",
        "Say with If-Match which state of it you have read: it is not yours alone.",
        "Bitte mit If-Match sagen, welcher Stand gelesen wurde: es gehört jemand anderem.";
    QueryTooSlow = SERVICE_UNAVAILABLE, "QUERY_TOO_SLOW",
        "Looking this up took too long and was stopped; narrow the filter or the time.",
        "Die Abfrage dauerte zu lange und wurde abgebrochen; bitte Filter oder Zeitraum enger fassen.";
    Unauthorized = UNAUTHORIZED, "UNAUTHORIZED",
        "Missing or invalid authorization token.",
        "Das Zugriffstoken fehlt oder ist ungültig.";
    TokenExpired = UNAUTHORIZED, "TOKEN_EXPIRED",
        "The access token has expired; get a new one with the refresh token.",
        "Das Zugriffstoken ist abgelaufen; mit dem Refresh-Token gibt es ein neues.";
    SessionEnded = UNAUTHORIZED, "SESSION_ENDED",
        "This session was ended; sign in again.",
        "Diese Sitzung wurde beendet; bitte neu anmelden.";
    InvalidCredentials = UNAUTHORIZED, "INVALID_CREDENTIALS",
        "Email or password is wrong.",
        "E-Mail-Adresse oder Passwort ist falsch.";
    ScopeMissing = FORBIDDEN, "SCOPE_MISSING",
        "This personal access token lacks the scope for this.",
        "Diesem persönlichen Zugriffstoken fehlt das Recht dafür.";
    SessionRequired = FORBIDDEN, "SESSION_REQUIRED",
        "No personal access token opens this; sign in.",
        "Das öffnet kein persönliches Zugriffstoken; bitte anmelden.";
    TooManyTokens = CONFLICT, "TOO_MANY_TOKENS",
        "You have as many personal access tokens as anybody may have; revoke one first.",
        "Mehr persönliche Zugriffstokens gibt es nicht für eine Person; bitte erst eines widerrufen.";
    SecondFactorRequired = UNAUTHORIZED, "SECOND_FACTOR_REQUIRED",
        "This account has a second factor; send the same again with a code from the app, a passkey or a recovery code.",
        "Dieses Konto hat einen zweiten Faktor; bitte dasselbe noch einmal mit einem Code aus der App, einem Passkey oder einem Wiederherstellungscode senden.";
    SecondFactorInvalid = UNAUTHORIZED, "SECOND_FACTOR_INVALID",
        "The code or passkey is wrong, too old, or was used already.",
        "Der Code oder Passkey ist falsch, zu alt oder schon benutzt.";
    SecondFactorState = CONFLICT, "SECOND_FACTOR_STATE",
        "The second factor is on already, or is not on, or none is being set up.",
        "Der zweite Faktor ist schon an, oder nicht an, oder es wird keiner eingerichtet.";
    LastSecondFactor = CONFLICT, "LAST_SECOND_FACTOR",
        "Admins need a second factor here, and this is your last one; add another one first.",
        "Admins brauchen hier einen zweiten Faktor, und das ist der letzte; bitte zuerst einen weiteren einrichten.";
    PasskeyInvalid = UNAUTHORIZED, "PASSKEY_INVALID",
        "This passkey is not known here, or its answer is too old, was used already, or is not the right one.",
        "Dieser Passkey ist hier nicht bekannt, oder seine Antwort ist zu alt, schon benutzt oder nicht die richtige.";
    PasskeysUnavailable = CONFLICT, "PASSKEYS_UNAVAILABLE",
        "This site has no domain name, so it has no passkeys.",
        "Diese Seite hat keinen Domainnamen und deshalb keine Passkeys.";
    TooManyPasskeys = CONFLICT, "TOO_MANY_PASSKEYS",
        "You have as many passkeys as anybody may have; remove one first.",
        "Mehr Passkeys gibt es nicht für eine Person; bitte erst einen entfernen.";
    SecondFactorSetupRequired = FORBIDDEN, "SECOND_FACTOR_SETUP_REQUIRED",
        "Admins need a second factor here; set one up first.",
        "Admins brauchen hier einen zweiten Faktor; bitte zuerst einen einrichten.";
    ConsentRequired = FORBIDDEN, "CONSENT_REQUIRED",
        "Agree to the texts that details name first; until then you can read and administer your own account.",
        "Bitte zuerst den Texten zustimmen, die die Details nennen; bis dahin kann man lesen und das eigene Konto verwalten.";
    InvalidRefreshToken = UNAUTHORIZED, "INVALID_REFRESH_TOKEN",
        "The refresh token is unknown, expired or used already; sign in again.",
        "Das Refresh-Token ist unbekannt, abgelaufen oder schon benutzt; bitte neu anmelden.";
    AccountNotActive = FORBIDDEN, "ACCOUNT_NOT_ACTIVE",
        "This account is switched off.",
        "Dieses Konto ist abgeschaltet.";
    EmailNotVerified = FORBIDDEN, "EMAIL_NOT_VERIFIED",
        "Confirm your email address first; the link is in the mail we sent.",
        "Bitte zuerst die E-Mail-Adresse bestätigen; der Link steht in der zugesandten Mail.";
    Forbidden = FORBIDDEN, "FORBIDDEN",
        "Your role does not allow this.",
        "Die eigene Rolle erlaubt das nicht.";
    OwnNano = FORBIDDEN, "OWN_NANO",
        "Nobody judges their own nano.",
        "Über das eigene Nano entscheidet niemand selbst.";
    OwnRating = FORBIDDEN, "OWN_RATING",
        "Nobody finds their own rating helpful.",
        "Die eigene Bewertung findet niemand selbst hilfreich.";
    RatingExists = CONFLICT, "RATING_EXISTS",
        "You have rated this nano already; change that rating.",
        "Dieses Nano ist schon bewertet; bitte diese Bewertung ändern.";
    RatingRemoved = CONFLICT, "RATING_REMOVED",
        "A moderator removed this rating.",
        "Diese Bewertung wurde von der Moderation entfernt.";
    CollectionFull = CONFLICT, "COLLECTION_FULL",
        "There are as many of these as anybody may have; remove some first.",
        "Mehr davon gibt es nicht für eine Person; bitte erst einige entfernen.";
    OwnAccount = FORBIDDEN, "OWN_ACCOUNT",
        "Nobody administers their own account.",
        "Das eigene Konto verwaltet niemand selbst.";
    LastAdmin = CONFLICT, "LAST_ADMIN",
        "This is the last active admin; make another one first.",
        "Das ist der letzte aktive Admin; bitte zuerst einen weiteren ernennen.";
    AccountUnconfirmed = CONFLICT, "ACCOUNT_UNCONFIRMED",
        "Nobody has confirmed the account's address, so it may be a stranger's.",
        "Niemand hat die Adresse des Kontos bestätigt; es kann also jemand Fremdem gehören.";
    AccountState = CONFLICT, "ACCOUNT_STATE",
        "The account's state does not allow this.",
        "Der Zustand des Kontos erlaubt das nicht.";
    ExportTooSoon = TOO_MANY_REQUESTS, "EXPORT_TOO_SOON",
        "You have asked for a copy of your data a short while ago; the next one can be asked for later.",
        "Eine Kopie der eigenen Daten wurde vor Kurzem angefordert; die nächste gibt es später.";
    ErasureWaits = CONFLICT, "ERASURE_WAITS",
        "The erasure of this account was asked for already.",
        "Die Löschung dieses Kontos ist schon beantragt.";
    NotFound = NOT_FOUND, "NOT_FOUND",
        "There is nothing here, or nothing you may see.",
        "Hier gibt es nichts, oder nichts, was man sehen darf.";
    MethodNotAllowed = METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED",
        "This address does not answer this method.",
        "Diese Adresse beantwortet diese Methode nicht.";
    UsernameTaken = CONFLICT, "USERNAME_TAKEN",
        "This username is taken.",
        "Dieser Benutzername ist vergeben.";
    LinkInvalid = BAD_REQUEST, "LINK_INVALID",
        "The link is unknown, expired or used already; ask for a new one.",
        "Der Link ist unbekannt, abgelaufen oder schon benutzt; bitte einen neuen anfordern.";
    MoveNotAllowed = CONFLICT, "MOVE_NOT_ALLOWED",
        "The nano's status does not allow this step.",
        "Der Status des Nanos erlaubt diesen Schritt nicht.";
    VersionInProgress = CONFLICT, "VERSION_IN_PROGRESS",
        "An earlier version of this nano is still being checked or reviewed.",
        "Eine frühere Version dieses Nanos wird noch geprüft oder begutachtet.";
    UploadClosed = CONFLICT, "UPLOAD_CLOSED",
        "This upload is not in a state that allows this.",
        "Der Zustand dieses Uploads erlaubt das nicht.";
    ChatWithOneself = FORBIDDEN, "CHAT_WITH_ONESELF",
        "This is your own nano; chats are begun by others.",
        "Das ist das eigene Nano; Chats beginnen andere.";
    ChatClosed = CONFLICT, "CHAT_CLOSED",
        "This chat was closed; it can be read, and nothing is added.",
        "Dieser Chat wurde geschlossen; er lässt sich lesen, und nichts kommt hinzu.";
    OwnMessage = FORBIDDEN, "OWN_MESSAGE",
        "Nobody reports their own message.",
        "Die eigene Nachricht meldet niemand.";
    OwnChat = FORBIDDEN, "OWN_CHAT",
        "Nobody decides about a chat of their own.",
        "Über einen eigenen Chat entscheidet niemand selbst.";
    OriginNotAllowed = FORBIDDEN, "ORIGIN_NOT_ALLOWED",
        "Pages of this origin may not open a socket here.",
        "Seiten dieses Ursprungs dürfen hier keinen Socket öffnen.";
    UpgradeRequired = UPGRADE_REQUIRED, "UPGRADE_REQUIRED",
        "This address speaks WebSocket only.",
        "Diese Adresse spricht nur WebSocket.";
    WebhookDisabled = CONFLICT, "WEBHOOK_DISABLED",
        "This webhook is switched off; switch it on first.",
        "Dieser Webhook ist abgeschaltet; bitte zuerst einschalten.";
    CaseClosed = CONFLICT, "CASE_CLOSED",
        "This case was decided already or is being worked on by somebody else.",
        "Dieser Fall ist schon entschieden oder bei jemand anderem in Arbeit.";
    JobState = CONFLICT, "JOB_STATE",
        "The job's state does not allow this.",
        "Der Zustand des Jobs erlaubt das nicht.";
    JobKeyTaken = CONFLICT, "JOB_KEY_TAKEN",
        "Another job is live under the unique key of this one: wait for it, or cancel it first.",
        "Ein anderer Job mit demselben eindeutigen Schlüssel läuft oder wartet: erst ihn abwarten oder abbrechen.";
    FlowTooLarge = CONFLICT, "FLOW_TOO_LARGE",
        "The flow has more jobs than one call acts on; use a bulk action.",
        "Der Ablauf hat mehr Jobs, als ein Aufruf verändert; dafür gibt es Sammelaktionen.";
    NotPaused = CONFLICT, "NOT_PAUSED",
        "It is not paused.",
        "Es ist nicht angehalten.";
    WorkerState = CONFLICT, "WORKER_STATE",
        "The worker has ended, or was asked to drain already.",
        "Der Worker ist beendet oder schon zum Auslaufen aufgefordert.";
    ScheduleUnknownJob = CONFLICT, "SCHEDULE_UNKNOWN_JOB",
        "This build does not know the schedule's job; it belongs to a newer release.",
        "Dieser Stand kennt den Job des Zeitplans nicht; er gehört zu einer neueren Version.";
    FileEmpty = BAD_REQUEST, "FILE_EMPTY",
        "The file is empty.",
        "Die Datei ist leer.";
    FileTooLarge = PAYLOAD_TOO_LARGE, "FILE_TOO_LARGE",
        "The file is larger than allowed.",
        "Die Datei ist größer als erlaubt.";
    LengthMismatch = BAD_REQUEST, "LENGTH_MISMATCH",
        "Fewer or more bytes arrived than Content-Length announced.",
        "Es kamen weniger oder mehr Bytes an, als Content-Length angekündigt hat.";
    ChecksumMismatch = BAD_REQUEST, "CHECKSUM_MISMATCH",
        "The received bytes have another SHA-256 than announced.",
        "Die empfangenen Bytes haben eine andere SHA-256-Summe als angekündigt.";
    TooManyAttempts = TOO_MANY_REQUESTS, "TOO_MANY_ATTEMPTS",
        "Too many failed attempts; try again later.",
        "Zu viele Fehlversuche; bitte später erneut versuchen.";
    RateLimited = TOO_MANY_REQUESTS, "RATE_LIMITED",
        "Too many requests; try again later.",
        "Zu viele Anfragen; bitte später erneut versuchen.";
    Maintenance = SERVICE_UNAVAILABLE, "MAINTENANCE",
        "Nothing can be changed during maintenance; reading goes on.",
        "Während der Wartung lässt sich nichts ändern; Lesen geht weiter.";
    TooManyConnections = SERVICE_UNAVAILABLE, "TOO_MANY_CONNECTIONS",
        "There are too many connections at the moment; try again shortly.",
        "Gerade gibt es zu viele Verbindungen; bitte gleich noch einmal versuchen.";
    Unavailable = SERVICE_UNAVAILABLE, "UNAVAILABLE",
        "A service this needs is away at the moment; try again shortly.",
        "Ein benötigter Dienst ist gerade nicht da; bitte gleich noch einmal versuchen.";
    Internal = INTERNAL_SERVER_ERROR, "INTERNAL",
        "Something went wrong on our side. The request id helps us find it.",
        "Bei uns ist etwas schiefgegangen. Mit der Request-ID finden wir es.";
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_distinct_words_and_both_languages_have_a_text() {
        let words: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.as_str().bytes().all(|b| b.is_ascii_uppercase() || b == b'_' || b.is_ascii_digit()));
            assert!(code.status().is_client_error() || code.status().is_server_error());
            assert_ne!(code.message(Language::De), code.message(Language::En));
        }
    }
}
