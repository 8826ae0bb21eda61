//! The TypeScript client, `web/packages/api-client`: a creator's way, from login to the catalogue. What its types promise,
//! `make check` compares with the document.

use anyhow::anyhow;
use tests::{TestApp, app::PATIENCE, outside};
use tokio::process::Command;

use super::{file, tell};

#[tokio::test(flavor = "multi_thread")]
async fn the_typescript_client_publishes_a_unit() {
    let packages = file("web/node_modules/openapi-fetch");
    let installed = if packages.is_dir() {
        servers::programs::installed(&["node"], "nodejs")
    } else {
        Err(anyhow!("web/node_modules is not there; run: deploy/web.sh packages"))
    };
    let Some(node) = outside::or_left_out(installed) else { return };
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let creator = app.creator("ada").await;
    let mut command = Command::new(node);
    command.args(["--test", "test/creators-way.test.js"]).current_dir(file("web/packages/api-client"));
    outside::succeed(tell(&mut command, &app, &creator), PATIENCE * 2).await;
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}
