//! Bad fields of a request, as the answer names them.

use domain::{
    password::PasswordError,
    text::TextError,
    user::{Language, UndeliverableError},
};
use infra::webhook::TargetError;
use serde_json::{Value, json};

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq)]
pub enum Issue {
    Missing,
    Unknown,
    /// Another JSON type than this was sent.
    Type(&'static str),
    Empty,
    TooShort(usize),
    TooLong(usize),
    /// Out of `least..=most`.
    Range(u64, u64),
    TooMany(usize),
    Choice(&'static [&'static str]),
    /// Does not look like this.
    Format(&'static str),
    Character,
    /// Has a web address where only words belong.
    Link,
    /// Names something that does not exist.
    NoSuch(String),
    TooCommon,
    Personal,
    /// A version number that is not above this one.
    NotHigher(String),
    /// Only this value is accepted.
    MustBe(String),
    /// Says again, in another way, what another field has said.
    Alone,
    /// Is what it is already.
    Unchanged,
    /// An address that no webhook may have.
    Target(TargetError),
    /// An address to which no mail can be sent.
    Undeliverable(UndeliverableError),
}

/// One bad field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    pub field: String,
    pub issue: Issue,
}

impl FieldError {
    pub fn new(field: &str, issue: Issue) -> Self {
        Self { field: field.to_owned(), issue }
    }

    pub(crate) fn to_json(&self, language: Language) -> Value {
        let (code, en, de): (_, String, String) = match &self.issue {
            Issue::Missing => ("MISSING", "is missing".into(), "fehlt".into()),
            Issue::Unknown => ("UNKNOWN", "is not a known field".into(), "ist kein bekanntes Feld".into()),
            Issue::Type(kind) => ("TYPE", format!("must be {kind}"), format!("muss vom Typ {kind} sein")),
            Issue::Empty => ("EMPTY", "must not be empty".into(), "darf nicht leer sein".into()),
            Issue::TooShort(n) => {
                ("TOO_SHORT", format!("needs at least {n} characters"), format!("braucht mindestens {n} Zeichen"))
            }
            Issue::TooLong(n) => {
                ("TOO_LONG", format!("may have at most {n} characters"), format!("darf höchstens {n} Zeichen haben"))
            }
            Issue::Range(a, b) => ("RANGE", format!("must be {a} to {b}"), format!("muss zwischen {a} und {b} liegen")),
            Issue::TooMany(n) => {
                ("TOO_MANY", format!("may have at most {n} entries"), format!("darf höchstens {n} Einträge haben"))
            }
            Issue::Choice(words) => {
                let words = words.join(", ");
                ("CHOICE", format!("must be one of: {words}"), format!("muss eines davon sein: {words}"))
            }
            Issue::Format(like) => ("FORMAT", format!("must look like {like}"), format!("muss aussehen wie {like}")),
            Issue::Character => (
                "CHARACTER",
                "contains a character that is not allowed".into(),
                "enthält ein Zeichen, das nicht erlaubt ist".into(),
            ),
            Issue::Link => (
                "LINK",
                "must not contain a web or email address".into(),
                "darf keine Web- oder E-Mail-Adresse enthalten".into(),
            ),
            Issue::NoSuch(what) => {
                ("NO_SUCH", format!("names something that does not exist: {what}"), format!("gibt es nicht: {what}"))
            }
            Issue::TooCommon => (
                "TOO_COMMON",
                "is among the first guesses of every attacker".into(),
                "gehört zu den ersten Versuchen jedes Angreifers".into(),
            ),
            Issue::Personal => (
                "PERSONAL",
                "must not be guessable from the email address or the username".into(),
                "darf sich nicht aus E-Mail-Adresse oder Benutzername erraten lassen".into(),
            ),
            Issue::NotHigher(than) => {
                ("NOT_HIGHER", format!("must be higher than {than}"), format!("muss höher als {than} sein"))
            }
            Issue::Undeliverable(UndeliverableError::LocalPart) => (
                "UNDELIVERABLE",
                "has letters beyond a-z before the @, which many mail servers do not take; please use another address".into(),
                "hat vor dem @ Buchstaben außer a-z, die viele Mailserver nicht annehmen; bitte eine andere Adresse nehmen"
                    .into(),
            ),
            Issue::Undeliverable(UndeliverableError::Domain) => (
                "UNDELIVERABLE",
                "names a domain that cannot exist".into(),
                "nennt eine Domain, die es nicht geben kann".into(),
            ),
            Issue::Target(error) => ("TARGET", error.to_string(), target_in_german(*error).into()),
            Issue::Alone => {
                ("ALONE", "stands only without the fields before it".into(), "steht nur ohne die Felder davor".into())
            }
            Issue::Unchanged => ("UNCHANGED", "is the one that you have".into(), "ist schon so".into()),
            Issue::MustBe(value) => ("MUST_BE", format!("must be {value}"), format!("muss {value} sein")),
        };
        let message = if language == Language::De { de } else { en };
        json!({"field": self.field, "code": code, "message": message})
    }
}

const fn target_in_german(error: TargetError) -> &'static str {
    match error {
        TargetError::Scheme => "muss mit https:// beginnen",
        TargetError::Credentials => "darf weder Benutzer noch Passwort enthalten",
        TargetError::NotPublic => "führt nicht ins Internet, sondern in ein eigenes Netz",
        TargetError::Name => "nennt keinen Host im Internet, oder gerade keinen",
    }
}

impl From<TextError> for Issue {
    fn from(error: TextError) -> Self {
        match error {
            TextError::Empty => Self::Empty,
            TextError::TooLong { most, .. } => Self::TooLong(most),
            TextError::Character => Self::Character,
        }
    }
}

impl From<PasswordError> for Issue {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::TooShort => Self::TooShort(domain::password::MIN_CHARS),
            PasswordError::TooLong => Self::TooLong(domain::password::MAX_BYTES),
            PasswordError::Common => Self::TooCommon,
            PasswordError::Personal => Self::Personal,
        }
    }
}
