//! The domain's enums as they appear in the OpenAPI document.

use domain::{
    line::NoEstimate,
    nano::{Format, License, Status, VersionState},
    review::{CaseState, Cause, Decision},
    upload::UploadState,
    user::{Language, Role, UserStatus, Words},
};
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
    pause_scope: infra::db::queue_pauses::Scope;
    job_action: infra::db::jobs::Action;
    job_state: infra::db::jobs::State;
    log_level: infra::db::job_logs::Level;
    stats_step: infra::db::job_series::Step;
    stats_split: infra::db::job_series::Split;
}
