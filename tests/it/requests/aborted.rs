//! Clients that go away in the middle of a request.

use std::time::Duration;

use reqwest::StatusCode;
use tests::{TestApp, app::Overrides};

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
