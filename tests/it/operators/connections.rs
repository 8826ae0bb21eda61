//! The budget of database connections: what each program says at its start, and what the server counts under load.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use servers::{database::DatabaseServer, processes::Process};
use tests::{
    TestApp,
    app::{Overrides, PATIENCE},
    archives,
};

/// What Aurora allows on the smallest machine that production is planned for (db.t4g.medium).
const SERVER: u32 = 90;

/// The number that a program has named at its start.
async fn named(process: &mut Process) -> u32 {
    let number = |text: &str| -> Option<u32> {
        text.split_once("database connections: at most ")?.1.split_once(' ')?.0.parse().ok()
    };
    let started = Instant::now();
    loop {
        let log = std::fs::read_to_string(process.log().unwrap()).unwrap_or_default();
        if let Some(number) = number(&log) {
            return number;
        }
        assert!(started.elapsed() < PATIENCE, "{log}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// One api, two workers and a scheduler with default settings, and a deployment that starts all of them a second time: the
/// server takes that, and nobody has more connections than it said.
#[tokio::test(flavor = "multi_thread")]
async fn programs_stay_within_the_connections_they_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = DatabaseServer::start(folder.path(), 0).await.unwrap();
    let overrides = Overrides { database_server_url: Some(server.url()), ..Overrides::default() };
    let mut app = TestApp::start_with(overrides).await;
    let mut budgets = HashMap::new();
    let mut running = Vec::new();
    for name in ["api", "worker_1", "worker_2", "scheduler"] {
        // A user for each, so that the server can tell them apart.
        server
            .query(&format!(
                "CREATE USER '{name}'@'127.0.0.1' IDENTIFIED BY 'x'; GRANT ALL ON *.* TO '{name}'@'127.0.0.1'"
            ))
            .await
            .unwrap();
        let url = app.database_url.replace("nano:nano@", &format!("{name}:x@"));
        let settings = [("DATABASE_URL", url.as_str())];
        let mut process = match name {
            // Everybody's look asks the database.
            "api" => app.api_process(name, &[settings[0], ("ANSWERS_KEPT_FOR", "0s")]).await,
            "scheduler" => app.scheduler_process(name, &settings).await,
            _ => app.worker_process_with(name, &settings).await,
        };
        budgets.insert(name.to_owned(), named(&mut process).await);
        running.push(process);
    }
    let planned: u32 = budgets.values().sum();
    assert!(2 * planned < SERVER, "twice {planned}: {budgets:?}");

    // The most that the server has seen of each, while uploads go all the way and people look.
    let creator = app.creator("con").await;
    let mut most: HashMap<String, u32> = HashMap::new();
    let load = async {
        let submitted = (0..10).map(|number| {
            let (app, creator) = (&app, &creator);
            async move { creator.submit(app, &format!("Load {number}"), archives::unit()).await }
        });
        let nanos = futures::future::join_all(submitted).await;
        let looks = (0..200).map(|_| async { assert!(app.get("/api/v1/nanos").await.status.is_success()) });
        futures::future::join_all(looks).await;
        for nano in nanos {
            app.wait_for_status(&creator, &nano, &["published"]).await;
        }
        app.drained().await;
    };
    let count = async {
        loop {
            let rows = server.query("SELECT USER, COUNT(*) FROM information_schema.PROCESSLIST GROUP BY USER").await;
            // MySQL cannot show what holds bytes that are no text; the next look finds other statements under way.
            for row in rows.unwrap_or_default() {
                let seen = most.entry(row[0].clone()).or_default();
                *seen = (*seen).max(row[1].parse().unwrap());
            }
        }
    };
    tokio::select! {
        () = load => {}
        () = count => {}
    }
    for (name, budget) in &budgets {
        let seen = most.get(name).copied().unwrap_or(0);
        assert!(seen > 0 && seen <= *budget, "{name} had {seen} of {budget}: {most:?}");
    }
    // The scheduler first: what it has asked for meanwhile needs workers.
    running.reverse();
    running[0].terminate(Duration::from_secs(20)).await.unwrap();
    app.drained().await;
    for process in &mut running[1..] {
        process.terminate(Duration::from_secs(20)).await.unwrap();
    }
    app.finish().await;
    server.stop().await.unwrap();
}
