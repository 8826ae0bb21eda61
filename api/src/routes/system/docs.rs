//! The API's description: for programs, and as a page for people. The page is plain HTML made from the document: no
//! script, nothing from elsewhere, so the strictest content policy holds.

use std::{
    fmt::Write,
    sync::{LazyLock, OnceLock},
};

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing,
};
use domain::user::Language;
use http::{HeaderValue, header};
use serde_json::Value;

use super::openapi::Document;
use crate::{
    reply::{Code, tag},
    state::AppState,
};

const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The document, its page and the page's style sheet.
pub fn router(document: &'static LazyLock<Document>) -> Router<AppState> {
    Router::new()
        .route("/api/v1/openapi.json", routing::get(async || typed("application/json", &document.text)))
        .route("/docs", routing::get(async || page(document)))
        .route("/docs/style.css", routing::get(style))
}

/// The document as a page.
fn page(document: &Document) -> Response {
    static PAGE: OnceLock<String> = OnceLock::new();
    let mut response = typed("text/html; charset=utf-8", PAGE.get_or_init(|| render(&document.value)));
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// The page's style sheet.
async fn style() -> Response {
    typed("text/css", include_str!("docs.css"))
}

fn typed(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
        (header::ETAG, tag::header_value(None, &tag::hash(text.as_bytes()))),
    ];
    (headers, text).into_response()
}

/// What a code says, why, and what to do.
fn meaning(code: Code, language: Language) -> String {
    let explained = code.explained(language).map(|explained| format!(" {} {}", explained.cause, explained.cure));
    escape(&format!("{}{}", code.message(language), explained.unwrap_or_default()))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Writing to a string cannot fail.
fn render(document: &Value) -> String {
    let mut html = String::new();
    let title = escape(document["info"]["title"].as_str().unwrap_or_default());
    let version = escape(document["info"]["version"].as_str().unwrap_or_default());
    let about = escape(document["info"]["description"].as_str().unwrap_or_default());
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} API</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"/docs/style.css\"></head><body><header><h1>{title} API <small>{version}</small></h1>\
         <p>{about}</p><p><a href=\"/api/v1/openapi.json\">OpenAPI 3.1 document</a> · <a href=\"#errors\">Error codes</a> · \
         <a href=\"#schemas\">Schemas</a></p></header><main>"
    );
    for (tag, operations) in by_tag(document) {
        let _ = write!(html, "<section><h2>{}</h2>", escape(&tag));
        for (method, path, operation) in operations {
            operation_html(&mut html, document, method, path, operation);
        }
        html.push_str("</section>");
    }
    html.push_str("<section id=\"errors\"><h2>Error codes</h2><table><tr><th>Code<th>Status<th>Meaning</tr>");
    for code in Code::ALL {
        let _ = write!(
            html,
            "<tr id=\"{0}\"><td><code>{0}</code><td>{1}<td>{2}<br><span lang=\"de\">{3}</span></tr>",
            code.as_str(),
            code.status().as_u16(),
            meaning(*code, Language::En),
            meaning(*code, Language::De),
        );
    }
    html.push_str("</table></section><section id=\"schemas\"><h2>Schemas</h2>");
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        let _ = write!(
            html,
            "<details id=\"schema-{0}\"><summary><code>{0}</code></summary><pre>{1}</pre></details>",
            escape(name),
            escape(&format!("{schema:#}"))
        );
    }
    html.push_str("</section></main></body></html>");
    html
}

type Operation<'a> = (&'a str, &'a str, &'a Value);

fn by_tag(document: &Value) -> Vec<(String, Vec<Operation<'_>>)> {
    let mut tags: Vec<(String, Vec<Operation>)> = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let tag = operation["tags"][0].as_str().unwrap_or("other");
            let entry = (method.as_str(), path.as_str(), operation);
            match tags.iter_mut().find(|(name, _)| name == tag) {
                Some((_, list)) => list.push(entry),
                None => tags.push((tag.to_owned(), vec![entry])),
            }
        }
    }
    tags
}

fn operation_html(html: &mut String, document: &Value, method: &str, path: &str, operation: &Value) {
    let summary = escape(operation["summary"].as_str().unwrap_or_default());
    let _ = write!(
        html,
        "<details><summary><b class=\"{method}\">{}</b> <code>{}</code> {summary}</summary>",
        method.to_uppercase(),
        escape(path)
    );
    if let Some(description) = operation["description"].as_str() {
        let _ = write!(html, "<p>{}</p>", escape(description));
    }
    let guests = operation["security"]
        .as_array()
        .is_none_or(|all| all.is_empty() || all.iter().any(|one| one == &serde_json::json!({})));
    if !guests {
        html.push_str("<p>Needs <code>Authorization: Bearer &lt;access token&gt;</code>.</p>");
    }
    if let Some(parameters) = operation["parameters"].as_array().filter(|list| !list.is_empty()) {
        html.push_str("<table><tr><th>Parameter<th>In<th>Type<th></tr>");
        for parameter in parameters {
            let shared = parameter["$ref"].as_str().and_then(|target| document.pointer(target.trim_start_matches('#')));
            let parameter = shared.unwrap_or(parameter);
            let _ = write!(
                html,
                "<tr><td><code>{}</code><td>{}<td>{}<td>{}</tr>",
                escape(parameter["name"].as_str().unwrap_or_default()),
                escape(parameter["in"].as_str().unwrap_or_default()),
                schema_html(&parameter["schema"]),
                escape(parameter["description"].as_str().unwrap_or_default()),
            );
        }
        html.push_str("</table>");
    }
    for (kind, body) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        let _ = write!(html, "<p>Body: <code>{}</code> {}</p>", escape(kind), schema_html(&body["schema"]));
    }
    html.push_str("<table><tr><th>Status<th>Answer<th>Body</tr>");
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let body = response["content"].as_object().and_then(|content| content.values().next());
        let _ = write!(
            html,
            "<tr><td>{}<td class=\"text\">{}<td>{}</tr>",
            escape(status),
            escape(response["description"].as_str().unwrap_or_default()),
            body.map(|body| schema_html(&body["schema"])).unwrap_or_default(),
        );
    }
    html.push_str("</table></details>");
}

/// A short name for a schema, with a link where it has one of its own.
fn schema_html(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|target| target.rsplit('/').next()) {
        let name = escape(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    for list in ["oneOf", "anyOf", "allOf"] {
        if let Some(parts) = schema[list].as_array() {
            return parts.iter().map(schema_html).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        return escape(&words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | "));
    }
    match &schema["type"] {
        Value::String(kind) if kind == "array" => format!("list of {}", schema_html(&schema["items"])),
        Value::String(kind) => escape(kind),
        Value::Array(kinds) => escape(&kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | ")),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_every_route_and_code_and_loads_nothing_foreign() {
        let html = render(&crate::document().value);
        assert!(html.contains("/api/v1/nanos/{id}/events") && html.contains("TOO_MANY_ATTEMPTS"));
        assert!(html.contains("Idempotency-Key"), "shared parameters are shown");
        assert!(!html.contains("<script") && !html.contains("http://") && !html.contains("src="));
    }
}
