//! The counts of running jobs of limited kinds: claims add, ends of runs subtract, the rescuer counts anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use db::{Db, DbError, Tx, literal};
use sqlx::{AssertSqlSafe, QueryBuilder};
use uuid::Uuid;

use super::{Limit, get, list};
use crate::{
    Queue,
    ids::JobId,
    ledger::{act::forget_before_again, controls::Restrictions, sorted},
};

/// What the limits for each tenant count by, of `jobs`: the tenant, or the key that the kind names instead.
pub(crate) const COUNTED_BY: &str = "COALESCE(limit_key, tenant)";

/// Those of the jobs that this very transaction has locked, or nobody has: the `FROM` of a read inside an update, which would
/// otherwise wait for rows that others hold while everybody waits for the limit's. By the primary key, since by its kind a job
/// is looked at among those that others are claiming.
fn ours(condition: &str) -> String {
    format!(
        "FROM (SELECT kind, {COUNTED_BY} AS counted_by FROM jobs FORCE INDEX (PRIMARY) WHERE {condition}
               LIMIT 10000 FOR UPDATE SKIP LOCKED) ours"
    )
}

/// The statements with which a claim counts what it has taken with `token` among `list`, and asks which of `kinds` have more
/// running, or have begun more, than their limits allow: a row of one column for each.
pub(crate) fn counting(list: &str, token: Uuid, kinds: &[&str], controls: &Restrictions) -> String {
    let names = |kinds: &mut dyn Iterator<Item = &str>| kinds.map(literal::text).collect::<Vec<_>>().join(",");
    let token = literal::uuid(token);
    let counted = names(&mut kinds.iter().copied());
    let of = |kinds: &str| format!("id IN ({list}) AND token = {token} AND kind IN ({kinds})");
    let taken = |kinds: &str| ours(&of(kinds));
    // A select of its own reads without locks.
    let seen = |kinds: &str| format!("FROM jobs FORCE INDEX (PRIMARY) WHERE {}", of(kinds));
    let interval = "(COALESCE(l.rate_seconds, 1) * 1000000 DIV l.rate)";
    let mut statements = format!(
        "UPDATE job_limits l JOIN (SELECT kind, COUNT(*) AS jobs {} GROUP BY kind) c ON c.kind = l.kind
         SET l.running = l.running + c.jobs,
             l.tat = IF(l.rate > 0, GREATEST(COALESCE(l.tat, UTC_TIMESTAMP(6)), UTC_TIMESTAMP(6))
                                    + INTERVAL c.jobs * {interval} MICROSECOND, l.tat)",
        taken(&counted)
    );
    let by_tenant: Vec<&str> = kinds
        .iter()
        .copied()
        .filter(|kind| controls.limits.get(*kind).is_some_and(|limit| limit.max_running_per_tenant.is_some()))
        .collect();
    let mut tenants_met = String::new();
    if !by_tenant.is_empty() {
        let by_tenant = names(&mut by_tenant.iter().copied());
        statements.push_str(&format!(
            "; INSERT INTO limit_tenants (kind, tenant, running)
               SELECT kind, counted_by, COUNT(*) {} GROUP BY kind, counted_by
               ON DUPLICATE KEY UPDATE running = limit_tenants.running + VALUES(running)",
            taken(&by_tenant)
        ));
        tenants_met = format!(
            " OR EXISTS (SELECT 1 FROM limit_tenants t
                         WHERE t.kind = l.kind AND t.running > l.max_running_per_tenant
                           AND t.tenant IN (SELECT {COUNTED_BY} {}))",
            seen(&by_tenant)
        );
    }
    // A start that was put off has its time already: it is judged, so that it is not charged twice.
    statements.push_str(&format!(
        "; SELECT l.kind FROM job_limits l
           WHERE l.kind IN (SELECT kind {})
             AND (l.running > l.max_running
                  OR (l.rate > 0 AND l.tat - INTERVAL {interval} * GREATEST(COALESCE(l.burst, 1), 1) MICROSECOND
                                     > UTC_TIMESTAMP(6)){tenants_met})
           UNION SELECT r.kind FROM rate_slots r WHERE r.job_id IN ({list})",
        seen(&counted)
    ));
    statements
}

