//! The head of the ledger: every tenant is found, whatever the length of its backlog, and none of its jobs out of turn.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use jobs::{Context, RemoveObject};
use queue::{
    Job, JobError, Outcome, Priority, Queue, Run, enqueue_all,
    ids::JobId,
    ledger::{self, Head, State},
};
use serde::{Deserialize, Serialize};
use tests::{TestApp, app::PATIENCE, database};
use uuid::Uuid;

use crate::operators::metrics::{address, scrape, value};

#[derive(Serialize, Deserialize)]
struct Errand {
    tenant: Uuid,
}

impl Job<Context> for Errand {
    const KIND: &'static str = "test_errand";
    const QUEUE: Queue = jobs::queues::SEARCH;
    fn tenant(&self) -> Option<Uuid> {
        Some(self.tenant)
    }
    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        Ok(Outcome::Done)
    }
}

#[derive(Serialize, Deserialize)]
struct UrgentErrand {
    tenant: Uuid,
}

impl Job<Context> for UrgentErrand {
    const KIND: &'static str = "test_urgent_errand";
    const QUEUE: Queue = jobs::queues::SEARCH;
    const PRIORITY: Priority = Priority::Urgent;
    fn tenant(&self) -> Option<Uuid> {
        Some(self.tenant)
    }
    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        Ok(Outcome::Done)
    }
}

async fn put(app: &TestApp, backlogs: &[(Uuid, usize)]) -> HashMap<JobId, Uuid> {
    let errands: Vec<Errand> = backlogs
        .iter()
        .flat_map(|(tenant, length)| std::iter::repeat_n(*tenant, *length))
        .map(|tenant| Errand { tenant })
        .collect();
    let mut tx = app.db.begin().await.unwrap();
    let ids = enqueue_all(&mut tx, &errands).await.unwrap();
    tx.commit().await.unwrap();
    ids.into_iter().zip(errands).map(|(id, errand)| (id, errand.tenant)).collect()
}

