//! The read-only maintenance mode: nothing is changed, everything is read.

use std::{process::Command, time::Duration};

use domain::user::Role;
use infra::db::audit_log;
use queue::ledger::controls::pauses::{self, EVERYTHING, Scope};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{TestApp, User, app::AT_ONCE, archives, client::answer};

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
