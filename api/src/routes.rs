//! The URL table: each noun's router has its own lines, and every line is in the OpenAPI document.

mod accounts;
mod admin;
pub mod chats;
mod collections;
pub mod deprecations;
mod jobs;
mod moderation;
mod nanos;
mod notifications;
mod ratings;
mod saved_searches;
mod system;
mod uploads;
mod webhooks;

use std::sync::LazyLock;

use axum::Router;
use utoipa_axum::router::OpenApiRouter;

use self::system::{docs, openapi};
use crate::{
    reply::{Code, Error},
    state::AppState,
};

pub use self::system::{LastReadiness, openapi::Document};

/// Routes and the document that describes them.
fn table() -> OpenApiRouter<AppState> {
    let v1 = OpenApiRouter::new()
        .merge(accounts::router())
        .merge(nanos::router())
        .merge(ratings::router())
        .merge(collections::router())
        .merge(notifications::router())
        .merge(saved_searches::router())
        .merge(uploads::router())
        .merge(jobs::router())
        .merge(moderation::router())
        .merge(chats::router())
        .merge(webhooks::router())
        .merge(admin::router());
    OpenApiRouter::with_openapi(openapi::base()).nest("/api/v1", v1).merge(system::router())
}

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| Document::of(&table().into_openapi()));

/// The OpenAPI document of the whole table.
pub fn document() -> &'static Document {
    &DOCUMENT
}

/// The table as a router, with the document's own addresses and answers for everything else.
pub fn router() -> Router<AppState> {
    Router::from(table())
        .merge(docs::router(&DOCUMENT))
        .fallback(async || Error::not_found())
        .method_not_allowed_fallback(async || Error::new(Code::MethodNotAllowed))
}

