//! The conditions, against a real ledger and a clock that the test moves.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use db::clock::Clock;
use queue::{
    Job,
    ids::JobId,
    ledger::{
        alerts::{self, AlertState, Channel, Event, Happening},
        controls::pauses::{self, Scope},
        schedules,
        stats::counts::{Outcomes, add_outcomes},
    },
    schedule::{
        Periodic, Scheduler, Time,
        table::{CatchUp, Entry, Line},
    },
    watch::{Addressee, Thresholds, Watch},
};
use reqwest::StatusCode;
use tests::{TestApp, app::Overrides, database};

use super::job;

/// A watch whose time the test moves. The ledger goes by the database's all the same.
struct Stage {
    app: TestApp,
    clock: Clock,
    watch: Watch,
}

fn told() -> Vec<Addressee> {
    let to = |channel, recipient: &str| Addressee { channel, recipient: recipient.to_owned() };
    vec![to(Channel::Mail, "ops@nano.test"), to(Channel::Webhook, "")]
}

impl Stage {
    async fn set(entries: Vec<Entry>) -> Self {
        let app = TestApp::start_with(Overrides::default()).await;
        let clock = Clock::manual(db::clock::now(&app.db).await.unwrap());
        let watch = Watch::new(app.db.clone(), jobs::QUEUES.all, entries, Thresholds::default(), told());
        let watch = watch.by(Time::Injected(clock.clone()));
        Self { app, clock, watch }
    }

    async fn look(&mut self) -> Vec<Event> {
        let signals = self.watch.measure().await.unwrap();
        self.watch.look(signals).await.unwrap()
    }

    /// What is told after so many minutes more, as `happening alert`.
    async fn look_after(&mut self, minutes: i64) -> Vec<String> {
        self.clock.advance(TimeDelta::minutes(minutes));
        let events = self.look().await;
        events.iter().map(|event| format!("{} {}", event.happening, event.alert)).collect()
    }

    async fn execute(&self, sql: &str) {
        database::execute(&self.app.db, sql).await.unwrap();
    }

    /// The statement's `:now` is the watch's.
    async fn execute_at(&self, sql: &str) {
        self.execute(&sql.replace(":now", &format!("'{}'", self.clock.now().format("%F %T%.6f")))).await;
    }
}

const PERIODIC: Periodic = Periodic {
    kind: <jobs::RemoveObject as Job<jobs::Context>>::KIND,
    enqueue: |tx, _| Box::pin(async move { queue::enqueue(tx, &job("periodic")).await }),
};

