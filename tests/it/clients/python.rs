//! The Python client, which `clients/python/make.sh` makes from the document: a creator's way, from login to the catalogue.

use tests::{TestApp, app::PATIENCE, outside};
use tokio::process::Command;

use super::{file, tell};

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_publishes_a_unit() {
    let Some(python) = outside::tool("python/bin/python") else { return };
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let creator = app.creator("ada").await;
    let document = app.folder.path().join("openapi.json");
    std::fs::write(&document, &api::document().text).unwrap();
    let made = app.folder.path().join("client");
    let mut make = Command::new(file("clients/python/make.sh"));
    // A warning is an operation or a shape that the client would not have.
    outside::succeed(make.arg(&document).arg(&made), PATIENCE).await;
    let mut command = Command::new(python);
    command.arg(file("clients/python/creators_way.py")).env("PYTHONPATH", &made).env("PYTHONDONTWRITEBYTECODE", "1");
    outside::succeed(tell(&mut command, &app, &creator), PATIENCE * 2).await;
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}
