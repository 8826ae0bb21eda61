//! Clients that go away in the middle of a request.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{
    TestApp,
    app::{Overrides, PATIENCE},
    database,
};

/// Each first use of a statement on a connection is prepared; a handler dropped in that moment would keep its connection.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_go_away_cost_no_database_connection() {
    // What was kept would be answered without the database.
    let settings: fn(&mut api::Settings) = |settings| settings.answers_kept_for = Duration::ZERO;
    let app = TestApp::start_with(Overrides { settings: Some(settings), ..Overrides::default() }).await;
    let creator = app.creator("kim").await;
    let nano = creator.draft(&app, "Left alone").await;
    let paths = [
        "/api/v1/nanos".to_owned(),
        "/api/v1/nanos/mine".to_owned(),
        format!("/api/v1/nanos/{nano}"),
        format!("/api/v1/nanos/{nano}/versions"),
        "/api/v1/auth/me".to_owned(),
        "/api/v1/categories".to_owned(),
    ];
    for round in 0..600_u64 {
        let path = &paths[usize::try_from(round).unwrap() % paths.len()];
        let request = creator.request(&app, reqwest::Method::GET, path).send();
        // From before the first statement to after the last.
        let _ = tokio::time::timeout(Duration::from_micros(150 * (round % 40)), request).await;
    }
    let asked = std::time::Instant::now();
    let mut answers = tokio::task::JoinSet::new();
    for _ in 0..60 {
        for path in &paths {
            let request = creator.request(&app, reqwest::Method::GET, path);
            answers.spawn(async move { request.send().await.expect("an answer").status() });
        }
        while answers.len() > 15 {
            assert_eq!(answers.join_next().await.unwrap().unwrap(), StatusCode::OK);
        }
    }
    while let Some(status) = answers.join_next().await {
        assert_eq!(status.unwrap(), StatusCode::OK);
    }
    assert!(asked.elapsed() < Duration::from_secs(30), "{:?}", asked.elapsed());
    app.finish().await;
}

/// What a client has asked for before it went away is done to its end, wherever it was: no transaction stays open, none is half.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_go_away_in_the_middle_of_a_write_leave_it_whole() {
    let app = TestApp::start().await;
    let creator = app.creator("kim").await;
    let nano = creator.draft(&app, "First").await;
    let path = format!("/api/v1/nanos/{nano}");
    // Whatever is changed waits for the end of the audit log, with its own rows written already.
    let mut tx = app.db.begin().await.unwrap();
    sqlx::query("SELECT seq FROM audit_head WHERE id = 1 FOR UPDATE").fetch_one(&mut *tx).await.unwrap();
    let mut gone = Vec::new();
    for number in 0..5 {
        let form = json!({"title": format!("Left alone {number}"), "description": "x", "duration_minutes": 1, "level": 1,
            "language": "en", "format": "text", "license": "CC0", "categories": ["office"]});
        let request = creator.request(&app, Method::POST, "/api/v1/nanos").json(&form).send();
        gone.push(tokio::spawn(tokio::time::timeout(Duration::from_secs(1), request)));
    }
    let edit = creator.request(&app, Method::PATCH, &path).json(&json!({"title": "Second"})).send();
    gone.push(tokio::spawn(tokio::time::timeout(Duration::from_secs(1), edit)));
    for request in gone {
        assert!(request.await.unwrap().is_err(), "it waits, and its client goes away");
    }
    let open = "SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p
                  ON p.id = t.trx_mysql_thread_id WHERE p.db = DATABASE() AND p.id <> CONNECTION_ID()";
    assert!(database::number(&app.db, open).await.unwrap() > 1, "they wait inside of their transactions");
    tx.rollback().await.unwrap();
    let waited = std::time::Instant::now();
    while database::number(&app.db, open).await.unwrap() > 0 {
        assert!(waited.elapsed() < PATIENCE, "a transaction stays open");
        // The server looks anew at what is open only when nobody has asked for a tenth of a second.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(creator.get(&app, &path).await.data(StatusCode::OK)["title"], "Second");
    let made = database::number(&app.db, "SELECT COUNT(*) FROM nanos").await.unwrap();
    let told = database::number(&app.db, "SELECT COUNT(*) FROM audit_log WHERE action = 'nano.create'").await.unwrap();
    assert_eq!((made, told), (6, 6), "each of them is made, and written down");
    app.finish().await;
}
