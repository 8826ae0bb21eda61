//! The domain's enums as they appear in the OpenAPI document.

use domain::{
    nano::{Format, License, Status, VersionState},
    review::{CaseState, Cause, Decision},
    upload::UploadState,
    user::{Language, Role, UserStatus, Words},
};
use queue::ledger::stats::estimate::NoEstimate;
use utoipa::openapi::{Object, ObjectBuilder, schema::Type};

macro_rules! schemas {
    ($($name:ident: $word:ty;)*) => {$(
        pub fn $name() -> Object {
            ObjectBuilder::new().schema_type(Type::String).enum_values(Some(<$word as Words>::WORDS.iter().copied())).build()
        }
    )*};
}

schemas! {
    role: Role;
    user_status: UserStatus;
    language: Language;
    format: Format;
    license: License;
    status: Status;
    version_state: VersionState;
    upload_state: UploadState;
    case_state: CaseState;
    cause: Cause;
    decision: Decision;
    sort: infra::db::nano_lists::Sort;
    no_estimate: NoEstimate;
    pause_scope: queue::ledger::controls::pauses::Scope;
    job_action: queue::ledger::Action;
    job_state: queue::ledger::State;
    log_level: queue::ledger::history::logs::Level;
    stats_step: queue::ledger::stats::series::Step;
    stats_split: queue::ledger::stats::series::Split;
}
