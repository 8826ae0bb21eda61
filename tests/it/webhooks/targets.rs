//! Where nothing is sent: into networks of somebody's own, by whatever way, and what a receiver can do to us.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use api::Settings;
use domain::ids::RatingId;
use infra::webhook::{Lookup, TargetPolicy, Targets, WebhookSender};
use queue::ledger::State;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    app::{Overrides, PATIENCE},
    receiver::Reaction,
};

use super::{ALL, Stage, made, send};

/// What names stand for, one answer after the other; the last one stays.
fn names(answers: &'static [&'static [&'static str]]) -> Lookup {
    let asked = AtomicUsize::new(0);
    Arc::new(move |host| {
        let at = asked.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let found: Vec<IpAddr> = answers[at].iter().map(|address| address.parse().unwrap()).collect();
        Box::pin(async move { if host == "nowhere.example" { Ok(Vec::new()) } else { Ok(found) } })
    })
}

fn public(settings: &mut Settings) {
    settings.webhook_targets = Targets::with_lookup(TargetPolicy::Public, names(&[&["93.184.215.14"]]));
}

fn inside(settings: &mut Settings) {
    settings.webhook_targets = Targets::with_lookup(TargetPolicy::Public, names(&[&["93.184.215.14", "10.0.0.7"]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_of_networks_of_somebodys_own_are_refused() {
    let app = tests::TestApp::start_with(Overrides { settings: Some(public), ..Overrides::default() }).await;
    let ada = app.creator("ada").await;
    let (webhook, _) = made(&app, &ada, "https://hooks.example/nano", &ALL).await;
    for url in [
        "http://hooks.example/",
        "https://ada:secret@hooks.example/",
        "https://nowhere.example/",
        "ftp://hooks.example/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://10.1.2.3/",
        "https://172.16.0.1/",
        "https://192.168.0.1:8443/",
        "https://169.254.169.254/latest/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://198.18.0.1/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:a00:1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[64:ff9b:1::a00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://[ff02::1]/",
    ] {
        let form = json!({"name": "x", "url": url, "events": ALL});
        let path = format!("/api/v1/me/webhooks/{webhook}");
        for refused in [
            ada.post(&app, "/api/v1/me/webhooks", &form).await,
            send(&app, &ada, Method::PATCH, &path, json!({"url": url})).await,
        ] {
            assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED", "{url}");
            let field = &refused.body["error"]["details"]["fields"][0];
            assert_eq!((&field["field"], &field["code"]), (&json!("url"), &json!("TARGET")), "{url}");
        }
    }
    let kept = ada.get(&app, "/api/v1/me/webhooks").await;
    assert_eq!(kept.data(StatusCode::OK).as_array().unwrap().len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_inside_is_enough_to_refuse_a_name() {
    let app = tests::TestApp::start_with(Overrides { settings: Some(inside), ..Overrides::default() }).await;
    let ada = app.creator("ada").await;
    let form = json!({"name": "x", "url": "https://hooks.example/", "events": ALL});
    let refused = ada.post(&app, "/api/v1/me/webhooks", &form).await;
    let field = &refused.body["error"]["details"]["fields"][0];
    assert_eq!(field["code"], "TARGET", "{field:#}");
    assert!(
        !field["message"].as_str().unwrap().contains("10.0.0.7"),
        "names of our own network are nobody else's business"
    );
    app.finish().await;
}

/// The one attempt of a delivery, made by this sender.
async fn attempted(stage: &Stage, sender: WebhookSender, expected: State) -> Value {
    let mut kit = stage.app.kit().await.clone();
    kit.context.webhooks = sender;
    stage.rated(RatingId::new(), 1).await;
    let job = stage.job().await;
    let started = Instant::now();
    assert_eq!(stage.attempt(&kit, job).await, expected);
    assert!(started.elapsed() < PATIENCE, "no receiver keeps a worker for long");
    let delivery = stage.deliveries().await.remove(0);
    assert_eq!(delivery["attempts"].as_array().unwrap().len(), 1);
    delivery["attempts"][0].clone()
}

fn any() -> WebhookSender {
    WebhookSender::new(Targets::new(TargetPolicy::Any)).unwrap()
}

/// It was public when it was named, and is our own loopback when it is told: the connection is never made.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_stands_for_something_else_by_now_is_not_told() {
    let stage = Stage::start_with(Overrides::default()).await;
    let port = stage.receiver.url.rsplit(':').next().unwrap().split('/').next().unwrap().to_owned();
    let url = format!("https://moving.example:{port}/");
    send(&stage.app, &stage.creator, Method::PATCH, &stage.path(""), json!({"url": url})).await.data(StatusCode::OK);
    let targets = Targets::with_lookup(TargetPolicy::Public, names(&[&["93.184.215.14"], &["127.0.0.1"]]));
    targets.check(&url.parse().unwrap()).await.unwrap();
    let attempt = attempted(&stage, WebhookSender::new(targets).unwrap(), State::Scheduled).await;
    assert_eq!(attempt["error"], "the address names no host of the internet, or none at the moment");
    assert_eq!(attempt["status"], Value::Null);
    assert!(stage.receiver.received().is_empty());
    stage.app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_from_before_the_rule_is_not_told_either() {
    let stage = Stage::start_with(Overrides::default()).await;
    let sender = WebhookSender::new(Targets::new(TargetPolicy::Public)).unwrap();
    let attempt = attempted(&stage, sender, State::Scheduled).await;
    assert_eq!(attempt["error"], "the address must begin with https://");
    assert!(stage.receiver.received().is_empty());
    stage.app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_an_answer_and_not_followed() {
    let stage = Stage::start_with(Overrides::default()).await;
    stage.receiver.react([Reaction::Redirect]);
    let attempt = attempted(&stage, any(), State::Scheduled).await;
    assert_eq!(attempt["status"], 307);
    assert_eq!(stage.receiver.received().len(), 1);
    stage.app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_a_failure_and_an_endless_answer_is_cut_off() {
    let stage = Stage::start_with(Overrides::default()).await;
    stage.receiver.react([Reaction::Silence]);
    let attempt = attempted(&stage, any(), State::Scheduled).await;
    assert_eq!((&attempt["status"], &attempt["error"]), (&json!(null), &json!("no answer within 10s")));
    assert!(attempt["duration_ms"].as_u64().unwrap() >= 10_000, "{attempt:#}");
    stage.app.discard().await;

    for (reaction, beginning) in
        [(Reaction::Endless, "x".repeat(1_000)), (Reaction::Unfinished, "It begins".to_owned())]
    {
        let stage = Stage::start_with(Overrides::default()).await;
        stage.receiver.react([reaction]);
        let attempt = attempted(&stage, any(), State::Completed).await;
        assert_eq!((&attempt["status"], &attempt["answer"]), (&json!(200), &json!(beginning)));
        stage.app.finish().await;
    }
}
