//! Deployments: programs that are told to stop behind a load balancer, migrations beside programs that work, and programs
//! that meet a schema of another release.

use std::time::{Duration, Instant};

use domain::user::Role;
use reqwest::StatusCode;
use rustix::process::Signal;
use serde_json::json;
use servers::{
    processes::{Launch, Process},
    proxy::Proxy,
};
use tests::{
    TestApp,
    app::{AT_ONCE, PATIENCE},
    archives, database,
    events::EventStream,
    fleet::worker_program,
};
use tokio::io::AsyncWriteExt;
use url::Url;

use crate::requests::things::{Things, schedule};

/// A load balancer looks every 2 s and needs three failures: until then every request is served.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_api_says_so_while_it_serves() {
    const NOTICE: Duration = Duration::from_secs(9);
    let mut app = TestApp::start().await;
    let mut api = app.api_process("stopping", &[("SHUTDOWN_NOTICE", "9s")]).await;
    assert_eq!(app.get("/ready").await.status, StatusCode::OK);
    // Before the signal, which may be heard before this goes on.
    let asked = Instant::now();
    api.signal(Signal::TERM).unwrap();
    let mut told = None;
    // Less, for the time that the last request takes.
    while asked.elapsed() < NOTICE - Duration::from_secs(3) {
        let ready = app.get("/ready").await;
        if ready.status == StatusCode::SERVICE_UNAVAILABLE {
            assert_eq!(ready.body["status"], "stopping");
            told.get_or_insert(asked.elapsed());
        }
        assert_eq!(app.get("/api/v1/nanos").await.status, StatusCode::OK);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(told.is_some_and(|told| told < NOTICE / 2), "{told:?}");
    assert!(api.wait().await.unwrap().success(), "{}", api.log_tail(20));
    assert!(asked.elapsed() > NOTICE && asked.elapsed() < NOTICE + AT_ONCE, "{:?}", asked.elapsed());
    app.discard().await;
}

/// Told to stop, it accepts nobody new, tells those who follow events that it is over, and finishes what it was asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_api_ends_streams_and_finishes_requests() {
    let mut app = TestApp::start().await;
    let mut api = app.api_process("polite", &[("SHUTDOWN_GRACE", "60s")]).await;
    let (ada, moderator) = (app.creator("ada").await, app.user("moderator", Role::Moderator).await);
    let nano = ada.draft(&app, "Under way").await;
    let mut events = EventStream::open(&app, &ada, &format!("/api/v1/nanos/{nano}/events"), None).await;
    events.next().await.expect("the draft's own event");
    let mut fleet = EventStream::open(&app, &moderator, "/api/v1/admin/jobs/events", None).await;
    fleet.next().await.expect("how it is");
    let bytes = archives::unit();
    let mut upload = app.connect().await;
    let head = format!(
        "PUT /api/v1/nanos/{nano}/file?filename=unit.zip HTTP/1.1\r\nHost: nano.test\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {}\r\n\r\n",
        ada.token,
        bytes.len()
    );
    upload.say(&head).await;
    upload.0.write_all(&bytes[..100]).await.unwrap();
    let begun = Instant::now();
    while database::number(&app.db, "SELECT COUNT(*) FROM uploads").await.unwrap() == 0 {
        assert!(begun.elapsed() < PATIENCE, "the upload begins");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut idle = app.connect().await;
    assert_eq!(idle.get("/health").await.status, 200);

    api.signal(Signal::TERM).unwrap();
    // A stream ends as a whole answer does; one that broke off would be an error here.
    while events.next().await.is_some() {}
    while fleet.next().await.is_some() {}
    assert!(idle.ends_within(AT_ONCE).await, "who asks nothing is let go");
    let address: std::net::SocketAddr = app.address().parse().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody new is let in");
    assert!(api.exited().is_none(), "it waits for the upload");
    upload.0.write_all(&bytes[100..]).await.unwrap();
    let received = upload.hear().await.expect("an answer");
    assert_eq!(received.status, 201, "{received:?}");
    assert!(received.head.contains("connection: close"), "{}", received.head);
    assert!(api.wait().await.unwrap().success(), "{}", api.log_tail(20));
    assert!(!whole_log(&api).contains("cut off"), "{}", api.log_tail(20));
    app.discard().await;
}

async fn migrate(app: &TestApp, name: &str, args: &[&str]) -> Process {
    let log = app.folder.path().join(format!("{name}.log"));
    let launch = Launch::new(name, worker_program(), log).arg("migrate").args(args);
    launch.envs(app.environment()).start().await.unwrap()
}