/// Gives back what a claim has just taken with `token` of these kinds, since their limits allow less. Nobody has heard of these
/// runs, so they do not count, and waiting for a limit costs no run.
pub(crate) async fn take_back(db: &Db, token: Uuid, ids: &[JobId], kinds: &[String]) -> Result<(), DbError> {
    let (list, token) = (literal::ids(&sorted(ids.to_vec())), literal::uuid(token));
    let mut statements = Vec::new();
    for kind in kinds {
        let kind = literal::text(kind);
        let of = format!("id IN ({list}) AND token = {token} AND kind = {kind} AND state = 'running'");
        let (taken, seen) = (ours(&of), format!("FROM jobs FORCE INDEX (PRIMARY) WHERE {of}"));
        // As it was counted: the limit's row, then the tenants'.
        statements.push(format!(
            "SET @taken = (SELECT COUNT(*) {seen});
             UPDATE job_limits SET running = running - LEAST(running, @taken),
                    tat = IF(rate > 0, tat - INTERVAL @taken * (COALESCE(rate_seconds, 1) * 1000000 DIV rate) MICROSECOND, tat)
             WHERE kind = {kind};
             UPDATE limit_tenants l JOIN (SELECT counted_by, COUNT(*) AS jobs {taken} GROUP BY counted_by) t ON t.counted_by = l.tenant
             SET l.running = l.running - LEAST(l.running, t.jobs) WHERE l.kind = {kind};
             {};
             UPDATE jobs SET state = 'available', runs = runs - 1, worker_id = NULL, token = NULL, again = FALSE
             WHERE id IN ({list}) AND token = {token} AND kind = {kind} AND state = 'running'",
            forget_before_again(&format!("j.id IN ({list}) AND j.token = {token} AND j.kind = {kind}"))
        ));
    }
    db.transact(&statements.join("; "), "DO 0").await?;
    Ok(())
}

/// Counts jobs that begin to run, by tenant. The limit's row is locked.
pub(crate) async fn count_in(tx: &mut Tx, limit: &Limit, tenants: &BTreeMap<Uuid, u32>) -> Result<(), DbError> {
    let jobs: u32 = tenants.values().sum();
    sqlx::query!("UPDATE job_limits SET running = running + ? WHERE kind = ?", jobs, limit.kind)
        .execute(&mut **tx)
        .await?;
    if limit.max_running_per_tenant.is_none() || tenants.is_empty() {
        return Ok(());
    }
    let mut insert = QueryBuilder::<sqlx::MySql>::new("INSERT INTO limit_tenants (kind, tenant, running) ");
    insert.push_values(tenants, |mut row, (tenant, jobs)| {
        row.push_bind(&limit.kind).push_bind(*tenant).push_bind(*jobs);
    });
    insert.push(" ON DUPLICATE KEY UPDATE running = running + VALUES(running)");
    insert.build().execute(&mut **tx).await?;
    Ok(())
}

/// How much of a kind runs for each of these tenants, where it is counted by tenant.
pub(crate) async fn running_of(
    tx: &mut Tx,
    kind: &str,
    tenants: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, u32>, DbError> {
    let tenants: BTreeSet<Uuid> = tenants.collect();
    if tenants.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query = QueryBuilder::<sqlx::MySql>::new("SELECT tenant, running FROM limit_tenants WHERE kind = ");
    query.push_bind(kind.to_owned()).push(" AND tenant IN (");
    let mut list = query.separated(", ");
    for tenant in tenants {
        list.push_bind(tenant);
    }
    query.push(")");
    let rows: Vec<(Uuid, u32)> = query.build_query_as().fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().collect())
}

