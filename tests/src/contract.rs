//! The contract: every answer a test gets is held against the OpenAPI document. Its status, its error code and its media
//! type must be there, and its body must fit the schema.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use boon::{Compiler, Draft, SchemaIndex};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Map, Value, json};

static CONTRACT: LazyLock<Contract> = LazyLock::new(|| Contract::of(&api::document().value));

/// Addresses that describe the API and are no part of it.
const OUTSIDE: [&str; 3] = ["/api/v1/openapi.json", "/docs", "/docs/style.css"];

struct Contract {
    paths: Vec<Path>,
    schemas: Schemas,
}

struct Path {
    /// With placeholders in braces.
    template: String,
    operations: HashMap<Method, BTreeMap<u16, Described>>,
}

/// What the document says of one status of an operation.
struct Described {
    error_codes: Vec<Value>,
    /// By media type.
    bodies: Map<String, Value>,
    /// Whether it has an entity tag, and may have links.
    tagged: bool,
    linked: bool,
}

/// What is against the document in this answer. Other servers' answers are passed over.
pub fn check(method: &Method, path: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
    CONTRACT.check(method, path, status, headers, body)
}

/// Whether a body fits the schema that the document has for it.
pub fn fits(schema: &Value, body: &Value) -> bool {
    CONTRACT.schemas.check(schema, body).is_ok()
}

impl Contract {
    fn of(document: &Value) -> Self {
        let paths = document["paths"].as_object().expect("paths").iter().map(|(template, item)| Path {
            template: template.clone(),
            operations: item
                .as_object()
                .expect("methods")
                .iter()
                .map(|(method, operation)| {
                    let responses = operation["responses"].as_object().expect("responses");
                    let described = responses.iter().map(|(status, response)| {
                        let described = Described {
                            error_codes: response["x-error-codes"].as_array().cloned().unwrap_or_default(),
                            bodies: response["content"].as_object().cloned().unwrap_or_default(),
                            tagged: response["headers"]["ETag"].is_object(),
                            linked: response["headers"]["Link"].is_object(),
                        };
                        (status.parse().expect("a status"), described)
                    });
                    (method.to_uppercase().parse().expect("a method"), described.collect())
                })
                .collect(),
        });
        Self { paths: paths.collect(), schemas: Schemas::of(document) }
    }

    fn check(
        &self,
        method: &Method,
        path: &str,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), String> {
        self.can_be_followed(status, headers, body)?;
        if OUTSIDE.contains(&path) || *method == Method::OPTIONS {
            return Ok(());
        }
        let Some(found) = self.find(path) else {
            return match status {
                _ if !path.starts_with("/api/v1/") => Ok(()),
                StatusCode::NOT_FOUND => {
                    self.schemas.check(&json!({"$ref": "#/components/schemas/Error"}), &read(body)?)
                }
                _ => Err("the document does not have this address".into()),
            };
        };
        // axum answers HEAD wherever it answers GET.
        let operation = if *method == Method::HEAD { &Method::GET } else { method };
        let Some(statuses) = found.operations.get(operation) else {
            return if status == StatusCode::METHOD_NOT_ALLOWED {
                self.schemas.check(&json!({"$ref": "#/components/schemas/Error"}), &read(body)?)
            } else {
                Err("the document does not have this method here".into())
            };
        };
        let described = statuses.get(&status.as_u16()).ok_or("this status is not documented")?;
        if status == StatusCode::OK && described.tagged != headers.contains_key("etag") {
            return Err(format!(
                "the document says {} entity tag",
                if described.tagged { "it has an" } else { "nothing of an" }
            ));
        }
        if status == StatusCode::OK && headers.contains_key("link") && !described.linked {
            return Err("its links are not documented".into());
        }
        if *method == Method::HEAD {
            return Ok(());
        }
        let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        if described.bodies.is_empty() {
            return if body.is_empty() { Ok(()) } else { Err(format!("no body is documented, this one is {kind}")) };
        }
        let documented = described.bodies.get(kind).ok_or_else(|| format!("{kind:?} is not documented"))?;
        if !kind.ends_with("json") {
            return Ok(());
        }
        let body = read(body)?;
        let code = if kind == "application/json" { &body["error"]["code"] } else { &body["code"] };
        if !described.error_codes.is_empty() && !described.error_codes.contains(code) {
            return Err(format!("{code} is not documented, but {}", json!(described.error_codes)));
        }
        self.schemas.check(&documented["schema"], &body)
    }

