//! The periodic jobs: what a run leaves, twice as well as once.

use std::io::{Read, Write};

use chrono::{DateTime, TimeDelta, Utc};
use db::clock::Clock;
use domain::{audit::Entry, user::Role};
use infra::{
    db::{audit_exports, audit_log, stored_objects},
    env::StorageSettings,
    storage::{Key, Lock, LockMode, Storage},
};
use jobs::{ExpireUploads, ExportAuditLog, ReconcileStorage, RemindModerators, RemoveObject, Retention};
use queue::{
    LedgerDays,
    builtin::{PruneLedger, RollUpStats},
    ledger::{self, history::logs, schedules},
};
use serde_json::{Value, json};
use tests::{TestApp, app::Overrides, archives, database, kit::Kit};

async fn sql(app: &TestApp, text: &str) {
    database::execute(&app.db, text).await.unwrap();
}

async fn number(app: &TestApp, text: &str) -> i64 {
    database::number(&app.db, text).await.unwrap()
}

/// A marketplace whose handlers take another time for now.
async fn app_at(clock: DateTime<Utc>) -> TestApp {
    TestApp::start_with(Overrides { clock: Clock::manual(clock), ..Overrides::default() }).await
}

/// Runs a job once; it must complete.
async fn run<J: queue::Job<jobs::Context>>(app: &TestApp, job: &J) -> queue::ids::JobId {
    run_with(app, app.kit().await, job).await
}

async fn run_with<J: queue::Job<jobs::Context>>(app: &TestApp, kit: &Kit, job: &J) -> queue::ids::JobId {
    let id = app.put(job).await;
    let row = kit.run_one(id).await;
    assert_eq!(row.state, ledger::State::Completed, "{row:#?}");
    id
}

