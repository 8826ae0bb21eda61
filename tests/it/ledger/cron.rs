//! The scheduler: each tick becomes a job once, whoever dies, whatever the clocks say.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io::Write,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, clock::Clock};
use jobs::Context;
use queue::{
    Job, JobError, Outcome, Queue, enqueue_in,
    ledger::schedules::{self, Tick, TickOutcome},
    schedule::{
        Periodic, RunNowError, Scheduler, Time, run_schedule_now,
        table::{self, CatchUp, Entry, Line},
    },
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use servers::{
    database::DatabaseServer,
    processes::{Launch, Process},
};
use tests::{
    TestApp,
    app::{Overrides, PATIENCE},
    skew::Skew,
};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Every job is one of its own: what fires twice shows.
#[derive(Serialize, Deserialize)]
struct Ticked {}

impl Job<Context> for Ticked {
    const KIND: &'static str = "test_ticked";
    const QUEUE: Queue = jobs::queues::MAINTENANCE;

    async fn run(&self, _: &Context, _: &queue::Run) -> Result<Outcome, JobError> {
        Ok(Outcome::Done)
    }
}

const TICKED: Periodic = Periodic {
    kind: Ticked::KIND,
    enqueue: |tx, delay| Box::pin(async move { enqueue_in(tx, &Ticked {}, delay).await }),
};

fn entry(name: &str, expression: &str, catch_up: CatchUp) -> Entry {
    let line = Line { name, kind: Ticked::KIND, expression, zone: "Europe/Berlin", jitter_seconds: 0, catch_up };
    Entry::check(&line, true, TICKED).unwrap()
}

/// What three replicas make of one night, killed in the middle of their looks again and again.
async fn night(app: &TestApp, from: &str, to: &str, seed: u64) -> BTreeMap<String, Vec<DateTime<Utc>>> {
    let clock = Clock::manual(at(from));
    let all = CatchUp::All(100);
    let entries = [
        entry("fixed", "0 30 2 * * *", all),
        entry("fixed_often", "0 */20 2 * * *", all),
        entry("after_the_change", "0 0 3 * * *", all),
        entry("interval", "0 */10 * * * *", all),
        entry("hourly", "0 30 * * * *", all),
    ];
    // Each with connections of its own, as processes have.
    let replica = async |n: u32| {
        let db = Db::connect_scheduler(&app.database_url, 2).await.unwrap();
        let scheduler = Scheduler::new(db.clone(), entries.to_vec(), format!("{n}"));
        (scheduler.by(Time::Injected(clock.clone())), db)
    };
    let mut random = StdRng::seed_from_u64(seed);
    let mut replicas = vec![replica(1).await, replica(2).await, replica(3).await];
    let (mut started, mut kills) = (3, 0);
    replicas[0].0.look().await.unwrap();
    while clock.now() < at(to) {
        clock.advance(TimeDelta::seconds(random.random_range(20..80)));
        let doomed = random.random_bool(0.5).then(|| (random.random_range(0..3), random.random_range(0..4_000)));
        let looks = replicas.iter_mut().enumerate().map(|(n, (replica, _))| async move {
            match doomed {
                // Its future is dropped where it stands, with what it had begun.
                Some((who, micros)) if who == n => {
                    let _ = tokio::time::timeout(Duration::from_micros(micros), replica.look()).await;
                }
                _ => drop(replica.look().await),
            }
        });
        futures::future::join_all(looks).await;
        if let Some((who, _)) = doomed {
            started += 1;
            kills += 1;
            let (_, db) = std::mem::replace(&mut replicas[who], replica(started).await);
            tokio::spawn(async move { db.close().await });
        }
    }
    // Whoever lost a race has another look.
    for (replica, _) in &mut replicas {
        replica.look().await.unwrap();
    }
    assert!(kills >= 100, "{kills} kills");
    let mut fired = BTreeMap::new();
    let mut jobs = HashSet::new();
    for entry in &entries {
        let mut ticks = schedules::ticks(&app.db, &entry.name, 1_000).await.unwrap();
        ticks.reverse();
        for tick in &ticks {
            assert_eq!(tick.outcome, TickOutcome::Fired, "{tick:?}");
            assert!(jobs.insert(tick.job_id.unwrap()), "a job for two ticks: {tick:?}");
        }
        fired.insert(entry.name.clone(), ticks.into_iter().map(|tick| tick.due).collect());
    }
    let stored: HashSet<_> = app.enqueued::<Ticked>().await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(stored, jobs, "a job for each tick, and no other");
    fired
}

/// Every so many minutes, from the first full one.
fn every(minutes: usize, from: &str, to: &str) -> Vec<DateTime<Utc>> {
    let (mut tick, to) = (at(from), at(to));
    let mut ticks = Vec::new();
    while tick <= to {
        ticks.push(tick);
        tick += TimeDelta::minutes(minutes as i64);
    }
    ticks
}

#[tokio::test(flavor = "multi_thread")]
async fn in_spring_what_the_clocks_skip_runs_once_at_the_change() {
    let app = TestApp::start().await;
    // The change is at 01:00 UTC, from 02:00 to 03:00.
    let fired = night(&app, "2026-03-28T22:35:00Z", "2026-03-29T02:35:00Z", 1).await;
    assert_eq!(fired["fixed"], [at("2026-03-29T01:00:00Z")]);
    assert_eq!(fired["fixed_often"], [at("2026-03-29T01:00:00Z")]);
    assert_eq!(fired["after_the_change"], [at("2026-03-29T01:00:00Z")]);
    let last = |entry: &str| fired[entry].last().unwrap().to_rfc3339();
    assert_eq!(fired["interval"], every(10, "2026-03-28T22:40:00Z", &last("interval")));
    assert_eq!(fired["hourly"], every(60, "2026-03-28T23:30:00Z", "2026-03-29T02:30:00Z"));
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_autumn_what_the_clocks_repeat_runs_once_and_intervals_run_on() {
    let app = TestApp::start().await;
    // The change is at 01:00 UTC, from 03:00 back to 02:00.
    let fired = night(&app, "2026-10-24T22:35:00Z", "2026-10-25T02:35:00Z", 2).await;
    assert_eq!(fired["fixed"], [at("2026-10-25T00:30:00Z")]);
    assert_eq!(fired["fixed_often"], every(20, "2026-10-25T00:00:00Z", "2026-10-25T00:40:00Z"));
    assert_eq!(fired["after_the_change"], [at("2026-10-25T02:00:00Z")]);
    let last = |entry: &str| fired[entry].last().unwrap().to_rfc3339();
    assert_eq!(fired["interval"], every(10, "2026-10-24T22:40:00Z", &last("interval")));
    assert_eq!(fired["hourly"], every(60, "2026-10-24T23:30:00Z", "2026-10-25T02:30:00Z"));
    app.discard().await;
}

/// Some of the marketplace's entries at times that show something within half a minute. All in Berlin time.
const OFTEN: &str = "expire_uploads=* * * * * * Europe/Berlin jitter=0 missed=all:100; \
    roll_up_stats=*/3 * * * * * Europe/Berlin jitter=0 missed=all:100; \
    retention=*/5 * 2 * * * Europe/Berlin jitter=0 missed=all:100; \
    prune_ledger=0 30 2 * * * Europe/Berlin jitter=0 missed=all:100";

/// These, and the marketplace's other entries switched off.
fn often() -> String {
    let named = |name: &str| OFTEN.split(';').any(|line| line.trim().starts_with(&format!("{name}=")));
    let schedules = jobs::KINDS.schedules();
    let others = schedules.iter().map(|schedule| schedule.line.name).filter(|name| !named(name));
    others.fold(OFTEN.to_owned(), |table, name| format!("{table}; {name}=off"))
}

/// The most a tick may be late by after a kill.
const LATE: TimeDelta = TimeDelta::seconds(5);
/// What is set wrong on the machines of the three.
const SKEWS: [i64; 3] = [-30, 0, 30];

/// How many kills, over both changes: the short form's, or what `CRON_KILLS` says.
fn kills() -> usize {
    std::env::var("CRON_KILLS").ok().map_or(24, |text| text.parse().expect("CRON_KILLS is a number"))
}

async fn replica(app: &TestApp, skew: &Skew, n: usize, start: usize) -> Process {
    let name = format!("scheduler-{n}");
    let log = app.folder.path().join(format!("{name}.log"));
    Launch::new(&name, servers::programs::sibling("scheduler").unwrap(), log)
        .envs(app.environment())
        .envs(skew.by(SKEWS[n]))
        .env("CRON_TABLE", often())
        .env("SCHEDULER_ALIVE_FILE", app.folder.path().join(format!("{name}-{start}.alive")))
        .start()
        .await
        .unwrap()
}

/// Ticks of an entry, oldest first.
async fn all_ticks(app: &TestApp, entry: &str) -> Vec<Tick> {
    let mut ticks = schedules::ticks(&app.db, entry, 10_000).await.unwrap();
    ticks.reverse();
    ticks
}

/// Kills one of three schedulers after the other while the database's clock passes `change`; every fifth time one more is
/// stopped in its tracks, and goes on later as if nothing had been.
async fn through_a_change(server: &DatabaseServer, skew: &Skew, change: DateTime<Utc>, kills: usize, seed: u64) {
    let overrides = Overrides { database_server_url: Some(server.url()), ..Overrides::default() };
    let app = TestApp::start_with(overrides).await;
    let mut random = StdRng::seed_from_u64(seed);
    let mut replicas = Vec::new();
    for n in 0..3 {
        replicas.push(replica(&app, skew, n, 0).await);
    }
    // The work is done as it comes, so that each tick gets a job of its own.
    let kit = app.kit().await.clone();
    let working = tokio::spawn(async move {
        loop {
            kit.run_all_due().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let started = Instant::now();
    let mut killed = 0;
    // Long enough for the kills, and for some seconds on the other side of the change.
    while killed < kills || db::clock::now(&app.db).await.unwrap() < change + TimeDelta::seconds(8) {
        assert!(started.elapsed() < PATIENCE + Duration::from_secs(2 * kills as u64), "it takes too long");
        tokio::time::sleep(Duration::from_millis(random.random_range(300..1_200))).await;
        if killed < kills {
            let n = random.random_range(0..3);
            replicas[n].kill().await.unwrap();
            killed += 1;
            replicas[n] = replica(&app, skew, n, killed).await;
            if killed % 5 == 0 {
                let other = Pid::from_raw(replicas[(n + 1) % 3].pid().try_into().unwrap()).unwrap();
                kill_process(other, Signal::STOP).unwrap();
                tokio::time::sleep(Duration::from_millis(random.random_range(1_000..2_500))).await;
                kill_process(other, Signal::CONT).unwrap();
            }
        }
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    for replica in &mut replicas {
        assert!(replica.terminate(Duration::from_secs(10)).await.unwrap().success());
    }
    working.abort();
    let end = db::clock::now(&app.db).await.unwrap();

    let mut worst = TimeDelta::zero();
    let mut total = 0;
    for (entry, seconds) in [("expire_uploads", 1), ("roll_up_stats", 3)] {
        let ticks = all_ticks(&app, entry).await;
        let due: Vec<_> = ticks.iter().map(|tick| tick.due).collect();
        let expected: Vec<_> = (0..due.len()).map(|n| due[0] + TimeDelta::seconds(seconds * n as i64)).collect();
        assert_eq!(due, expected, "{entry}: every tick, through the change");
        assert!(due[0] < change && end - due[due.len() - 1] < LATE, "{entry} runs from {} to {end}", due[0]);
        worst = ticks.iter().map(|tick| tick.decided_at - tick.due).fold(worst, TimeDelta::max);
        assert!(ticks.iter().all(|tick| tick.outcome == TickOutcome::Fired), "{ticks:#?}");
        let jobs: BTreeSet<_> = ticks.iter().map(|tick| tick.job_id.unwrap()).collect();
        // Those that are decided in one moment, or while the first one's job waits, share it; on a busy machine many do.
        assert!(jobs.len() * 10 >= ticks.len(), "{} jobs for {} ticks of {entry}", jobs.len(), ticks.len());
        total += ticks.len();
    }
    let is_spring = change.format("%m").to_string() == "03";
    let gap = all_ticks(&app, "prune_ledger").await;
    let doubled = all_ticks(&app, "retention").await;
    if is_spring {
        let due = |ticks: &[Tick]| ticks.iter().map(|tick| tick.due).collect::<Vec<_>>();
        assert_eq!((due(&gap), due(&doubled)), (vec![change], vec![change]), "what is skipped, at the change, once");
    } else {
        assert!(gap.is_empty(), "02:30 was an hour before: {gap:#?}");
        assert!(!doubled.is_empty() && doubled.iter().all(|tick| tick.due < change), "{doubled:#?}");
    }
    for tick in gap.iter().chain(&doubled) {
        assert_eq!(tick.outcome, TickOutcome::Fired);
        worst = worst.max(tick.decided_at - tick.due);
    }
    assert!(worst <= LATE, "a tick was {worst} late");
    let by: BTreeSet<_> = all_ticks(&app, "expire_uploads").await.into_iter().map(|tick| tick.fired_by).collect();
    assert!(by.len() > 1, "replicas take turns: {by:?}");
    let processes = by.len();
    let _ = writeln!(
        std::io::stdout(),
        "{change}: {killed} kills, {total} ticks by {processes} processes, the latest {} ms late",
        worst.num_milliseconds()
    );
    assert_skewed(&app);
    app.discard().await;
}

/// The clocks were wrong indeed: what the three wrote into their logs at the same time is a minute apart.
fn assert_skewed(app: &TestApp) {
    let first_line = |n: usize| {
        let log = std::fs::read_to_string(app.folder.path().join(format!("scheduler-{n}.log"))).unwrap();
        let line: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
        at(line["timestamp"].as_str().unwrap())
    };
    let apart = first_line(2) - first_line(0);
    assert!((apart - TimeDelta::seconds(60)).abs() < TimeDelta::seconds(10), "{apart}");
}

/// The short form of what docs/operations.md promises; `CRON_KILLS=100` is the full one.
#[tokio::test(flavor = "multi_thread")]
async fn three_schedulers_with_wrong_clocks_are_killed_through_both_changes() {
    let folder = tempfile::tempdir().unwrap();
    let skew = Skew::compile(folder.path());
    // The database's clock decides, so it is the database that is taken to the change.
    let (autumn, spring) = (at("2026-10-25T01:00:00Z"), at("2027-03-28T01:00:00Z"));
    // The schema and three schedulers are there before that, also with MySQL on a busy machine.
    let before = |change: DateTime<Utc>| skew.to(change - TimeDelta::seconds(40));
    let mut server = DatabaseServer::start_in(folder.path(), 0, before(autumn)).await.unwrap();
    through_a_change(&server, &skew, autumn, kills().div_ceil(2), 3).await;
    server.kill().await.unwrap();
    server.set_environment(before(spring));
    server.resume().await.unwrap();
    through_a_change(&server, &skew, spring, kills() / 2, 4).await;
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn missed_and_paused_ticks_can_be_seen() {
    let app = TestApp::start().await;
    let clock = Clock::manual(at("2026-11-22T10:00:00Z"));
    let entries = vec![entry("once", "0 */10 * * * *", CatchUp::Once), entry("skip", "0 */10 * * * *", CatchUp::Skip)];
    let mut scheduler = Scheduler::new(app.db.clone(), entries, "here").by(Time::Injected(clock.clone()));
    scheduler.look().await.unwrap();
    clock.advance(TimeDelta::minutes(35));
    scheduler.look().await.unwrap();
    let outcomes =
        async |entry: &str| all_ticks(&app, entry).await.into_iter().map(|tick| tick.outcome).collect::<Vec<_>>();
    use TickOutcome::{Fired, Manual, Missed, Skipped};
    assert_eq!(outcomes("once").await, [Missed, Missed, Fired]);
    assert_eq!(outcomes("skip").await, [Missed, Missed, Missed]);
    let late = all_ticks(&app, "once").await.pop().unwrap();
    assert_eq!((late.decided_at - late.due, late.fired_by.as_deref()), (TimeDelta::minutes(5), Some("here")));

    let mut tx = app.db.begin().await.unwrap();
    assert!(schedules::pause(&mut tx, "once", "the disk is full", None, None).await.unwrap());
    assert!(!schedules::pause(&mut tx, "never", "no such entry", None, None).await.unwrap());
    tx.commit().await.unwrap();
    let seen = schedules::get(&app.db, "once").await.unwrap().unwrap();
    assert_eq!(seen.pause.as_ref().map(|pause| pause.reason.as_str()), Some("the disk is full"));
    clock.advance(TimeDelta::minutes(10));
    scheduler.look().await.unwrap();
    assert_eq!(outcomes("once").await, [Missed, Missed, Fired, Skipped]);

    let mut tx = app.db.begin().await.unwrap();
    assert!(schedules::resume(&mut tx, "once").await.unwrap());
    tx.commit().await.unwrap();
    clock.advance(TimeDelta::minutes(10));
    scheduler.look().await.unwrap();
    assert_eq!(outcomes("once").await, [Missed, Missed, Fired, Skipped, Fired]);

    let seen = schedules::get(&app.db, "once").await.unwrap().unwrap();
    assert_eq!(seen.pause, None);
    assert_eq!(seen.last_due, at("2026-11-22T10:50:00Z"));
    let upcoming: Vec<_> = (0..5).map(|n| at("2026-11-22T11:00:00Z") + TimeDelta::minutes(10 * n)).collect();
    assert_eq!(seen.upcoming, upcoming);

    // A job that no API knows cannot be run by hand; one that is known can, paused or not.
    let mut tx = app.db.begin().await.unwrap();
    let unknown = run_schedule_now(&mut tx, &jobs::KINDS, "once", None, "now").await;
    assert!(matches!(unknown, Err(RunNowError::UnknownJob { .. })), "{unknown:?}");
    let missing = run_schedule_now(&mut tx, &jobs::KINDS, "nothing", None, "now").await;
    assert!(matches!(missing, Err(RunNowError::Unknown(_))), "{missing:?}");
    tx.rollback().await.unwrap();
    let mut real = Scheduler::new(app.db.clone(), table::build(&jobs::KINDS.schedules(), "").unwrap(), "real");
    real.look().await.unwrap();
    let mut tx = app.db.begin().await.unwrap();
    assert!(schedules::pause(&mut tx, "expire_uploads", "holiday", None, None).await.unwrap());
    let job = run_schedule_now(&mut tx, &jobs::KINDS, "expire_uploads", None, "after the outage").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(app.run_one(job).await.state, queue::ledger::State::Completed);
    let tick = all_ticks(&app, "expire_uploads").await.pop().unwrap();
    assert_eq!((tick.outcome, tick.job_id, tick.reason.as_deref()), (Manual, Some(job), Some("after the outage")));
    assert_eq!(tick.job_state, Some(queue::ledger::State::Completed));
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_ends_by_itself() {
    let app = TestApp::start().await;
    let clock = Clock::manual(at("2026-11-22T10:00:00Z"));
    let entries = vec![entry("test", "0 */10 * * * *", CatchUp::Once)];
    let mut scheduler = Scheduler::new(app.db.clone(), entries, "here").by(Time::Injected(clock.clone()));
    scheduler.look().await.unwrap();
    let mut tx = app.db.begin().await.unwrap();
    let until = Some(at("2026-11-22T10:15:00Z"));
    assert!(schedules::pause(&mut tx, "test", "an hour's rest", None, until).await.unwrap());
    tx.commit().await.unwrap();
    for _ in 0..3 {
        clock.advance(TimeDelta::minutes(10));
        scheduler.look().await.unwrap();
    }
    let outcomes: Vec<_> = all_ticks(&app, "test").await.into_iter().map(|tick| tick.outcome).collect();
    assert_eq!(outcomes, [TickOutcome::Skipped, TickOutcome::Fired, TickOutcome::Fired]);
    assert_eq!(schedules::get(&app.db, "test").await.unwrap().unwrap().pause, None);
    app.discard().await;
}

/// During a deployment two tables are about: the newer counts, and the older does not fire beside it.
#[tokio::test(flavor = "multi_thread")]
async fn the_table_that_was_written_last_counts() {
    let app = TestApp::start().await;
    let clock = Clock::manual(at("2026-11-22T10:00:00Z"));
    let with = |expression| {
        let entries = vec![entry("test", expression, CatchUp::Once)];
        Scheduler::new(app.db.clone(), entries, expression).by(Time::Injected(clock.clone()))
    };
    let mut old = with("0 */10 * * * *");
    old.look().await.unwrap();
    let mut new = with("0 */15 * * * *");
    new.look().await.unwrap();
    for _ in 0..6 {
        clock.advance(TimeDelta::minutes(5));
        old.look().await.unwrap();
        new.look().await.unwrap();
    }
    let due: Vec<_> = all_ticks(&app, "test").await.into_iter().map(|tick| tick.due).collect();
    assert_eq!(due, [at("2026-11-22T10:15:00Z"), at("2026-11-22T10:30:00Z")]);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_in_the_table_is_said_at_the_start() {
    let program = servers::programs::sibling("scheduler").unwrap();
    let call = |table: &str, args: &[&str]| {
        let output = std::process::Command::new(&program).args(args).env("CRON_TABLE", table).output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), text)
    };
    let (code, text) = call("prune_ledger=0 0 4 * * * Europe/Vienna; roll_up_stats=off", &["check"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("0 0 4 * * *  Europe/Vienna") && text.contains("roll_up_stats  (off)"), "{text}");
    let (_, text) = call("", &["list", "--after", "2026-10-24T22:00:00Z"]);
    assert!(text.contains("2026-10-25T02:30:00Z  Sun 2026-10-25 03:30:00 CET"), "{text}");
    for (table, why) in [
        ("prune_ledger=daily at noon", "is no cron expression"),
        ("prune_ledger=0 0 4 * * * Mars/Olympus", "is no time zone"),
        ("prune_legder=off", "there is no entry \"prune_legder\"; the entries are"),
        ("prune_ledger=0 0 0 31 2 *", "never comes due"),
        ("prune_ledger=* * * * * * jitter=90", "does not fit between ticks that are 1 s apart"),
    ] {
        for args in [&["check"][..], &[]] {
            let (code, text) = call(table, args);
            assert_eq!(code, Some(2), "{text}");
            assert!(text.contains("CRON_TABLE makes no sense") && text.contains(why), "{text}");
        }
    }
}