/// A report holds a table that a migration wants to change. The migration waits; people do not.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_behind_an_open_report_holds_nobody_up() {
    let app = TestApp::start().await;
    let fates = "SELECT version FROM _sqlx_migrations WHERE description = 'mail fates'";
    let version = database::number(&app.db, fates).await.unwrap();
    database::execute(&app.db, &format!("DELETE FROM _sqlx_migrations WHERE version = {version}")).await.unwrap();
    let columns = "ALTER TABLE email_deliveries DROP sending_run, DROP deferrals, DROP deferred_since";
    database::execute(&app.db, columns).await.unwrap();

    let mut report = app.db.begin().await.unwrap();
    sqlx::query("SELECT COUNT(*) FROM email_deliveries").fetch_one(&mut *report).await.unwrap();
    let mut migration = migrate(&app, "migration", &[]).await;
    let started = Instant::now();
    let (mut slowest, mut people) = (Duration::ZERO, 0);
    while started.elapsed() < Duration::from_secs(16) {
        let asked = Instant::now();
        // Writes a mail, so it needs the table.
        let form = json!({"email": format!("p{people}@nano.test"), "username": format!("person-{people}"), "password": "a long enough phrase"});
        assert_eq!(app.post("/api/v1/auth/register", &form).await.status, StatusCode::ACCEPTED);
        slowest = slowest.max(asked.elapsed());
        people += 1;
        // The report is alive as well.
        sqlx::query("SELECT 1").fetch_one(&mut *report).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(slowest < Duration::from_secs(10), "somebody waited {slowest:?}");
    assert!(people > 10, "{people}");
    assert!(migration.exited().is_none(), "{}", migration.log_tail(20));
    assert!(migration.log_tail(20).contains("letting others pass"), "{}", migration.log_tail(20));
    report.rollback().await.unwrap();
    assert!(migration.wait().await.unwrap().success(), "{}", migration.log_tail(20));
    assert!(migration.log_tail(20).contains("done in"), "{}", migration.log_tail(20));
    assert_eq!(database::number(&app.db, "SELECT COUNT(sending_run) FROM email_deliveries").await.unwrap(), 0);
    app.discard().await;
}

