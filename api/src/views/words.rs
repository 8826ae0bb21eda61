//! The domain's enums as they appear in the OpenAPI document.

use domain::{
    chat::{ChatState, ReportReason, ReportState},
    consent::Subject,
    nano::{Format, License, Status, VersionState},
    review::{CaseState, Cause, Decision},
    token::Scope,
    upload::UploadState,
    user::{Language, Role, UserStatus, Words},
    webhook::{DeliveryState, DisabledFor, WebhookEvent},
};
use queue::ledger::stats::estimate::NoEstimate;
use serde_json::Value;
use utoipa::openapi::{
    Array, ArrayBuilder, Object, ObjectBuilder,
    schema::{SchemaType, Type},
};

/// A text that is one of these.
pub fn one_of(words: &[&str]) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied())).build()
}

/// Some of these, separated by commas. A schema of our own has no description of its field, so it is given one.
pub fn list_of(words: &[&str], description: &str) -> Object {
    let any = words.join("|");
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .pattern(Some(format!("^({any})(,({any}))*$")))
        .build()
}

/// Any of these, in an array that may be missing.
pub fn array_of(words: &[&str], description: &str) -> Array {
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .description(Some(description))
        .items(one_of(words))
        .build()
}

macro_rules! schemas {
    ($($name:ident: $word:ty;)*) => {$(
        pub fn $name() -> Object {
            one_of(<$word as Words>::WORDS)
        }
    )*};
}

/// Words of answers that may be missing.
macro_rules! nullable {
    ($($name:ident: $word:ty;)*) => {$(
        pub fn $name() -> Object {
            let words = <$word as Words>::WORDS.iter().map(|word| Value::from(*word));
            ObjectBuilder::new()
                .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
                .enum_values(Some(words.chain([Value::Null])))
                .build()
        }
    )*};
}

/// A list of scopes, each once.
pub fn scopes() -> Array {
    let words = <Scope as Words>::WORDS;
    let word = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied()));
    ArrayBuilder::new().items(word.build()).build()
}

/// A list of events, each once.
pub fn webhook_events() -> Array {
    ArrayBuilder::new().items(one_of(<WebhookEvent as Words>::WORDS)).build()
}

/// The same where it may be left out.
pub fn maybe_webhook_events() -> Array {
    array_of(<WebhookEvent as Words>::WORDS, "What it is told of; left out: as it is.")
}

nullable! {
    maybe_disabled_for: DisabledFor;
    maybe_job_state: queue::ledger::State;
    maybe_no_estimate: NoEstimate;
}

schemas! {
    consent: Subject;
    role: Role;
    user_status: UserStatus;
    data_request_kind: domain::data_request::Kind;
    data_request_cause: domain::data_request::Cause;
    data_request_state: domain::data_request::State;
    language: Language;
    format: Format;
    license: License;
    status: Status;
    version_state: VersionState;
    upload_state: UploadState;
    case_state: CaseState;
    cause: Cause;
    decision: Decision;
    chat_state: ChatState;
    delivery_state: DeliveryState;
    report_reason: ReportReason;
    report_state: ReportState;
    sort: infra::db::nano_lists::Sort;
    rating_sort: infra::db::rating_lists::RatingSort;
    rating_status: domain::rating::RatingStatus;
    part: domain::rating::Part;
    notification_kind: domain::notification::Kind;
    visibility: domain::collection::Visibility;
    pause_scope: queue::ledger::controls::pauses::Scope;
    job_action: queue::ledger::Action;
    job_state: queue::ledger::State;
    log_level: queue::ledger::history::logs::Level;
    stats_step: queue::ledger::stats::series::Step;
    stats_split: queue::ledger::stats::series::Split;
    mail_verdict: jobs::mail::MailVerdict;
    tone: queue::health::Tone;
    verdict: queue::health::Verdict;
}
