//! `worker reindex`, as somebody at a terminal meets it.

use serde_json::json;
use tests::{TestApp, archives};

use super::cli::cli;

#[tokio::test(flavor = "multi_thread")]
async fn the_index_is_counted_and_made_anew() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let creator = app.creator("ada").await;
    let nano = creator.submit(&app, "Alpha tables", archives::unit()).await;
    app.wait_for_status(&creator, &nano, &["published"]).await;
    app.drained().await;
    let dir = app.folder.path().join("search").display().to_string();
    let counted = cli(&app, &["reindex", "--dry-run", "--search-dir", &dir]).await;
    assert_eq!(
        (counted.code, counted.out.as_str()),
        (0, "nanos on the shelf: 1; in the index: 1\n"),
        "{}",
        counted.err
    );
    // It does not begin an index, which would be this account's.
    let nowhere = app.folder.path().join("nowhere").display().to_string();
    let counted = cli(&app, &["reindex", "--dry-run", "--search-dir", &nowhere, "--json"]).await.json();
    assert_eq!(counted, json!({ "on_the_shelf": 1, "found": null }));
    assert!(!std::path::Path::new(&nowhere).exists());

    let unusable = cli(&app, &["reindex"]).await;
    assert_eq!((unusable.code, unusable.err.contains("--reason TEXT is required")), (2, true), "{}", unusable.err);
    let done = cli(&app, &["reindex", "--reason", "the index was lost", "--wait"]).await;
    assert_eq!((done.code, done.out.contains("is made anew")), (0, true), "{}{}", done.out, done.err);
    let asked = "SELECT COUNT(*) FROM audit_log WHERE action = 'search.reindex'";
    assert_eq!(tests::database::number(&app.db, asked).await.unwrap(), 1);
    assert_eq!(app.search.count().await.unwrap(), 1);
    worker.stop().await;
    app.finish().await;
}
