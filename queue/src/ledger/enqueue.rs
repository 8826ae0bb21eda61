//! Inserting jobs, always in the transaction of the caller.

use std::{collections::BTreeMap, time::Duration};

use db::{DbError, Tx, literal};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use crate::{
    ids::{FlowId, JobId},
    ledger::{NOTICES_AT_MOST, State, history::checkpoints, window},
    ready::{Available, Ticket},
};

/// A statement of a batch stays below this, whatever the server's `max_allowed_packet` (16 MiB and more).
const STATEMENT_BYTES: usize = 1024 * 1024;
/// And has at most this many rows.
const STATEMENT_ROWS: usize = 500;

/// A job about to be enqueued.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub id: JobId,
    pub kind: &'static str,
    pub args_version: u16,
    /// JSON.
    pub args: String,
    pub queue: &'static str,
    pub priority: u8,
    /// The owner; nil for the system's own work.
    pub tenant: Uuid,
    pub max_failures: u32,
    pub unique: Option<Unique>,
    /// What its limits count by, instead of the tenant.
    pub limit_key: Option<String>,
    /// (type, id) pairs the job can be found by.
    pub references: Vec<(&'static str, Uuid)>,
    pub start: Start,
    /// How long after it is due it is too late to begin.
    pub deadline: Option<Duration>,
    /// The flow it is a child of.
    pub flow: Option<FlowId>,
    pub trace_parent: Option<String>,
}

/// What makes a job one of its kind.
#[derive(Clone, Debug)]
pub struct Unique {
    pub key: String,
    /// So long it stands for its key, however soon it completes.
    pub window: Option<Duration>,
    /// It takes the place of one that has not begun.
    pub newest_counts: bool,
}

/// When a new job may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Now,
    /// Once this much database time has passed.
    After(Duration),
    /// Once nobody has asked for it for so long, at the latest `at_most` after the first request.
    Quiet {
        quiet: Duration,
        at_most: Duration,
    },
    /// When the flow it is the parent of releases it.
    WhenReleased,
}

/// Writes the job's rows. With a live job of the same unique key, that job's id is returned instead; if that one
/// is running already, it will run once more.
pub async fn insert(tx: &mut Tx, job: &NewJob) -> Result<JobId, DbError> {
    let Some(unique) = &job.unique else {
        // Nothing to look for: all its rows in one round trip.
        let mut batch = Batch::default();
        batch.add(job);
        batch.write(tx).await?;
        count_after_commit(tx, [((job.queue, job.kind), 1)]);
        if job.start == Start::Now {
            tx.notify(available(job));
        }
        return Ok(job.id);
    };
    let hash = unique_hash(job.kind, &unique.key);
    if let Some(window) = unique.window
        && let Some(standing) = window::stands(tx, &hash, job.id, window).await?
    {
        if !matches!(standing.state, Some(State::Running | State::Completed) | None) {
            meet(tx, job, unique, &hash, true).await?;
        }
        return Ok(standing.job);
    }
    let id = match meet(tx, job, unique, &hash, false).await? {
        Some(live) => live,
        None => {
            let mut rows = Batch::default();
            rows.add(job);
            let live = rows.write_unique(tx, &hash).await?;
            // Somebody else was first by a moment.
            if live != job.id {
                meet(tx, job, unique, &hash, false).await?;
            }
            live
        }
    };
    if id != job.id {
        if unique.window.is_some() {
            window::is_of(tx, &hash, id).await?;
        }
        return Ok(id);
    }
    if job.start == Start::Now {
        tx.notify(available(job));
    }
    count_after_commit(tx, [((job.queue, job.kind), 1)]);
    Ok(job.id)
}

/// For the metrics: jobs by queue and kind.
fn count_after_commit(
    tx: &mut Tx,
    jobs: impl IntoIterator<Item = ((&'static str, &'static str), u64)> + Send + 'static,
) {
    tx.after_commit(move || {
        for ((queue, kind), jobs) in jobs {
            metrics::counter!("jobs_enqueued_total", "queue" => queue, "kind" => kind).increment(jobs);
        }
    });
}

/// Writes many jobs in a few statements; the ids are in their order. Jobs with a unique key are written one by one,
/// since each may turn out to be there already.
pub async fn insert_all(tx: &mut Tx, jobs: &[NewJob]) -> Result<Vec<JobId>, DbError> {
    let mut ids = Vec::with_capacity(jobs.len());
    let mut batch = Batch::default();
    let mut counts: BTreeMap<(&'static str, &'static str), u64> = BTreeMap::new();
    let mut notices = 0;
    for job in jobs {
        if job.unique.is_some() {
            ids.push(insert(tx, job).await?);
            continue;
        }
        ids.push(job.id);
        batch.add(job);
        *counts.entry((job.queue, job.kind)).or_default() += 1;
        if job.start == Start::Now && notices < NOTICES_AT_MOST {
            notices += 1;
            tx.notify(available(job));
        }
        if batch.is_full() {
            std::mem::take(&mut batch).write(tx).await?;
        }
    }
    batch.write(tx).await?;
    if !counts.is_empty() {
        count_after_commit(tx, counts);
    }
    Ok(ids)
}