/// How much runs of the job's kind for the tenant, or the key, that it counts by, where it is counted so.
pub async fn running_beside(db: &Db, job: JobId) -> Result<u32, DbError> {
    let running = sqlx::query_scalar!(
        "SELECT t.running FROM jobs j JOIN limit_tenants t ON t.kind = j.kind AND t.tenant = COALESCE(j.limit_key, j.tenant)
         WHERE j.id = ?",
        job
    )
    .fetch_optional(db.pool())
    .await?;
    Ok(running.unwrap_or(0))
}

/// The statements that take the runs of a kind that have ended from the numbers: `@ended` of them, the jobs for which the
/// condition `ended` holds, whose rows are locked by whoever ended them.
pub(crate) fn count_out(kind: &str, ended: &str) -> String {
    let kind = literal::text(kind);
    let ended = ours(&format!("{ended} AND EXISTS (SELECT 1 FROM limit_tenants t WHERE t.kind = {kind})"));
    format!(
        "UPDATE job_limits SET running = running - LEAST(running, @ended) WHERE kind = {kind};
         UPDATE limit_tenants l JOIN (SELECT counted_by, COUNT(*) AS jobs {ended} GROUP BY counted_by) c
           ON c.counted_by = l.tenant
         SET l.running = l.running - LEAST(l.running, c.jobs) WHERE l.kind = {kind}"
    )
}

/// Counts one run that ends in `tx`. Goes last: others wait for the limit's row until the commit.
pub(crate) async fn count_one_out(tx: &mut Tx, kind: &str, job: JobId) -> Result<(), DbError> {
    let statements = format!("SET @ended = 1; {}", count_out(kind, &format!("id = {}", literal::uuid(job))));
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut **tx).await?;
    Ok(())
}

/// The rescuer's part: the numbers of running jobs as they are.
pub async fn recount(db: &Db, queues: &[Queue]) -> Result<(), DbError> {
    let queues: Vec<String> = queues.iter().map(|queue| queue.as_str().to_owned()).collect();
    for limit in list(db).await? {
        let mut tx = db.begin().await?;
        // Whoever counts waits here. What a claim under way has taken is not seen yet, and added by it afterwards; what ends
        // just now is still seen, and subtracted afterwards.
        if let Some(limit) = get(&mut tx, &limit.kind).await? {
            count(&mut tx, &limit, &queues).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

/// Counts what is running of a limited kind, by tenant where tenants are limited. Running jobs are found through their queues.
pub(super) async fn count(tx: &mut Tx, limit: &Limit, queues: &[String]) -> Result<(), DbError> {
    let mut query = QueryBuilder::<sqlx::MySql>::new("SELECT ");
    query.push(COUNTED_BY).push(" AS counted_by, COUNT(*) FROM jobs WHERE queue IN (");
    let mut list = query.separated(", ");
    for queue in queues {
        list.push_bind(queue);
    }
    query.push(") AND state = 'running' AND kind = ").push_bind(&limit.kind).push(" GROUP BY counted_by");
    let running: Vec<(Uuid, i64)> =
        if queues.is_empty() { Vec::new() } else { query.build_query_as().fetch_all(&mut **tx).await? };
    let all: i64 = running.iter().map(|(_, jobs)| jobs).sum();
    sqlx::query!("UPDATE job_limits SET running = ? WHERE kind = ?", all, limit.kind).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM limit_tenants WHERE kind = ?", limit.kind).execute(&mut **tx).await?;
    if limit.max_running_per_tenant.is_some() && !running.is_empty() {
        let mut insert = QueryBuilder::<sqlx::MySql>::new("INSERT INTO limit_tenants (kind, tenant, running) ");
        insert.push_values(&running, |mut row, (tenant, jobs)| {
            row.push_bind(&limit.kind).push_bind(*tenant).push_bind(*jobs);
        });
        insert.build().execute(&mut **tx).await?;
    }
    Ok(())
}
