//! Errors that the database server is to blame for: they pass, burn no attempt, and a server that no longer writes is left.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use db::{Db, DbError};
use queue::ledger::{State, workers};
use servers::database::DatabaseServer;
use sqlx::AssertSqlSafe;
use tests::{
    TestApp,
    app::{AT_ONCE, Overrides, PATIENCE},
    archives,
};

/// The server fails a statement with this number.
async fn fail(db: &Db, number: u16) -> DbError {
    let statement = format!("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'a test'");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(db.pool()).await.unwrap_err().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_is_to_blame_for_passes_and_the_rest_does_not() {
    let app = TestApp::start().await;
    let db = Db::connect_worker(&app.database_url, 1).await.unwrap();
    let session = async || tests::database::number(&db, "SELECT CAST(CONNECTION_ID() AS SIGNED)").await.unwrap();
    // A full disk, a full table, too many connections, a changed password, used-up resources, silence, a kill.
    for number in [1021, 1114, 1040, 1045, 1226, 1317] {
        let before = session().await;
        let error = fail(&db, number).await;
        assert!(matches!(error, DbError::Unavailable(_)) && error.is_transient(), "{number}: {error:?}");
        assert_eq!(session().await, before, "{number} says nothing against the connection");
    }
    // Read-only in three ways, going away in three: the next connection may find another server.
    for number in [1290, 1792, 1836, 1053, 1927, 4031] {
        let before = session().await;
        let error = fail(&db, number).await;
        assert!(matches!(error, DbError::Unavailable(_)), "{number}: {error:?}");
        assert_ne!(session().await, before, "{number} closes the connection");
    }
    // A syntax error, a missing table, a value that is too long.
    for number in [1064, 1146, 1406] {
        let error = fail(&db, number).await;
        assert!(!error.is_transient(), "{number}: {error:?}");
    }
    db.close().await;
    app.finish().await;
}

/// Of the sessions that three callers have at the same time.
async fn three_at_a_time(db: &Db) -> Vec<i64> {
    let (mut open, mut sessions) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let mut tx = db.begin().await.unwrap();
        let id = sqlx::query_scalar("SELECT CAST(CONNECTION_ID() AS SIGNED)").fetch_one(&mut *tx).await.unwrap();
        sessions.push(id);
        open.push(tx);
    }
    for tx in open {
        tx.commit().await.unwrap();
    }
    sessions.sort_unstable();
    sessions
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_lives_on_and_one_that_is_silent_in_a_transaction_is_ended() {
    let app = TestApp::start().await;
    // The server ends what says nothing for 3 s. Three connections, and one for looks.
    let db = Db::connect_scheduler(&app.database_url, 4).await.unwrap();
    let before = three_at_a_time(&db).await;
    // One in use all the time, as in a program that has little to do; the others wait.
    for _ in 0..16 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        db.ping().await.unwrap();
    }
    assert_eq!(three_at_a_time(&db).await, before);

    let mut tx = db.begin().await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let error: DbError = sqlx::query("SELECT 1").execute(&mut *tx).await.unwrap_err().into();
    assert!(matches!(error, DbError::Unavailable(_)), "{error:?}");
    drop(tx);
    for _ in 0..6 {
        db.ping().await.unwrap();
    }
    db.close().await;
    app.finish().await;
}

/// A server of the test's own, and an app without the right to write to it once it is read-only.
async fn as_in_production(folder: &Path) -> (DatabaseServer, TestApp) {
    let database = DatabaseServer::start(folder, 0).await.unwrap();
    let rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES";
    database.query("CREATE USER 'app'@'127.0.0.1' IDENTIFIED BY 'app'").await.unwrap();
    database.query(&format!("GRANT {rights} ON *.* TO 'app'@'127.0.0.1'")).await.unwrap();
    let url = database.url().replace("nano:nano@", "app:app@");
    let server = Overrides { database_server_url: Some(url), ..Overrides::default() };
    (database, TestApp::start_with(server).await)
}

/// Asks until `/ready` says this; returns how long it took.
async fn until_ready_says(app: &TestApp, status: &str) -> Duration {
    let started = Instant::now();
    loop {
        let answer = app.get("/ready").await;
        let served = answer.status.is_success();
        assert_eq!(served, ["ready", "degraded"].contains(&answer.body["status"].as_str().unwrap()), "{answer:?}");
        if answer.body["status"] == status {
            return started.elapsed();
        }
        assert!(started.elapsed() < PATIENCE, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A server that answers reads and refuses writes, as after a switchover, serves nobody.
#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_cannot_write_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let (mut database, app) = as_in_production(folder.path()).await;
    until_ready_says(&app, "ready").await;
    database.query("SET GLOBAL read_only = ON").await.unwrap();
    let noticed = until_ready_says(&app, "unavailable").await;
    assert!(noticed < AT_ONCE, "{noticed:?}");
    database.query("SET GLOBAL read_only = OFF").await.unwrap();
    until_ready_says(&app, "ready").await;
    // However many ask, the database is asked once a second.
    let written =
        async || database.query("SHOW GLOBAL STATUS LIKE 'Com_update'").await.unwrap()[0][1].parse::<u64>().unwrap();
    let (before, started) = (written().await, Instant::now());
    for _ in 0..100 {
        app.get("/ready").await;
    }
    let (most, wrote) = (started.elapsed().as_secs() + 2, written().await - before);
    assert!(wrote <= most, "{wrote} writes in {:?}", started.elapsed());
    app.finish().await;
    database.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_no_longer_writes_is_left_and_nothing_is_burnt() {
    let folder = tempfile::tempdir().unwrap();
    let (mut database, app) = as_in_production(folder.path()).await;
    let mut worker = app.worker_process("switchover").await;
    let creator = app.creator("swi").await;
    let first = creator.submit(&app, "Before", archives::unit()).await;
    app.wait_for_status(&creator, &first, &["published"]).await;
    let second = creator.submit(&app, "In the middle", archives::unit()).await;

    database.query("SET GLOBAL read_only = ON").await.unwrap();
    tokio::time::sleep(Duration::from_secs(workers::LEASE_TICKS + 2)).await;
    let fresh = Db::connect(&app.database_url, 1).await.unwrap();
    assert!(fresh.ping().await.unwrap_err().is_transient(), "a new connection to it is refused");
    fresh.close().await;
    assert!(worker.exited().is_none(), "{}", worker.log_tail(20));
    database.query("SET GLOBAL read_only = OFF").await.unwrap();

    app.wait_for_status(&creator, &second, &["published"]).await;
    app.drained().await;
    for job in app.jobs_of_nano(second.parse().unwrap()).await.unwrap() {
        assert_eq!((job.state, job.failures), (State::Completed, 0), "{job:?}");
    }
    assert!(worker.terminate(Duration::from_secs(20)).await.unwrap().success());
    app.finish().await;
    database.stop().await.unwrap();
}
