//! The end of a run. Every write here is fenced: it happens only while this very run still holds the job.

use std::{collections::BTreeMap, time::Duration};

use db::{Db, DbError, Tx, literal};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Either, QueryBuilder, Row};
use uuid::Uuid;

use crate::{
    ids::{FlowId, JobId, WorkerId},
    ledger::{State, flows, history::attempts, list::Fingerprint, sorted, stats::failures},
};

/// Proves that a run still owns its job: the claiming batch's token and the number of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
/// was its last child. Repeating a completion that had committed already is a success.
pub async fn complete(tx: &mut Tx, fence: &Fence, plain: bool) -> Result<(), Fenced> {
    if !plain {
        attempts::record(tx, fence, attempts::Outcome::Completed, None, None).await?;
        failures::forget(tx, fence.job).await?;
    }
    // The mark and the question whose child it is, in one round trip.
    let (id, token) = (literal::uuid(fence.job), literal::uuid(fence.token));
    let statements = format!(
        "{COMPLETE} WHERE id = {id} AND token = {token} AND runs = {} AND state = 'running';
         SELECT flow_id FROM jobs WHERE id = {id}",
        fence.run
    );
    let (mut marked, mut flow) = (0, None);
    let mut answers = sqlx::raw_sql(AssertSqlSafe(statements)).fetch_many(&mut **tx);
    while let Some(answer) = answers.try_next().await? {
        match answer {
            Either::Left(done) => marked += done.rows_affected(),
            Either::Right(row) => flow = row.try_get::<Option<FlowId>, _>("flow_id")?,
        }
    }
    drop(answers);
    if marked == 0 {
        let before = sqlx::query!(
            r#"SELECT state AS "state: State", runs FROM jobs WHERE id = ? AND token = ?"#,
            fence.job,
            fence.token
        )
        .fetch_optional(&mut **tx)
        .await?;
        // Completed, or completed and available `again`: whatever else makes a job available takes the token away.
        return match before {
            Some(row) if matches!(row.state, State::Completed | State::Available) && row.runs == fence.run => Ok(()),
            _ => Err(Fenced::Lost),
        };
    }
    if let Some(flow) = flow {
        flows::child_completed(tx, flow).await?;
    }
    Ok(())
}

/// Completes runs whose handlers wrote nothing, all in one statement: plain first runs that are no child of a flow.
/// Returns those that were refused, because their job had been taken away. Repeating it is harmless.
pub async fn complete_all(db: &Db, fences: &[Fence]) -> Result<Vec<Fence>, DbError> {
    if fences.is_empty() {
        return Ok(Vec::new());
    }
    let mut by_token: BTreeMap<Uuid, Vec<JobId>> = BTreeMap::new();
    for fence in fences {
        by_token.entry(fence.token).or_default().push(fence.job);
    }
    // A token belongs to one claiming batch, which has a job at most once: token and id prove the run.
    let runs: Vec<String> = by_token
        .into_iter()
        .map(|(token, jobs)| format!("(token = {} AND id IN ({}))", literal::uuid(token), literal::ids(&sorted(jobs))))
        .collect();
    let statement = format!("{COMPLETE} WHERE state = 'running' AND ({})", runs.join(" OR "));
    let marked = sqlx::raw_sql(AssertSqlSafe(statement)).execute(db.pool()).await?.rows_affected();
    if marked == fences.len() as u64 {
        return Ok(Vec::new());
    }
    let mut refused = Vec::new();
    for fence in fences {
        match finish(db, fence, None, true).await {
            Ok(()) => {}
            Err(Fenced::Lost) => refused.push(*fence),
            Err(Fenced::Db(error)) => return Err(error),
        }
    }
    Ok(refused)
}

/// Assignments run from left to right: `again` decides and is cleared last.
const COMPLETE: &str = "UPDATE jobs SET state = IF(again, 'available', 'completed'),
    finished_at = IF(again, NULL, UTC_TIMESTAMP(6)), unique_live = IF(again, unique_live, NULL),
    failures = IF(again, 0, failures), run_at = IF(again, UTC_TIMESTAMP(6), run_at),
    worker_id = NULL, again = FALSE";

/// Ends a run that did not complete, in `tx` (the caller commits).
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
    let terminal = state.is_terminal();
    // The token goes with the job's return, so that one found with a token and available was completed (`again`).
    let mut update = QueryBuilder::new("UPDATE jobs SET worker_id = NULL, again = FALSE, state = ");
    update.push_bind(state);
    update.push(", failures = failures + ").push_bind(u32::from(burnt));
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
            .map(|fence| format!("(id = {} AND token = {})", literal::uuid(fence.job), literal::uuid(fence.token)))
            .collect();
        let statement = format!(
            "UPDATE jobs SET state = 'available', worker_id = NULL, token = NULL, again = FALSE
             WHERE state = 'running' AND ({})",
            runs.join(" OR ")
        );
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(db.pool()).await?;
    }
    Ok(())
}
