//! The requests that `docs/http` shows, sent by hurl to a running marketplace. Each file is an area of the API.

use axum::{Router, extract::Query, routing::get};
use chrono::Utc;
use domain::{review::ReviewPolicy, second_factor::Secret, user::Role};
use serde::Deserialize;
use tests::{TestApp, app::PATIENCE, client::PASSWORD, outside};
use tokio::{net::TcpListener, process::Command};

use super::file;
use crate::requests::second_factor::bytes_of;

#[derive(Deserialize)]
struct Shown {
    secret: String,
}

/// An authenticator app that is asked over HTTP; where it is.
async fn authenticator() -> String {
    let show = async |Query(shown): Query<Shown>| Secret::new(&bytes_of(&shown.secret)).unwrap().code(Utc::now());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", get(show))).await });
    format!("http://{address}/")
}

/// With REVIEW_POLICY=always a person looks at every version.
async fn send(area: &str, policy: ReviewPolicy) {
    let Some(hurl) = outside::tool("bin/hurl") else { return };
    let app = TestApp::start().await;
    let worker = match policy {
        ReviewPolicy::Always => app.worker_with(policy, jobs::registry()).await,
        _ => app.worker().await,
    };
    let mut command = Command::new(hurl);
    command.args(["--test", "--no-color", "--error-format", "long", "--file-root"]).arg(file("docs"));
    for (name, role) in [
        ("consumer", Role::Consumer),
        ("creator", Role::Creator),
        ("moderator", Role::Moderator),
        ("operator", Role::Operator),
        ("admin", Role::Admin),
    ] {
        let person = app.user(name, role).await;
        command.args(["--variable", &format!("{name}={}", person.email)]);
    }
    for (name, value) in [
        ("url", app.url.clone()),
        ("mail", app.mail.page_url()),
        ("authenticator", authenticator().await),
        ("password", PASSWORD.to_owned()),
    ] {
        command.args(["--variable", &format!("{name}={value}")]);
    }
    command.arg(file(&format!("docs/http/{area}.hurl")));
    outside::succeed(&mut command, PATIENCE * 2).await;
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}

macro_rules! areas {
    ($($area:ident: $policy:ident,)*) => {
        const AREAS: &[&str] = &[$(stringify!($area)),*];

        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $area() {
                send(stringify!($area), ReviewPolicy::$policy).await;
            }
        )*
    };
}

areas! {
    accounts: FlaggedOnly,
    nanos: FlaggedOnly,
    uploads: FlaggedOnly,
    search: FlaggedOnly,
    ratings: FlaggedOnly,
    favourites: FlaggedOnly,
    lists: FlaggedOnly,
    data_protection: FlaggedOnly,
    chats: FlaggedOnly,
    notifications: FlaggedOnly,
    saved_searches: FlaggedOnly,
    webhooks: FlaggedOnly,
    moderation: Always,
    jobs: FlaggedOnly,
    operations: FlaggedOnly,
    system: FlaggedOnly,
    password_reset: FlaggedOnly,
    sessions: FlaggedOnly,
    second_factor: FlaggedOnly,
    personal_tokens: FlaggedOnly,
    admin_users: FlaggedOnly,
    maintenance: FlaggedOnly,
    repeats: FlaggedOnly,
    conditional: FlaggedOnly,
}

#[test]
fn every_file_is_sent_and_listed() {
    let overview = std::fs::read_to_string(file("docs/http/README.md")).unwrap();
    let mut there = 0;
    for entry in std::fs::read_dir(file("docs/http")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(area) = name.strip_suffix(".hurl") {
            assert!(AREAS.contains(&area), "tests/it/clients/documented.rs does not send {name}");
            assert!(overview.contains(&format!("[{name}]({name})")), "docs/http/README.md does not name {name}");
            there += 1;
        }
    }
    assert_eq!(there, AREAS.len());
}