/// Looks until the end, and how many looks that took.
async fn round(app: &TestApp, each: u32, enough: u32) -> (Vec<Head>, usize) {
    let (mut looks, mut after) = (Vec::new(), Uuid::nil());
    loop {
        let head = ledger::head(app.db.pool(), "search", after, each, enough).await.unwrap();
        let next = head.next;
        looks.push(head);
        match next {
            Some(next) => after = next,
            None => break,
        }
        assert!(looks.len() < 1_000, "it goes in a circle");
    }
    let number = looks.len();
    (looks, number)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_of_looks_finds_each_tenant_once_with_its_first_jobs() {
    let app = TestApp::start().await;
    // Three long backlogs among many short ones.
    let backlogs: Vec<(Uuid, usize)> =
        (0..400).map(|n| (Uuid::new_v4(), if n % 150 == 7 { 900 } else { 1 + n % 3 })).collect();
    let owners = put(&app, &backlogs).await;
    for (each, enough) in [(1, 64), (2, 500), (5, 5_000), (1_000, 8_192)] {
        let (looks, number) = round(&app, each, enough).await;
        let mut found: BTreeMap<Uuid, Vec<JobId>> = BTreeMap::new();
        let mut seen = HashSet::new();
        for head in &looks {
            for ticket in &head.tickets {
                assert!(seen.insert(ticket.job), "each {each}: twice in one round");
                let of_tenant = found.entry(owners[&ticket.job]).or_default();
                assert_eq!(ticket.rank as usize, of_tenant.len(), "each {each}: its place among its tenant's own");
                of_tenant.push(ticket.job);
            }
        }
        for (tenant, length) in &backlogs {
            let jobs = &found[tenant];
            assert_eq!(jobs.len(), (*length).min(each as usize), "each {each}");
            assert!(jobs.is_sorted(), "oldest first");
        }
        assert_eq!(looks.iter().map(|head| head.tenants).sum::<u32>(), 400);
        assert!(number <= 400 / enough as usize + 16, "each {each}: {number} looks");
    }
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_urgent_job_behind_a_long_backlog_of_its_own_tenant_comes_first() {
    let app = TestApp::start().await;
    let tenant = Uuid::new_v4();
    put(&app, &[(tenant, 300)]).await;
    let urgent = app.put(&UrgentErrand { tenant }).await;
    let head = ledger::head(app.db.pool(), "search", Uuid::nil(), 3, 3).await.unwrap();
    let tickets: Vec<(u8, u32)> = head.tickets.iter().map(|ticket| (ticket.priority, ticket.rank)).collect();
    assert_eq!((head.tickets[0].job, tickets), (urgent, vec![(0, 0), (2, 0), (2, 1)]));
    assert_eq!(head.next, Some(tenant), "there is more of it");
    app.discard().await;
}

/// A look that passes over what a long transaction keeps finds what is not committed yet; nobody gets it before it is.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_look_sees_too_early_cannot_be_claimed() {
    let app = TestApp::start().await;
    let worker = app.enrol("by hand", "search").await;
    let committed = app.put(&Errand { tenant: Uuid::nil() }).await;
    let mut tx = app.db.begin().await.unwrap();
    let early = queue::enqueue(&mut tx, &Errand { tenant: Uuid::nil() }).await.unwrap();
    let seen = async |pool| {
        let head = ledger::head(pool, "search", Uuid::nil(), 10, 10).await.unwrap();
        head.tickets.into_iter().map(|ticket| ticket.job).collect::<Vec<_>>()
    };
    assert_eq!(seen(app.db.pool()).await, [committed]);
    assert_eq!(seen(app.db.looks()).await, [committed, early]);
    let claimed = ledger::claim(&app.db, worker, vec![committed, early]).await.unwrap();
    assert_eq!(claimed.iter().map(|job| job.id).collect::<Vec<_>>(), [committed]);
    tx.commit().await.unwrap();
    assert_eq!(ledger::claim(&app.db, worker, vec![early]).await.unwrap().len(), 1);
    app.discard().await;
}

/// A hundred thousand jobs that are done, and a transaction from before them that is still open, as for a report.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_transaction_does_not_make_every_look_dear() {
    let app = TestApp::start().await;
    let mut report = app.db.unlimited().acquire().await.unwrap();
    for statement in [
        "SET SESSION wait_timeout = 600",
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT",
        "INSERT INTO queue_leases (name, holder, renewed_at) VALUES ('a report', '', UTC_TIMESTAMP(6))",
    ] {
        // MySQL prepares no beginning of a snapshot.
        sqlx::raw_sql(statement).execute(&mut *report).await.unwrap();
    }
    let put_all = async |number: usize| {
        let jobs: Vec<_> = (0..number).map(|n| RemoveObject { key: format!("uploads/{n}.zip") }).collect();
        let mut tx = app.db.begin().await.unwrap();
        let ids = enqueue_all::<_, Context>(&mut tx, &jobs).await.unwrap();
        tx.commit().await.unwrap();
        ids
    };
    for _ in 0..20 {
        put_all(5_000).await;
    }
    let done = "UPDATE jobs SET state = 'completed', finished_at = UTC_TIMESTAMP(6), unique_live = NULL";
    sqlx::query(done).execute(app.db.unlimited()).await.unwrap();

    let metrics = address();
    let mut worker = app.worker_process_with("worker", &[("METRICS_ADDR", &metrics)]).await;
    let started = Instant::now();
    loop {
        for id in put_all(10).await {
            app.wait_for_state(id, &[State::Completed]).await;
        }
        let text = scrape(&metrics).await;
        let looks = |reads| value(&text, "queue_looks_total", &["queue=\"maintenance\"", reads]).unwrap_or(0.0);
        if looks("reads=\"uncommitted\"") > 0.0 {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{text}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(database::number(&app.db, "SELECT COUNT(*) FROM jobs WHERE state = 'running'").await.unwrap(), 0);
    sqlx::query("ROLLBACK").execute(&mut *report).await.unwrap();
    drop(report);
    assert!(worker.terminate(Duration::from_secs(20)).await.unwrap().success());
    app.discard().await;
}
