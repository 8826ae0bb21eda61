//! The queue's own example: a job and a worker that know no marketplace.

use std::{path::PathBuf, process::Stdio};

use queue::ledger::{self, State};
use secrecy::ExposeSecret;
use tests::{TestApp, app::PATIENCE};
use tokio::process::Command;

/// `cargo test` and `cargo build --all-targets` put examples beside the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this test's program");
    test.parent().and_then(|deps| deps.parent()).expect("the build's folder").join("examples/hello")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_enqueues_a_job_and_runs_it() {
    let app = TestApp::start().await;
    let mut hello = Command::new(program());
    hello.args([&app.database_url, app.redis.queue_url.expose_secret(), "Ada"]).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, hello.output()).await.expect("it ends").expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text, "Hello, Ada!\n");
    let jobs = ledger::list::page(&app.db, &ledger::list::Filter::default(), None, 10).await.unwrap().jobs;
    assert_eq!(
        jobs.iter().map(|job| (job.kind.as_str(), job.state)).collect::<Vec<_>>(),
        [("greet", State::Completed)]
    );
    app.finish().await;
}
