//! The API keeps to its document, whatever it is sent. `tests/it/nanos/catalogue.rs` has lists and search.

use std::time::{Duration, Instant};

use domain::user::Role;
use reqwest::{
    Method, RequestBuilder, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde_json::{Value, json};
use tests::{Answer, TestApp, app::PATIENCE, client::answer, contract, routes::Route};
use uuid::Uuid;

/// The error envelope, with the headers every answer has.
#[track_caller]
fn assert_refused(answer: &Answer, status: StatusCode, code: &str, what: &str) {
    assert_eq!(answer.status, status, "{what}: {:#}", answer.body);
    assert_eq!(answer.body["error"]["code"], code, "{what}: {:#}", answer.body);
    assert_eq!(answer.body["success"], false, "{what}");
    assert!(answer.body["error"]["message"].as_str().is_some_and(|text| text.ends_with('.')), "{what}");
    assert!(answer.body["error"]["details"].is_object(), "{what}");
    assert!(answer.body["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{what}");
    assert_eq!(answer.headers["content-type"], "application/json", "{what}");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{what}");
    assert!(answer.headers.contains_key("x-request-id"), "{what}");
}

fn raw(request: RequestBuilder, body: impl Into<reqwest::Body>) -> RequestBuilder {
    request.header("content-type", "application/json").body(body)
}

/// The bad fields with what is wrong with each.
fn fields(answer: &Answer) -> Vec<String> {
    let list = answer.body["error"]["details"]["fields"].as_array().expect("bad fields");
    let text = |field: &Value| format!("{} {}", field["field"].as_str().unwrap(), field["code"].as_str().unwrap());
    list.iter().map(text).collect()
}

/// A busy machine may miss a ping's deadline; what counts is that it does not stay so.
async fn ready(app: &TestApp) -> Answer {
    let started = Instant::now();
    loop {
        let answer = app.get("/ready").await;
        if answer.body["status"] == "ready" {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "{:#}", answer.body);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// An answer that tells its caller to do what cannot be done is found as well.
#[test]
fn an_answer_that_cannot_be_followed_is_found() {
    let json_type = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let error = |code: &str, details: Value| {
        let error = json!({"code": code, "message": "No.", "details": details});
        json!({"success": false, "error": error, "timestamp": "2026-11-22T10:00:00.000Z"})
    };
    let (limited, away) = (|details| error("RATE_LIMITED", details), |details| error("UNAVAILABLE", details));
    let nowhere = (LOCATION, HeaderValue::from_static("/api/v1/no/such/thing"));
    let after = |seconds: &'static str| (RETRY_AFTER, HeaderValue::from_static(seconds));
    for (status, body, header, kept) in [
        (429, limited(json!({"retry_after_seconds": 3})), after("3"), true),
        (429, limited(json!({})), nowhere.clone(), false),
        (429, limited(json!({"retry_after_seconds": 2})), after("3"), false),
        (503, away(json!({})), after("0"), false),
        (503, away(json!({})), after("soon"), false),
        (401, error("UNAUTHORIZED", json!({})), after("1"), false),
    ] {
        let headers = HeaderMap::from_iter([json_type.clone(), header]);
        let status = StatusCode::from_u16(status).unwrap();
        let found = contract::check(&Method::GET, "/api/v1/auth/me", status, &headers, body.to_string().as_bytes());
        assert_eq!(found.is_ok(), kept, "{status} {headers:?} {body}: {found:?}");
    }
}

/// `tests::client::answer` holds every answer against the document; this shows that it can find something.
#[test]
fn an_answer_that_breaks_the_document_is_found() {
    let headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
    ]);
    let check = |method: Method, path: &str, status: u16, body: &Value| {
        contract::check(&method, path, StatusCode::from_u16(status).unwrap(), &headers, body.to_string().as_bytes())
    };
    let time = "2026-11-22T10:00:00.000Z";
    let error = |code: &str| {
        let error = json!({"code": code, "message": "No.", "details": {}});
        json!({"success": false, "error": error, "timestamp": time})
    };
    let pause = |scope: Value, time: &str| {
        let data = json!({"scope": scope, "name": "all", "paused": true, "expires_at": null});
        json!({"success": true, "data": data, "timestamp": time})
    };
    let paused = "/api/v1/admin/jobs/pause";
    for (method, path, status, body) in [
        (Method::GET, "/health", 200, json!({"status": "ok"})),
        (Method::POST, "/health", 405, error("METHOD_NOT_ALLOWED")),
        (Method::GET, "/api/v1/no/such/thing", 404, error("NOT_FOUND")),
        (Method::GET, "/api/v1/auth/me", 401, error("TOKEN_EXPIRED")),
        (Method::POST, paused, 200, pause(json!("all"), time)),
    ] {
        assert_eq!(check(method, path, status, &body), Ok(()), "{path} {status} {body}");
    }
    for (method, path, status, body) in [
        (Method::GET, "/health", 200, json!({"status": null})),
        (Method::GET, "/health", 200, json!({})),
        (Method::GET, "/health", 418, json!({"status": "ok"})),
        (Method::POST, "/health", 200, json!({"status": "ok"})),
        (Method::GET, "/api/v1/no/such/thing", 200, json!({})),
        (Method::GET, "/api/v1/auth/me", 401, error("OWN_NANO")),
        (Method::GET, "/api/v1/auth/me", 401, json!({"error": {"code": "TOKEN_EXPIRED"}})),
        (Method::POST, "/api/v1/auth/logout", 204, json!({})),
        (Method::POST, paused, 200, pause(json!("some"), time)),
        (Method::POST, paused, 200, pause(json!("all"), "yesterday")),
    ] {
        assert!(check(method, path, status, &body).is_err(), "{path} {status} {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_that_is_served_is_the_one_in_the_program() {
    let app = TestApp::start().await;
    let response = app.request(Method::GET, "/api/v1/openapi.json").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.text().await.unwrap(), api::document().text);
    let page = app.request(Method::GET, "/docs").send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let page = page.text().await.unwrap();
    for route in Route::all() {
        assert!(page.contains(&route.path), "{} is not on the page", route.path);
    }
    let keys = app.get("/.well-known/jwks.json").await;
    assert_eq!(keys.body["keys"].as_array().unwrap().len(), 1);
    assert!(keys.body["keys"][0].get("d").is_none(), "the private half stays inside");
    insta::assert_json_snapshot!("ready", ready(&app).await.snapshot());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_and_other_addresses_are_refused_in_the_envelope() {
    let app = TestApp::start().await;
    let routes = Route::all();
    let id = Uuid::now_v7().to_string();
    for route in &routes {
        let path = route.address(&id);
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::TRACE] {
            if routes.iter().any(|other| other.path == route.path && other.method == method) {
                continue;
            }
            let name = format!("{method} {path}");
            let refused = answer(app.request(method, &path)).await;
            assert_refused(&refused, StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", &name);
            let allowed = refused.headers.get("allow").and_then(|value| value.to_str().ok()).unwrap_or_default();
            assert!(allowed.contains(route.method.as_str()), "{name}: Allow says {allowed:?}");
        }
        for path in [format!("{path}/no/such/thing"), format!("{path}/"), format!("{path}%00")] {
            let refused = answer(app.request(route.method.clone(), &path)).await;
            // With an id in its last place the address may be that of another id, or of a neighbour's.
            let other = [StatusCode::UNAUTHORIZED, StatusCode::METHOD_NOT_ALLOWED].contains(&refused.status);
            if !(other && path.ends_with("%00")) {
                assert_refused(&refused, StatusCode::NOT_FOUND, "NOT_FOUND", &path);
            }
        }
    }
    for path in ["/", "/api", "/api/v1", "/api/v1/", "/api/v2/nanos", "//", "/%ff", "/api/v1/../../etc/passwd"] {
        assert_refused(&app.get(path).await, StatusCode::NOT_FOUND, "NOT_FOUND", path);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_id_is_not_found() {
    let app = TestApp::start().await;
    let admin = app.user("root", Role::Admin).await;
    let long = "a".repeat(2000);
    let upper = Uuid::now_v7().to_string().to_uppercase();
    let ids = [
        "x",
        "0",
        "-1",
        "%00",
        "%ff",
        "%F0%9F%A6%80",
        "..%2f..%2fetc%2fpasswd",
        "'%20OR%201=1",
        "null",
        &long,
        &upper,
        "00000000-0000-0000-0000-000000000000",
        "01930000-0000-7000-8000-00000000000g",
    ];
    // A socket is told so behind the upgrade, in a close code.
    let asked = |route: &&Route| route.path.contains("id}") && !route.path.contains("/ws/");
    for route in Route::all().iter().filter(asked) {
        for id in ids {
            // Of a change whose fields all may be left out, one must be there.
            let body = match route.body() {
                Value::Object(fields) if fields.is_empty() => json!({"title": "T"}),
                body => body,
            };
            let address = format!("{}?{}", route.address(id), route.query());
            let request = admin.request(&app, route.method.clone(), &address);
            let refused = answer(if route.takes_json() { request.json(&body) } else { request }).await;
            assert_refused(&refused, StatusCode::NOT_FOUND, "NOT_FOUND", &format!("{} with {id}", route.name()));
        }
    }
    let nano = admin.draft(&app, "Numbered").await;
    for number in ["0", "1", "-1", "x", "1.0", "4294967295", "4294967296", "99999999999999999999"] {
        let none = admin.get(&app, &format!("/api/v1/nanos/{nano}/versions/{number}")).await;
        assert_refused(&none, StatusCode::NOT_FOUND, "NOT_FOUND", number);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_json_objects_are_refused() {
    let app = TestApp::start().await;
    let admin = app.user("root", Role::Admin).await;
    let id = Uuid::now_v7().to_string();
    let deep = "[".repeat(20_000);
    let malformed: [&[u8]; 8] =
        [b"{", b"[]", b"null", b"\"x\"", b"{\"a\":1}{}", b"{\"a\":\"\xff\"}", b"{\"a\":\"\\ud800\"}", deep.as_bytes()];
    for route in Route::all().iter().filter(|route| route.takes_json()) {
        let name = route.name();
        let request = || admin.request(&app, route.method.clone(), &route.address(&id));
        for body in malformed {
            let refused = answer(raw(request(), body.to_vec())).await;
            let name = format!("{name} with {:?}", String::from_utf8_lossy(&body[..body.len().min(20)]));
            assert_refused(&refused, StatusCode::BAD_REQUEST, "MALFORMED_JSON", &name);
            route.assert_documented(&refused);
        }
        let big = format!("{{\"a\":\"{}\"}}", "x".repeat(64 * 1024));
        let refused = answer(raw(request(), big)).await;
        assert_refused(&refused, StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", &name);
        route.assert_documented(&refused);
        let typed = answer(request().header("content-type", "text/plain").body("{}")).await;
        route.assert_documented(&typed);
        let unknown = answer(raw(request(), "{\"no_such_field\":1}")).await;
        assert_refused(&unknown, StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED", &name);
        assert!(fields(&unknown).contains(&"no_such_field UNKNOWN".to_owned()), "{name}: {:#}", unknown.body);
        route.assert_documented(&unknown);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_field_is_named_at_once() {
    let app = TestApp::start().await;
    let creator = app.creator("fay").await;
    let empty = app.post("/api/v1/auth/register", &json!({})).await;
    assert_eq!(empty.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    assert_eq!(fields(&empty), ["email MISSING", "username MISSING", "password MISSING"]);
    let form = json!({
        "email": "ada@", "username": "A", "password": "short", "name": " ", "language": "fr", "role": "admin",
    });
    let wrong = app.post("/api/v1/auth/register", &form).await;
    insta::assert_json_snapshot!("bad_registration", wrong.snapshot());
    for (password, code) in [("password123456", "TOO_COMMON"), ("ada@nano.test", "PERSONAL")] {
        let form = json!({"email": "ada@nano.test", "username": "ada", "password": password});
        assert_eq!(fields(&app.post("/api/v1/auth/register", &form).await), [format!("password {code}")]);
    }
    let nano = json!({
        "title": "a\u{0}b", "description": "", "duration_minutes": 0, "level": "1", "language": "fr", "format": 7,
        "license": "MIT", "categories": ["a", "b", "c", "d", "e", "f"], "status": "published",
    });
    let wrong = creator.post(&app, "/api/v1/nanos", &nano).await;
    insta::assert_json_snapshot!("bad_nano", wrong.snapshot());
    let id = creator.draft(&app, "Categories").await;
    let edit = creator.request(&app, Method::PATCH, &format!("/api/v1/nanos/{id}"));
    let unknown = answer(edit.json(&json!({"title": "New", "categories": ["office", "cookery"]}))).await;
    assert_eq!(fields(&unknown), ["categories NO_SUCH"]);
    let view = creator.get(&app, &format!("/api/v1/nanos/{id}")).await;
    assert_eq!(view.data(StatusCode::OK)["title"], "Categories", "nothing of a refused change is kept");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_speak_the_callers_language_and_form() {
    let app = TestApp::start().await;
    let form = json!({"email": "x", "username": "ada", "password": "a long enough phrase", "more": 1});
    for (name, language, accept) in [
        ("in_german", "de-AT,en;q=0.5", "*/*"),
        ("in_english", "en;q=0.9, de;q=0.1", "application/json"),
        ("as_a_problem", "en", "application/problem+json"),
    ] {
        let request = app.request(Method::POST, "/api/v1/auth/register").json(&form);
        let refused = answer(request.header("accept-language", language).header("accept", accept)).await;
        insta::assert_json_snapshot!(name, refused.snapshot());
    }
    // The caller's request id comes back when it is harmless.
    for (sent, kept) in [("trace-1.2:3", true), ("has spaces", false), (&"x".repeat(65), false)] {
        let answered = answer(app.request(Method::GET, "/health").header("x-request-id", sent)).await;
        assert_eq!(answered.headers["x-request-id"] == sent, kept, "{sent}");
        assert_eq!(answered.headers["x-frame-options"], "DENY");
        assert!(answered.headers["strict-transport-security"].to_str().unwrap().starts_with("max-age=31536000"));
    }
    app.finish().await;
}