/// Rows on their way into the three tables of a job.
#[derive(Default)]
struct Batch {
    rows: usize,
    first: Option<JobId>,
    jobs: String,
    payloads: String,
    refs: String,
    children: String,
}

impl Batch {
    fn add(&mut self, job: &NewJob) {
        use std::fmt::Write;
        let (state, delay) = state_and_delay(job.start);
        let null = || "NULL".to_owned();
        let id = literal::uuid(job.id);
        let hash = |unique: &Unique| literal::binary(&unique_hash(job.kind, &unique.key));
        let unique = job.unique.as_ref().map_or_else(null, hash);
        let deadline = job.deadline.map_or_else(null, |after| {
            let micros = i64::try_from(after.as_micros()).unwrap_or(i64::MAX).saturating_add(delay);
            format!("UTC_TIMESTAMP(6) + INTERVAL {micros} MICROSECOND")
        });
        let limit_key = job.limit_key.as_deref().map_or_else(null, |key| literal::binary(&limit_hash(key)));
        let comma = |list: &str| if list.is_empty() { "" } else { "," };
        // Writing into a String cannot fail.
        let _ = write!(
            self.jobs,
            "{}({id},{},{},{},{},{},{},{},UTC_TIMESTAMP(6) + INTERVAL {delay} MICROSECOND,{},{},UTC_TIMESTAMP(6),{unique},{unique},{deadline},{limit_key})",
            comma(&self.jobs),
            literal::text(job.kind),
            job.args_version,
            literal::text(job.queue),
            job.priority,
            literal::uuid(job.tenant),
            literal::text(state.as_str()),
            job.max_failures,
            job.flow.map_or_else(null, literal::uuid),
            job.trace_parent.as_deref().map_or_else(null, literal::text),
        );
        let _ = write!(self.payloads, "{}({id},{})", comma(&self.payloads), literal::text(&job.args));
        for (kind, reference) in &job.references {
            let _ =
                write!(self.refs, "{}({},{},{id})", comma(&self.refs), literal::text(kind), literal::uuid(*reference));
        }
        if let Some(flow) = job.flow {
            let _ = write!(self.children, "{}({},{id})", comma(&self.children), literal::uuid(flow));
        }
        self.first = self.first.or(Some(job.id));
        self.rows += 1;
    }

    fn is_full(&self) -> bool {
        self.rows >= STATEMENT_ROWS || self.payloads.len() >= STATEMENT_BYTES || self.refs.len() >= STATEMENT_BYTES
    }

    /// All of it in one round trip.
    async fn write(self, tx: &mut Tx) -> Result<(), DbError> {
        if self.rows == 0 {
            return Ok(());
        }
        let statements = format!("{}; {}", self.insert(), self.belongings());
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut **tx).await?;
        Ok(())
    }

    /// One job with a unique key: the id of the job that is live under it, which may be another one. Whoever comes second
    /// waits for the first one's row instead of sharing a lock with a third, which the two could then not turn into the one
    /// they need.
    async fn write_unique(self, tx: &mut Tx, hash: &[u8]) -> Result<JobId, DbError> {
        let statements = format!(
            "{} ON DUPLICATE KEY UPDATE again = again;
             SELECT id FROM jobs WHERE unique_live = {}",
            self.insert(),
            literal::binary(hash)
        );
        let live: JobId = sqlx::raw_sql(AssertSqlSafe(statements)).fetch_one(&mut **tx).await?.try_get("id")?;
        if self.first == Some(live) {
            sqlx::raw_sql(AssertSqlSafe(self.belongings())).execute(&mut **tx).await?;
        }
        Ok(live)
    }

    fn insert(&self) -> String {
        format!(
            "INSERT INTO jobs (id, kind, args_version, queue, priority, tenant, state, max_failures, run_at, flow_id,
                               trace_parent, created_at, unique_live, unique_hash, deadline_at, limit_key) VALUES {}",
            self.jobs
        )
    }

    /// What else belongs to the jobs.
    fn belongings(&self) -> String {
        let mut statements = format!("INSERT INTO job_payloads (job_id, args) VALUES {}", self.payloads);
        if !self.refs.is_empty() {
            statements.push_str("; INSERT INTO job_refs (ref_type, ref_id, job_id) VALUES ");
            statements.push_str(&self.refs);
        }
        if !self.children.is_empty() {
            statements.push_str("; INSERT INTO flow_children (flow_id, job_id) VALUES ");
            statements.push_str(&self.children);
        }
        statements
    }
}

fn available(job: &NewJob) -> Available {
    let ticket = Ticket { job: job.id, priority: job.priority, rank: 0 };
    Available { queue: job.queue.to_owned(), ticket, tenant: job.tenant }
}

