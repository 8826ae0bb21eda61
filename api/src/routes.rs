//! The URL table: each noun's router has its own lines, and every line is in the OpenAPI document.

mod accounts;
mod admin;
mod collections;
pub mod deprecations;
mod jobs;
mod moderation;
mod nanos;
mod ratings;
mod system;
mod uploads;

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
        .merge(uploads::router())
        .merge(jobs::router())
        .merge(moderation::router())
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

    fn forms() -> [Form; 20] {
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
            ("FinishUpload", refused::<uploads::upload::FinishUpload>),
            ("Registration", refused::<accounts::registration::Registration>),
            ("PasswordChange", refused::<accounts::password::PasswordChange>),
            ("PasswordReset", refused::<accounts::password_reset::PasswordReset>),
            ("NewToken", refused::<accounts::tokens::NewToken>),
            ("Judgement", refused::<moderation::Judgement>),
            ("LimitForm", refused::<admin::limits::LimitForm>),
            ("NewMaintenance", refused::<admin::maintenance::NewMaintenance>),
            ("NewRole", refused::<admin::users::NewRole>),
            ("NewPause", refused::<admin::pauses::NewPause>),
            ("BulkRequest", refused::<admin::jobs::bulk::BulkRequest>),
            ("Operation", refused::<jobs::operate::Operation>),
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
        assert_eq!(bounds, 76, "a form got or lost a bound");
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

    /// What nobody could undo by asking again.
    #[test]
    fn every_post_that_makes_something_takes_a_key() {
        // A cancel answers with the job it stops, a worker drains once, and mails that are asked for again are sent once a
        // minute. The answer with a new token holds its secret, which is kept nowhere: who has lost it revokes the token.
        let makes_nothing = [
            "post /api/v1/jobs/{id}/cancel",
            "post /api/v1/admin/jobs/workers/{id}/drain",
            "post /api/v1/auth/resend-verification",
            "post /api/v1/auth/forgot-password",
            "post /api/v1/auth/change-email",
            "post /api/v1/auth/tokens",
        ];
        for (name, operation) in operations() {
            let answers = |status: &str| operation["responses"][status].is_object();
            let makes = name.starts_with("post ")
                && (answers("201") || answers("202"))
                && !makes_nothing.contains(&name.as_str());
            let key = json!({"$ref": "#/components/parameters/IdempotencyKey"});
            let takes = operation["parameters"].as_array().is_some_and(|list| list.contains(&key));
            assert_eq!(takes, makes, "{name}: does it make something, and is it answered once (`once!`)?");
        }
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
            "get /api/v1/admin/moderation/queue",
            "get /api/v1/admin/audit-logs",
            "get /health",
        ] {
            assert!(names.contains(route), "{route} is missing");
        }
    }
}