fn hourly() -> Entry {
    let line = Line {
        name: "hourly",
        kind: PERIODIC.kind,
        expression: "0 0 * * * *",
        zone: "UTC",
        jitter_seconds: 60,
        catch_up: CatchUp::Once,
    };
    Entry::check(&line, true, PERIODIC).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_whose_jobs_do_not_succeed_is_told_of_until_one_does() {
    let mut stage = Stage::set(vec![hourly()]).await;
    let app_db = stage.app.db.clone();
    // A worker that takes nothing and never falls silent.
    stage.app.enrol("here", "maintenance").await;
    stage.execute("UPDATE workers SET seen_at = UTC_TIMESTAMP(6) + INTERVAL 1 DAY").await;
    let mut scheduler = Scheduler::new(app_db.clone(), vec![hourly()], "here").by(Time::Injected(stage.clock.clone()));
    scheduler.look().await.unwrap();
    assert!(stage.look_after(0).await.is_empty());
    // It ticks, so a watch over ticks would be content; its job stays where it is.
    for _ in 0..2 {
        stage.clock.advance(TimeDelta::minutes(60));
        scheduler.look().await.unwrap();
    }
    let last_tick = schedules::ticks(&app_db, "hourly", 9).await.unwrap();
    assert_eq!(last_tick.len(), 2);
    assert!(stage.look_after(0).await.is_empty(), "a scheduler that was away would run it first");
    assert_eq!(stage.look_after(6).await, ["firing schedule_overdue:hourly"]);
    let summary = alerts::list(&app_db).await.unwrap().pop().unwrap().summary;
    assert!(
        summary.starts_with("The schedule hourly should have succeeded by ")
            && summary.ends_with("; it has never succeeded"),
        "{summary}"
    );

    // The job completes, and is deleted long before anybody asks again.
    let job = last_tick[0].job_id.unwrap();
    stage.app.run_one(job).await;
    stage.execute_at("UPDATE jobs SET finished_at = :now WHERE state = 'completed'").await;
    assert_eq!(stage.look_after(0).await, ["over schedule_overdue:hourly"]);
    let success = schedules::get(&app_db, "hourly").await.unwrap().unwrap().last_success_at.unwrap();
    assert_eq!(success, stage.clock.now());
    stage.execute("DELETE FROM jobs").await;
    assert!(stage.look_after(60).await.is_empty());
    assert_eq!(schedules::get(&app_db, "hourly").await.unwrap().unwrap().last_success_at, Some(success));

    // The API and the command line show it.
    let operator = stage.app.user("olga", domain::user::Role::Operator).await;
    let list = operator.get(&stage.app, "/api/v1/admin/jobs/schedules").await;
    let shown = list.data(StatusCode::OK)[0]["last_success_at"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    assert_eq!(shown.timestamp_millis(), success.timestamp_millis());

    // Nobody waits for what is paused, and after the pause only for the next tick.
    let mut tx = app_db.begin().await.unwrap();
    schedules::pause(&mut tx, "hourly", "holidays", None, None).await.unwrap();
    tx.commit().await.unwrap();
    for _ in 0..3 {
        assert!(stage.look_after(120).await.is_empty());
    }
    let mut tx = app_db.begin().await.unwrap();
    schedules::resume(&mut tx, "hourly").await.unwrap();
    tx.commit().await.unwrap();
    stage.execute_at("UPDATE cron_entries SET awaited_from = :now WHERE name = 'hourly'").await;
    assert!(stage.look_after(30).await.is_empty());
    assert!(stage.look_after(70).await.is_empty());
    assert_eq!(stage.look_after(10).await, ["firing schedule_overdue:hourly"]);
    let text = alerts::list(&app_db).await.unwrap().pop().unwrap().summary;
    assert!(text.contains(&success.to_rfc3339_opts(SecondsFormat::Secs, true)[..10]), "{text}");
    stage.app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quarantined_jobs_are_told_of_and_so_are_new_ones() {
    let mut stage = Stage::set(Vec::new()).await;
    let set_aside = async |stage: &Stage, job: JobId| {
        let id = job.0.simple();
        stage
            .execute_at(&format!("UPDATE jobs SET state = 'quarantined', finished_at = :now WHERE id = X'{id}'"))
            .await;
    };
    let (one, two) = (stage.app.put(&job("one")).await, stage.app.put(&job("two")).await);
    set_aside(&stage, one).await;
    let events = stage.look().await;
    assert_eq!(
        (events.len(), events[0].happening, events[0].alert.as_str()),
        (1, Happening::Firing, "jobs_quarantined")
    );
    assert_eq!(events[0].summary, "1 job is quarantined: 1 remove_object");
    stage.clock.advance(TimeDelta::minutes(1));
    set_aside(&stage, two).await;
    assert!(stage.look_after(0).await.is_empty(), "people were told a minute ago");
    assert_eq!(stage.look_after(5).await, ["reminder jobs_quarantined"]);
    assert!(stage.look_after(230).await.is_empty());
    assert_eq!(stage.look_after(10).await, ["reminder jobs_quarantined"], "every four hours");
    stage.execute("UPDATE jobs SET state = 'available', finished_at = NULL").await;
    assert!(stage.look_after(0).await.contains(&"over jobs_quarantined".to_owned()));
    stage.app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_waits_are_told_of_by_queue_and_so_are_queues_without_workers() {
    let mut stage = Stage::set(Vec::new()).await;
    stage.app.enrol("here", "maintenance").await;
    let alive = "UPDATE workers SET seen_at = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR";
    stage.execute(alive).await;
    stage.app.put(&job("old")).await;
    assert!(stage.look_after(0).await.is_empty());
    stage.execute("UPDATE jobs SET run_at = UTC_TIMESTAMP(6) - INTERVAL 16 MINUTE").await;
    assert_eq!(stage.look_after(0).await, ["firing jobs_wait_long:maintenance"]);
    // Whoever pauses until some time knows; a pause without an end may have been forgotten.
    let pause = async |stage: &Stage, end: Option<DateTime<Utc>>| {
        let mut tx = stage.app.db.begin().await.unwrap();
        pauses::pause(&mut tx, Scope::Queue, "maintenance", "the disk", None, end).await.unwrap();
        tx.commit().await.unwrap();
    };
    pause(&stage, Some(Utc::now() + TimeDelta::hours(1))).await;
    assert!(stage.look_after(1).await.is_empty());
    assert_eq!(stage.look_after(5).await, ["over jobs_wait_long:maintenance"]);
    pause(&stage, None).await;
    assert_eq!(stage.look_after(1).await, ["firing jobs_wait_long:maintenance"]);
    let list = alerts::list(&stage.app.db).await.unwrap();
    assert!(list[0].summary.contains("; the queue is paused since "), "{list:#?}");

    // The worker falls silent, and its row says that it lives.
    stage.execute("UPDATE workers SET seen_at = UTC_TIMESTAMP(6) - INTERVAL 16 SECOND").await;
    assert!(stage.look_after(1).await.is_empty());
    assert_eq!(
        stage.look_after(5).await,
        ["firing queue_without_worker:maintenance", "over jobs_wait_long:maintenance"],
        "one of the two says it"
    );
    stage.execute(alive).await;
    stage.execute("UPDATE jobs SET state = 'completed'").await;
    assert!(stage.look_after(1).await.is_empty());
    assert_eq!(stage.look_after(5).await, ["over queue_without_worker:maintenance"]);
    stage.app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn services_that_stay_away_and_many_given_up_jobs_are_told_of() {
    let mut stage = Stage::set(Vec::new()).await;
    let db = stage.app.db.clone();
    // As workers do it, with gaps between the pauses.
    let trips =
        async || pauses::pause_for_service(&db, "send_email", "no answer", Duration::from_secs(600)).await.unwrap();
    assert!(trips().await);
    assert!(stage.look_after(0).await.is_empty());
    stage.execute("DELETE FROM queue_pauses").await;
    assert!(stage.look_after(4).await.is_empty());
    assert!(trips().await);
    assert!(stage.look_after(3).await.is_empty());
    assert_eq!(stage.look_after(4).await, ["firing breaker_open:send_email"]);
    let list = alerts::list(&db).await.unwrap();
    assert_eq!(list[0].summary, "No run of send_email gets through to a service it needs: no answer");
    // A person's pause of a kind is none of the breaker's.
    stage.execute("DELETE FROM queue_pauses").await;
    let mut tx = db.begin().await.unwrap();
    pauses::pause(&mut tx, Scope::Kind, "send_email", "we move", None, None).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(stage.look_after(6).await, ["over breaker_open:send_email"]);

    let discarded = |runs: u64| {
        let key = ("mail".to_owned(), "send_email".to_owned(), "discarded".to_owned());
        Outcomes::from([(key, runs)])
    };
    add_outcomes(&db, &mut discarded(20)).await.unwrap();
    assert!(stage.look_after(0).await.is_empty(), "20 are allowed");
    add_outcomes(&db, &mut discarded(1)).await.unwrap();
    let events = stage.look().await;
    assert_eq!(events[0].summary, "21 jobs of the kind send_email were given up within an hour");
    stage.execute("UPDATE job_stats SET minute = minute - INTERVAL 1 HOUR").await;
    assert!(stage.look_after(1).await.is_empty());
    assert_eq!(stage.look_after(5).await, ["over jobs_given_up:send_email"]);
    stage.app.discard().await;
}

/// Two schedulers that both believe they have the watch: each event is told once, whoever is faster.
#[tokio::test(flavor = "multi_thread")]
async fn two_watches_at_once_tell_everything_once() {
    let mut stage = Stage::set(Vec::new()).await;
    let other_db = db::Db::connect_scheduler(&stage.app.database_url, 1).await.unwrap();
    let mut other = Watch::new(other_db, jobs::QUEUES.all, Vec::new(), Thresholds::default(), told())
        .by(Time::Injected(stage.clock.clone()));
    for name in ["one", "two", "three"] {
        stage.app.put(&job(name)).await;
    }
    let mut happened = Vec::new();
    for round in 0..12 {
        let state = if round % 2 == 0 { "quarantined" } else { "completed" };
        stage.execute_at(&format!("UPDATE jobs SET state = '{state}', finished_at = :now")).await;
        stage.clock.advance(TimeDelta::minutes(10));
        let (ours, theirs) = (stage.watch.measure().await.unwrap(), other.measure().await.unwrap());
        let (ours, theirs) = tokio::join!(stage.watch.look(ours), other.look(theirs));
        // Who lost a lock race looks again later.
        let events: Vec<Event> = [ours, theirs].into_iter().filter_map(Result::ok).flatten().collect();
        happened.extend(events.into_iter().map(|event| event.happening));
    }
    let wanted = [Happening::Firing, Happening::Over].repeat(6);
    assert_eq!(happened, wanted);
    let count = async |channel: Channel| {
        let sql = format!("SELECT COUNT(*) FROM alert_notices WHERE channel = '{channel}'");
        database::number(&stage.app.db, &sql).await.unwrap()
    };
    assert_eq!((count(Channel::Mail).await, count(Channel::Webhook).await), (12, 12));
    assert_eq!(alerts::list(&stage.app.db).await.unwrap()[0].state, AlertState::Over);
    stage.app.discard().await;
}
