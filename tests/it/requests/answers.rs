//! Answers that are the same for everybody: made once, for all processes, and never older than the last acknowledged write.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use domain::user::Role;
use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::json;
use servers::{
    database::DatabaseServer,
    redis::{RedisServer, Role as RedisRole},
};
use tests::{
    Answer, TestApp, User,
    app::{Overrides, PATIENCE},
    archives,
    client::answer,
};

/// What an answer that nobody has kept costs at least.
const SELECTS_OF_A_LIST: u64 = 3;

/// Statements that only read, since the server began.
async fn selects(server: &DatabaseServer) -> u64 {
    let rows = server.query("SHOW GLOBAL STATUS LIKE 'Com_select'").await.unwrap();
    rows.last().unwrap()[1].parse().unwrap()
}

pub(super) async fn published(app: &TestApp, creator: &User, title: &str) -> String {
    let worker = app.worker().await;
    let nano = creator.submit(app, title, archives::unit()).await;
    app.wait_for_status(creator, &nano, &["published"]).await;
    app.drained().await;
    worker.stop().await;
    nano
}

async fn read(app: &TestApp, at: &str, path: &str) -> Answer {
    answer(app.http.get(format!("{at}/api/v1{path}"))).await
}

async fn edit(app: &TestApp, creator: &User, at: &str, nano: &str, minutes: u64) {
    let request = app.http.patch(format!("{at}/api/v1/nanos/{nano}")).bearer_auth(&creator.token);
    answer(request.json(&json!({"duration_minutes": minutes}))).await.data(StatusCode::OK);
}

