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

use crate::{
    auth::{consents, scopes},
    maintenance::GO_ON,
    reply::Code,
    request::{
        OWN_ACCOUNT,
        keyed::{LONGEST, SHORTEST},
    },
    routes::deprecations::{self, DEPRECATIONS},
};

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
    document["components"]["parameters"] = shared_parameters();
    let bearer = json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": BEARER});
    document["components"]["securitySchemes"] = json!({ "bearer": bearer });
    deprecations::describe(&mut document, DEPRECATIONS);
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
        let asks = |method: http::Method| consents::are_needed(&method, path);
        if method.to_uppercase().parse().is_ok_and(asks) {
            add(&[Code::ConsentRequired]);
        }
        match method.to_uppercase().parse().ok().and_then(|method| scopes::needed(&method, path)) {
            Some(scope) => {
                add(&[Code::ScopeMissing]);
                operation.insert("x-scope".into(), json!(scope));
            }
            None => add(&[Code::SessionRequired]),
        }
    }
    if method != "get" && !GO_ON.contains(&path) {
        add(&[Code::Maintenance]);
    }
    let keyed = operation.remove("x-keyed").is_some();
    if keyed {
        add(&[Code::ValidationFailed, Code::IdempotencyKeyReused, Code::IdempotencyKeyInUse]);
    }
    let (tagged, conditional) = (operation.remove("x-tagged").is_some(), operation.remove("x-if-match").is_some());
    if conditional {
        add(&[Code::ValidationFailed, Code::PreconditionFailed]);
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
        if matches!(status, 429 | 503) || codes.contains(&Code::IdempotencyKeyInUse) {
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
    if keyed {
        take(operation, "IdempotencyKey");
        answer_with(
            operation,
            "Idempotent-Replayed",
            &json!({
                "description": "`true` when this is the answer to an earlier request with the same `Idempotency-Key`",
                "schema": {"type": "string", "enum": ["true"]},
            }),
        );
    }
    if conditional {
        take(operation, "IfMatch");
    }
    let parameters = operation.get("parameters").and_then(Value::as_array);
    if parameters.is_some_and(|list| list.iter().any(|one| one["name"] == "page" || one["name"] == "cursor")) {
        answer_with(
            operation,
            "Link",
            &json!({
                "description": "RFC 8288: `next`, `prev`, `first` and `last` page of the list, as far as there are such",
                "schema": {"type": "string"},
                "example": "</api/v1/nanos?page=2>; rel=\"next\", </api/v1/nanos?page=1>; rel=\"first\"",
            }),
        );
    }
    if tagged || (conditional && operation["responses"]["200"].is_object()) {
        answer_with(
            operation,
            "ETag",
            &json!({
                "description": "Names what is said here, for `If-None-Match`, and what edits name in `If-Match`",
                "schema": {"type": "string"},
                "example": "W/\"3.d0f00c5a71e2b9c4\"",
            }),
        );
    }
    if tagged {
        take(operation, "IfNoneMatch");
        operation["responses"]["304"] = json!({"description": "As it was read before (`If-None-Match`)"});
    }
}

/// The operation has a parameter of those that are shared.
fn take(operation: &mut Map<String, Value>, name: &str) {
    if let Some(list) = operation.entry("parameters").or_insert_with(|| json!([])).as_array_mut() {
        list.push(json!({"$ref": format!("#/components/parameters/{name}")}));
    }
}

/// Its successful answers have a header.
fn answer_with(operation: &mut Map<String, Value>, name: &str, header: &Value) {
    for (status, response) in operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten() {
        if status.starts_with('2') {
            response["headers"][name] = header.clone();
        }
    }
}

fn shared_parameters() -> Value {
    json!({
        "IdempotencyKey": idempotency_key(),
        "IfNoneMatch": {
            "name": "If-None-Match",
            "in": "header",
            "required": false,
            "description": "The `ETag` of what was read before: answered 304, without a body, when it says the same.",
            "schema": {"type": "string"},
        },
        "IfMatch": {
            "name": "If-Match",
            "in": "header",
            "required": false,
            "description": "The `ETag` of what was read: refused (412) when somebody has edited it since. Of a tag only the part \
                before the dot counts, which edits change and nothing else does.",
            "schema": {"type": "string"},
            "example": "W/\"3.d0f00c5a71e2b9c4\"",
        },
    })
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "A new UUID for each thing that is to be made. Whoever does not know whether a request was answered sends \
            it again with the same key: within 24 hours the same request of the same caller gets the same answer, and \
            nothing is made twice. Another request under the key is refused (422), and so is a second one while the first \
            is under way (409). A refused request has made nothing and does not use up its key.",
        "schema": {"type": "string", "minLength": SHORTEST, "maxLength": LONGEST, "pattern": "^[!-~]+$"},
        "example": "0193f2a0-7c3e-7a51-9d0e-5b1f2c3d4e5f",
    })
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
