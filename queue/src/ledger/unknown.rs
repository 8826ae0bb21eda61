//! Jobs whose kind, or whose version of arguments, no living worker knows: they are blocked until one comes that does, so
//! that they neither run through the attempts of workers that can only put them back nor lie in the way of others.

use std::collections::HashMap;

use db::{Db, DbError, literal};
use sqlx::{AssertSqlSafe, FromRow, QueryBuilder};
use uuid::Uuid;

use crate::{
    Kinds,
    ids::JobId,
    ledger::{claim::Claimant, controls::limits::COUNTED_BY, push_ids, sorted},
};

/// The kinds of a build as a worker registers them: `mail:1,publish_version:2`.
pub fn announced(kinds: &Kinds) -> String {
    let names: Vec<String> = kinds.iter().map(|kind| format!("{}:{}", kind.name, kind.version)).collect();
    names.join(",")
}

/// What the living workers know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// One of them is of a build that does not say, and takes whatever comes.
    anything: bool,
    newest: HashMap<String, u16>,
}

impl Known {
    pub(crate) async fn load(db: &Db) -> Result<Self, DbError> {
        let lists = sqlx::query_scalar!("SELECT DISTINCT kinds FROM workers WHERE state IN ('alive', 'draining')")
            .fetch_all(db.pool())
            .await?;
        Ok(Self::of(&lists))
    }

    fn of(lists: &[Option<String>]) -> Self {
        let mut known = Self::default();
        for list in lists {
            let Some(list) = list else {
                known.anything = true;
                continue;
            };
            for (kind, version) in list.split(',').filter_map(|entry| entry.split_once(':')) {
                let newest = known.newest.entry(kind.to_owned()).or_default();
                *newest = (*newest).max(version.parse().unwrap_or(0));
            }
        }
        known
    }

    /// The newest version of this kind's arguments that somebody knows.
    pub(crate) fn newest(&self, kind: &str) -> Option<u16> {
        if self.anything { Some(u16::MAX) } else { self.newest.get(kind).copied() }
    }
}

#[derive(FromRow)]
struct Unclaimed {
    id: JobId,
    kind: String,
    args_version: u16,
    tenant: Uuid,
    priority: u8,
}

/// Blocks those of `ids` that are available and known to no living worker; returns how many. What another worker knows is
/// left to it.
pub async fn set_aside_unknown(db: &Db, claimant: &Claimant, ids: &[JobId]) -> Result<u64, DbError> {
    if claimant.known().is_empty() || ids.is_empty() {
        return Ok(0);
    }
    let select = format!(
        "SELECT id, kind, args_version, {COUNTED_BY} AS tenant, priority FROM jobs
         WHERE id IN ({}) AND state = 'available' AND NOT (TRUE{})",
        literal::ids(&sorted(ids.to_vec())),
        claimant.known()
    );
    let mut unclaimed: Vec<Unclaimed> = sqlx::query_as(AssertSqlSafe(select)).fetch_all(db.pool()).await?;
    if unclaimed.is_empty() {
        return Ok(0);
    }
    let known = Known::load(db).await?;
    unclaimed.retain(|job| known.newest(&job.kind).is_none_or(|newest| newest < job.args_version));
    if unclaimed.is_empty() {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    let mut lock = QueryBuilder::<sqlx::MySql>::new("SELECT id FROM jobs WHERE id IN (");
    push_ids(&mut lock, &sorted(unclaimed.iter().map(|job| job.id).collect()));
    lock.push(") AND state = 'available' ORDER BY id FOR UPDATE SKIP LOCKED");
    let free: Vec<JobId> = lock.build_query_scalar().fetch_all(&mut *tx).await?;
    unclaimed.retain(|job| free.contains(&job.id));
    if unclaimed.is_empty() {
        return Ok(0);
    }
    let mut block = QueryBuilder::<sqlx::MySql>::new("UPDATE jobs SET state = 'blocked' WHERE id IN (");
    push_ids(&mut block, &free);
    block.push(") AND state = 'available'");
    let blocked = block.build().execute(&mut *tx).await?.rows_affected();
    let mut places =
        QueryBuilder::<sqlx::MySql>::new("INSERT IGNORE INTO blocked_jobs (kind, priority, tenant, job_id) ");
    places.push_values(&unclaimed, |mut row, job| {
        row.push_bind(&job.kind).push_bind(job.priority).push_bind(job.tenant).push_bind(job.id);
    });
    places.build().execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(blocked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_build_counts_and_an_old_one_takes_anything() {
        let known = Known::of(&[Some("mail:1,publish:1".into()), Some("mail:1,publish:3".into())]);
        assert_eq!((known.newest("publish"), known.newest("mail"), known.newest("audit")), (Some(3), Some(1), None));
        assert_eq!(Known::of(&[None]).newest("audit"), Some(u16::MAX));
        assert_eq!(Known::of(&[]).newest("mail"), None, "nobody lives");
    }
}