    /// What an answer tells its caller to do next: where to look, when to come back, what to show.
    fn can_be_followed(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(at) = text("location").filter(|at| at.starts_with('/')) {
            let found = self.find(at.split('?').next().unwrap_or(at));
            if found.is_none_or(|found| !found.operations.contains_key(&Method::GET)) {
                return Err(format!("nothing can be read at its location {at}"));
            }
        }
        let seconds =
            text("retry-after").map(|value| value.parse::<u64>().map_err(|_| format!("{value:?} is no time")));
        let seconds = seconds.transpose()?;
        if status == StatusCode::TOO_MANY_REQUESTS && seconds.is_none() {
            return Err("it does not say when to come back".into());
        }
        if seconds == Some(0) {
            return Err("it says to come back at once".into());
        }
        let said = serde_json::from_slice::<Value>(body).unwrap_or_default();
        let details = if said["error"].is_object() { &said["error"]["details"] } else { &said["details"] };
        if details["retry_after_seconds"].as_u64().is_some_and(|said| Some(said) != seconds) {
            return Err(format!("it says to come back after {seconds:?} s and after {details}"));
        }
        if status == StatusCode::UNAUTHORIZED && text("www-authenticate").is_none() {
            return Err("it does not say what to show".into());
        }
        Ok(())
    }

    /// The path whose template fits, literal segments before placeholders.
    fn find(&self, path: &str) -> Option<&Path> {
        let fitting = self.paths.iter().filter_map(|candidate| Some((fit(&candidate.template, path)?, candidate)));
        fitting.max_by(|(left, _), (right, _)| left.cmp(right)).map(|(_, found)| found)
    }
}

/// Which segments are literal, if all of them fit.
fn fit(template: &str, path: &str) -> Option<Vec<bool>> {
    let (wanted, given) = (template.split('/').collect::<Vec<_>>(), path.split('/').collect::<Vec<_>>());
    if wanted.len() != given.len() {
        return None;
    }
    wanted
        .iter()
        .zip(given)
        .map(|(wanted, given)| {
            if wanted.starts_with('{') {
                (!given.is_empty()).then_some(false)
            } else {
                (*wanted == given).then_some(true)
            }
        })
        .collect()
}

fn read(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| format!("no JSON: {error}"))
}

/// The document's schemas by the references that lead to them.
struct Schemas {
    compiled: boon::Schemas,
    by_reference: HashMap<String, SchemaIndex>,
}

impl Schemas {
    fn of(document: &Value) -> Self {
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.enable_format_assertions();
        let url = "https://nano.test/openapi.json";
        compiler.add_resource(url, document.clone()).expect("a URL");
        let mut compiled = boon::Schemas::new();
        let names = document["components"]["schemas"].as_object().expect("schemas").keys();
        let by_reference = names.map(|name| {
            let reference = format!("#/components/schemas/{name}");
            let index = compiler.compile(&format!("{url}{reference}"), &mut compiled);
            (reference, index.unwrap_or_else(|error| panic!("{name} is no schema: {error}")))
        });
        let by_reference = by_reference.collect();
        Self { compiled, by_reference }
    }

    /// What has no name is not described any further: keys of another standard.
    fn check(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let Some(reference) = schema["$ref"].as_str() else { return Ok(()) };
        let index = self.by_reference.get(reference).ok_or_else(|| format!("there is no {reference}"))?;
        self.compiled.validate(value, *index).map_err(|error| format!("it breaks {reference}: {error:#}"))
    }
}
