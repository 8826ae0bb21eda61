//! Endpoints as their owners make, see, change and delete them.

use domain::{ids::UserId, user::Role};
use reqwest::{Method, StatusCode, header};
use serde_json::json;
use tests::{TestApp, client::answer, database};

use super::{ALL, Stage, ask, made, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_made_seen_changed_and_deleted() {
    let stage = Stage::start().await;
    let (app, ada) = (&stage.app, &stage.creator);
    assert!(stage.secret.starts_with("whsec_"), "a secret as libraries take it");
    let path = stage.path("");
    let read = ada.get(app, &path).await;
    let shown = read.data(StatusCode::OK).clone();
    assert_eq!(
        (&shown["enabled"], &shown["disabled_for"], &shown["events"]),
        (&json!(true), &json!(null), &json!(ALL))
    );
    let list = ada.get(app, "/api/v1/me/webhooks").await;
    assert_eq!(list.data(StatusCode::OK), &json!([shown]));
    let secret = hex::encode(&stage.secret);
    assert_eq!(database::places_of(&app.db, &secret).await.unwrap(), 0, "it stands nowhere as it is");
    assert!(!list.body.to_string().contains(&stage.secret), "and is shown once");

    let tag = read.headers[header::ETAG].to_str().unwrap().to_owned();
    let edit =
        |form: serde_json::Value| ada.request(app, Method::PATCH, &path).header(header::IF_MATCH, &tag).json(&form);
    let changed = answer(edit(json!({"name": "Courses", "events": ["nano.rated"], "enabled": false}))).await;
    let shown = changed.data(StatusCode::OK);
    assert_eq!((&shown["name"], &shown["events"]), (&json!("Courses"), &json!(["nano.rated"])));
    assert_eq!(
        (&shown["enabled"], &shown["disabled_for"], &shown["revision"]),
        (&json!(false), &json!("owner"), &json!(2))
    );
    assert_eq!(
        answer(edit(json!({"name": "Late"}))).await.error(StatusCode::PRECONDITION_FAILED),
        "PRECONDITION_FAILED"
    );
    assert_eq!(ask(app, ada, &stage.path("/test")).await.error(StatusCode::CONFLICT), "WEBHOOK_DISABLED");

    assert_eq!(ada.delete(app, &path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ada.get(app, &path).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    for table in ["webhooks", "webhook_secrets", "webhook_deliveries", "webhook_attempts"] {
        assert_eq!(database::number(&app.db, &format!("SELECT COUNT(*) FROM {table}")).await.unwrap(), 0, "{table}");
    }
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_of_others_are_not_there() {
    let stage = Stage::start().await;
    let app = &stage.app;
    let told = ask(app, &stage.creator, &stage.path("/test")).await;
    let delivery = told.data(StatusCode::ACCEPTED)["delivery_id"].as_str().unwrap().to_owned();
    let resend = format!("/deliveries/{delivery}/resend");
    for other in [app.creator("bea").await, app.user("root", Role::Admin).await] {
        assert_eq!(other.get(app, "/api/v1/me/webhooks").await.data(StatusCode::OK), &json!([]));
        for (method, tail) in [
            (Method::GET, ""),
            (Method::PATCH, ""),
            (Method::DELETE, ""),
            (Method::POST, "/secrets"),
            (Method::POST, "/test"),
            (Method::GET, "/deliveries"),
            (Method::POST, resend.as_str()),
        ] {
            let refused = send(app, &other, method.clone(), &stage.path(tail), json!({})).await;
            assert_eq!(refused.error(StatusCode::NOT_FOUND), "NOT_FOUND", "{method} {tail}");
        }
        // Nor through a webhook of one's own.
        let (own, _) = made(app, &other, &stage.receiver.url, &ALL).await;
        let refused = ask(app, &other, &format!("/api/v1/me/webhooks/{own}{resend}")).await;
        assert_eq!(refused.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    }
    stage.app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_forms_name_every_field_and_nobody_has_more_than_ten() {
    let app = TestApp::start().await;
    let ada = app.creator("ada").await;
    let bad = json!({"name": "", "url": "nowhere", "events": ["nano.eaten"], "more": 1});
    let refused = ada.post(&app, "/api/v1/me/webhooks", &bad).await;
    assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    let fields = refused.body["error"]["details"]["fields"].as_array().unwrap();
    let named: Vec<_> = fields.iter().map(|field| field["field"].as_str().unwrap()).collect();
    assert_eq!(named, ["name", "url", "events", "more"]);
    let long = format!("https://hooks.example/{}", "x".repeat(2_000));
    let refused = ada.post(&app, "/api/v1/me/webhooks", &json!({"name": "x", "url": long, "events": ALL})).await;
    assert_eq!(refused.body["error"]["details"]["fields"][0]["code"], "TOO_LONG");

    for _ in 0..10 {
        made(&app, &ada, "https://hooks.example/", &ALL).await;
    }
    let one_more = json!({"name": "x", "url": "https://hooks.example/", "events": ALL});
    let refused = ada.post(&app, "/api/v1/me/webhooks", &one_more).await;
    assert_eq!(refused.error(StatusCode::CONFLICT), "COLLECTION_FULL");
    assert_eq!(refused.body["error"]["details"]["limit"], 10);
    let bea = app.creator("bea").await;
    database::execute(&app.db, "UPDATE users SET email_verified_at = NULL WHERE username = 'bea'").await.unwrap();
    let refused = bea.post(&app, "/api/v1/me/webhooks", &one_more).await;
    assert_eq!(refused.error(StatusCode::FORBIDDEN), "EMAIL_NOT_VERIFIED");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_anonymised_leaves_nothing_of_its_webhooks() {
    let stage = Stage::start().await;
    ask(&stage.app, &stage.creator, &stage.path("/test")).await.data(StatusCode::ACCEPTED);
    stage.app.run_all_due().await;
    assert_eq!(stage.receiver.received().len(), 1);
    let id: UserId = stage.creator.id.parse().unwrap();
    let mut tx = stage.app.db.begin().await.unwrap();
    infra::db::retention::anonymise_account(&mut tx, id, stage.app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    for table in ["webhooks", "webhook_secrets", "webhook_events", "webhook_deliveries", "webhook_attempts"] {
        let rows = database::number(&stage.app.db, &format!("SELECT COUNT(*) FROM {table}")).await.unwrap();
        assert_eq!(rows, 0, "{table}");
    }
    stage.app.finish().await;
}
