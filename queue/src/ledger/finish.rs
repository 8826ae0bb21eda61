//! The end of a run. Every write here is fenced: it happens only while this very run still holds the job.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use db::{Db, DbError, Tx, literal};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Either, QueryBuilder, Row, mysql::MySqlRow};
use uuid::Uuid;

use crate::{
    ids::{FlowId, JobId, WorkerId},
    ledger::{
        State,
        act::forget_before_again,
        controls::limits,
        flows,
        history::{attempts, checkpoints},
        hold::wanted_again,
        list::Fingerprint,
        passing_locked, sorted,
        stats::failures,
    },
    ready::{Available, Ticket},
};

/// Proves that a run still owns its job: the claiming batch's token and the number of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fence {
    pub job: JobId,
    pub token: Uuid,
    pub run: u32,
    pub worker: WorkerId,
}

/// Why an outcome was not written.
#[derive(Debug, thiserror::Error)]
pub enum Fenced {
    /// The job was taken away meanwhile (its worker counted as dead, or it was cancelled): nothing was written.
    #[error("the job was taken away from this run")]
    Lost,
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<sqlx::Error> for Fenced {
    fn from(error: sqlx::Error) -> Self {
        Self::Db(error.into())
    }
}

/// How a run ended, other than in success.
#[derive(Clone, Debug)]
pub struct Ending {
    pub outcome: attempts::Outcome,
    pub class: Option<&'static str>,
    pub error: Option<String>,
    pub fingerprint: Option<Fingerprint>,
    pub next: Next,
}

/// What becomes of the job after the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Run again after `delay`; `burnt` counts an attempt.
    Again {
        delay: Duration,
        burnt: bool,
    },
    /// Its child process died: run again at once, or set it aside.
    Crashed {
        quarantined: bool,
    },
    /// Its child process ran out of memory: run again at once from this queue, which has more.
    MovedTo(&'static str),
    Discarded,
    Cancelled,
}

impl Next {
    /// Nothing will run the job again by itself.
    pub const fn is_given_up(self) -> bool {
        matches!(self, Self::Discarded | Self::Crashed { quarantined: true })
    }
}

/// Marks the job completed as the last write of `tx` (the caller commits) and releases a flow's parent when this
/// was its last child. A job that was asked for again while it ran goes back into its queue instead. Repeating a
/// completion that had committed already is a success.
pub async fn complete(tx: &mut Tx, fence: &Fence, plain: bool) -> Result<(), Fenced> {
    if !plain {
        attempts::record(tx, fence, attempts::Outcome::Completed, None, None).await?;
        failures::forget(tx, fence.job).await?;
    }
    // The mark and the question whose child it is, in one round trip.
    let (id, token) = (literal::uuid(fence.job), literal::uuid(fence.token));
    let statements = format!(
        "UPDATE jobs SET state = 'completed', finished_at = UTC_TIMESTAMP(6), unique_live = NULL, worker_id = NULL
         WHERE id = {id} AND token = {token} AND runs = {} AND state = 'running' AND NOT again;
         SELECT flow_id, state, runs, token FROM jobs WHERE id = {id}",
        fence.run
    );
    let (mut marked, mut now) = (0, None);
    let mut answers = sqlx::raw_sql(AssertSqlSafe(statements)).fetch_many(&mut **tx);
    while let Some(answer) = answers.try_next().await? {
        match answer {
            Either::Left(done) => marked += done.rows_affected(),
            Either::Right(row) => {
                let flow = row.try_get::<Option<FlowId>, _>("flow_id")?;
                now = Some((Standing::of(&row, fence)?, flow));
            }
        }
    }
    drop(answers);
    match now {
        Some((Standing::Ended, flow)) => {
            if let Some(flow) = flow.filter(|_| marked > 0) {
                flows::child_completed(tx, flow, fence.job).await?;
            }
            Ok(())
        }
        Some((Standing::Runs, _)) => {
            if plain {
                attempts::record(tx, fence, attempts::Outcome::Completed, None, None).await?;
            }
            run_again(tx, fence).await
        }
        _ => Err(Fenced::Lost),
    }
}

/// How a job stands to a run of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// This run holds it.
    Runs,
    /// This run has ended it: it is completed, or available once more (whatever else makes a job available takes the
    /// token away).
    Ended,
    /// Others have it.
    Lost,
}

impl Standing {
    fn of(row: &MySqlRow, fence: &Fence) -> Result<Self, sqlx::Error> {
        if row.try_get::<Option<Uuid>, _>("token")? != Some(fence.token) || row.try_get::<u32, _>("runs")? != fence.run
        {
            return Ok(Self::Lost);
        }
        Ok(match row.try_get::<State, _>("state")? {
            State::Running => Self::Runs,
            State::Completed | State::Available => Self::Ended,
            _ => Self::Lost,
        })
    }
}

