//! The read-only maintenance mode: nothing is changed, everything is read.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use domain::{review::ReviewPolicy, user::Role};
use infra::db::audit_log;
use queue::ledger::controls::pauses::{self, EVERYTHING, Scope};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    TestApp, User,
    app::AT_ONCE,
    archives,
    client::{PASSWORD, answer},
    database,
    routes::Route,
};

use super::things::{Things, schedule};

const MODE: &str = "/api/v1/admin/maintenance";

async fn begin(app: &TestApp, operator: &User, reason: &str, seconds: u32) {
    let form = json!({"reason": reason, "retry_after_seconds": seconds});
    let begun = answer(operator.request(app, Method::PUT, MODE).json(&form)).await;
    assert_eq!(begun.data(StatusCode::OK)["on"], true);
}

async fn end(app: &TestApp, operator: &User) -> StatusCode {
    answer(operator.request(app, Method::DELETE, &format!("{MODE}?reason=over"))).await.status
}

/// `worker maintenance …`, and what it prints.
fn worker(app: &TestApp, arguments: &[&str]) -> (i32, Value) {
    let output = Command::new(servers::programs::sibling("worker").unwrap())
        .arg("maintenance")
        .args(arguments)
        .arg("--json")
        .envs(app.environment())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = serde_json::from_str(&text).unwrap_or_else(|_| json!(String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), said)
}

