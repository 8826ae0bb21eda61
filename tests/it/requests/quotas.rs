//! What one person, or one address, may ask of the API at most.

use std::collections::BTreeMap;

use api::{Settings, TrustedProxies};
use domain::user::Role;
use futures::future::join_all;
use reqwest::{Method, Response, StatusCode};
use serde_json::json;
use servers::redis::{RedisServer, Role as RedisRole};
use tests::{
    Answer, TestApp, User,
    app::{Overrides, PATIENCE},
    archives,
    client::answer,
};

async fn start(change: fn(&mut Settings)) -> TestApp {
    TestApp::start_with(Overrides { settings: Some(change), ..Overrides::default() }).await
}

fn statuses(answers: &[Answer]) -> BTreeMap<u16, usize> {
    let mut counted = BTreeMap::new();
    for answer in answers {
        *counted.entry(answer.status.as_u16()).or_default() += 1;
    }
    counted
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).unwrap_or_else(|| panic!("{name} in {:?}", answer.headers)).to_str().unwrap()
}

async fn draft(app: &TestApp, user: &User, category: &str) -> Answer {
    let form = json!({
        "title": "Once more", "description": "Again.", "duration_minutes": 5, "level": 1, "language": "en",
        "format": "text", "license": "CC0", "categories": [category],
    });
    user.post(app, "/api/v1/nanos", &form).await
}