/// The job was asked for again while it ran: however this run ends, another one begins with a clean slate. What was asked of
/// this run (to stop) is over with it.
async fn run_again(tx: &mut Tx, fence: &Fence) -> Result<(), Fenced> {
    let again = sqlx::query!(
        "UPDATE jobs SET state = 'available', failures = 0, lost = 0, crashes = 0, run_at = UTC_TIMESTAMP(6),
                finished_at = NULL, worker_id = NULL, deadline_at = NULL, again = FALSE
         WHERE id = ? AND token = ? AND runs = ? AND state = 'running' AND again",
        fence.job,
        fence.token,
        fence.run
    )
    .execute(&mut **tx)
    .await?;
    if again.rows_affected() == 0 {
        return Err(Fenced::Lost);
    }
    crate::ledger::forget_cancel(tx, fence.job).await?;
    checkpoints::forget(tx, fence.job).await?;
    let row = sqlx::query!(r#"SELECT queue, priority, tenant AS "tenant: Uuid" FROM jobs WHERE id = ?"#, fence.job)
        .fetch_one(&mut **tx)
        .await?;
    let ticket = Ticket { job: fence.job, priority: row.priority, rank: 0 };
    tx.notify(Available { queue: row.queue, ticket, tenant: row.tenant });
    Ok(())
}

/// What [`complete_all`] did not complete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incomplete {
    /// Their jobs had been taken away.
    pub refused: Vec<Fence>,
    /// Their jobs were asked for again, or somebody has them locked: each completes alone.
    pub left: Vec<Fence>,
}

/// Completes runs whose handlers wrote nothing, all in one statement: plain first runs that are no child of a flow. Repeating
/// it is harmless.
pub async fn complete_all(db: &Db, fences: &[Fence]) -> Result<Incomplete, DbError> {
    if fences.is_empty() {
        return Ok(Incomplete::default());
    }
    let marked =
        sqlx::raw_sql(AssertSqlSafe(completion(fences, "UTC_TIMESTAMP(6)"))).execute(db.pool()).await?.rows_affected();
    if marked == fences.len() as u64 {
        return Ok(Incomplete::default());
    }
    incomplete(db, fences).await
}

/// The same for runs of one limited kind: what ends is no longer counted as running.
pub async fn complete_limited(db: &Db, kind: &str, fences: &[Fence]) -> Result<Incomplete, DbError> {
    // Those that this very statement ends, were it repeated: they have its time. Every row first, then the limit's: others
    // wait for that one until the commit.
    let ended = format!(
        "id IN ({}) AND state = 'completed' AND finished_at = @now",
        literal::ids(&sorted(fences.iter().map(|fence| fence.job).collect()))
    );
    let statements = format!(
        "SET @now = UTC_TIMESTAMP(6); {}; SET @ended = ROW_COUNT(); {}",
        completion(fences, "@now"),
        limits::count_out(kind, &ended)
    );
    let rows = db.transact(&statements, "SELECT CAST(@ended AS SIGNED)").await?;
    if rows.first().map(|row| row.try_get::<i64, _>(0)).transpose()? == i64::try_from(fences.len()).ok() {
        return Ok(Incomplete::default());
    }
    incomplete(db, fences).await
}

fn completion(fences: &[Fence], now: &str) -> String {
    let mut by_token: BTreeMap<Uuid, Vec<JobId>> = BTreeMap::new();
    for fence in fences {
        by_token.entry(fence.token).or_default().push(fence.job);
    }
    // A token belongs to one claiming batch, which has a job at most once: token and id prove the run.
    let runs: Vec<String> = by_token
        .into_iter()
        .map(|(token, jobs)| format!("(token = {} AND id IN ({}))", literal::uuid(token), literal::ids(&sorted(jobs))))
        .collect();
    passing_locked(
        &literal::ids(&sorted(fences.iter().map(|fence| fence.job).collect())),
        &format!("state = 'running' AND NOT again AND ({})", runs.join(" OR ")),
        &format!("j.state = 'completed', j.finished_at = {now}, j.unique_live = NULL, j.worker_id = NULL"),
    )
}

/// Those of the runs that are not completed now.
async fn incomplete(db: &Db, fences: &[Fence]) -> Result<Incomplete, DbError> {
    let list = literal::ids(&sorted(fences.iter().map(|fence| fence.job).collect()));
    let statement = format!("SELECT id, state, runs, token FROM jobs WHERE id IN ({list})");
    let rows = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_all(db.pool()).await?;
    let mut standings = HashMap::with_capacity(rows.len());
    for row in &rows {
        standings.insert(row.try_get::<JobId, _>("id")?, row);
    }
    let mut incomplete = Incomplete::default();
    for fence in fences {
        match standings.get(&fence.job).map_or(Ok(Standing::Lost), |row| Standing::of(row, fence))? {
            Standing::Ended => {}
            Standing::Runs => incomplete.left.push(*fence),
            Standing::Lost => incomplete.refused.push(*fence),
        }
    }
    Ok(incomplete)
}

