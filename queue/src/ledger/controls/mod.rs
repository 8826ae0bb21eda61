//! Pauses and limits, which a worker must know before it claims, under one number that every change raises.

pub mod limits;
pub mod pauses;

use std::collections::{BTreeMap, BTreeSet};

use db::{Db, DbError, Tx, literal};
use sqlx::{AssertSqlSafe, Either, Row};

use self::{limits::Limit, pauses::Scope};
use crate::ids::{JobId, WorkerId};

/// Pauses and limits as of `epoch`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Restrictions {
    pub epoch: u64,
    /// Nothing starts at all.
    pub all_paused: bool,
    pub paused_queues: BTreeSet<String>,
    pub paused_kinds: BTreeSet<String>,
    pub limits: BTreeMap<String, Limit>,
}

impl Restrictions {
    /// Kinds that are not simply claimed: paused ones and limited ones.
    pub(crate) fn restricted_kinds(&self) -> impl Iterator<Item = &str> {
        let limited = self.limits.keys().filter(|kind| !self.paused_kinds.contains(*kind));
        self.paused_kinds.iter().chain(limited).map(String::as_str)
    }
}

/// Everything in force. Read the number first: a change that comes in between makes the next look read again.
pub async fn load(db: &Db) -> Result<Restrictions, DbError> {
    let epoch = epoch(db).await?;
    let mut controls = Restrictions { epoch, ..Restrictions::default() };
    for pause in pauses::list(db).await? {
        match pause.scope {
            Scope::Queue => drop(controls.paused_queues.insert(pause.name)),
            Scope::Kind => drop(controls.paused_kinds.insert(pause.name)),
            Scope::All => controls.all_paused = true,
        }
    }
    controls.limits = limits::list(db).await?.into_iter().map(|limit| (limit.kind.clone(), limit)).collect();
    Ok(controls)
}

/// The number of the controls in force.
pub async fn epoch(db: &Db) -> Result<u64, DbError> {
    Ok(sqlx::query_scalar!("SELECT epoch FROM queue_control_epoch WHERE id = 1").fetch_one(db.pool()).await?)
}

/// Keeps pauses and limits as they are until the transaction ends; others may do the same beside it.
pub(crate) async fn hold_epoch(tx: &mut Tx) -> Result<(), DbError> {
    sqlx::query("SELECT epoch FROM queue_control_epoch WHERE id = 1 LOCK IN SHARE MODE").fetch_one(&mut **tx).await?;
    Ok(())
}

/// Every change of pauses and limits calls this first: it keeps two changes from crossing, and its row lock makes
/// numbers and changes come in the same order.
pub(crate) async fn raise_epoch(tx: &mut Tx) -> Result<(), DbError> {
    sqlx::query!("UPDATE queue_control_epoch SET epoch = epoch + 1 WHERE id = 1").execute(&mut **tx).await?;
    Ok(())
}

/// What a worker asks every quarter of a second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    pub epoch: u64,
    /// Runs, of whichever worker, that are asked to stop, and why.
    pub cancels: Vec<(JobId, u32, String)>,
    /// Set when this worker is asked to finish what it runs and end.
    pub drain: Option<String>,
}

/// One round trip.
pub async fn asked_of(db: &Db, worker: WorkerId) -> Result<Controls, DbError> {
    use futures::TryStreamExt;
    let statements = format!(
        "SELECT epoch FROM queue_control_epoch WHERE id = 1;
         SELECT drain_reason AS reason FROM workers WHERE id = {} AND drain_requested_at IS NOT NULL;
         SELECT job_id, run, reason FROM job_cancels LIMIT 10000",
        literal::uuid(worker)
    );
    let mut controls = Controls::default();
    let mut answers = sqlx::raw_sql(AssertSqlSafe(statements)).fetch_many(db.pool());
    let mut statement = 0;
    while let Some(answer) = answers.try_next().await? {
        match answer {
            Either::Left(_) => statement += 1,
            Either::Right(row) if statement == 0 => controls.epoch = row.try_get("epoch")?,
            Either::Right(row) if statement == 1 => {
                controls.drain = Some(row.try_get::<Option<String>, _>("reason")?.unwrap_or_default());
            }
            Either::Right(row) => {
                controls.cancels.push((row.try_get("job_id")?, row.try_get("run")?, row.try_get("reason")?));
            }
        }
    }
    Ok(controls)
}