/// Whether a change is taken by now.
async fn until_changes(app: &TestApp, user: &User, expected: StatusCode) {
    let trying = async {
        loop {
            let request = user.request(app, Method::POST, "/api/v1/nanos").json(&json!({}));
            if answer(request).await.status == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(AT_ONCE, trying).await.unwrap_or_else(|_| panic!("never {expected}"));
}

async fn pauses(app: &TestApp) -> Vec<(Scope, String, String)> {
    let list = pauses::list(&app.db).await.unwrap();
    list.into_iter().map(|pause| (pause.scope, pause.name, pause.reason)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_changed_and_everything_is_read() {
    let app = TestApp::start().await;
    let (ada, operator) = (app.creator("ada").await, app.user("operator", Role::Operator).await);
    let draft = ada.draft(&app, "Draft").await;
    let path = format!("/api/v1/nanos/{draft}");
    assert_eq!(app.get("/api/v1/maintenance").await.data(StatusCode::OK)["on"], false);
    begin(&app, &operator, "The database moves.", 90).await;

    for (method, path) in [
        (Method::POST, "/api/v1/nanos".to_owned()),
        (Method::PATCH, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::POST, "/api/v1/auth/register".to_owned()),
        (Method::POST, "/api/v1/users/me/creator-terms".to_owned()),
    ] {
        let refused = answer(ada.request(&app, method.clone(), &path).json(&json!({"title": "New"}))).await;
        assert_eq!(refused.error(StatusCode::SERVICE_UNAVAILABLE), "MAINTENANCE", "{method} {path}");
        assert_eq!(refused.headers["retry-after"], "90");
        assert_eq!(refused.body["error"]["details"]["reason"], "The database moves.");
    }
    let refused = ada.put_file(&app, &draft, archives::unit()).await;
    assert_eq!(refused.error(StatusCode::SERVICE_UNAVAILABLE), "MAINTENANCE");
    // Reading goes on, and so does signing in.
    assert_eq!(ada.get(&app, &path).await.data(StatusCode::OK)["title"], "Draft");
    app.get("/api/v1/nanos").await.data(StatusCode::OK);
    app.login(&ada.email).await.get(&app, "/api/v1/auth/me").await.data(StatusCode::OK);
    assert_eq!(app.get("/health").await.status, StatusCode::OK);
    assert_eq!(app.get("/ready").await.status, StatusCode::OK);
    let told = app.get("/api/v1/maintenance").await;
    assert_eq!(told.data(StatusCode::OK)["reason"], "The database moves.");
    assert_eq!(told.body["data"]["retry_after_seconds"], 90);
    assert_eq!(pauses(&app).await, [(Scope::All, EVERYTHING.into(), "maintenance: The database moves.".into())]);

    // Said anew, it is the same maintenance.
    begin(&app, &operator, "It takes longer.", 30).await;
    let again = app.get("/api/v1/maintenance").await;
    assert_eq!(again.data(StatusCode::OK)["since"], told.body["data"]["since"]);
    assert_eq!(pauses(&app).await[0].2, "maintenance: It takes longer.");

    assert_eq!(end(&app, &operator).await, StatusCode::NO_CONTENT);
    assert_eq!(end(&app, &operator).await, StatusCode::CONFLICT);
    assert!(pauses(&app).await.is_empty());
    answer(ada.request(&app, Method::PATCH, &path).json(&json!({"title": "New"}))).await.data(StatusCode::OK);
    let filter = audit_log::Filter::default();
    let (rows, _) = audit_log::page(&app.db, &filter, 0, 10).await.unwrap();
    let actions: Vec<String> = rows.iter().map(|row| row.entry.action.clone()).collect();
    assert_eq!(actions.iter().filter(|action| action.starts_with("maintenance.")).count(), 3, "{actions:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_wait_for_its_end_and_processes_hear_of_it() {
    let app = TestApp::start().await;
    let (ada, operator) = (app.creator("ada").await, app.user("operator", Role::Operator).await);
    // Begun at the command line: the API hears of it from the database.
    let (code, said) = worker(&app, &["begin", "--reason", "Disks.", "--retry-after", "2m"]);
    assert_eq!((code, &said["on"], &said["retry_after_seconds"]), (0, &json!(true), &json!(120)), "{said}");
    until_changes(&app, &ada, StatusCode::SERVICE_UNAVAILABLE).await;
    let running = app.worker().await;
    let job = app.put(&jobs::RemoveObject { key: "nobody/nothing".into() }).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let row = queue::ledger::get(&app.db, job).await.unwrap().unwrap();
    assert_eq!((row.state, row.runs), (queue::ledger::State::Available, 0));
    let (code, said) = worker(&app, &[]);
    assert_eq!((code, &said["reason"]), (0, &json!("Disks.")));
    let (code, said) = worker(&app, &["end", "--reason", "done"]);
    assert_eq!((code, &said["on"]), (0, &json!(false)), "{said}");
    until_changes(&app, &ada, StatusCode::UNPROCESSABLE_ENTITY).await;
    app.drained().await;
    running.stop().await;
    assert_eq!(worker(&app, &["end", "--reason", "done"]).0, 1, "there is none");

    // What somebody has paused for a reason of their own stays so.
    begin(&app, &operator, "Again.", 60).await;
    let mut tx = app.db.begin().await.unwrap();
    pauses::pause(&mut tx, Scope::All, EVERYTHING, "a bad release", None, None).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(end(&app, &operator).await, StatusCode::NO_CONTENT);
    assert_eq!(pauses(&app).await, [(Scope::All, EVERYTHING.into(), "a bad release".into())]);
    app.discard().await;
}

/// Reads that note something down otherwise do without: downloads are not counted, and the use of a token is not remembered.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_read_nothing_is_written() {
    let app = TestApp::start().await;
    let worker = app.worker_with(ReviewPolicy::FirstUpload, jobs::registry()).await;
    let (ada, moderator) = (app.creator("ada").await, app.user("moderator", Role::Moderator).await);
    let waiting = ada.submit(&app, "Waiting", archives::unit()).await;
    app.wait_for_status(&ada, &waiting, &["pending_review"]).await;
    let case = moderator.get(&app, "/api/v1/admin/moderation/queue").await.data(StatusCode::OK)[0]["id"].clone();
    let decision = format!("/api/v1/admin/moderation/{}/decision", case.as_str().unwrap());
    let approval = json!({"decision": "approve", "reason": "Good."});
    moderator.post(&app, &decision, &approval).await.data(StatusCode::OK);
    app.wait_for_status(&ada, &waiting, &["published"]).await;
    app.drained().await;
    worker.stop().await;
    let mut things = Things::of(&app, &ada).await;
    things.nano = waiting;
    schedule(&app).await;
    let admin = app.user("root", Role::Admin).await;
    let form = json!({"name": "script", "scopes": ["read"], "expires_in_days": 1, "password": PASSWORD});
    let made = ada.post(&app, "/api/v1/auth/tokens", &form).await;
    let script = User { token: made.data(StatusCode::CREATED)["secret"].as_str().unwrap().to_owned(), ..ada.clone() };
    begin(&app, &admin, "The database moves.", 60).await;

    let before = database::checksums(&app.db).await.unwrap();
    let mut read = 0;
    for route in Route::all().into_iter().filter(|route| route.method == Method::GET && route.path.starts_with("/api/"))
    {
        for user in [None, Some(&ada), Some(&script), Some(&admin)] {
            let request = things.request(&app, &route);
            let request = user.into_iter().fold(request, |request, user| request.bearer_auth(&user.token));
            read += u32::from(answer(request).await.status.is_success());
            database::checksums(&app.db).await.unwrap().assert_same(&before, &route.name());
        }
    }
    assert!(read > 40, "{read} reads");
    let download = format!("/api/v1/nanos/{}/download?redirect=false", things.nano);
    ada.get(&app, &download).await.data(StatusCode::OK);
    database::checksums(&app.db).await.unwrap().assert_same(&before, "a download");
    assert_eq!(end(&app, &admin).await, StatusCode::NO_CONTENT);
    ada.get(&app, &download).await.data(StatusCode::OK);
    script.get(&app, "/api/v1/auth/me").await.data(StatusCode::OK);
    let counted = app.get(&format!("/api/v1/nanos/{}", things.nano)).await;
    assert_eq!(counted.data(StatusCode::OK)["download_count"], 1);
    assert_eq!(database::number(&app.db, "SELECT COUNT(last_used_at) FROM personal_tokens").await.unwrap(), 1);
    app.discard().await;
}

/// A moderator's look at a file is written down, or there is none.
#[tokio::test(flavor = "multi_thread")]
async fn moderators_wait_with_what_must_be_written_down() {
    let app = TestApp::start().await;
    let worker = app.worker_with(ReviewPolicy::Always, jobs::registry()).await;
    let (ada, moderator) = (app.creator("ada").await, app.user("moderator", Role::Moderator).await);
    let operator = app.user("operator", Role::Operator).await;
    let waiting = ada.submit(&app, "Waiting", archives::unit()).await;
    app.wait_for_status(&ada, &waiting, &["pending_review"]).await;
    app.drained().await;
    worker.stop().await;
    let download = format!("/api/v1/nanos/{waiting}/download?redirect=false");
    begin(&app, &operator, "The database moves.", 60).await;
    ada.get(&app, &download).await.data(StatusCode::OK);
    let refused = moderator.get(&app, &download).await;
    assert_eq!(refused.error(StatusCode::SERVICE_UNAVAILABLE), "MAINTENANCE");
    assert_eq!(refused.headers["retry-after"], "60");
    assert_eq!(end(&app, &operator).await, StatusCode::NO_CONTENT);
    moderator.get(&app, &download).await.data(StatusCode::OK);
    app.finish().await;
}

/// Whether there is maintenance is asked of the database; one that does not say costs each request two seconds, and not the eight
/// of a statement.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_say_holds_nobody_up() {
    let app = TestApp::start().await;
    let ada = app.creator("ada").await;
    let mut session = app.db.pool().acquire().await.unwrap();
    sqlx::raw_sql("LOCK TABLES maintenance_mode WRITE").execute(&mut session).await.unwrap();
    let asked = Instant::now();
    for _ in 0..8 {
        let answered = ada.post(&app, "/api/v1/nanos", &json!({})).await;
        assert_eq!(answered.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
        // The server ends sessions that say nothing. What was found, or not, is believed for a second.
        sqlx::raw_sql("DO 0").execute(&mut session).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    assert!(asked.elapsed() < Duration::from_secs(45), "{:?}", asked.elapsed());
    sqlx::raw_sql("UNLOCK TABLES").execute(&mut session).await.unwrap();
    drop(session);
    begin(&app, &app.user("operator", Role::Operator).await, "Now.", 60).await;
    until_changes(&app, &ada, StatusCode::SERVICE_UNAVAILABLE).await;
    app.finish().await;
}