async fn any_category(app: &TestApp) -> String {
    app.get("/api/v1/categories").await.data(StatusCode::OK)[0]["slug"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_writes_so_often_and_holds_up_nobody_else() {
    let app = start(|settings| settings.writes_per_minute = 10).await;
    let (busy, other) = (app.creator("busy").await, app.creator("other").await);
    let category = any_category(&app).await;
    let first = draft(&app, &busy, &category).await;
    first.data(StatusCode::CREATED);
    assert_eq!(header(&first, "ratelimit-policy"), "\"writes\";q=10;w=60");
    assert!(header(&first, "ratelimit").starts_with("\"writes\";r=9;t="), "{}", header(&first, "ratelimit"));
    let answers = join_all((0..40).map(|_| draft(&app, &busy, &category))).await;
    let counted = statuses(&answers);
    // One share of the minute, six seconds, may have passed meanwhile, or two.
    assert!((9..=12).contains(&counted[&201]) && counted[&201] + counted[&429] == 40, "{counted:?}");
    let refused = answers.iter().find(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS).unwrap();
    assert_eq!(refused.error(StatusCode::TOO_MANY_REQUESTS), "RATE_LIMITED");
    let wait: u64 = header(refused, "retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    draft(&app, &other, &category).await.data(StatusCode::CREATED);
    busy.get(&app, "/api/v1/auth/me").await.data(StatusCode::OK);
    app.finish().await;
}

/// Without anybody signed in the address counts, for ten; what the client says of itself before our proxy does not.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_reads_as_often_as_ten_people() {
    let app = start(|settings| {
        settings.reads_per_minute = 3;
        settings.trusted_proxies = TrustedProxies::Number(1);
    })
    .await;
    let read = |from: String| answer(app.request(Method::GET, "/api/v1/nanos").header("x-forwarded-for", from));
    let answers = join_all((0..40).map(|n| read(format!("10.1.2.{n}, 198.51.100.7")))).await;
    assert_eq!(statuses(&answers), BTreeMap::from([(200, 30), (429, 10)]));
    assert_eq!(read("198.51.100.8".into()).await.status, StatusCode::OK);
    // Those who ask whether we are alive are not counted, and neither is what nobody serves under /api.
    for path in ["/health", "/ready"] {
        let answers = join_all((0..40).map(|_| app.get(path))).await;
        assert_eq!(statuses(&answers), BTreeMap::from([(200, 40)]), "{path}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_and_files_on_their_way_in_are_counted_while_they_are_open() {
    let app = TestApp::start().await;
    let (creator, other) = (app.creator("cleo").await, app.creator("otto").await);
    let nano = creator.draft(&app, "Watched").await;
    let path = format!("/api/v1/nanos/{nano}/events");
    let open = async |user: &User| user.request(&app, Method::GET, &path).send().await.unwrap();
    let mut streams: Vec<Response> = join_all((0..30).map(|_| open(&creator))).await;
    assert!(streams.iter().all(|stream| stream.status() == StatusCode::OK));
    let refused = open(&creator).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["ratelimit-policy"], "\"streams\";q=30;w=60");
    assert_eq!(open(&other).await.status(), StatusCode::NOT_FOUND, "it is another's nano, and not their streams");
    streams.pop();
    let started = std::time::Instant::now();
    while open(&creator).await.status() != StatusCode::OK {
        assert!(started.elapsed() < PATIENCE, "the place of a closed stream does not come back");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }

    // Twenty files that never end.
    let (senders, bodies): (Vec<_>, Vec<_>) = (0..20)
        .map(|_| {
            let (mut sender, receiver) = futures::channel::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
            sender.try_send(Ok(b"PK".to_vec())).unwrap();
            (sender, reqwest::Body::wrap_stream(receiver))
        })
        .unzip();
    let path = format!("/api/v1/nanos/{nano}/file?filename=slow.zip");
    let slow: Vec<_> = bodies
        .into_iter()
        .map(|body| tokio::spawn(creator.request(&app, Method::PUT, &path).body(body).send()))
        .collect();
    let started = std::time::Instant::now();
    loop {
        let answer = creator.put_file(&app, &nano, archives::unit()).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            assert_eq!(header(&answer, "ratelimit-policy"), "\"uploads\";q=20;w=60");
            break;
        }
        assert!(started.elapsed() < PATIENCE, "one more file is taken: {:#}", answer.body);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    drop(senders);
    for one in slow {
        assert_eq!(one.await.unwrap().unwrap().status(), StatusCode::CREATED, "each goes on to its end");
    }
    creator.put_file(&app, &nano, archives::unit()).await.data(StatusCode::CREATED);
    app.discard().await;
}

/// A Redis that has become a replica answers, and counts nothing. The process counts on by itself.
#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_while_the_cache_is_read_only() {
    let folder = tempfile::tempdir().unwrap();
    let redis = RedisServer::start(folder.path().join("redis"), RedisRole::Cache, 0).await.unwrap();
    let app = TestApp::start_with(Overrides {
        redis_cache_url: Some(redis.url()),
        settings: Some(|settings| settings.writes_per_minute = 10),
        ..Overrides::default()
    })
    .await;
    let creator = app.creator("cleo").await;
    let victim = app.user("vera", Role::Consumer).await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let demote = redis::cmd("REPLICAOF").arg("127.0.0.1").arg(1).to_owned();
    demote.query_async::<()>(&mut connection).await.unwrap();

    let category = any_category(&app).await;
    let guess = json!({"email": victim.email, "password": "not the password"});
    let guesses = join_all((0..20).map(|_| app.post("/api/v1/auth/login", &guess))).await;
    assert_eq!(statuses(&guesses), BTreeMap::from([(401, 5), (429, 15)]));
    let drafts = join_all((0..20).map(|_| draft(&app, &creator, &category))).await;
    assert_eq!(statuses(&drafts), BTreeMap::from([(201, 10), (429, 10)]));
    app.finish().await;
}

/// Whoever has found a token may use up what it has, and its owner still revokes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_uses_up_its_own_quota_and_not_its_owners() {
    let app = start(|settings| settings.writes_per_minute = 10).await;
    let owner = app.creator("owner").await;
    let form = json!({"name": "lost", "scopes": ["read"], "expires_in_days": 1, "password": tests::client::PASSWORD});
    let made = owner.post(&app, "/api/v1/auth/tokens", &form).await;
    let made = made.data(StatusCode::CREATED);
    let finder = User { token: made["secret"].as_str().unwrap().to_owned(), ..owner.clone() };
    let nothing = json!({});
    let answers = join_all((0..40).map(|_| finder.post(&app, "/api/v1/nanos", &nothing))).await;
    let counted = statuses(&answers);
    assert!((9..=12).contains(&counted[&403]) && counted[&403] + counted[&429] == 40, "{counted:?}");
    let path = format!("/api/v1/auth/tokens/{}", made["token"]["id"].as_str().unwrap());
    assert_eq!(answer(owner.request(&app, Method::DELETE, &path)).await.status, StatusCode::NO_CONTENT);
    app.discard().await;
}
