//! The OpenAPI document: the routes' own descriptions, completed with what holds for all of them.
//!
//! A route lists its error codes once, in `x-errors`; here they become responses. What follows from a route's shape
//! (it needs a token, it has a body) is added by itself. `requests.rs` says of every form what its reader does, whatever its
//! Rust type looks like.

mod components;
mod requests;

use std::collections::BTreeMap;

use domain::user::Language;
use serde_json::{Map, Value, json};
use utoipa::openapi::{Info, OpenApi};

use crate::{auth::scopes, reply::Code, request::OWN_ACCOUNT};

/// What is taken for a bearer token.
const BEARER: &str = "An access token from a login, or a personal access token (`nano_pat_…`) with the scope that the \
                      operation names in `x-scope`; operations without one take none.";

/// The document's head.
pub fn base() -> OpenApi {
    let mut document = OpenApi::default();
    let mut info = Info::new("Nano marketplace", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Short learning units: upload them, have them checked and published, find and download them. \
         Every answer has the same envelope; errors come as RFC 9457 with `Accept: application/problem+json`, and in \
         German or English by `Accept-Language`."
            .into(),
    );
    document.info = info;
    document
}

/// The whole document.
pub struct Document {
    pub value: Value,
    /// The same as JSON text.
    pub text: String,
}

impl Document {
    /// What the routes say of themselves, completed.
    pub fn of(routes: &OpenApi) -> Self {
        let value = completed(routes);
        Self { text: format!("{value:#}"), value }
    }
}

fn completed(routes: &OpenApi) -> Value {
    let mut document = serde_json::to_value(routes).unwrap_or_default();
    document["openapi"] = json!("3.1.0");
    document["info"]["license"] = json!({"name": "Apache-2.0", "identifier": "Apache-2.0"});
    document["servers"] = json!([{"url": "/", "description": "Whoever serves this document"}]);
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, item) in paths {
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                if let Some(operation) = operation.as_object_mut() {
                    complete(path, method, operation);
                }
            }
        }
    }
    let schemas = &mut document["components"]["schemas"];
    schemas["Error"] = error_schema();
    schemas["Problem"] = problem_schema();
    schemas["ErrorCode"] = json!({"type": "string", "enum": Code::ALL});
    let bearer = json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": BEARER});
    document["components"]["securitySchemes"] = json!({ "bearer": bearer });
    requests::describe(&mut document);
    components::share(&mut document);
    components::prune(&mut document);
    document
}

fn complete(path: &str, method: &str, operation: &mut Map<String, Value>) {
    let words: Vec<&str> = path
        .trim_start_matches("/api/v1")
        .split(['/', '-', '.', '_'])
        .map(|word| word.trim_matches(['{', '}']))
        .filter(|word| !word.is_empty())
        .collect();
    operation.insert("operationId".into(), json!(format!("{method}_{}", words.join("_"))));
    let needs_token = operation.contains_key("security");
    // Said, not left out: whoever reads the document need not guess whether it was forgotten.
    operation.entry("security").or_insert_with(|| json!([]));
    if !path.starts_with("/api/v1") {
        return;
    }
    let mut codes: Vec<String> =
        operation.remove("x-errors").and_then(|codes| serde_json::from_value(codes).ok()).unwrap_or_default();
    let mut add = |more: &[Code]| codes.extend(more.iter().map(|code| code.as_str().to_owned()));
    add(&[Code::Unavailable, Code::Internal, Code::RateLimited]);
    if needs_token {
        add(&[Code::Unauthorized, Code::TokenExpired, Code::SessionEnded, Code::AccountNotActive]);
        if !path.starts_with(OWN_ACCOUNT) {
            add(&[Code::SecondFactorSetupRequired]);
        }
        match method.to_uppercase().parse().ok().and_then(|method| scopes::needed(&method, path)) {
            Some(scope) => {
                add(&[Code::ScopeMissing]);
                operation.insert("x-scope".into(), json!(scope));
            }
            None => add(&[Code::SessionRequired]),
        }
    }
    if let Some(body) = operation.get("requestBody") {
        add(&[Code::BodyInterrupted]);
        if !body["content"]["application/json"].is_null() {
            add(&[Code::MalformedJson, Code::BodyTooLarge]);
            if body["required"] == json!(true) {
                add(&[Code::UnsupportedMediaType]);
            }
        }
    }
    codes.sort();
    codes.dedup();
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in Code::ALL.iter().filter(|code| codes.iter().any(|word| word == code.as_str())) {
        by_status.entry(code.status().as_u16()).or_default().push(*code);
    }
    for (status, codes) in by_status {
        let list: Vec<_> =
            codes.iter().map(|code| format!("- `{}`: {}", code.as_str(), code.message(Language::En))).collect();
        let mut response = json!({
            "description": list.join("\n"),
            "x-error-codes": codes,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/Error"}},
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
            },
        });
        if matches!(status, 429 | 503) {
            let header = json!({"description": "Seconds to wait", "schema": {"type": "integer"}});
            response["headers"] = json!({"Retry-After": header});
        }
        if status == 429 {
            for (name, description) in [
                ("RateLimit", "What is left: `\"<policy>\";r=<requests>;t=<seconds>`"),
                ("RateLimit-Policy", "The limit: `\"<policy>\";q=<requests>;w=<seconds>`"),
            ] {
                response["headers"][name] = json!({"description": description, "schema": {"type": "string"}});
            }
        }
        operation["responses"][status.to_string()] = response;
    }
}

fn details_schema() -> Value {
    json!({
        "type": "object",
        "description": "Facts for programs. Bad fields are in `fields`.",
        "properties": {
            "fields": {"type": "array", "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string", "examples": ["TOO_LONG"]},
                    "message": {"type": "string"},
                },
            }},
        },
    })
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["success", "error", "timestamp"],
        "properties": {
            "success": {"type": "boolean", "const": false},
            "error": {
                "type": "object",
                "required": ["code", "message", "details"],
                "properties": {
                    "code": {"$ref": "#/components/schemas/ErrorCode"},
                    "message": {"type": "string"},
                    "details": details_schema(),
                },
            },
            "timestamp": {"type": "string", "format": "date-time"},
        },
    })
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "instance", "code", "details"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "instance": {"type": "string"},
            "code": {"$ref": "#/components/schemas/ErrorCode"},
            "details": details_schema(),
        },
    })
}
