//! Answers that are compressed, and those that are not.

use std::io::Read;

use domain::user::Role;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tests::{TestApp, client::PASSWORD};

async fn send(request: RequestBuilder, takes: &str) -> Response {
    let response = request.header("accept-encoding", takes).send().await.unwrap();
    assert!(response.status().is_success(), "{}", response.status());
    response
}

fn encoding(response: &Response) -> Option<&str> {
    response.headers().get("content-encoding").map(|value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn long_answers_are_compressed_and_secrets_are_not() {
    let mut app = TestApp::start().await;
    // What comes is to be seen as it came.
    app.http = reqwest::Client::builder().no_gzip().no_brotli().build().unwrap();
    let ada = app.creator("ada").await;
    for n in 0..12 {
        ada.draft(&app, &format!("Draft {n}")).await;
    }
    let mine = || ada.request(&app, Method::GET, "/api/v1/nanos/mine");
    let plain = mine().send().await.unwrap();
    assert_eq!(encoding(&plain), None);
    let tag = plain.headers()["etag"].clone();
    let plain = plain.bytes().await.unwrap();
    let packed = send(mine(), "gzip").await;
    assert_eq!(encoding(&packed), Some("gzip"));
    assert!(packed.headers().get_all("vary").iter().any(|value| value == "accept-encoding"));
    assert_eq!(packed.headers()["etag"], tag, "the same data, whatever its bytes");
    let packed = packed.bytes().await.unwrap();
    assert!(packed.len() * 3 < plain.len(), "{} of {} bytes", packed.len(), plain.len());
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_ref()).read_to_string(&mut text).unwrap();
    let (packed, plain): (Value, Value) =
        (serde_json::from_str(&text).unwrap(), serde_json::from_slice(&plain).unwrap());
    assert_eq!(packed["data"], plain["data"]);

    let document = || app.request(Method::GET, "/api/v1/openapi.json");
    for (takes, gets) in
        [("br, gzip", Some("br")), ("gzip;q=0.5, br;q=0.1", Some("gzip")), ("zstd", None), ("gzip;q=0", None)]
    {
        assert_eq!(encoding(&send(document(), takes).await), gets, "{takes}");
    }
    let known = mine().header("if-none-match", tag).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!((known.status(), encoding(&known)), (StatusCode::NOT_MODIFIED, None));

    // What fits into a packet, what hands out secrets, and what never ends.
    assert_eq!(encoding(&send(app.request(Method::GET, "/health"), "gzip").await), None);
    let login = json!({"email": ada.email, "password": PASSWORD});
    let login = send(app.request(Method::POST, "/api/v1/auth/login").json(&login), "gzip, br").await;
    assert_eq!((encoding(&login), &login.headers()["cache-control"]), (None, &"no-store".parse().unwrap()));
    let moderator = app.user("mod", Role::Moderator).await;
    let events = send(moderator.request(&app, Method::GET, "/api/v1/admin/jobs/events"), "gzip, br").await;
    assert_eq!((encoding(&events), &events.headers()["content-type"]), (None, &"text/event-stream".parse().unwrap()));
    drop(events);
    app.discard().await;
}

/// It would be too late to refuse it: what was asked for has happened.
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_as_it_is_gets_it_as_it_is() {
    let app = TestApp::start().await;
    let ada = app.creator("ada").await;
    let logout = |user: &tests::User| user.request(&app, Method::POST, "/api/v1/auth/logout");
    for (takes, gets) in
        [("identity;q=0", None), ("*;q=0", None), ("identity;q=0, *;q=0.0", None), ("gzip, *;q=0", Some("gzip"))]
    {
        let document = app.request(Method::GET, "/api/v1/openapi.json");
        let http = reqwest::Client::builder().no_gzip().no_brotli().build().unwrap();
        let document = http.get(document.build().unwrap().url().clone());
        assert_eq!(encoding(&send(document, takes).await), gets, "{takes}");
        send(logout(&app.login(&ada.email).await), takes).await;
    }
    app.discard().await;
}
