//! Reads at a replica that follows the database: own writes are always there, and its end is noticed by nobody.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use domain::user::Role;
use reqwest::{Method, StatusCode};
use serde_json::json;
use servers::database::DatabaseServer;
use tests::{
    TestApp, User,
    app::{Overrides, PATIENCE},
    archives,
    client::answer,
};

/// Reads that the replica has answered since it began.
async fn selects(server: &DatabaseServer) -> u64 {
    let rows = server.query("SHOW GLOBAL STATUS LIKE 'Com_select'").await.unwrap();
    rows.last().unwrap()[1].parse().unwrap()
}

async fn read(app: &TestApp, at: &str, user: Option<&User>, path: &str) -> serde_json::Value {
    let mut request = app.http.request(Method::GET, format!("{at}/api/v1{path}"));
    if let Some(user) = user {
        request = request.bearer_auth(&user.token);
    }
    answer(request).await.data(StatusCode::OK).clone()
}

/// Reads as somebody who has written nothing, until the replica answers them.
async fn is_used(app: &TestApp, at: &str, replica: &DatabaseServer, reader: &User, path: &str) {
    let since = Instant::now();
    loop {
        let before = selects(replica).await;
        for _ in 0..30 {
            read(app, at, Some(reader), path).await;
        }
        if selects(replica).await >= before + 60 {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "the replica answers nothing");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_answers_reads_and_nobody_misses_their_own_writes() {
    let folder = tempfile::tempdir().unwrap();
    let mut primary = DatabaseServer::start_primary(folder.path().join("primary")).await.unwrap();
    let mut replica = DatabaseServer::start_replica_of(&primary, folder.path().join("replica")).await.unwrap();
    let overrides = Overrides {
        database_server_url: Some(primary.url()),
        replica_server_url: Some(replica.url()),
        ..Overrides::default()
    };
    let app = Arc::new(TestApp::start_with(overrides).await);
    let other = app.another_api().await;
    let (creator, reader) = (app.creator("ada").await, app.user("rea", Role::Consumer).await);
    let worker = app.worker().await;
    let nano = creator.submit(&app, "Twice there", archives::unit()).await;
    app.wait_for_status(&creator, &nano, &["published"]).await;
    app.drained().await;
    worker.stop().await;
    let path = format!("/nanos/{nano}");
    for at in [&app.url, &other.url] {
        is_used(&app, at, &replica, &reader, &path).await;
    }

    // Whoever writes reads what they wrote, at either process, while the replica does not move.
    replica.apply(false).await.unwrap();
    for (n, at) in [&app.url, &other.url, &app.url].into_iter().enumerate() {
        let elsewhere = if at == &app.url { &other.url } else { &app.url };
        let name = format!("loader-{n}");
        let loader = app.user(&name, Role::Consumer).await;
        let file = app.http.get(format!("{at}/api/v1{path}/download?redirect=false")).bearer_auth(&loader.token);
        answer(file).await.data(StatusCode::OK);
        for at in [elsewhere, at] {
            let seen = read(&app, at, Some(&loader), &path).await["download_count"].clone();
            assert_eq!(seen, n + 1, "what {name} has downloaded is counted");
            // Nor is anybody told less than was acknowledged where answers are kept.
            assert_eq!(read(&app, at, None, &path).await["download_count"], n + 1);
        }
    }
    // Somebody else sees it, too, once the replica is too far behind.
    let since = Instant::now();
    while read(&app, &other.url, Some(&reader), &path).await["download_count"] != 3 {
        assert!(since.elapsed() < PATIENCE, "a replica that is behind is used for ever");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    replica.apply(true).await.unwrap();
    is_used(&app, &app.url, &replica, &reader, &path).await;

    // It dies under load, and comes back.
    let acknowledged = Arc::new(Mutex::new(Vec::<(Instant, u64)>::new()));
    let over = Arc::new(AtomicBool::new(false));
    let edit = async |minutes: u64| {
        let request = creator.request(&app, Method::PATCH, &format!("/api/v1{path}"));
        answer(request.json(&json!({"duration_minutes": minutes}))).await.data(StatusCode::OK);
        acknowledged.lock().unwrap().push((Instant::now(), minutes));
    };
    edit(1).await;
    let readers: Vec<_> = (0..6)
        .map(|n| {
            let (app, path, over, acknowledged) = (app.clone(), path.clone(), over.clone(), acknowledged.clone());
            let at = if n % 2 == 0 { app.url.clone() } else { other.url.clone() };
            let user = [None, Some(reader.clone()), Some(creator.clone())][n % 3].clone();
            // Whoever writes is told what they wrote by the process that took it, always. Others, and other processes while Redis
            // does not answer in time, may say what was true a moment ago: never what was true longer ago than a replica may be
            // behind.
            let ago = if n == 2 { Duration::ZERO } else { db::LAG_AT_MOST + Duration::from_secs(1) };
            tokio::spawn(async move {
                let mut answers = 0;
                while !over.load(Ordering::SeqCst) {
                    let until = Instant::now().checked_sub(ago).unwrap();
                    let known = {
                        let acknowledged = acknowledged.lock().unwrap();
                        acknowledged.iter().rev().find(|(at, _)| *at <= until).map_or(0, |(_, minutes)| *minutes)
                    };
                    let said = read(&app, &at, user.as_ref(), &path).await["duration_minutes"].as_u64().unwrap();
                    assert!(said >= known, "{said}, {ago:?} and longer after {known} was acknowledged");
                    answers += 1;
                }
                answers
            })
        })
        .collect();
    for minutes in 2..20 {
        edit(minutes).await;
    }
    replica.kill().await.unwrap();
    for minutes in 20..40 {
        edit(minutes).await;
    }
    replica.resume().await.unwrap();
    for minutes in 40..60 {
        edit(minutes).await;
    }
    over.store(true, Ordering::SeqCst);
    for reader in readers {
        assert!(reader.await.unwrap() > 10, "every reader was answered throughout");
    }
    is_used(&app, &other.url, &replica, &reader, &path).await;
    let since = Instant::now();
    while read(&app, &other.url, Some(&reader), &path).await["duration_minutes"] != 59 {
        assert!(since.elapsed() < PATIENCE, "the replica has not caught up");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    app.run_all_due().await;
    other.stop().await;
    Arc::into_inner(app).expect("the readers are gone").finish().await;
    replica.stop().await.unwrap();
    primary.stop().await.unwrap();
}
