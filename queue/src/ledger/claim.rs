//! Claims: rows of available jobs become a worker's.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use db::{Db, DbError, literal};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Row, mysql::MySqlRow, types::Json};
use uuid::Uuid;

use crate::{
    Kinds, Queue, Queues,
    builtin::OF_ANY_QUEUE,
    ids::{FlowId, JobId, WorkerId},
    ledger::{
        Fence,
        controls::{self, Restrictions, limits},
        limited::claim_judged,
        passing_locked, sorted,
    },
};

/// A limit that turned jobs down within this time is likely to do so again: its jobs are judged one by one at once.
const BITES: Duration = Duration::from_secs(2);

/// A job this worker holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claimed {
    pub id: JobId,
    pub fence: Fence,
    pub kind: String,
    pub args_version: u16,
    pub args: serde_json::Value,
    pub queue: String,
    pub priority: u8,
    pub tenant: Uuid,
    pub failures: u32,
    pub max_failures: u32,
    /// Runs lost with their worker process.
    pub lost: u32,
    /// Runs whose child process died.
    pub crashes: u32,
    pub flow: Option<FlowId>,
    pub trace_parent: Option<String>,
    /// How long the job was ready before this claim.
    pub waited: Duration,
    /// Until its deadline, as of this claim; zero when that has passed.
    #[serde(default)]
    pub deadline: Option<Duration>,
    #[serde(skip, default = "Instant::now")]
    pub claimed_at: Instant,
    /// Its kind has limits: whoever ends the run lets the next one go.
    pub limited: bool,
}

impl Claimed {
    /// Whether the deadline will have passed `later` from now.
    pub fn is_too_late(&self, later: Duration) -> bool {
        self.deadline.is_some_and(|left| self.claimed_at.elapsed() + later >= left)
    }
}

/// Who claims, and what it may be given.
#[derive(Debug)]
pub struct Claimant {
    pub(super) worker: WorkerId,
    /// The condition on `jobs` that holds for the kinds and versions it knows, in its queue.
    known: String,
    /// Kinds that have their place in other queues than the one it claims from.
    elsewhere: BTreeSet<&'static str>,
    /// The kinds whose limits turned jobs down lately.
    bitten: Mutex<BTreeMap<String, Instant>>,
}

impl Claimant {
    /// Takes whatever there is, also what nobody can run.
    pub fn of_anything(worker: WorkerId) -> Self {
        Self { worker, known: String::new(), elsewhere: BTreeSet::new(), bitten: Mutex::default() }
    }

    /// Takes only what this build knows. In a rollout the rest is left to the workers of the other build.
    pub fn of_known(worker: WorkerId, kinds: &Kinds, queues: &Queues, queue: Queue) -> Self {
        let names: Vec<String> = kinds.iter().map(|kind| literal::text(kind.name)).collect();
        let newer: Vec<String> = kinds
            .iter()
            .filter(|kind| kind.version > 1)
            .map(|kind| format!("WHEN {} THEN {}", literal::text(kind.name), kind.version))
            .collect();
        let newest =
            if newer.is_empty() { "1".to_owned() } else { format!("CASE kind {} ELSE 1 END", newer.join(" ")) };
        // And only from its queue: a ticket may lie on the list of a queue that the job has left since.
        let queue_name = literal::text(queue.as_str());
        let known = format!(" AND kind IN ({}) AND args_version <= {newest} AND queue = {queue_name}", names.join(","));
        let elsewhere = kinds
            .iter()
            .filter(|kind| kind.queue != queue && queues.heavy != Some(queue) && !OF_ANY_QUEUE.contains(&kind.name))
            .map(|kind| kind.name)
            .collect();
        Self { worker, known, elsewhere, bitten: Mutex::default() }
    }

    /// Goes behind `… AND state = 'available'`.
    pub(super) fn known(&self) -> &str {
        &self.known
    }

    /// Notes whether a limit turned jobs down.
    pub(super) fn bites(&self, kind: &str, bites: bool) {
        let mut bitten = self.bitten.lock().unwrap_or_else(PoisonError::into_inner);
        if bites {
            bitten.insert(kind.to_owned(), Instant::now());
        } else {
            bitten.remove(kind);
        }
    }

    /// Whether the limit of a kind is counted with the claim: its jobs come in this queue, and it has not bitten lately.
    fn counts(&self, kind: &str) -> bool {
        let bitten = self.bitten.lock().unwrap_or_else(PoisonError::into_inner);
        !self.elsewhere.contains(kind) && bitten.get(kind).is_none_or(|when| when.elapsed() > BITES)
    }
}

/// [`claim_within`] the pauses and limits of this moment, whatever the kind.
pub async fn claim(db: &Db, worker: WorkerId, ids: Vec<JobId>) -> Result<Vec<Claimed>, DbError> {
    let restrictions = controls::load(db).await?;
    claim_within(db, &Claimant::of_anything(worker), ids, &restrictions).await
}

/// Takes those of `ids` that are still available, for a worker registration that is still alive. What another worker
/// took first is left out, what anybody has locked just now too, and what a pause or a limit holds back. With controls that
/// are not the newest it takes nothing. One round trip, unless some kinds are paused or a limit bites: the update, and the
/// read of what it took.
pub async fn claim_within(
    db: &Db,
    claimant: &Claimant,
    ids: Vec<JobId>,
    controls: &Restrictions,
) -> Result<Vec<Claimed>, DbError> {
    if ids.is_empty() || controls.all_paused {
        return Ok(Vec::new());
    }
    let places: HashMap<JobId, usize> = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    let list = literal::ids(&sorted(ids.clone()));
    let token = Uuid::now_v7();
    let rows = take(db, claimant, token, &ids, &list, controls).await?;
    let mut jobs = Vec::with_capacity(rows.len());
    for row in &rows {
        jobs.push(claimed(row, token, claimant.worker)?);
    }
    // In the order of their tickets.
    jobs.sort_by_key(|job| places.get(&job.id).copied());
    for job in &mut jobs {
        job.limited = controls.limits.contains_key(&job.kind);
    }
    Ok(jobs)
}