/// Ends a run that did not complete, in `tx` (the caller commits). A job that was asked for again while it ran is not given
/// up or cancelled: its next run begins with a clean slate.
pub async fn fail(tx: &mut Tx, fence: &Fence, ending: &Ending) -> Result<(), Fenced> {
    attempts::record(tx, fence, ending.outcome, ending.class, ending.error.as_deref()).await?;
    let (state, delay, burnt) = match ending.next {
        Next::Again { delay, burnt } if delay.is_zero() => (State::Available, delay, burnt),
        Next::Again { delay, burnt: true } => (State::Retryable, delay, true),
        Next::Again { delay, burnt: false } => (State::Scheduled, delay, false),
        Next::Crashed { quarantined: false } | Next::MovedTo(_) => (State::Available, Duration::ZERO, false),
        Next::Crashed { quarantined: true } => (State::Quarantined, Duration::ZERO, false),
        Next::Discarded => (State::Discarded, Duration::ZERO, true),
        Next::Cancelled => (State::Cancelled, Duration::ZERO, false),
    };
    if state.is_terminal() && wanted_again(tx, fence).await? {
        if let Some(fingerprint) = ending.fingerprint {
            failures::remember(tx, fence.job, fingerprint, false).await?;
        }
        return run_again(tx, fence).await;
    }
    let terminal = state.is_terminal();
    let (id, token) = (literal::uuid(fence.job), literal::uuid(fence.token));
    let forget = forget_before_again(&format!("j.id = {id} AND j.token = {token}"));
    sqlx::raw_sql(AssertSqlSafe(forget)).execute(&mut **tx).await?;
    // The token goes with the job's return, so that one found with a token and available was ended by that run. A request
    // that came meanwhile is answered by the next run, with fresh failures.
    let mut update = QueryBuilder::new("UPDATE jobs SET worker_id = NULL, state = ");
    update.push_bind(state);
    update.push(", failures = IF(again, 0, failures) + ").push_bind(u32::from(burnt));
    update.push(", again = FALSE");
    match ending.next {
        Next::Crashed { .. } => drop(update.push(", crashes = crashes + 1")),
        Next::MovedTo(queue) => drop(update.push(", queue = ").push_bind(queue)),
        _ => {}
    }
    if let Some(fingerprint) = &ending.fingerprint {
        update.push(", error_fingerprint = ").push_bind(*fingerprint);
    }
    if terminal {
        update.push(", finished_at = UTC_TIMESTAMP(6), unique_live = NULL");
    } else {
        let micros = i64::try_from(delay.as_micros()).unwrap_or(i64::MAX);
        update.push(", token = NULL, run_at = UTC_TIMESTAMP(6) + INTERVAL ").push_bind(micros).push(" MICROSECOND");
    }
    update.push(" WHERE id = ").push_bind(fence.job);
    update.push(" AND token = ").push_bind(fence.token);
    update.push(" AND runs = ").push_bind(fence.run).push(" AND state = 'running'");
    if update.build().execute(&mut **tx).await?.rows_affected() == 0 {
        return Err(Fenced::Lost);
    }
    if let Some(fingerprint) = ending.fingerprint {
        failures::remember(tx, fence.job, fingerprint, ending.next.is_given_up()).await?;
    }
    if state == State::Cancelled {
        failures::forget(tx, fence.job).await?;
        crate::ledger::forget_cancel(tx, fence.job).await?;
    }
    Ok(())
}

/// [`complete`] or [`fail`] in a transaction of its own.
pub async fn finish(db: &Db, fence: &Fence, ending: Option<&Ending>, plain: bool) -> Result<(), Fenced> {
    let mut tx = db.begin().await?;
    match ending {
        None => complete(&mut tx, fence, plain).await?,
        Some(ending) => fail(&mut tx, fence, ending).await?,
    }
    tx.commit().await?;
    Ok(())
}

/// Puts a job that was claimed but not run, or stopped by a shutdown, back for others at once. Burns nothing.
pub async fn hand_back(db: &Db, fence: &Fence) -> Result<(), Fenced> {
    let ending = Ending {
        outcome: attempts::Outcome::HandedBack,
        class: None,
        error: None,
        fingerprint: None,
        next: Next::Again { delay: Duration::ZERO, burnt: false },
    };
    finish(db, fence, Some(&ending), false).await
}

/// The same for many jobs whose handlers never began: they leave no trace but in `runs`.
pub async fn hand_back_unstarted(db: &Db, fences: &[Fence]) -> Result<(), DbError> {
    for batch in fences.chunks(500) {
        let runs: Vec<String> = batch
            .iter()
            .map(|fence| format!("(j.id = {} AND j.token = {})", literal::uuid(fence.job), literal::uuid(fence.token)))
            .collect();
        let runs = runs.join(" OR ");
        let statement = format!(
            "{}; UPDATE jobs j SET state = 'available', worker_id = NULL, token = NULL, again = FALSE
             WHERE state = 'running' AND ({runs})",
            forget_before_again(&runs)
        );
        db.transact(&statement, "DO 0").await?;
    }
    Ok(())
}