async fn audit(app: &TestApp, rows: u32) {
    for n in 0..rows {
        let mut tx = app.db.begin().await.unwrap();
        let details = json!({"n": n, "title": "Brüche \"und\" mehr", "list": [1, {"b": 2, "a": null}]});
        let entry = Entry::by_system("test.row", "test", None, details, Clock::System.now());
        audit_log::append(&mut tx, &entry).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// `worker audit verify`, by its exit status and what it prints.
fn verify(app: &TestApp) -> (i32, Value) {
    let output = std::process::Command::new(servers::programs::sibling("worker").unwrap())
        .args(["audit", "verify", "--json"])
        .envs(app.environment())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = serde_json::from_str(&text).unwrap_or_else(|_| json!(String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), said)
}

fn problems(found: &Value) -> String {
    found["problems"].as_array().map(|all| format!("{all:?}")).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_of_the_audit_log_continue_each_other_and_are_verified() {
    let app = TestApp::start().await;
    let before = audit_log::head(&app.db).await.unwrap().0;
    audit(&app, 5).await;
    run(&app, &ExportAuditLog {}).await;
    run(&app, &ExportAuditLog {}).await;
    assert_eq!(app.objects().await.len(), 2, "nothing new, nothing written");
    audit(&app, 3).await;
    run(&app, &ExportAuditLog {}).await;
    let exports = audit_exports::list(&app.db, 0).await.unwrap();
    let ranges: Vec<_> = exports.iter().map(|export| (export.first_seq, export.last_seq)).collect();
    assert_eq!(ranges, [(1, before + 5), (before + 6, before + 8)]);
    assert_eq!(exports[1].previous_manifest, exports[0].seal.as_ref().unwrap().manifest_sha256);
    let file = app.storage.get(&exports[1].file_key.parse().unwrap(), 1 << 20).await.unwrap();
    let lines: Vec<Value> =
        std::str::from_utf8(&file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[0]["action"], &lines[0]["details"]["n"]), (&json!("test.row"), &json!(0)));
    let (code, found) = verify(&app);
    assert_eq!((code, &found["whole"], &found["exports"]), (0, &json!(true), &json!(2)), "{found}");

    // Rows that are not exported yet are checked in the database alone.
    audit(&app, 2).await;
    let (code, found) = verify(&app);
    assert_eq!((code, found["rows"].as_u64().unwrap()), (0, before + 10), "{found}");
    assert_eq!(found["exported_rows"], before + 8);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_died_is_repeated_with_the_same_rows() {
    let app = TestApp::start().await;
    audit(&app, 4).await;
    // A run committed its plan, wrote the file and died; rows came meanwhile.
    let keys = |first, last| (Key::audit_file(first, last).to_string(), Key::audit_manifest(first, last).to_string());
    let mut tx = app.db.begin().await.unwrap();
    let planned = audit_exports::next(&mut tx, 100, Clock::System.now(), keys).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    app.storage.put(&planned.file_key.parse().unwrap(), "half of".into(), "text/plain").await.unwrap();
    audit(&app, 4).await;
    assert_eq!(verify(&app).0, 0, "what is only planned is no damage");

    run(&app, &ExportAuditLog {}).await;
    let exports = audit_exports::list(&app.db, 0).await.unwrap();
    assert_eq!(exports.len(), 2);
    assert_eq!((exports[0].first_seq, exports[0].last_seq), (planned.first_seq, planned.last_seq));
    assert_eq!(exports[1].first_seq, planned.last_seq + 1);
    assert_eq!(app.objects().await.len(), 4);
    assert_eq!(verify(&app).0, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_tampered_with_shows() {
    let app = TestApp::start().await;
    audit(&app, 6).await;
    run(&app, &ExportAuditLog {}).await;
    audit(&app, 2).await;
    let export = audit_exports::list(&app.db, 0).await.unwrap().remove(0);
    let (file, manifest): (Key, Key) = (export.file_key.parse().unwrap(), export.manifest_key.parse().unwrap());
    let bytes = app.storage.get(&file, 1 << 20).await.unwrap();
    let sealed = app.storage.get(&manifest, 1 << 20).await.unwrap();

    let text = String::from_utf8(bytes.to_vec()).unwrap();
    app.storage.put(&file, text.replacen("test.row", "test.raw", 1).into(), "text/plain").await.unwrap();
    let (code, found) = verify(&app);
    assert!(code == 1 && problems(&found).contains("it is not the file that was sealed"), "{found}");
    app.storage.delete(&file).await.unwrap();
    let (code, found) = verify(&app);
    assert!(code == 1 && problems(&found).contains("its file: it is not there"), "{found}");
    app.storage.put(&file, bytes, "text/plain").await.unwrap();
    assert_eq!(verify(&app).0, 0);

    let other = String::from_utf8(sealed.to_vec()).unwrap().replacen("\"version\": 1", "\"version\":  1", 1);
    app.storage.put(&manifest, other.into(), "application/json").await.unwrap();
    let (code, found) = verify(&app);
    assert!(code == 1 && problems(&found).contains("not the manifest that was sealed"), "{found}");
    app.storage.put(&manifest, sealed.clone(), "application/json").await.unwrap();

    let forged = Key::audit_manifest(export.last_seq + 1, export.last_seq + 9);
    app.storage.put(&forged, sealed, "application/json").await.unwrap();
    let (code, found) = verify(&app);
    assert!(code == 1 && problems(&found).contains("the database knows no such export"), "{found}");
    app.storage.delete(&forged).await.unwrap();

    // A row that is exported already, and one that is not: the log itself is broken, and nothing more is sealed.
    sql(&app, "UPDATE audit_log SET action = 'test.raw' WHERE seq = 2").await;
    let (code, found) = verify(&app);
    assert!(code == 1 && problems(&found).contains("database: row 2 was changed"), "{found}");
    sql(&app, "UPDATE audit_log SET action = 'test.row' WHERE seq = 2").await;
    assert_eq!(verify(&app).0, 0);
    sql(&app, &format!("UPDATE audit_log SET action = 'test.raw' WHERE seq = {}", export.last_seq + 1)).await;
    let id = app.put(&ExportAuditLog {}).await;
    let row = app.run_one(id).await;
    assert_eq!(row.state, ledger::State::Retryable);
    assert!(row.last_error.unwrap().contains("worker audit verify"));
    assert!(audit_exports::list(&app.db, 0).await.unwrap().iter().skip(1).all(|export| export.seal.is_none()));

    // Without the store nothing can be told about it.
    let output = std::process::Command::new(servers::programs::sibling("worker").unwrap())
        .args(["audit", "verify"])
        .envs(app.environment())
        .env("S3_ENDPOINT", "http://127.0.0.1:9")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    app.discard().await;
}

/// What a bucket with Object Lock would be asked for: the development store has none.
#[tokio::test(flavor = "multi_thread")]
async fn locked_objects_are_sent_with_their_lock() {
    let app = TestApp::start().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        while !String::from_utf8_lossy(&request).contains("bytes of it") {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "the request ended early");
            request.extend_from_slice(&buffer[..read]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\netag: \"x\"\r\n\r\n").unwrap();
        String::from_utf8_lossy(&request).to_lowercase()
    });
    let settings = StorageSettings { endpoint: Some(endpoint.parse().unwrap()), ..app.storage_settings.clone() };
    let storage = Storage::connect(&settings).await.unwrap();
    let lock = Lock { mode: LockMode::Compliance, until: "2032-11-22T10:00:00.5Z".parse().unwrap() };
    storage.put_locked(&Key::audit_file(1, 2), "bytes of it".into(), "text/plain", Some(lock)).await.unwrap();
    let heard = heard.join().unwrap();
    assert!(heard.contains("x-amz-object-lock-mode: compliance"), "{heard}");
    assert!(heard.contains("x-amz-object-lock-retain-until-date: 2032-11-22t10:00:00z"), "{heard}");
    assert!(heard.contains("x-amz-checksum-"), "buckets with Object Lock ask for a checksum: {heard}");
    app.discard().await;
}

/// What a bucket that keeps versions is asked for: the development store keeps none.
#[tokio::test(flavor = "multi_thread")]
async fn every_version_of_an_object_is_erased() {
    let app = TestApp::start().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let key = format!("{}nanos/1/a.zip", app.storage_settings.prefix);
    let one = |kind: &str, id: &str| format!("<{kind}><Key>{key}</Key><VersionId>{id}</VersionId></{kind}>");
    let (first, second) = (one("Version", "one") + &one("Version", "two"), one("DeleteMarker", "three"));
    let next = format!("<NextKeyMarker>{key}</NextKeyMarker><NextVersionIdMarker>two</NextVersionIdMarker>");
    let page = |more: &str, body: &str| format!("<ListVersionsResult>{more}{body}</ListVersionsResult>");
    let answers = [
        "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>".to_owned(),
        page(&format!("<IsTruncated>true</IsTruncated>{next}"), &first),
        String::new(),
        String::new(),
        page("<IsTruncated>false</IsTruncated>", &second),
        String::new(),
    ];
    let heard = std::thread::spawn(move || {
        let mut lines = Vec::new();
        for body in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
            while !request.ends_with(b"\r\n\r\n") {
                let read = stream.read(&mut buffer).unwrap();
                assert!(read > 0, "the request ended early");
                request.extend_from_slice(&buffer[..read]);
            }
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).unwrap();
            lines.push(String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned());
        }
        lines
    });
    let settings = StorageSettings { endpoint: Some(endpoint.parse().unwrap()), ..app.storage_settings.clone() };
    let storage = Storage::connect(&settings).await.unwrap();
    assert_eq!(storage.erase("nanos/1/").await.unwrap(), 3);
    let heard = heard.join().unwrap();
    let version = |line: &String| Some(line.split_once("versionId=")?.1.split(['&', ' ']).next()?.to_owned());
    let erased: Vec<String> = heard.iter().filter(|line| line.starts_with("DELETE")).filter_map(version).collect();
    assert_eq!(erased, ["one", "two", "three"], "{heard:?}");
    assert!(heard[4].contains("version-id-marker=two"), "{heard:?}");
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_and_rows_are_compared_both_ways() {
    let app = app_at(Clock::System.now()).await;
    let creator = app.creator("ada").await;
    let nano = creator.submit(&app, "Whole", archives::unit()).await;
    app.run_all_due().await;
    app.wait_for_status(&creator, &nano, &["published"]).await;
    let whole = app.objects().await;
    let stray = [
        Key::canonical(domain::ids::NanoId::new(), &[1; 32]),
        Key::thumbnail(nano.parse().unwrap(), &[2; 32], 640),
        Key::upload(domain::ids::UploadId::new()),
    ];
    for key in &stray {
        app.storage.put(key, "left behind".into(), "text/plain").await.unwrap();
    }
    let foreign: Key = "notes/of-somebody.txt".parse().unwrap();
    app.storage.put(&foreign, "mine".into(), "text/plain").await.unwrap();

    let young = run(&app, &ReconcileStorage {}).await;
    let report = stored_objects::reports(&app.db, 1).await.unwrap().remove(0);
    assert_eq!(report.id, young.0);
    assert_eq!((report.orphans, report.removed, report.unknown_objects, report.missing), (3, 0, 1, 0), "{report:?}");
    assert_eq!(report.objects, whole.len() as u64 + 4);

    app.advance(TimeDelta::days(3));
    run(&app, &ReconcileStorage {}).await;
    let report = stored_objects::reports(&app.db, 1).await.unwrap().remove(0);
    assert_eq!((report.orphans, report.removed, report.removed_bytes), (3, 3, 33), "{report:?}");
    assert_eq!(report.samples["unknown"], json!(["notes/of-somebody.txt"]));
    let mut left = whole.clone();
    left.push(foreign.to_string());
    left.sort();
    assert_eq!(app.objects().await, left, "what rows name stays, and so does what is none of ours");

    // Damage: an archive and all thumbnails are gone.
    for key in whole.iter().filter(|key| !key.starts_with("uploads/")) {
        app.storage.delete(&key.parse().unwrap()).await.unwrap();
    }
    let id = run(&app, &ReconcileStorage {}).await;
    let report = stored_objects::reports(&app.db, 1).await.unwrap().remove(0);
    assert_eq!((report.missing, report.checked_rows), (2, 1), "{report:?}");
    assert!(report.samples["missing"][0].as_str().unwrap().starts_with("nanos/"), "{report:?}");
    let lines = logs::by_job(&app.db, id).await.unwrap();
    assert!(lines.iter().any(|(_, line)| line.message == "rows name objects that are not there"), "{lines:?}");
    app.finish().await;
}

/// A database that was set back to an earlier time knows none of the newer objects: they are not its to remove.
#[tokio::test(flavor = "multi_thread")]
async fn when_nearly_everything_is_an_orphan_nothing_is_removed() {
    let app = app_at(Clock::System.now() + TimeDelta::days(30)).await;
    for n in 0..101 {
        let key = Key::canonical(domain::ids::NanoId::new(), &[n; 32]);
        app.storage.put(&key, "of another time".into(), "text/plain").await.unwrap();
    }
    run(&app, &ReconcileStorage {}).await;
    let report = stored_objects::reports(&app.db, 1).await.unwrap().remove(0);
    assert_eq!((report.orphans, report.removed), (101, 0));
    assert_eq!(app.objects().await.len(), 101);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn minutes_become_hours_and_hours_go() {
    let app = app_at("2026-11-22T10:30:00Z".parse().unwrap()).await;
    let mut rows = Vec::new();
    // Two hours that are old, one that is two days old but not over, and one from a quarter of a year ago.
    for hour in ["2026-11-19 23", "2026-11-20 00", "2026-11-20 10", "2026-08-20 07"] {
        for minute in 0..60 {
            rows.push(format!("('{hour}:{minute:02}:00', 'uploads', 'scan_content', 'completed', 2)"));
        }
    }
    sql(&app, &format!("INSERT INTO job_stats VALUES {}", rows.join(","))).await;
    sql(
        &app,
        "INSERT INTO job_durations VALUES ('2026-11-20 00:05:00', 'uploads', 'scan_content', 'run', 7, 3),
         ('2026-11-20 00:06:00', 'uploads', 'scan_content', 'run', 7, 4),
         ('2026-11-20 00:06:00', 'uploads', 'scan_content', 'run', 8, 5)",
    )
    .await;
    for _ in 0..2 {
        run(&app, &RollUpStats {}).await;
        assert_eq!(
            number(&app, "SELECT COUNT(*) FROM job_stats WHERE kind = 'scan_content'").await,
            62,
            "two hours, and sixty minutes"
        );
        let sums = "SELECT CAST(SUM(runs) AS SIGNED) FROM job_stats WHERE kind = 'scan_content' AND minute";
        assert_eq!(number(&app, &format!("{sums} = '2026-11-19 23:00:00'")).await, 120);
        assert_eq!(number(&app, &format!("{sums} >= '2026-11-20 10:00:00'")).await, 120);
        assert_eq!(
            number(
                &app,
                "SELECT COUNT(*) FROM job_durations WHERE kind = 'scan_content' AND minute = '2026-11-20 00:00:00'"
            )
            .await,
            2
        );
        let seven = "SELECT CAST(SUM(runs) AS SIGNED) FROM job_durations WHERE kind = 'scan_content' AND bucket = 7";
        assert_eq!(number(&app, seven).await, 7);
    }
    // What is late joins its hour.
    sql(&app, "INSERT INTO job_stats VALUES ('2026-11-19 23:17:00', 'uploads', 'scan_content', 'completed', 1)").await;
    run(&app, &RollUpStats {}).await;
    let sum = "SELECT CAST(SUM(runs) AS SIGNED) FROM job_stats WHERE minute = '2026-11-19 23:00:00'";
    assert_eq!(number(&app, sum).await, 121);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_had_its_time_goes() {
    let app = app_at(Clock::System.now()).await;
    let creator = app.creator("ada").await;
    let nano = creator.submit(&app, "Once upon a time", archives::unit()).await;
    app.run_all_due().await;
    app.wait_for_status(&creator, &nano, &["published"]).await;
    creator.get(&app, &format!("/api/v1/nanos/{nano}/download")).await;
    // A second one that nobody deletes, and a deleted account.
    let kept = creator.submit(&app, "Evergreen", archives::unit()).await;
    app.run_all_due().await;
    let gone = app.user("gone", Role::Consumer).await;
    sql(&app, &format!("UPDATE users SET status = 'deleted' WHERE id = UNHEX(REPLACE('{}', '-', ''))", gone.id)).await;
    let id = |text: &str| format!("UNHEX(REPLACE('{text}', '-', ''))");
    // As an older build has deleted it: without saying when.
    sql(&app, &format!("UPDATE nanos SET status = 'deleted', current_version_id = NULL WHERE id = {}", id(&nano)))
        .await;

    let count = async |table: &str| number(&app, &format!("SELECT COUNT(*) FROM {table}")).await;
    run(&app, &Retention {}).await;
    let tokens = count("refresh_tokens").await;
    assert!(tokens >= 2 && count("downloads").await == 1, "nothing is old");
    let objects = app.objects().await.len();

    app.advance(TimeDelta::days(9));
    run(&app, &Retention {}).await;
    assert_eq!(count("refresh_tokens").await, 0);
    assert!(count("email_deliveries").await >= 2);

    app.advance(TimeDelta::days(722));
    run(&app, &Retention {}).await;
    assert_eq!((count("downloads").await, count("email_deliveries WHERE state = 'sent'").await), (0, 0));
    let removals = app.enqueued::<RemoveObject>().await.len();
    assert_eq!(removals, 5, "what was uploaded, the canonical archive, three thumbnails");
    app.run_all_due().await;
    let left = app.objects().await;
    assert!(left.len() == objects - 5 && left.iter().all(|key| !key.contains(&nano)), "{left:?}");
    run(&app, &ReconcileStorage {}).await;
    let report = stored_objects::reports(&app.db, 1).await.unwrap().remove(0);
    assert_eq!((report.orphans, report.missing), (0, 0), "{report:?}");
    assert_eq!(number(&app, &format!("SELECT COUNT(*) FROM nanos WHERE id = {} AND title <> ''", id(&nano))).await, 1);

    app.advance(TimeDelta::days(1_500));
    run(&app, &Retention {}).await;
    for silent in [
        format!("nanos WHERE id = {} AND title = '' AND description = ''", id(&nano)),
        format!("nano_versions WHERE nano_id = {} AND manifest IS NULL AND report IS NULL", id(&nano)),
        format!("users WHERE id = {} AND name = '' AND email LIKE '%@deleted.invalid'", id(&gone.id)),
    ] {
        assert_eq!(count(&silent).await, 1, "{silent}");
    }
    assert_eq!(count(&format!("nanos WHERE id = {} AND title = 'Evergreen'", id(&kept))).await, 1);
    let said = number(&app, "SELECT COUNT(*) FROM job_logs").await;
    run(&app, &Retention {}).await;
    assert_eq!(number(&app, "SELECT COUNT(*) FROM job_logs").await, said, "there is nothing more to do");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moderators_are_reminded_once_a_day() {
    let app = app_at("2026-11-22T08:00:00Z".parse().unwrap()).await;
    app.user("mod", Role::Moderator).await;
    app.user("boss", Role::Admin).await;
    app.user("ops", Role::Operator).await;
    let kit = app.kit_with(domain::review::ReviewPolicy::Always, jobs::registry()).await;
    let creator = app.creator("ada").await;
    creator.submit(&app, "Waits", archives::unit()).await;
    kit.run_all_due().await;
    let reminders = || {
        let mut to: Vec<_> = app
            .mail
            .messages()
            .into_iter()
            .filter(|mail| mail.subject.contains("waiting for review") && mail.subject.starts_with('1'))
            .flat_map(|mail| mail.to)
            .collect();
        to.sort();
        to
    };
    app.advance(TimeDelta::hours(20));
    run_with(&app, &kit, &RemindModerators {}).await;
    kit.run_all_due().await;
    assert_eq!(reminders(), [""; 0], "a day has not passed");
    app.advance(TimeDelta::hours(8));
    for _ in 0..2 {
        run_with(&app, &kit, &RemindModerators {}).await;
        kit.run_all_due().await;
        assert_eq!(reminders(), ["boss@nano.test", "mod@nano.test"]);
    }
    app.advance(TimeDelta::days(1));
    let never = kit.clone().with_settings(|settings| settings.periodic.remind_hours = 0);
    run_with(&app, &never, &RemindModerators {}).await;
    kit.run_all_due().await;
    assert_eq!(reminders().len(), 2);
    run_with(&app, &kit, &RemindModerators {}).await;
    kit.run_all_due().await;
    assert_eq!(reminders().len(), 4, "the next day");
    let counts = database::mails_by_state(&app.db).await.unwrap();
    assert!(counts.iter().all(|(state, _)| state == "sent"), "{counts:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_takes_what_belongs_to_jobs_that_are_gone() {
    let app = app_at(Clock::System.now()).await;
    let lost = app.put(&RemoveObject { key: "not/../a key".into() }).await;
    assert_eq!(app.run_one(lost).await.state, ledger::State::Discarded);
    assert_eq!(number(&app, "SELECT COUNT(*) FROM job_failures").await, 1);
    sql(
        &app,
        "INSERT IGNORE INTO job_errors (fingerprint, kind, class, message, failures, first_seen, last_seen, first_version,
           last_version, last_job)
         SELECT fingerprint, 'remove_object', 'discard', 'x', 1, NOW(), NOW(), '1', '1', job_id FROM job_failures
         UNION ALL SELECT UNHEX(REPEAT('ab', 16)), 'a', 'b', 'old', 1, '2020-01-01', '2020-01-01', '1', '1', REPEAT('x', 16)",
    )
    .await;
    let mut scheduler = queue::schedule::Scheduler::new(
        app.db.clone(),
        queue::schedule::table::build(&jobs::KINDS.schedules(), "").unwrap(),
        "here",
    );
    scheduler.look().await.unwrap();
    let ticks: Vec<String> =
        (0..60).map(|n| format!("('expire_uploads', '2020-01-01 00:00:{n:02}', 'missed', '2020-01-01')")).collect();
    sql(&app, &format!("INSERT INTO cron_ticks (entry, due, outcome, created_at) VALUES {}", ticks.join(","))).await;
    sql(
        &app,
        "INSERT INTO cron_entries (name, last_due, expression, seen_at) VALUES ('old', NOW(), 'x', '2020-01-01')",
    )
    .await;

    run(&app, &PruneLedger {}).await;
    assert_eq!(number(&app, "SELECT COUNT(*) FROM job_errors").await, 1, "whose job is still there");
    assert_eq!(schedules::ticks(&app.db, "expire_uploads", 100).await.unwrap().len(), 20, "the newest stay");
    assert!(schedules::get(&app.db, "old").await.unwrap().is_none());
    assert!(schedules::get(&app.db, "expire_uploads").await.unwrap().is_some());

    app.advance(TimeDelta::minutes(1));
    let kit = app.kit().await.clone().with_settings(|settings| settings.ledger_days = LedgerDays::of(0));
    run_with(&app, &kit, &PruneLedger {}).await;
    assert_eq!(number(&app, "SELECT COUNT(*) FROM job_failures").await, 0);
    assert_eq!(number(&app, "SELECT COUNT(*) FROM jobs WHERE kind = 'remove_object'").await, 0);
    app.finish().await;
}

/// What the scheduler enqueues, the worker knows, one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn every_periodic_job_runs_on_an_empty_marketplace() {
    let app = TestApp::start().await;
    for periodic in jobs::KINDS.schedules() {
        let mut tx = app.db.begin().await.unwrap();
        let id = periodic.job.enqueue(&mut tx, std::time::Duration::ZERO).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(app.run_one(id).await.state, ledger::State::Completed, "{}", periodic.job.kind);
    }
    run(&app, &ExpireUploads {}).await;
    app.finish().await;
}