/// The minutes that a list or a nano says.
fn minutes(answer: &Answer) -> u64 {
    let data = answer.data(StatusCode::OK);
    let nano = data["hits"].get(0).or(data.get(0)).unwrap_or(data);
    nano["duration_minutes"].as_u64().unwrap_or_else(|| panic!("{:#}", answer.body))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_made_once_for_all_processes_and_anew_after_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = DatabaseServer::start(folder.path(), 0).await.unwrap();
    let app = TestApp::start_with(Overrides { database_server_url: Some(server.url()), ..Overrides::default() }).await;
    let other = app.another_api().await;
    let creator = app.creator("ada").await;
    let nano = published(&app, &creator, "Kept").await;

    let own = format!("/nanos/{nano}");
    let paths = ["/nanos?limit=20", own.as_str(), "/categories", "/search?q=kept"];
    // What the index shows is told once more a little later.
    tokio::time::sleep(Duration::from_secs(3)).await;
    for path in paths {
        let first = read(&app, &app.url, path).await;
        let before = selects(&server).await;
        for at in [&app.url, &other.url, &app.url, &other.url] {
            let again = read(&app, at, path).await;
            assert_eq!(again.body["data"], first.body["data"], "{path}");
            assert_eq!(again.body["meta"], first.body["meta"], "{path}");
            for header in ["etag", "cache-control", "link", "vary"] {
                assert_eq!(again.headers.get(header), first.headers.get(header), "{path} {header}");
            }
            assert_ne!(again.body["timestamp"], first.body["timestamp"], "{path}");
            let tag = &first.headers["etag"];
            let known = answer(app.http.get(format!("{at}/api/v1{path}")).header("if-none-match", tag)).await;
            assert_eq!(known.status, StatusCode::NOT_MODIFIED, "{path}");
        }
        let asked = selects(&server).await - before;
        assert!(asked <= 2, "{path} was asked of the database again: {asked}");
    }

    // Whoever asks for the same at the same time asks once, in each process.
    edit(&app, &creator, &app.url, &nano, 77).await;
    let before = selects(&server).await;
    let crowd = (0..400).map(|n| {
        let (app, at) = (&app, if n % 2 == 0 { &app.url } else { &other.url });
        async move { minutes(&read(app, at, "/nanos?limit=20").await) }
    });
    assert!(join_all(crowd).await.into_iter().all(|minutes| minutes == 77));
    let asked = selects(&server).await - before;
    assert!((1..=10 * SELECTS_OF_A_LIST).contains(&asked), "{asked} statements for 400 requests");

    // Everybody sees each change with the next request, whoever made it.
    for n in 1..=20 {
        let (at, elsewhere) = if n % 2 == 0 { (&app.url, &other.url) } else { (&other.url, &app.url) };
        edit(&app, &creator, at, &nano, n).await;
        for at in [elsewhere, at] {
            for path in ["/nanos?limit=20", own.as_str(), "/search?q=kept"] {
                assert_eq!(minutes(&read(&app, at, path).await), n, "{path}");
            }
        }
    }

    // A download is counted in the nano's own answer at once.
    let count = async |at: &str| read(&app, at, &own).await.body["data"]["download_count"].as_u64();
    assert_eq!((count(&app.url).await, count(&other.url).await), (Some(0), Some(0)));
    creator.get(&app, &format!("/api/v1{own}/download?redirect=false")).await.data(StatusCode::OK);
    assert_eq!((count(&other.url).await, count(&app.url).await), (Some(1), Some(1)));

    app.run_all_due().await;
    other.stop().await;
    app.finish().await;
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_the_shelf_is_gone_at_once_and_private_sides_are_never_kept() {
    let app = TestApp::start().await;
    let other = app.another_api().await;
    let (creator, admin) = (app.creator("ada").await, app.user("root", Role::Admin).await);
    let nano = published(&app, &creator, "Short-lived").await;
    let own = format!("/nanos/{nano}");
    let total = async |at: &str| read(&app, at, "/nanos").await.body["meta"]["total"].as_u64();

    for remover in [&creator, &admin] {
        for at in [&app.url, &other.url, &app.url, &other.url] {
            // The creator's own look beside everybody's, in both orders.
            let mine = answer(app.http.get(format!("{at}/api/v1{own}")).bearer_auth(&creator.token)).await;
            let theirs = read(&app, at, &own).await;
            assert!(mine.data(StatusCode::OK).get("latest_version").is_some());
            assert!(theirs.data(StatusCode::OK).get("latest_version").is_none());
            assert_eq!(mine.headers["cache-control"], "private, no-cache");
            assert_eq!(total(at).await, Some(1));
        }
        remover.delete(&app, &format!("/api/v1{own}")).await;
        for at in [&other.url, &app.url] {
            assert_eq!(read(&app, at, &own).await.status, StatusCode::NOT_FOUND);
            assert_eq!(total(at).await, Some(0));
            assert_eq!(read(&app, at, "/search?q=short").await.data(StatusCode::OK)["hits"], json!([]));
            let mine = answer(app.http.get(format!("{at}/api/v1{own}")).bearer_auth(&creator.token)).await;
            assert_eq!(mine.data(StatusCode::OK)["status"], "archived");
        }
        admin.post(&app, &format!("/api/v1{own}/restore"), &json!({})).await.data(StatusCode::OK);
        assert_eq!((total(&other.url).await, total(&app.url).await), (Some(1), Some(1)));
    }
    // The search finds it again once the index has it.
    app.run_all_due().await;
    let found = async || read(&app, &other.url, "/search?q=short").await.body["meta"]["total"].as_u64();
    assert_eq!(found().await, Some(1));
    other.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_when_that_is_switched_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = DatabaseServer::start(folder.path(), 0).await.unwrap();
    let overrides = Overrides {
        database_server_url: Some(server.url()),
        settings: Some(|settings| settings.answers_kept_for = Duration::ZERO),
        ..Overrides::default()
    };
    let app = TestApp::start_with(overrides).await;
    for _ in 0..3 {
        let before = selects(&server).await;
        read(&app, &app.url, "/categories").await.data(StatusCode::OK);
        assert!(selects(&server).await > before);
    }
    app.finish().await;
    server.stop().await.unwrap();
}

/// Readers at both processes, who must never be told less than what was acknowledged before they asked; while the cache is
/// emptied, killed, and comes back.
#[tokio::test(flavor = "multi_thread")]
async fn answers_are_right_while_redis_is_emptied_killed_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut redis = RedisServer::start(folder.path().join("redis"), RedisRole::Cache, 0).await.unwrap();
    let app =
        Arc::new(TestApp::start_with(Overrides { redis_cache_url: Some(redis.url()), ..Overrides::default() }).await);
    let other = app.another_api().await;
    let creator = app.creator("ada").await;
    let nano = published(&app, &creator, "Under load").await;
    edit(&app, &creator, &app.url, &nano, 1).await;

    let (acknowledged, over) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicBool::new(false)));
    let readers: Vec<_> = (0..6)
        .map(|n| {
            let (app, acknowledged, over) = (app.clone(), acknowledged.clone(), over.clone());
            let at = if n % 2 == 0 { app.url.clone() } else { other.url.clone() };
            let path = if n % 3 == 0 { format!("/nanos/{nano}") } else { "/nanos".to_owned() };
            tokio::spawn(async move {
                let mut answers = 0;
                while !over.load(Ordering::SeqCst) {
                    let known = acknowledged.load(Ordering::SeqCst);
                    let said = minutes(&read(&app, &at, &path).await);
                    assert!(said >= known, "{path} says {said} after {known} was acknowledged");
                    answers += 1;
                }
                answers
            })
        })
        .collect();
    let mut at = 1;
    let mut write = async |times: u64| {
        for _ in 0..times {
            at += 1;
            edit(&app, &creator, if at % 2 == 0 { &app.url } else { &other.url }, &nano, at).await;
            acknowledged.store(at, Ordering::SeqCst);
        }
    };
    write(15).await;
    redis.flush().await.unwrap();
    write(15).await;
    redis.kill().await.unwrap();
    write(30).await;
    redis.resume().await.unwrap();
    write(30).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    write(15).await;
    over.store(true, Ordering::SeqCst);
    for reader in readers {
        assert!(reader.await.unwrap() > 10, "every reader was answered throughout");
    }
    // It is used again.
    assert!(lists_are_kept(&app).await);

    app.run_all_due().await;
    other.stop().await;
    Arc::into_inner(app).expect("the readers are gone").finish().await;
    redis.stop().await.unwrap();
}

/// Whether Redis has answers again, sooner or later: the connection may have to be made anew first.
async fn lists_are_kept(app: &TestApp) -> bool {
    use secrecy::ExposeSecret;
    let client = redis::Client::open(app.redis.cache_url.expose_secret()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let (since, generation) = (Instant::now(), 1);
    while since.elapsed() < PATIENCE {
        app.get("/api/v1/nanos?limit=7").await.data(StatusCode::OK);
        let pattern = format!("{}answers:lists:*", app.redis.prefix);
        let keys: Vec<String> = redis::cmd("KEYS").arg(pattern).query_async(&mut connection).await.unwrap();
        if keys.len() > generation {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    false
}
