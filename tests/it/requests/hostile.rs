//! Made from the OpenAPI document: every parameter and every field of every operation, filled with what no client should
//! send. What is refused is refused as documented, nothing of it makes the server fail, and where only some words are taken the
//! document tells which.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::user::Role;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tests::{
    Answer, TestApp, User, archives, client, contract,
    routes::{Access, Needs, Route},
};

use super::things::{Things, end_maintenance, schedule};

/// Texts for paths, queries and fields.
fn texts() -> Vec<String> {
    let texts = [
        "é",
        "日本語",
        "😀",
        "\u{0}",
        "a\u{1b}[31m",
        "a\nb",
        "\u{202e}fdp",
        "\u{fffd}",
        " ",
        "%",
        "'; --",
        "\\",
        "null",
        "-1",
        "0",
        "1.5",
        "1e400",
        "4294967296",
        "18446744073709551616",
        "+262142-12-31T23:59:59Z",
        "-262143-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-02-30T00:00:00Z",
        "7",
        "true",
    ];
    let mut texts: Vec<String> = texts.map(str::to_owned).to_vec();
    texts.extend([65, 300, 5000].map(|length| "a".repeat(length)));
    texts.push("é".repeat(48));
    // The place of a cursor: a version, a time in the year 20000, a fingerprint.
    let micros = 568_971_820_800_000_000_i64.to_be_bytes();
    texts.push(URL_SAFE_NO_PAD.encode([[1].as_slice(), micros.as_slice(), [0; 16].as_slice()].concat()));
    texts
}

/// What is no text, for fields.
fn values() -> Vec<Value> {
    let mut values: Vec<Value> = texts().into_iter().map(Value::String).collect();
    values.extend([
        json!(""),
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(0.5),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(4_294_967_296_u64),
        json!([]),
        json!([[]]),
        json!([null, 7, "é"]),
        json!({}),
        json!({"é": {}}),
    ]);
    values
}

/// Raw JSON that the parser has to refuse, or that it may take for something else.
const RAW: [&str; 5] = [r#""\ud800""#, r#""\udc00\ud800""#, "1e400", "-0", "123456789012345678901234567890"];
const PLACE: &str = "the raw value stands here";

/// Bytes that are no UTF-8, percent-encoded.
const BROKEN: [&str; 2] = ["%ff", "%c3%28"];

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

struct Walk<'a> {
    app: &'a TestApp,
    things: &'a Things,
    user: &'a User,
    calls: usize,
    faults: Vec<String>,
}