/// The rows that become the worker's under this token.
async fn take(
    db: &Db,
    claimant: &Claimant,
    token: Uuid,
    ids: &[JobId],
    list: &str,
    controls: &Restrictions,
) -> Result<Vec<MySqlRow>, DbError> {
    let (counted, mut judged): (Vec<&str>, Vec<&str>) =
        controls.restricted_kinds().partition(|kind| !controls.paused_kinds.contains(*kind) && claimant.counts(kind));
    let mut narrow = claimant.known.clone();
    if let Some(kinds) = names(judged.iter().copied()) {
        narrow.push_str(&format!(" AND kind NOT IN ({kinds})"));
    }
    if let Some(queues) = names(controls.paused_queues.iter().map(String::as_str)) {
        narrow.push_str(&format!(" AND queue NOT IN ({queues})"));
    }
    let update = start(list, token, claimant.worker, controls.epoch, &narrow);
    let taken = format!(
        "SELECT j.id, j.runs, j.kind, j.args_version, j.queue, j.failures, j.max_failures, j.flow_id, j.trace_parent,
                j.priority, j.tenant, j.lost, j.crashes,
                TIMESTAMPDIFF(MICROSECOND, j.run_at, j.started_at) AS waited,
                TIMESTAMPDIFF(MICROSECOND, j.started_at, j.deadline_at) AS deadline, p.args
         FROM jobs j LEFT JOIN job_payloads p ON p.job_id = j.id
         WHERE j.id IN ({list}) AND j.token = {}",
        literal::uuid(token)
    );
    let mut rows = if counted.is_empty() {
        sqlx::raw_sql(AssertSqlSafe(format!("{update}; {taken}"))).fetch_all(db.pool()).await?
    } else {
        let counting = limits::counting(list, token, &counted, controls);
        db.transact(&format!("{update}; {counting}"), &taken).await?
    };
    // First the kinds whose limit that is too much for, then the jobs. Those kinds' jobs have not begun: they go back and are
    // judged one by one.
    let met = rows.extract_if(.., |row| row.columns().len() == 1);
    let met: Vec<String> = met.map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    if !met.is_empty() {
        limits::take_back(db, token, ids, &met).await?;
        judged.extend(met.iter().map(String::as_str));
        met.iter().for_each(|kind| claimant.bites(kind, true));
    } else if judged.is_empty() || rows.len() == ids.len() {
        return Ok(rows);
    }
    claim_judged(db, claimant, token, ids, controls, &judged).await?;
    Ok(sqlx::raw_sql(AssertSqlSafe(taken)).fetch_all(db.pool()).await?)
}

/// The statement that takes jobs. The worker's life and the controls' number are looked at once for all of them; the
/// number under a shared lock, so that nothing starts once a pause has committed.
pub(super) fn start(ids: &str, token: Uuid, worker: WorkerId, epoch: u64, narrow: &str) -> String {
    let (token, worker) = (literal::uuid(token), literal::uuid(worker));
    let condition = format!(
        "state = 'available'{narrow}
           AND EXISTS (SELECT 1 FROM queue_control_epoch e WHERE e.id = 1 AND e.epoch = {epoch} LOCK IN SHARE MODE)
           AND EXISTS (SELECT 1 FROM workers w WHERE w.id = {worker} AND w.state = 'alive')"
    );
    passing_locked(
        ids,
        &condition,
        &format!(
            "j.state = 'running', j.runs = j.runs + 1, j.started_at = UTC_TIMESTAMP(6), j.token = {token},
             j.worker_id = {worker}"
        ),
    )
}

/// A list of names for the text of a statement; `None` when there are none.
fn names<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let list: Vec<String> = names.map(literal::text).collect();
    (!list.is_empty()).then(|| list.join(","))
}

fn claimed(row: &MySqlRow, token: Uuid, worker: WorkerId) -> Result<Claimed, sqlx::Error> {
    let id = row.try_get("id")?;
    let waited: i64 = row.try_get("waited")?;
    let deadline: Option<i64> = row.try_get("deadline")?;
    Ok(Claimed {
        id,
        fence: Fence { job: id, token, run: row.try_get("runs")?, worker },
        kind: row.try_get("kind")?,
        args_version: row.try_get("args_version")?,
        // A row without arguments is discarded by name, rather than claimed and put back for ever.
        // So is one whose arguments are no JSON that we can read: it must not hold up the batch it was claimed with.
        args: match row.try_get::<Option<Json<serde_json::Value>>, _>("args") {
            Ok(args) => args.map_or(serde_json::Value::Null, |args| args.0),
            Err(error @ (sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))) => {
                tracing::error!(%error, job = %id, "the arguments of this job cannot be read");
                serde_json::Value::Null
            }
            Err(error) => return Err(error),
        },
        queue: row.try_get("queue")?,
        priority: row.try_get("priority")?,
        tenant: row.try_get("tenant")?,
        failures: row.try_get("failures")?,
        max_failures: row.try_get("max_failures")?,
        lost: row.try_get("lost")?,
        crashes: row.try_get("crashes")?,
        flow: row.try_get("flow_id")?,
        trace_parent: row.try_get("trace_parent")?,
        waited: Duration::from_micros(waited.unsigned_abs()),
        deadline: deadline.map(|left| Duration::from_micros(u64::try_from(left).unwrap_or(0))),
        claimed_at: Instant::now(),
        limited: false,
    })
}