/// What is answered to those who have no place: load balancers learn that the process lives and whether it is ready.
pub fn probes() -> Router<AppState> {
    Router::from(system::probes()).fallback(async || Error::too_many_connections())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use domain::user::Language;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        reply::FieldError,
        request::fields::{Fields, Input},
    };

    fn operations() -> Vec<(String, Value)> {
        let document = &document().value;
        let mut list = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                list.push((format!("{method} {path}"), operation.clone()));
            }
        }
        list
    }

    /// A form's name in the document, and what it finds wrong with a body.
    type Form = (&'static str, fn(Value) -> Vec<FieldError>);

    fn forms() -> [Form; 34] {
        fn refused<T: Input>(body: Value) -> Vec<FieldError> {
            let Value::Object(map) = body else { panic!("an object") };
            Fields::json(map).finish::<T>().err().unwrap_or_default()
        }
        [
            ("CreateNano", refused::<nanos::forms::CreateNano>),
            ("EditNano", refused::<nanos::forms::EditNano>),
            ("NewRating", refused::<ratings::forms::NewRating>),
            ("EditRating", refused::<ratings::forms::EditRating>),
            ("RatingReply", refused::<ratings::forms::RatingReply>),
            ("NewList", refused::<collections::forms::NewList>),
            ("EditList", refused::<collections::forms::EditList>),
            ("NewSavedSearch", refused::<saved_searches::forms::NewSavedSearch>),
            ("EditSavedSearch", refused::<saved_searches::forms::EditSavedSearch>),
            ("SearchCriteria", refused::<domain::saved_search::Criteria>),
            ("ReadUpTo", refused::<notifications::list::ReadUpTo>),
            ("EditPreference", refused::<notifications::preferences::EditPreference>),
            ("FinishUpload", refused::<uploads::upload::FinishUpload>),
            ("Registration", refused::<accounts::registration::Registration>),
            ("PasswordChange", refused::<accounts::password::PasswordChange>),
            ("PasswordReset", refused::<accounts::password_reset::PasswordReset>),
            ("PasskeyName", refused::<accounts::passkeys::PasskeyName>),
            ("ConsentForm", refused::<accounts::consents::ConsentForm>),
            ("EditProfile", refused::<accounts::profile::EditProfile>),
            ("NewToken", refused::<accounts::tokens::NewToken>),
            ("Judgement", refused::<moderation::Judgement>),
            ("LimitForm", refused::<admin::limits::LimitForm>),
            ("NewMaintenance", refused::<admin::maintenance::NewMaintenance>),
            ("NewDataRequest", refused::<admin::data_requests::NewDataRequest>),
            ("NewRole", refused::<admin::users::NewRole>),
            ("NewPause", refused::<admin::pauses::NewPause>),
            ("BulkRequest", refused::<admin::jobs::bulk::BulkRequest>),
            ("Operation", refused::<jobs::operate::Operation>),
            ("NewMessage", refused::<chats::messages::NewMessage>),
            ("NewReport", refused::<chats::reports::NewReport>),
            ("ReportJudgement", refused::<chats::reports::ReportJudgement>),
            ("NewWebhook", refused::<webhooks::forms::NewWebhook>),
            ("EditWebhook", refused::<webhooks::forms::EditWebhook>),
            ("Reasoned", refused::<jobs::reason::Reasoned>),
        ]
    }

    /// The document's bounds are literals, those that are checked are constants of the domain.
    #[test]
    fn the_bounds_in_the_document_are_those_that_are_checked() {
        let text = |n: u64| json!("k7qzw4mxv9b2".chars().cycle().take(n.try_into().unwrap()).collect::<String>());
        let list = |n: u64| json!((0..n).map(|i| format!("s{i}")).collect::<Vec<_>>());
        let number = |n: u64| json!(n);
        let makers = [
            ("minLength", "maxLength", text as fn(u64) -> Value),
            ("minItems", "maxItems", list as fn(u64) -> Value),
            ("minimum", "maximum", number as fn(u64) -> Value),
        ];
        let mut bounds = 0;
        for (form, refused) in forms() {
            let properties = document().value["components"]["schemas"][form]["properties"].as_object().unwrap();
            for (field, schema) in properties {
                let fits = |value: Value| refused(json!({ field: value })).iter().all(|error| error.field != *field);
                for (least, most, make) in makers {
                    if let Some(n) = schema[least].as_u64() {
                        assert!(fits(make(n)), "{form}.{field}: {least} {n} is refused");
                        assert!(!fits(make(n - 1)), "{form}.{field}: less than {least} {n} is accepted");
                        bounds += 1;
                    }
                    if let Some(n) = schema[most].as_u64() {
                        assert!(fits(make(n)), "{form}.{field}: {most} {n} is refused");
                        assert!(!fits(make(n + 1)), "{form}.{field}: more than {most} {n} is accepted");
                        bounds += 1;
                    }
                }
            }
        }
        assert_eq!(bounds, 113, "a form got or lost a bound");
    }

    #[test]
    fn every_operation_is_described_and_has_its_own_id() {
        let mut ids = HashSet::new();
        for (name, operation) in operations() {
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name} has no summary");
            assert!(ids.insert(operation["operationId"].clone()), "{name} shares its id");
            assert!(operation.get("x-errors").is_none(), "{name} still has its raw list");
            if name.contains("/api/v1") {
                assert!(operation["responses"]["503"].is_object(), "{name} does not say 503");
            }
            if operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty()) {
                assert!(operation["responses"]["401"].is_object(), "{name} does not say 401");
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(node: &Value, document: &Value) {
            match node {
                Value::Object(map) => {
                    if let Some(target) = map.get("$ref").and_then(Value::as_str) {
                        let pointer = target.trim_start_matches('#');
                        assert!(document.pointer(pointer).is_some(), "{target} is missing");
                    }
                    map.values().for_each(|child| walk(child, document));
                }
                Value::Array(list) => list.iter().for_each(|child| walk(child, document)),
                _ => {}
            }
        }
        let document = &document().value;
        walk(document, document);
    }

    #[test]
    fn every_code_but_the_general_ones_belongs_to_a_route() {
        let text = &document().text;
        let general = [Code::MethodNotAllowed, Code::HostInvalid, Code::TooManyConnections];
        for code in Code::ALL.iter().filter(|code| !general.contains(code)) {
            assert!(text.contains(&format!("`{}`", code.as_str())), "{} is on no route", code.as_str());
        }
    }

    /// Whoever follows the advice finds the operation that it names, and the header that it tells them to go by.
    #[test]
    fn what_errors_advise_can_be_followed() {
        let names: HashSet<String> = operations().into_iter().map(|(name, _)| name).collect();
        let mut named = 0;
        for code in Code::ALL {
            for language in [Language::En, Language::De] {
                let advice = code.explained(language).unwrap();
                let (cause, cure) = (advice.cause, advice.cure);
                for quoted in [cause, cure].iter().flat_map(|text| text.split('`').skip(1).step_by(2)) {
                    let (methods, path) = match quoted.split_once(" /") {
                        Some((methods, path)) => (methods.split(", ").collect(), format!("/{path}")),
                        None if quoted.starts_with('/') => {
                            (vec!["GET", "POST", "PUT", "PATCH", "DELETE"], quoted.to_owned())
                        }
                        None => continue,
                    };
                    // Or the beginning of several.
                    let is_there = |method: &&str| {
                        let method = method.to_lowercase();
                        let (full, bare) = (format!("{method} /api/v1{path}"), format!("{method} {path}"));
                        names.contains(&full)
                            || names.contains(&bare)
                            || names.iter().any(|name| name.starts_with(&format!("{full}/")))
                    };
                    assert!(methods.iter().any(is_there), "{}: there is no {quoted}", code.as_str());
                    named += 1;
                }
                for (name, operation) in operations() {
                    for response in operation["responses"].as_object().unwrap().values() {
                        let has_it =
                            response["x-error-codes"].as_array().is_some_and(|codes| codes.contains(&json!(code)));
                        let waits = cause.contains("`Retry-After`") || cure.contains("`Retry-After`");
                        let says = response["headers"]["Retry-After"].is_object();
                        assert!(!has_it || !waits || says, "{name}: {} names no time", code.as_str());
                    }
                }
            }
        }
        assert!(named > 20, "{named}");
    }

    /// Whose answer is lost asks again. Either the second request is answered as the first one was, or it is said here why nothing
    /// happens twice.
    #[test]
    fn every_post_takes_a_key_or_changes_nothing_by_coming_twice() {
        let finds_it_done = [
            "/admin/jobs/workers/{id}/drain",
            "/admin/jobs/queues/{queue}/pause",
            "/admin/jobs/queues/{queue}/resume",
            "/admin/jobs/pause",
            "/admin/jobs/resume",
            "/admin/jobs/kinds/{kind}/pause",
            "/admin/jobs/kinds/{kind}/resume",
            "/admin/jobs/schedules/{name}/pause",
            "/admin/jobs/schedules/{name}/resume",
            "/admin/mails/{id}/judge",
            "/admin/users/{id}/suspend",
            "/admin/users/{id}/unsuspend",
            "/admin/users/{id}/end-sessions",
            "/admin/users/{id}/remove-second-factor",
            "/admin/users/{id}/revoke-tokens",
            "/admin/data-requests",
            "/admin/moderation/{case_id}/decision",
            "/admin/chats/{session_id}/close",
            "/admin/chats/reports/{id}/decision",
            "/auth/change-password",
            "/auth/logout",
            "/auth/2fa/disable",
            "/auth/passkeys/{id}/remove",
            "/me/data-export",
            "/nanos/{id}/withdraw",
            "/nanos/{id}/restore",
            "/unsubscribe/{kind}/{token}",
            "/users/me/creator-terms",
        ];
        let link_works_once = ["/auth/verify-email", "/auth/confirm-email", "/auth/reset-password"];
        let mails_once_a_minute = ["/auth/resend-verification", "/auth/forgot-password", "/auth/change-email"];
        // Answers with secrets are kept nowhere. Who has lost one asks for another, and what the first one opened ends by itself, or
        // by a click.
        let answers_with_a_secret = [
            "/auth/login",
            "/auth/refresh-token",
            "/auth/tokens",
            "/auth/2fa/setup",
            "/auth/2fa/enable",
            "/auth/2fa/recovery-codes",
            "/auth/passkeys",
            "/auth/passkeys/login",
            "/me/webhooks",
            "/me/webhooks/{id}/secrets",
        ];
        let challenges_that_nobody_needs_twice = ["/auth/passkeys/begin", "/auth/passkeys/challenge"];
        let mut known: HashSet<&str> = [
            finds_it_done.as_slice(),
            &link_works_once,
            &mails_once_a_minute,
            &answers_with_a_secret,
            &challenges_that_nobody_needs_twice,
        ]
        .concat()
        .into_iter()
        .collect();
        for (name, operation) in operations() {
            let Some(path) = name.strip_prefix("post /api/v1") else { continue };
            let key = json!({"$ref": "#/components/parameters/IdempotencyKey"});
            let takes = operation["parameters"].as_array().is_some_and(|list| list.contains(&key));
            assert_ne!(takes, known.remove(path), "{name}: may it come twice, or is it answered once (`once!`)?");
        }
        assert!(known.is_empty(), "no such routes: {known:?}");
    }

    #[test]
    fn the_seeds_routes_are_there() {
        let names: HashSet<_> = operations().into_iter().map(|(name, _)| name).collect();
        for route in [
            "post /api/v1/auth/register",
            "post /api/v1/auth/login",
            "post /api/v1/auth/logout",
            "post /api/v1/auth/refresh-token",
            "get /api/v1/auth/me",
            "get /api/v1/nanos",
            "get /api/v1/nanos/{id}",
            "post /api/v1/nanos",
            "patch /api/v1/nanos/{id}",
            "delete /api/v1/nanos/{id}",
            "get /api/v1/nanos/{id}/ratings",
            "post /api/v1/nanos/{id}/ratings",
            "patch /api/v1/ratings/{rating_id}",
            "get /api/v1/search",
            "get /api/v1/chats",
            "post /api/v1/chats",
            "get /api/v1/chats/{session_id}/messages",
            "post /api/v1/chats/{session_id}/messages",
            "get /api/v1/ws/chat/{session_id}",
            "get /api/v1/admin/moderation/queue",
            "get /api/v1/admin/audit-logs",
            "get /health",
        ] {
            assert!(names.contains(route), "{route} is missing");
        }
    }
}