/// Stopped while it waits for a table, it has done nothing, and says nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_is_stopped_while_it_waits_leaves_no_mark() {
    let app = TestApp::start().await;
    let fates = "SELECT version FROM _sqlx_migrations WHERE description = 'mail fates'";
    let version = database::number(&app.db, fates).await.unwrap();
    database::execute(&app.db, &format!("DELETE FROM _sqlx_migrations WHERE version = {version}")).await.unwrap();
    let columns = "ALTER TABLE email_deliveries DROP sending_run, DROP deferrals, DROP deferred_since";
    database::execute(&app.db, columns).await.unwrap();

    let mut report = app.db.begin().await.unwrap();
    sqlx::query("SELECT COUNT(*) FROM email_deliveries").fetch_one(&mut *report).await.unwrap();
    let mut migration = migrate(&app, "stopped", &[]).await;
    let started = Instant::now();
    while !whole_log(&migration).contains("letting others pass") {
        let goes_on = started.elapsed() < PATIENCE && migration.exited().is_none();
        assert!(goes_on, "{}", migration.log_tail(20));
        // The report is alive as well, or the server would end it.
        sqlx::query("SELECT 1").fetch_one(&mut *report).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    migration.signal(Signal::TERM).unwrap();
    let asked = Instant::now();
    let ended = loop {
        if let Some(ended) = migration.exited() {
            break ended;
        }
        assert!(asked.elapsed() < PATIENCE, "it ends: {}", migration.log_tail(20));
        sqlx::query("SELECT 1").fetch_one(&mut *report).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(ended.code(), Some(1), "{}", migration.log_tail(20));
    assert!(whole_log(&migration).contains("before anything of the migration"), "{}", migration.log_tail(20));
    report.rollback().await.unwrap();
    let marks = format!("SELECT COUNT(*) FROM _sqlx_migrations WHERE version = {version}");
    assert_eq!(database::number(&app.db, &marks).await.unwrap(), 0);
    assert!(migrate(&app, "again", &[]).await.wait().await.unwrap().success(), "it goes on as if nothing had been");
    assert_eq!(check(&app, "whole").await.0, Some(0));

    // One that did stop half way is said once, with the cure.
    database::execute(&app.db, &format!("UPDATE _sqlx_migrations SET success = 0 WHERE version = {version}"))
        .await
        .unwrap();
    let mut begun = migrate(&app, "begun", &[]).await;
    assert_eq!(begun.wait().await.unwrap().code(), Some(1), "{}", begun.log_tail(20));
    let said = whole_log(&begun);
    assert_eq!(said.matches(&version.to_string()).count(), 1, "{said}");
    assert!(said.contains("began and did not end") && said.contains("remove its row"), "{said}");
    app.discard().await;
}

/// Starts a program and waits until it ends or has been there for a while; what it said.
async fn refuses(app: &TestApp, launch: Launch) -> Option<String> {
    let alive = app.folder.path().join("rollout.alive");
    let key = signing_key();
    let launch = launch
        .env("WORKER_ALIVE_FILE", &alive)
        .env("SCHEDULER_ALIVE_FILE", &alive)
        .env("JWT_KEY", key)
        .env("SHUTDOWN_NOTICE", "0s")
        .env("API_ADDR", format!("127.0.0.1:{}", servers::ports::free().unwrap()));
    let mut process = launch.start().await.unwrap();
    match tokio::time::timeout(AT_ONCE, process.wait()).await {
        Ok(status) => {
            assert_eq!(status.unwrap().code(), Some(1), "{}", process.log_tail(20));
            Some(whole_log(&process))
        }
        Err(_) => {
            process.terminate(Duration::from_secs(20)).await.unwrap();
            None
        }
    }
}

/// A backtrace may be longer than any tail.
fn whole_log(process: &Process) -> String {
    std::fs::read_to_string(process.log().unwrap()).unwrap()
}

fn signing_key() -> String {
    rcgen::KeyPair::generate().unwrap().serialize_pem()
}

fn programs(app: &TestApp, name: &str) -> [Launch; 3] {
    let launch = |program: &str| app.sibling(program, &format!("{name}-{program}"));
    [launch("api"), launch("worker").arg("run"), launch("scheduler")]
}

async fn check(app: &TestApp, name: &str) -> (Option<i32>, String) {
    let mut check = migrate(app, name, &["--check"]).await;
    let status = check.wait().await.unwrap();
    (status.code(), check.log_tail(20))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_another_release_is_refused_only_when_it_must_be() {
    let app = TestApp::start().await;
    assert_eq!(check(&app, "fits").await.0, Some(0));

    // Newer, as in the middle of a rollout: the old programs go on and may be started again.
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (99990101000001, 'from the future', TRUE, 'x', 1)";
    database::execute(&app.db, newer).await.unwrap();
    assert_eq!(check(&app, "newer").await.0, Some(0));
    let [api, worker, scheduler] = programs(&app, "newer").map(|launch| refuses(&app, launch));
    assert_eq!(tokio::join!(api, worker, scheduler), (None, None, None));
    assert!(migrate(&app, "old-migrate", &[]).await.wait().await.unwrap().success(), "nothing to do for an old one");

    // It has taken something away that this release needs.
    database::execute(&app.db, "UPDATE schema_compat SET needs = 99990101000001").await.unwrap();
    let (code, said) = check(&app, "ahead").await;
    assert!(code == Some(1) && said.contains("start a newer release"), "{code:?} {said}");
    // What would refuse to start afterwards is not told that all is well.
    let mut old = migrate(&app, "ahead-migrate", &[]).await;
    assert_eq!(old.wait().await.unwrap().code(), Some(1), "{}", old.log_tail(20));
    assert!(whole_log(&old).contains("start a newer release"), "{}", old.log_tail(20));
    for launch in programs(&app, "ahead") {
        let said = refuses(&app, launch.env("RUST_BACKTRACE", "1")).await.expect("refused");
        assert!(said.contains("99990101000001") && said.contains("start a newer release"), "{said}");
        assert!(!said.contains("stack backtrace") && !said.contains("Stack backtrace"), "{said}");
    }
    database::execute(&app.db, "UPDATE schema_compat SET needs = 0").await.unwrap();

    // Older: the cure is named.
    let last = "SELECT MAX(version) FROM _sqlx_migrations WHERE version < 99990101000001";
    let last = database::number(&app.db, last).await.unwrap();
    database::execute(&app.db, &format!("DELETE FROM _sqlx_migrations WHERE version = {last}")).await.unwrap();
    let (code, said) = check(&app, "behind").await;
    assert!(code == Some(1) && said.contains(&last.to_string()), "{code:?} {said}");
    for launch in programs(&app, "behind") {
        let said = refuses(&app, launch).await.expect("refused");
        assert!(said.contains("worker migrate") && said.contains(&last.to_string()), "{said}");
    }
    app.discard().await;
}

/// The database is away when they start: they wait for it as ever, and leave when it turns out not to fit.
#[tokio::test(flavor = "multi_thread")]
async fn programs_that_began_without_a_database_look_at_the_schema_later() {
    let app = TestApp::start().await;
    let mut url: Url = app.database_url.parse().unwrap();
    let proxy = Proxy::start(url.port().unwrap()).await.unwrap();
    url.set_port(Some(proxy.port())).unwrap();
    database::execute(&app.db, "UPDATE schema_compat SET needs = 99990101000001").await.unwrap();
    proxy.refuse(true);
    let mut started = Vec::new();
    for (number, launch) in programs(&app, "away").into_iter().enumerate() {
        let alive = app.folder.path().join(format!("away-{number}.alive"));
        let launch = launch
            .env("DATABASE_URL", url.as_str())
            .env("WORKER_ALIVE_FILE", &alive)
            .env("SCHEDULER_ALIVE_FILE", &alive)
            .env("JWT_KEY", signing_key())
            .env("API_ADDR", format!("127.0.0.1:{}", servers::ports::free().unwrap()));
        started.push(launch.start().await.unwrap());
    }
    tokio::time::sleep(Duration::from_secs(6)).await;
    for process in &mut started {
        assert!(process.exited().is_none(), "{}", process.log_tail(20));
    }
    proxy.refuse(false);
    for process in &mut started {
        let ended = tokio::time::timeout(PATIENCE, process.wait()).await.expect("it ends").unwrap();
        assert_eq!(ended.code(), Some(1), "{}", process.log_tail(20));
        assert!(whole_log(process).contains("start a newer release"), "{}", process.log_tail(50));
    }
    app.discard().await;
}

/// Lets a column have one more word, and makes its rows say it, as a newer release would.
async fn say_something_new(app: &TestApp, table: &str, column: &str) {
    let find = "SELECT COLUMN_TYPE FROM information_schema.columns
                WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ?";
    let words: String = sqlx::query_scalar(find).bind(table).bind(column).fetch_one(app.db.pool()).await.unwrap();
    let more = words.replace(')', ",'mauve')");
    database::execute(&app.db, &format!("ALTER TABLE {table} MODIFY {column} {more} NOT NULL")).await.unwrap();
    database::execute(&app.db, &format!("UPDATE {table} SET {column} = 'mauve'")).await.unwrap();
    let said = database::number(&app.db, &format!("SELECT COUNT(*) FROM {table}")).await.unwrap();
    assert!(said > 0, "{table} has rows");
}

/// A newer release beside this one says in a row what this one has no word for: it shows the row all the same.
#[tokio::test(flavor = "multi_thread")]
async fn words_of_a_newer_release_break_no_page() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.creator("ada").await, app.user("root", Role::Admin).await);
    let things = Things::of(&app, &ada).await;
    schedule(&app).await;
    let ran = admin.post(&app, "/api/v1/admin/jobs/schedules/prune_ledger/run", &json!({"reason": "now"})).await;
    ran.data(StatusCode::ACCEPTED);
    let job = app.put(&jobs::RemoveObject { key: "nobody/nothing".into() }).await;
    for act in ["discard", "retry"] {
        let path = if act == "retry" {
            format!("/api/v1/jobs/{job}/retry")
        } else {
            format!("/api/v1/admin/jobs/{job}/discard")
        };
        admin.post(&app, &path, &json!({"reason": "now"})).await.data(StatusCode::OK);
    }
    let attempt = "INSERT INTO job_attempts (job_id, run, outcome, started_at, finished_at)
                   SELECT id, 1, 'retry', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM jobs";
    let line = "INSERT INTO job_logs (job_id, run, seq, at, level, message)
                SELECT id, 1, 1, UTC_TIMESTAMP(6), 'info', 'said' FROM jobs";
    let case = "UPDATE moderation_cases SET version_id = (SELECT id FROM nano_versions LIMIT 1),
                  nano_id = (SELECT nano_id FROM nano_versions LIMIT 1)";
    for statement in [attempt, line, case] {
        database::execute(&app.db, statement).await.unwrap();
    }
    for (table, column) in [
        ("moderation_cases", "cause"),
        ("job_actions", "action"),
        ("job_attempts", "outcome"),
        ("job_logs", "level"),
        ("cron_ticks", "outcome"),
    ] {
        say_something_new(&app, table, column).await;
    }
    for path in [
        "/api/v1/admin/moderation/queue".to_owned(),
        "/api/v1/admin/jobs/schedules".to_owned(),
        format!("/api/v1/admin/jobs/{job}"),
    ] {
        let answer = admin.get(&app, &path).await;
        answer.data(StatusCode::OK);
        assert!(answer.body.to_string().contains("\"unknown\""), "{path}: {:#}", answer.body);
    }
    // What this release does not understand it does not decide.
    let path = format!("/api/v1/admin/moderation/{}/decision", things.case);
    let refused = admin.post(&app, &path, &json!({"decision": "approve", "reason": "Good."})).await;
    assert_eq!(refused.error(StatusCode::CONFLICT), "CASE_CLOSED");
    app.discard().await;
}
