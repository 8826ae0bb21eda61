//! The way of an upload.

use std::time::Duration;

use domain::{review::ReviewPolicy, user::Role};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tests::{TestApp, app::PATIENCE, archives};

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_published_indexed_announced_and_downloadable() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let creator = app.creator("ada").await;
    let nano = creator.submit(&app, "Adding fractions", archives::unit()).await;

    let view = app.wait_for_status(&creator, &nano, &["published", "rejected"]).await;
    assert_eq!(view["status"], "published", "{view:#}");
    app.drained().await;

    // Everybody sees it, with its pictures.
    let public = app.get(&format!("/api/v1/nanos/{nano}")).await;
    let public = public.data(StatusCode::OK);
    assert_eq!(public["title"], "Adding fractions");
    let list = app.get("/api/v1/nanos").await;
    assert_eq!(list.body["meta"]["total"], 1);
    let found = app.get("/api/v1/search?q=fraction").await;
    assert_eq!(found.data(StatusCode::OK)["hits"][0]["id"], nano.as_str(), "{:#}", found.body);
    for width in [320, 640, 1280] {
        let key = app.objects().await.into_iter().find(|key| key.ends_with(&format!("/{width}.webp")));
        assert!(key.is_some(), "a thumbnail {width} pixels wide");
    }

    // The creator got one mail.
    let mail = app.mail.wait_for(|mail| mail.subject.contains("published"), PATIENCE).await.unwrap();
    assert!(mail.to.iter().any(|to| to.contains("ada@nano.test")), "{mail:?}");
    assert_eq!(app.mail.messages().len(), 1);

    // The download is the canonical archive.
    let answer = creator.get(&app, &format!("/api/v1/nanos/{nano}/download")).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    let bytes = app.http.get(answer.location()).send().await.unwrap().bytes().await.unwrap();
    let versions = creator.get(&app, &format!("/api/v1/nanos/{nano}/versions")).await;
    let version = &versions.data(StatusCode::OK)[0];
    assert_eq!(version["sha256"], hex::encode(Sha256::digest(&bytes)), "{version:#}");

    // The events tell the story in order, and a resumed stream goes on where it stopped.
    let events = events(&app, &creator.token, &nano, None).await;
    let kinds: Vec<&str> = events.iter().map(|(_, kind)| kind.as_str()).collect();
    for (earlier, later) in [("validated", "published"), ("scanned", "published"), ("published", "indexed")] {
        let at = |kind| kinds.iter().position(|of| *of == kind).unwrap_or_else(|| panic!("{kind} in {kinds:?}"));
        assert!(at(earlier) < at(later), "{kinds:?}");
    }
    let rest = self::events(&app, &creator.token, &nano, Some(&events[1].0)).await;
    assert_eq!(rest, events[2..]);

    worker.stop().await;
    app.finish().await;
}

/// The stored events, read as a browser would, until the last one known to come.
async fn events(app: &TestApp, token: &str, nano: &str, after: Option<&str>) -> Vec<(String, String)> {
    let mut request = app.http.get(format!("{}/api/v1/nanos/{nano}/events", app.url)).bearer_auth(token);
    if let Some(after) = after {
        request = request.header("last-event-id", after);
    }
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut text = String::new();
    let reading = async {
        while let Some(chunk) = response.chunk().await.unwrap() {
            text.push_str(&String::from_utf8_lossy(&chunk));
            if text.contains("event: indexed") || text.contains("event:indexed") {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading).await.expect("the stream brings the events");
    text.split("\n\n")
        .filter_map(|block| {
            let field = |name: &str| {
                block
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(|value| value.trim_start_matches(':').trim().to_owned())
            };
            Some((field("id")?, field("event")?))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creators_first_nano_waits_for_a_moderator() {
    let app = TestApp::start().await;
    let worker = app.worker_with(ReviewPolicy::FirstUpload, jobs::registry()).await;
    let creator = app.creator("grace").await;
    let moderator = app.user("mod", Role::Moderator).await;

    let nano = creator.submit(&app, "First", archives::unit()).await;
    app.wait_for_status(&creator, &nano, &["pending_review"]).await;
    assert_eq!(app.get(&format!("/api/v1/nanos/{nano}")).await.status, StatusCode::NOT_FOUND);

    let queue = moderator.get(&app, "/api/v1/admin/moderation/queue").await;
    let case = queue.data(StatusCode::OK)[0]["id"].as_str().unwrap().to_owned();
    let refused = creator
        .post(
            &app,
            &format!("/api/v1/admin/moderation/{case}/decision"),
            &json!({"decision": "approve", "reason": "fine"}),
        )
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let approved = moderator
        .post(
            &app,
            &format!("/api/v1/admin/moderation/{case}/decision"),
            &json!({"decision": "approve", "reason": "fine"}),
        )
        .await;
    assert!(approved.status.is_success(), "{:#}", approved.body);
    app.wait_for_status(&creator, &nano, &["published"]).await;

    // The second goes straight through.
    let second = creator.submit(&app, "Second", archives::unit_with(&[("more.txt", b"More about fractions.")])).await;
    app.wait_for_status(&creator, &second, &["published"]).await;
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_replaces_the_published_one_only_once_it_passed() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let creator = app.creator("lin").await;
    let nano = creator.submit(&app, "Versions", archives::unit()).await;
    app.wait_for_status(&creator, &nano, &["published"]).await;
    app.drained().await;

    let bad = creator.upload(&app, &nano, b"not a zip at all, just text".to_vec()).await;
    creator.finish(&app, &bad).await;
    app.drained().await;
    let view = app.get(&format!("/api/v1/nanos/{nano}")).await;
    assert_eq!(view.data(StatusCode::OK)["status"], "published");

    let good = creator.upload(&app, &nano, archives::unit_with(&[("new.txt", b"A new chapter.")])).await;
    creator.finish(&app, &good).await;
    app.drained().await;
    let versions = creator.get(&app, &format!("/api/v1/nanos/{nano}/versions")).await;
    let states: Vec<&Value> = versions.data(StatusCode::OK).as_array().unwrap().iter().map(|v| &v["state"]).collect();
    assert_eq!(states, ["published", "rejected", "superseded"]);
    worker.stop().await;
    app.finish().await;
}
