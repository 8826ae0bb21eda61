//! The worker's commands that look at the fleet and control it, as somebody at a terminal meets them: nothing but
//! `DATABASE_URL` in the environment.

use std::process::Stdio;

use chrono::Utc;
use domain::review::ReviewPolicy;
use infra::db::audit_log;
use jobs::{Context, RemoveObject};
use queue::{
    Job, JobError, Outcome, Queue, Registry, RetryPolicy, Run,
    builtin::PruneLedger,
    ids::JobId,
    ledger::{
        self, State, bulk_actions,
        controls::{limits, pauses},
        schedules, workers,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tests::{TestApp, archives, fleet::worker_program, snapshot::redacted};
use tokio::io::AsyncWriteExt;

pub(super) struct Output {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Output {
    pub(super) fn of(done: std::process::Output) -> Self {
        Self {
            code: done.status.code().expect("an exit status"),
            out: String::from_utf8(done.stdout).unwrap(),
            err: String::from_utf8(done.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(super) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        serde_json::from_str(&self.out).expect("JSON and nothing else")
    }

    /// What a terminal shows, without what differs from run to run.
    #[track_caller]
    fn text(&self) -> String {
        for line in self.out.lines() {
            assert!(line.chars().count() <= 100, "wider than 100 columns: {line}");
        }
        steady(&self.out)
    }
}

pub(super) async fn cli(app: &TestApp, arguments: &[&str]) -> Output {
    run(Some(&app.database_url), arguments).await
}

/// The same with something on standard input.
pub(super) async fn with_input(app: &TestApp, arguments: &[&str], input: &str) -> Output {
    let mut command = tokio::process::Command::new(worker_program());
    command.args(arguments).env_clear().env("DATABASE_URL", &app.database_url);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().expect("the worker program runs");
    let mut pipe = running.stdin.take().expect("a pipe");
    pipe.write_all(input.as_bytes()).await.expect("it listens");
    drop(pipe);
    Output::of(running.wait_with_output().await.expect("the worker program ends"))
}

async fn run(database_url: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(worker_program());
    command.args(arguments).env_clear().stdin(Stdio::null());
    command.envs(database_url.map(|url| ("DATABASE_URL", url)));
    Output::of(command.output().await.expect("the worker program runs"))
}

/// Ids, times and ages by their names; what stands around them stays where it is.
fn steady(text: &str) -> String {
    let digits = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let steady = |word: &str| -> String {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let name = if bare.parse::<uuid::Uuid>().is_ok() {
            "[id]"
        } else if bare.len() == 10 && bare.split('-').count() == 3 && bare.split('-').all(digits) {
            "[date]"
        } else if bare.split(':').count() == 3 && bare.split(':').all(digits) {
            "[time]"
        } else if bare.ends_with(['s', 'm', 'h']) && digits(&bare[..bare.len() - 1]) {
            "[age]"
        } else {
            return word.to_owned();
        };
        word.replace(bare, name)
    };
    // Columns are as wide as their widest cell, which may be an age.
    let line = |line: &str| line.split_whitespace().map(steady).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Fails at once and for good.
#[derive(Serialize, Deserialize)]
struct Broken {}

impl Job<Context> for Broken {
    const KIND: &'static str = "test_cli_broken";
    const QUEUE: Queue = jobs::queues::MAIL;
    const RETRY: RetryPolicy = RetryPolicy { max_failures: 1, ..RetryPolicy::DEFAULT };

    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        Err(JobError::failed(anyhow::anyhow!("the mail server\nsaid no")))
    }
}

async fn broken(app: &TestApp) -> JobId {
    let id = app.put(&Broken {}).await;
    let kit = app.kit_with(ReviewPolicy::FlaggedOnly, Registry::new(jobs::QUEUES).with::<Broken>()).await;
    assert_eq!(kit.run_one(id).await.state, State::Discarded);
    id
}

async fn state(app: &TestApp, id: JobId) -> State {
    ledger::get(&app.db, id).await.unwrap().unwrap().state
}

/// The newest row of the audit log.
async fn audit(app: &TestApp) -> domain::audit::Entry {
    let (rows, _) = audit_log::page(&app.db, &audit_log::Filter::default(), 0, 1).await.unwrap();
    rows.into_iter().next().expect("a row").entry
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_listed_shown_and_acted_upon() {
    let app = TestApp::start().await;
    let creator = app.creator("ada").await;
    let nano = creator.submit(&app, "Mine", archives::unit()).await;
    let id = broken(&app).await;
    let list = cli(&app, &["jobs", "list"]).await;
    insta::assert_snapshot!("jobs", list.text());
    let some = cli(&app, &["jobs", "list", "--reference", &format!("nano:{nano}"), "--since", "1h", "--json"]).await;
    let some = some.json();
    assert_eq!((&some["total"], &some["jobs"][0]["kind"]), (&json!(1), &json!("validate_archive")), "{some:#}");
    insta::assert_json_snapshot!("job_in_json", redacted(&some["jobs"][0]));
    let first = cli(&app, &["jobs", "list", "--limit", "1", "--json"]).await.json();
    let next = first["next"].as_str().unwrap();
    let rest = cli(&app, &["jobs", "list", "--cursor", next, "--json"]).await.json();
    assert_ne!(first["jobs"][0]["id"], rest["jobs"][0]["id"]);
    let shown = cli(&app, &["jobs", "show", &id.to_string()]).await;
    insta::assert_snapshot!("job", shown.text());

    let retry = ["jobs", "retry", &id.to_string(), "--reason", "the server is back"];
    let retried = cli(&app, &retry).await;
    assert_eq!(retried.code, 0);
    insta::assert_snapshot!("job_retried", retried.text());
    assert_eq!(state(&app, id).await, State::Available);
    let entry = audit(&app).await;
    assert_eq!((entry.action.as_str(), entry.actor_id, entry.target_id), ("job.retry", None, Some(id.0)));
    assert_eq!(entry.details["reason"], "the server is back");
    assert_eq!(entry.details["before"]["state"], "discarded");
    let by = &entry.details["by"];
    assert_eq!(by["command"], "worker jobs retry");
    assert!(by["os_uid"].is_u64() && by["host"].is_string(), "{by}");

    let change =
        ["jobs", "change", &id.to_string(), "--at", "2h", "--priority", "bulk", "--queue", "heavy", "--reason", "r"];
    let changed = cli(&app, &[&change[..], &["--json"]].concat()).await.json();
    assert_eq!((&changed["before"]["state"], &changed["after"]["state"]), (&json!("available"), &json!("scheduled")));
    assert_eq!((&changed["after"]["priority"], &changed["after"]["queue"]), (&json!(4), &json!("heavy")));
    let now = ["jobs", "change", &id.to_string(), "--at", "now", "--priority", "2", "--reason", "r"];
    let text = cli(&app, &now).await;
    assert!(text.out.contains("now     available, from"), "{} {}", text.out, text.err);
    for (unusable, says) in [("--priority=fast", "must be urgent, high"), ("--at=tomorrow", "is no time")] {
        let refused = cli(&app, &["jobs", "change", &id.to_string(), unusable, "--reason", "r"]).await;
        assert_eq!(refused.code, 2, "{unusable}");
        assert!(refused.err.contains(says), "{}", refused.err);
    }
    assert_eq!(cli(&app, &["jobs", "change", &id.to_string(), "--reason", "r"]).await.code, 2, "nothing to change");
    assert_eq!(cli(&app, &["jobs", "rerun", &id.to_string(), "--reason", "r"]).await.code, 1, "it has not completed");

    // One is not there, one does not fit, one is done: each is said, and the status tells.
    let nobody = JobId::new().to_string();
    let discard = ["jobs", "discard", &nobody, &id.to_string(), "--reason", "no", "--json"];
    let mixed = cli(&app, &discard).await;
    assert_eq!(mixed.code, 1, "{}", mixed.err);
    let results: Value = serde_json::from_str(&mixed.out).unwrap();
    let outcomes: Vec<&str> =
        results["results"].as_array().unwrap().iter().map(|result| result["result"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["missing", "done"]);
    assert_eq!(cli(&app, &discard).await.code, 1, "it is discarded already");
    assert_eq!(cli(&app, &["jobs", "show", &nobody]).await.code, 1);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_jobs_are_counted_first_and_then_acted_upon_by_a_bulk_action() {
    let app = TestApp::start().await;
    let ids = [broken(&app).await, broken(&app).await, broken(&app).await];
    let by_kind = ["--kind", Broken::KIND];
    let call = |more: &[&'static str]| [&["jobs", "retry"], &by_kind, more].concat();
    let dry = cli(&app, &call(&["--dry-run"])).await;
    assert_eq!(dry.code, 0, "{}", dry.err);
    insta::assert_snapshot!("dry_run", dry.text());
    let before = audit_log::page(&app.db, &audit_log::Filter::default(), 0, 1).await.unwrap().1;
    let careful = cli(&app, &call(&["--reason", "back"])).await;
    assert_eq!(careful.code, 2);
    assert!(careful.err.contains("3 jobs match") && careful.err.contains("--yes"), "{}", careful.err);
    assert_eq!(cli(&app, &call(&["--yes"])).await.code, 2, "without a reason");
    assert_eq!(audit_log::page(&app.db, &audit_log::Filter::default(), 0, 1).await.unwrap().1, before);

    let begun = cli(&app, &call(&["--reason", "back", "--yes", "--per-second", "500", "--json"])).await.json();
    let bulk = bulk_actions::get(&app.db, begun["bulk_id"].as_str().unwrap().parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((bulk.matched, bulk.per_second, bulk.actor), (3, Some(500), None));
    let entry = audit(&app).await;
    assert_eq!((entry.action.as_str(), &entry.details["by"]["command"]), ("jobs.bulk", &json!("worker jobs retry")));
    assert_eq!(app.run_one(bulk.job).await.state, State::Completed);
    for id in ids {
        assert_eq!(state(&app, id).await, State::Available);
    }
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_are_listed_paused_resumed_and_limited() {
    let app = TestApp::start().await;
    app.put(&RemoveObject { key: "nobody/x".into() }).await;
    let pause = ["queues", "pause", "media", "--for", "30m", "--reason", "the disk of the media workers is full"];
    let paused = cli(&app, &pause).await;
    insta::assert_snapshot!("queue_is_paused", paused.text());
    let entry = audit(&app).await;
    assert_eq!(
        (entry.action.as_str(), &entry.details["by"]["command"]),
        ("queue.pause", &json!("worker queues pause"))
    );
    let kind = ["queues", "pause", "--kind", "scan_content", "--reason", "a rule eats all memory", "--json"];
    assert_eq!(cli(&app, &kind).await.json()["scope"], "kind");
    let limit =
        ["queues", "limit", "send_email", "--rate", "10", "--burst", "20", "--max-running", "4", "--reason", "r"];
    insta::assert_snapshot!("kind_is_limited", cli(&app, &limit).await.text());
    insta::assert_snapshot!("queues", cli(&app, &["queues"]).await.text());
    let json = cli(&app, &["queues", "list", "--json"]).await.json();
    assert_eq!(json["queues"].as_array().unwrap().len(), jobs::QUEUES.all.len());
    assert_eq!(json["paused_kinds"][0]["name"], "scan_content");
    assert_eq!((&json["limits"][0]["rate"], &json["limits"][0]["rate_seconds"]), (&json!(10), &json!(1)));

    let all = ["queues", "pause", "--all", "--reason", "the database moves"];
    assert_eq!(cli(&app, &all).await.out.trim(), "everything: paused");
    assert!(cli(&app, &["queues"]).await.out.contains("everything is paused since"));
    for (arguments, text) in [
        (vec!["queues", "resume", "--all", "--reason", "r"], "everything: goes on"),
        (vec!["queues", "resume", "media", "--reason", "r"], "queue media: goes on"),
        (vec!["queues", "resume", "--kind", "scan_content", "--reason", "r"], "kind scan_content: goes on"),
        (vec!["queues", "limit", "send_email", "--remove", "--reason", "r"], "send_email: not limited"),
    ] {
        let done = cli(&app, &arguments).await;
        assert_eq!((done.code, done.out.trim()), (0, text), "{}", done.err);
        let again = cli(&app, &arguments).await;
        assert_eq!(again.code, 1, "{arguments:?} a second time");
    }
    assert!(pauses::list(&app.db).await.unwrap().is_empty());
    assert!(limits::list(&app.db).await.unwrap().is_empty());
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_everything_is_is_said_in_one_sentence_and_the_api_says_the_same() {
    let app = TestApp::start().await;
    app.put(&RemoveObject { key: "nobody/x".into() }).await;
    let german = cli(&app, &["status", "--language", "de"]).await;
    assert_eq!((german.code, german.out.lines().next()), (0, Some("Kein Worker läuft: Kein Job beginnt.")));
    let english = cli(&app, &["status"]).await;
    assert_eq!(
        english.out,
        "No worker is running: no job starts.\nOne job waits. Nothing is lost; start a worker that takes it.\n"
    );
    let health = cli(&app, &["status", "--json"]).await.json();
    assert_eq!((&health["tone"], &health["verdict"]), (&json!("bad"), &json!("no_workers")));
    let operator = app.user("otto", domain::user::Role::Operator).await;
    let overview = operator.get(&app, "/api/v1/admin/overview").await;
    let shown = &overview.data(reqwest::StatusCode::OK)["health"];
    assert_eq!((&shown["sentence"], &shown["detail"]), (&health["sentence"], &health["detail"]));
    let french = cli(&app, &["status", "--language", "fr"]).await;
    assert_eq!(french.code, 2, "{}", french.err);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_are_listed_shown_run_paused_and_resumed() {
    let app = TestApp::start().await;
    let definition = schedules::Definition {
        name: "prune_ledger",
        kind: PruneLedger::KIND,
        expression: "0 30 3 * * *",
        zone: "Europe/Berlin",
        jitter_seconds: 0,
        catch_up: "once",
        enabled: true,
    };
    let next = "2026-12-24T02:30:00Z".parse().unwrap();
    schedules::define(&app.db, &definition, &[next], Utc::now()).await.unwrap();
    let run = cli(&app, &["schedules", "run", "prune_ledger", "--reason", "the disk", "--json"]).await.json();
    let job: JobId = run["job_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(app.run_one(job).await.state, State::Completed);
    assert_eq!(audit(&app).await.action, "schedule.run");
    let pause = cli(&app, &["schedules", "pause", "prune_ledger", "--reason", "not tonight"]).await;
    assert_eq!(pause.out.trim(), "prune_ledger: paused");
    insta::assert_snapshot!("schedules_in_a_table", cli(&app, &["schedules"]).await.text());
    insta::assert_snapshot!("schedule", cli(&app, &["schedules", "show", "prune_ledger"]).await.text());
    let json = cli(&app, &["schedules", "list", "--json"]).await.json();
    assert_eq!(json["schedules"][0]["last"][0]["outcome"], "manual");
    let resume = ["schedules", "resume", "prune_ledger", "--reason", "as ever"];
    assert_eq!(cli(&app, &resume).await.code, 0);
    let twice = cli(&app, &resume).await;
    assert_eq!((twice.code, twice.err.trim()), (1, "worker schedules: prune_ledger: it is not paused"));
    let unknown = cli(&app, &["schedules", "run", "full_moon", "--reason", "x"]).await;
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("there is no schedule \"full_moon\""), "{}", unknown.err);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_are_listed_and_drained() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let rows = loop {
        let rows = workers::list(&app.db).await.unwrap();
        if !rows.is_empty() {
            break rows;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    let table = cli(&app, &["fleet"]).await;
    assert_eq!(table.code, 0, "{}", table.err);
    assert!(table.text().contains("alive") && table.out.contains(&rows[0].id.to_string()), "{}", table.out);
    let json = cli(&app, &["fleet", "list", "--json"]).await.json();
    assert_eq!(json["workers"][0]["queues"].as_array().unwrap().len(), jobs::QUEUES.all.len());
    let drain = ["fleet", "drain", &rows[0].id.to_string(), "--reason", "a new machine"];
    let asked = cli(&app, &drain).await;
    assert_eq!(asked.code, 0, "{}", asked.err);
    let entry = audit(&app).await;
    assert_eq!((entry.action.as_str(), entry.target_id), ("worker.drain", Some(rows[0].id.0)));
    assert_eq!(cli(&app, &drain).await.code, 1);
    let nobody = JobId::new().to_string();
    assert_eq!(cli(&app, &["fleet", "drain", &nobody, "--reason", "r"]).await.code, 1);
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_calls_are_told_what_to_write() {
    let app = TestApp::start().await;
    let id = JobId::new().to_string();
    let bad: &[(&[&str], &str)] = &[
        (&["jobs"], "Usage:"),
        (&["jobs", "list", "--state", "lost"], "possible values"),
        (&["jobs", "list", "--queue", "mial"], "possible values"),
        (&["jobs", "list", "--tenant", "ada"], "a user's id"),
        (&["jobs", "list", "--reference", "planet:1"], "nano:"),
        (&["jobs", "list", "--fingerprint", "xyz"], "32 hexadecimal digits"),
        (&["jobs", "list", "--since", "yesterday"], "how long ago"),
        (&["jobs", "list", "--limit", "0"], "1..=1000"),
        (&["jobs", "list", "--cursor", "???"], "begin again"),
        (&["jobs", "show", "17"], "invalid value"),
        (&["jobs", "retry", &id], "--reason TEXT"),
        (&["jobs", "retry", "--reason", "r", "--yes"], "at least one filter"),
        (&["jobs", "retry", &id, "--kind", "send_email", "--reason", "r"], "cannot be used with"),
        (&["jobs", "retry", "--state", "completed", "--dry-run"], "does not fit"),
        (&["jobs", "retry", "--kind", "x", "--flow", "--reason", "r"], "named by id"),
        (&["jobs", "cancel", &id, "--reason", ""], "empty"),
        (&["queues", "pause", "--reason", "r"], "required"),
        (&["queues", "pause", "mial", "--reason", "r"], "possible values"),
        (&["queues", "pause", "mail"], "--reason"),
        (&["queues", "pause", "mail", "--for", "1y", "--reason", "r"], "90s, 15m, 2h or 7d"),
        (&["queues", "pause", "mail", "--for", "31d", "--reason", "r"], "1s to 30d"),
        (&["queues", "limit", "send_email", "--reason", "r"], "max-running"),
        (&["queues", "limit", "send_email", "--max-running", "0", "--reason", "r"], "1..=100000"),
        (&["queues", "limit", "send_email", "--burst", "2", "--reason", "r"], "--rate"),
        // The database compares these with nothing but ASCII.
        (&["jobs", "list", "--kind", "prüfung"], "visible ASCII"),
        (&["jobs", "retry", "--kind", "prüfung", "--reason", "r", "--yes"], "visible ASCII"),
        (&["queues", "pause", "--kind", "prüfung", "--reason", "r"], "visible ASCII"),
        (&["queues", "resume", "--kind", "prüfung", "--reason", "r"], "visible ASCII"),
        (&["queues", "limit", "prüfung", "--rate", "1", "--reason", "r"], "visible ASCII"),
        (&["queues", "limit", "prüfung", "--remove", "--reason", "r"], "visible ASCII"),
        (&["schedules", "show", "früh"], "visible ASCII"),
        (&["schedules", "run", "früh", "--reason", "r"], "visible ASCII"),
        (&["schedules", "pause", "früh", "--reason", "r"], "visible ASCII"),
        (&["schedules", "resume", "früh", "--reason", "r"], "visible ASCII"),
        (&["schedules", "run"], "Usage:"),
        (&["fleet", "drain", "host:1", "--reason", "r"], "invalid value"),
        (&["fleet", "restart"], "unrecognized"),
    ];
    for (arguments, expected) in bad {
        let refused = cli(&app, arguments).await;
        assert_eq!(refused.code, 2, "{arguments:?}: {}{}", refused.out, refused.err);
        assert!(refused.err.contains(expected), "{arguments:?} says: {}", refused.err);
        assert!(refused.out.is_empty());
    }
    // Well formed, but there is no such thing.
    for arguments in [
        ["queues", "pause", "--kind", "send_emial", "--reason", "r"].as_slice(),
        &["queues", "limit", "send_emial", "--rate", "1", "--reason", "r"],
    ] {
        let refused = cli(&app, arguments).await;
        assert_eq!(refused.code, 1, "{arguments:?}");
        assert!(refused.err.contains("known are") && refused.err.contains("send_email"), "{}", refused.err);
    }
    assert_eq!(
        audit_log::page(&app.db, &audit_log::Filter::default(), 0, 1).await.unwrap().1,
        0,
        "nothing was changed"
    );
    for group in ["jobs", "queues", "schedules", "fleet"] {
        let help = run(None, &[group, "--help"]).await;
        assert_eq!(help.code, 0);
        assert!(help.out.contains("Examples:") && help.out.contains("Exit status:"), "{}", help.out);
        assert!(run(None, &[group, "list", "--help"]).await.out.contains("--json"));
    }
    let lost = run(None, &["queues"]).await;
    assert_eq!(lost.code, 2);
    assert!(lost.err.contains("DATABASE_URL"), "{}", lost.err);
    let away = run(Some("mysql://nano:nano@127.0.0.1:9/nano"), &["queues"]).await;
    assert_eq!(away.code, 1);
    assert!(away.err.contains("the database is away") || away.err.contains("connections"), "{}", away.err);
    app.discard().await;
}
