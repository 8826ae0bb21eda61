//! The URL table: each noun's router has its own lines, and every line is in the OpenAPI document.

mod accounts;
mod admin;
mod jobs;
mod moderation;
mod nanos;
mod system;
mod uploads;

use std::sync::LazyLock;

use axum::Router;
use utoipa_axum::router::OpenApiRouter;

pub use self::system::openapi::Document;
use self::system::{docs, openapi};
use crate::{
    reply::{Code, Error},
    state::AppState,
};

/// Routes and the document that describes them.
fn table() -> OpenApiRouter<AppState> {
    let v1 = OpenApiRouter::new()
        .merge(accounts::router())
        .merge(nanos::router())
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

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
            if operation.get("security").is_some() {
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
        let general = [Code::MethodNotAllowed];
        for code in Code::ALL.iter().filter(|code| !general.contains(code)) {
            assert!(text.contains(&format!("`{}`", code.as_str())), "{} is on no route", code.as_str());
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
            "get /api/v1/search",
            "get /api/v1/admin/moderation/queue",
            "get /api/v1/admin/audit-logs",
            "get /health",
        ] {
            assert!(names.contains(route), "{route} is missing");
        }
    }
}