/// The first state of a job, and microseconds until it is due.
fn state_and_delay(start: Start) -> (State, i64) {
    match start {
        Start::Now => (State::Available, 0),
        Start::After(delay) | Start::Quiet { quiet: delay, .. } => (State::Scheduled, micros(delay)),
        Start::WhenReleased => (State::Waiting, 0),
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// A job that is live under a key.
struct Live {
    id: JobId,
    state: State,
    runs: u32,
    queue: String,
    priority: u8,
    tenant: Uuid,
}

/// The job that is live under the key, told of the new request. A request within the window of one that runs asks for nothing.
async fn meet(
    tx: &mut Tx,
    job: &NewJob,
    unique: &Unique,
    hash: &[u8],
    within_window: bool,
) -> Result<Option<JobId>, DbError> {
    // The lock makes sure a running job cannot complete between this look and the mark.
    let live = sqlx::query_as!(
        Live,
        r#"SELECT id AS "id: JobId", state AS "state: State", runs, queue, priority, tenant AS "tenant: Uuid"
           FROM jobs WHERE unique_live = ? FOR UPDATE"#,
        hash
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(live) = live else { return Ok(None) };
    if live.state == State::Running {
        if within_window {
            return Ok(Some(live.id));
        }
        sqlx::query!("UPDATE jobs SET again = TRUE WHERE id = ?", live.id).execute(&mut **tx).await?;
    }
    if unique.newest_counts {
        replace(tx, job, &live).await?;
    }
    // One that has run waits for a service, or as its handler asked.
    if live.state == State::Scheduled && live.runs == 0 {
        put_off_or_hasten(tx, job, unique, &live).await?;
    }
    Ok(Some(live.id))
}

/// The arguments of a newer request, and what it is about. What its limits count by stays while it is counted by it.
async fn replace(tx: &mut Tx, job: &NewJob, live: &Live) -> Result<(), DbError> {
    let key = job.limit_key.as_deref().map(limit_hash);
    let (state, live) = (live.state, live.id);
    sqlx::query!("UPDATE jobs SET args_version = ? WHERE id = ?", job.args_version, live).execute(&mut **tx).await?;
    if !matches!(state, State::Running | State::Blocked) {
        sqlx::query!("UPDATE jobs SET limit_key = ? WHERE id = ?", key, live).execute(&mut **tx).await?;
    }
    // An earlier attempt's position was one among other arguments.
    checkpoints::forget(tx, live).await?;
    sqlx::query!("UPDATE job_payloads SET args = ? WHERE job_id = ?", job.args, live).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM job_refs WHERE job_id = ?", live).execute(&mut **tx).await?;
    for (kind, reference) in &job.references {
        sqlx::query!("INSERT INTO job_refs (ref_type, ref_id, job_id) VALUES (?, ?, ?)", kind, reference, live)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// When a scheduled job is due after a further request.
async fn put_off_or_hasten(tx: &mut Tx, job: &NewJob, unique: &Unique, live: &Live) -> Result<(), DbError> {
    let put_off = sqlx::query_scalar!("SELECT kind FROM rate_slots WHERE job_id = ?", live.id);
    // Its time is the one that a rate has given it.
    if put_off.fetch_optional(&mut **tx).await?.is_some() {
        return Ok(());
    }
    // Its deadline counts from when it is due; the columns are set from left to right.
    match job.start {
        Start::Quiet { quiet, at_most } => {
            let (quiet, at_most) = (micros(quiet), micros(at_most));
            let due = format!(
                "LEAST(UTC_TIMESTAMP(6) + INTERVAL {quiet} MICROSECOND, created_at + INTERVAL {at_most} MICROSECOND)"
            );
            be_due(tx, live.id, "scheduled", &due).await
        }
        Start::After(delay) if unique.newest_counts => {
            be_due(tx, live.id, "scheduled", &format!("UTC_TIMESTAMP(6) + INTERVAL {} MICROSECOND", micros(delay)))
                .await
        }
        Start::Now if unique.newest_counts => {
            be_due(tx, live.id, "available", "UTC_TIMESTAMP(6)").await?;
            let ticket = Ticket { job: live.id, priority: live.priority, rank: 0 };
            tx.notify(Available { queue: live.queue.clone(), ticket, tenant: live.tenant });
            Ok(())
        }
        Start::After(_) | Start::Now | Start::WhenReleased => Ok(()),
    }
}

async fn be_due(tx: &mut Tx, live: JobId, state: &str, due: &str) -> Result<(), DbError> {
    let statement = format!(
        "UPDATE jobs SET state = '{state}', deadline_at = deadline_at + INTERVAL TIMESTAMPDIFF(MICROSECOND, run_at, {due}) MICROSECOND,
                run_at = {due}
         WHERE id = {}",
        literal::uuid(live)
    );
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut **tx).await?;
    Ok(())
}

/// Limits are for one kind each, so its name is no part of it.
fn limit_hash(key: &str) -> Vec<u8> {
    Sha256::digest(key)[..16].to_vec()
}

fn unique_hash(kind: &str, key: &str) -> Vec<u8> {
    Sha256::new().chain_update(kind).chain_update([0]).chain_update(key).finalize().to_vec()
}
