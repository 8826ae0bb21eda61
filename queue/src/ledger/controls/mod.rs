//! Pauses and limits, which a worker must know before it claims, under one number that every change raises.

pub mod limits;
pub mod pauses;

use std::collections::{BTreeMap, BTreeSet};

use db::{Db, DbError, Tx, literal};
use sqlx::{AssertSqlSafe, Row};

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
    /// Whether anything is paused.
    pub(crate) fn pauses(&self) -> bool {
        self.all_paused || !self.paused_queues.is_empty() || !self.paused_kinds.is_empty()
    }

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

/// One statement. The casts keep the numbers of one type on every server.
pub async fn asked_of(db: &Db, worker: WorkerId) -> Result<Controls, DbError> {
    let statement = format!(
        "SELECT 'epoch' AS what, epoch AS number, NULL AS job, NULL AS reason FROM queue_control_epoch WHERE id = 1
         UNION ALL
         SELECT 'drain', CAST(0 AS UNSIGNED), NULL, drain_reason FROM workers WHERE id = {} AND drain_requested_at IS NOT NULL
         UNION ALL
         (SELECT 'cancel', CAST(run AS UNSIGNED), job_id, reason FROM job_cancels LIMIT 10000)",
        literal::uuid(worker)
    );
    let mut controls = Controls::default();
    for row in sqlx::raw_sql(AssertSqlSafe(statement)).fetch_all(db.pool()).await? {
        let number: u64 = row.try_get("number")?;
        let reason = || Ok::<_, DbError>(row.try_get::<Option<String>, _>("reason")?.unwrap_or_default());
        match row.try_get("what")? {
            "epoch" => controls.epoch = number,
            "drain" => controls.drain = Some(reason()?),
            _ => {
                let run = u32::try_from(number).unwrap_or(u32::MAX);
                controls.cancels.push((row.try_get("job")?, run, reason()?));
            }
        }
    }
    Ok(controls)
}
