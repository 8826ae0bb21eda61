//! The official libraries of Standard Webhooks verify what we send.

use std::{
    fs::{self, File},
    path::PathBuf,
};

use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{
    app::PATIENCE,
    outside::{self, ROOT},
    receiver::Received,
};
use tokio::process::Command;

use super::{Stage, ask};

fn script(name: &str) -> PathBuf {
    [ROOT, "tests/webhooks", name].iter().collect()
}

fn given(received: &Received, secret: &str) -> Value {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: serde_json::Map<_, _> =
        names.iter().map(|name| ((*name).to_owned(), json!(received.header(name)))).collect();
    json!({"secret": secret, "headers": headers, "body": String::from_utf8_lossy(&received.body)})
}

/// The library takes what we have sent, with the new secret and the one before, and nothing else.
async fn verifies(stage: &Stage, command: impl Fn() -> Command) {
    let app = &stage.app;
    let new = ask(app, &stage.creator, &stage.path("/secrets")).await;
    let new = new.data(StatusCode::CREATED)["secret"].as_str().unwrap().to_owned();
    ask(app, &stage.creator, &stage.path("/test")).await.data(StatusCode::ACCEPTED);
    app.run_all_due().await;
    let received = stage.receiver.wait_for(1, PATIENCE).await.remove(0);
    let right = given(&received, &new);
    let mut changed = right.clone();
    changed["body"] = json!(right["body"].as_str().unwrap().replace("webhook.test", "webhook.toast"));
    let mut late = right.clone();
    late["headers"]["webhook-timestamp"] = json!("1614265330");
    let other = infra::webhook::WebhookKey::generate();
    for (what, input, good) in [
        ("the new secret", right, true),
        ("the one before", given(&received, &stage.secret), true),
        ("another secret", given(&received, &other), false),
        ("another body", changed, false),
        ("another time", late, false),
    ] {
        let file = app.folder.path().join("message.json");
        fs::write(&file, input.to_string()).unwrap();
        let ended = outside::run(command().stdin(File::open(&file).unwrap()), PATIENCE).await;
        assert_eq!(ended.succeeded, good, "{what}: {}", ended.said);
        let said = if good { "webhook.test" } else { "refused: " };
        assert!(ended.said.contains(said), "{what}: {}", ended.said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_library_for_python_verifies_our_signatures() {
    let Some(python) = outside::tool("python/bin/python") else { return };
    let stage = Stage::start().await;
    verifies(&stage, || {
        let mut command = Command::new(&python);
        command.arg(script("verify.py")).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    })
    .await;
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_library_for_javascript_verifies_our_signatures() {
    let Some(library) = outside::tool("node/node_modules/standardwebhooks/package.json") else { return };
    let Some(node) = outside::or_left_out(servers::programs::installed(&["node"], "nodejs")) else { return };
    let modules = library.parent().unwrap().parent().unwrap().to_owned();
    let stage = Stage::start().await;
    verifies(&stage, || {
        let mut command = Command::new(&node);
        command.arg(script("verify.cjs")).env("NODE_PATH", &modules);
        command
    })
    .await;
    stage.app.finish().await;
}