impl Walk<'_> {
    fn request(&self, route: &Route, address: &str) -> RequestBuilder {
        let request = self.user.request(self.app, route.method.clone(), address);
        if route.path.ends_with("/file") {
            request.header("content-type", "application/zip").body(archives::unit())
        } else {
            request
        }
    }

    async fn call(&mut self, route: &Route, request: RequestBuilder, what: &str) -> Answer {
        self.calls += 1;
        let (answer, kept) = client::held(request).await;
        if let Err(breach) = kept {
            self.faults.push(format!("{} with {what:.80} answers {}: {breach}", route.name(), answer.status));
        }
        if answer.status.is_server_error() {
            self.faults.push(format!("{} with {what:.80} answers {}", route.name(), answer.status));
        }
        for bad in answer.body["error"]["details"]["fields"].as_array().into_iter().flatten() {
            let field = bad["field"].as_str().unwrap_or_default();
            if bad["code"] == "CHOICE" && !route.tells_the_words_of(field) {
                self.faults
                    .push(format!("{} takes some words for {field}, which the document does not tell", route.name()));
            }
        }
        let unnamed = || answer.body["error"]["details"]["fields"].as_array().is_none_or(Vec::is_empty);
        if answer.status == StatusCode::UNPROCESSABLE_ENTITY && unnamed() {
            self.faults.push(format!("{} with {what:.80} names no bad field", route.name()));
        }
        answer
    }

    async fn paths(&mut self, route: &Route) {
        for hostile in texts().iter().map(|text| encoded(text)).chain(BROKEN.map(str::to_owned)) {
            for hit in route.parameters("path") {
                let fine = self.things.path(route);
                let path = route
                    .path
                    .split('/')
                    .zip(fine.split('/'))
                    .map(|(template, fine)| if template == format!("{{{hit}}}") { hostile.as_str() } else { fine });
                let path = path.collect::<Vec<_>>().join("/");
                let request = self.request(route, &format!("{path}?{}", route.query()));
                let request = if route.takes_json() { request.json(&route.body()) } else { request };
                self.call(route, request, &format!("{hit}={hostile}")).await;
            }
        }
    }

    async fn queries(&mut self, route: &Route) {
        let hostile: Vec<String> =
            texts().iter().map(|text| encoded(text)).chain(BROKEN.map(str::to_owned)).chain([String::new()]).collect();
        for name in route.parameters("query") {
            for hostile in &hostile {
                let others = route.query();
                let others =
                    others.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with(&format!("{name}=")));
                let query =
                    others.map(str::to_owned).chain([format!("{name}={hostile}")]).collect::<Vec<_>>().join("&");
                let address = format!("{}?{query}", self.things.path(route));
                let request = self.request(route, &address);
                let request = if route.takes_json() { request.json(&route.body()) } else { request };
                self.call(route, request, &format!("?{name}={hostile}")).await;
            }
        }
    }

    async fn bodies(&mut self, route: &Route) {
        for field in route.fields() {
            for hostile in values() {
                self.body(route, &field, hostile).await;
            }
            for raw in RAW {
                let text = with(route.body(), &field, json!(PLACE)).to_string().replace(&format!("{PLACE:?}"), raw);
                let request = self.request(route, &self.things.address(route));
                let request = request.header("content-type", "application/json").body(text);
                self.call(route, request, &format!("{field} {raw}")).await;
            }
            let parent = field.rsplit_once('/').map_or("", |(parent, _)| parent);
            self.body(route, &format!("{parent}/no_such_field"), json!(1)).await;
        }
    }

    /// What breaks the schema is refused, and the bad field is named.
    async fn body(&mut self, route: &Route, field: &str, value: Value) {
        let what = format!("{field} {value}");
        let body = with(route.body(), field, value);
        let fits = contract::fits(route.json_schema(), &body);
        let request = self.request(route, &self.things.address(route)).json(&body);
        let answer = self.call(route, request, &what).await;
        if !fits && !answer.status.is_client_error() {
            self.faults.push(format!("{} takes {what:.80}, against its schema", route.name()));
        }
        if !fits && answer.status == StatusCode::UNPROCESSABLE_ENTITY {
            let first = field.split('/').nth(1).unwrap_or_default();
            let bad = answer.body["error"]["details"]["fields"].as_array().into_iter().flatten();
            let named = bad.filter_map(|bad| bad["field"].as_str()).any(|bad| bad.split('.').next() == Some(first));
            if !named {
                self.faults.push(format!("{} with {what:.80} does not name {first}: {}", route.name(), answer.body));
            }
        }
    }
}

/// The body with this field, made where it is not.
fn with(mut body: Value, field: &str, value: Value) -> Value {
    let mut place = &mut body;
    for name in field.split('/').skip(1) {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[name];
    }
    *place = value;
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_sent_makes_the_server_fail() {
    let app = TestApp::start().await;
    schedule(&app).await;
    let owner = app.creator("owner").await;
    let admin = app.user("root", Role::Admin).await;
    let things = Things::of(&app, &owner).await;
    // The admin may call all of them. The owner calls those that look at what they are sent: where tokens are not looked at,
    // once is enough, and `rights.rs` has those that refuse a creator before they look.
    let owners = |route: &Route| {
        let let_in = |needs: Vec<Needs>| {
            needs.iter().all(|need| need.allows(Role::Creator) || matches!(need, Needs::Owner | Needs::OwnerOr(_)))
        };
        route.access != Access::Open && !route.is_for_admins() && route.needs().map_or(true, let_in)
    };
    let all = |_: &Route| true;
    let routes = Route::all();
    for (user, called) in [(&admin, &all as &dyn Fn(&Route) -> bool), (&owner, &owners)] {
        let mut walk = Walk { app: &app, things: &things, user, calls: 0, faults: Vec::new() };
        for route in routes.iter().filter(|route| called(route)) {
            walk.paths(route).await;
            walk.queries(route).await;
            walk.bodies(route).await;
            end_maintenance(&app, &admin, route).await;
        }
        assert!(walk.faults.is_empty(), "{} faults:\n{}", walk.faults.len(), walk.faults.join("\n"));
        assert!(walk.calls > 500, "{} calls are too few to mean anything", walk.calls);
    }
    app.discard().await;
}
