//! What people ask about their own data. A person's requests are made and changed under the lock of the account's row.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Json, Tx};
use domain::{
    data_request::{Cause, Kind, Receipt, State},
    ids::{DataRequestId, UserId},
};
use sqlx::QueryBuilder;

#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct DataRequest {
    pub id: DataRequestId,
    /// `None` once the person is erased.
    pub user_id: Option<UserId>,
    pub kind: Kind,
    pub cause: Cause,
    pub state: State,
    /// An erasure begins then.
    pub due_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Of an export.
    pub file_bytes: Option<u64>,
    /// The export's file goes then.
    pub expires_at: Option<DateTime<Utc>>,
    /// Of an erasure that has begun.
    pub receipt: Option<Json<Receipt>>,
    pub created_at: DateTime<Utc>,
}

/// What a new one starts with.
#[derive(Clone, Copy, Debug)]
pub struct NewDataRequest {
    pub id: DataRequestId,
    pub user_id: UserId,
    pub kind: Kind,
    pub cause: Cause,
    pub due_at: DateTime<Utc>,
}

macro_rules! select {
    ($tail:tt $(, $arg:expr)*) => {
        sqlx::query_as!(
            DataRequest,
            r#"SELECT id AS "id: DataRequestId", user_id AS "user_id: UserId", kind AS "kind: Kind", cause AS "cause: Cause",
                 state AS "state: State", due_at AS "due_at: DateTime<Utc>", finished_at AS "finished_at: DateTime<Utc>",
                 file_bytes, expires_at AS "expires_at: DateTime<Utc>", receipt AS "receipt: Json<Receipt>",
                 created_at AS "created_at: DateTime<Utc>"
               FROM data_requests WHERE "#
                + $tail
            $(, $arg)*
        )
    };
}

pub async fn get(db: &Db, id: DataRequestId) -> Result<Option<DataRequest>, DbError> {
    Ok(select!("id = ?", id).fetch_optional(db.pool()).await?)
}

pub async fn lock(tx: &mut Tx, id: DataRequestId) -> Result<Option<DataRequest>, DbError> {
    Ok(select!("id = ? FOR UPDATE", id).fetch_optional(&mut **tx).await?)
}

/// Somebody's newest request of a kind.
pub async fn newest(db: &Db, user: UserId, kind: Kind) -> Result<Option<DataRequest>, DbError> {
    let found = select!("user_id = ? AND kind = ? ORDER BY id DESC LIMIT 1", user, kind);
    Ok(found.fetch_optional(db.pool()).await?)
}

/// The same, locked.
pub async fn lock_newest(tx: &mut Tx, user: UserId, kind: Kind) -> Result<Option<DataRequest>, DbError> {
    let found = select!("user_id = ? AND kind = ? ORDER BY id DESC LIMIT 1 FOR UPDATE", user, kind);
    Ok(found.fetch_optional(&mut **tx).await?)
}

pub async fn insert(tx: &mut Tx, new: NewDataRequest, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO data_requests (id, user_id, kind, cause, due_at, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        new.id,
        new.user_id,
        new.kind,
        new.cause,
        new.due_at,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A worker is at it.
pub async fn begin(tx: &mut Tx, id: DataRequestId) -> Result<(), DbError> {
    sqlx::query!("UPDATE data_requests SET state = 'running' WHERE id = ? AND state = 'waiting'", id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The export is in the store.
pub async fn finish_export(
    tx: &mut Tx,
    id: DataRequestId,
    bytes: u64,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE data_requests SET state = 'done', file_bytes = ?, expires_at = ?, finished_at = ? WHERE id = ?",
        bytes,
        expires_at,
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// It ends in another way. False when it was over already.
pub async fn end(tx: &mut Tx, id: DataRequestId, state: State, now: DateTime<Utc>) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "UPDATE data_requests SET state = ?, finished_at = ? WHERE id = ? AND state IN ('waiting', 'running')",
        state,
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes back an erasure of this cause that nobody else asked for; whoever signs in is not inactive.
pub async fn withdraw_for(tx: &mut Tx, user: UserId, cause: Cause, now: DateTime<Utc>) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "UPDATE data_requests SET state = 'withdrawn', finished_at = ?
         WHERE user_id = ? AND kind = 'erasure' AND cause = ? AND state = 'waiting'",
        now,
        user,
        cause
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Erasures whose grace is over; at most 100. The longest waiting come first.
pub async fn due(db: &Db, now: DateTime<Utc>) -> Result<Vec<DataRequest>, DbError> {
    Ok(select!(
        "kind = 'erasure' AND state IN ('waiting', 'running') AND due_at <= ? ORDER BY due_at, id LIMIT 100",
        now
    )
    .fetch_all(db.pool())
    .await?)
}

/// Erasures that wait and would begin before `until` begin then, not earlier; how many. Whoever has taken one back since the backup
/// that a database comes from is asked again.
pub async fn put_off_erasures(db: &Db, until: DateTime<Utc>) -> Result<u64, DbError> {
    let done = sqlx::query!(
        "UPDATE data_requests SET due_at = ? WHERE kind = 'erasure' AND state = 'waiting' AND due_at < ?",
        until,
        until
    )
    .execute(db.pool())
    .await?;
    Ok(done.rows_affected())
}

/// Exports whose files have had their time; at most 100.
pub async fn expired(db: &Db, now: DateTime<Utc>) -> Result<Vec<DataRequestId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id: DataRequestId" FROM data_requests
           WHERE kind = 'export' AND state = 'done' AND expires_at <= ? ORDER BY expires_at LIMIT 100"#,
        now
    )
    .fetch_all(db.pool())
    .await?)
}

/// The export's file is gone.
pub async fn expire(tx: &mut Tx, id: DataRequestId) -> Result<(), DbError> {
    sqlx::query!("UPDATE data_requests SET state = 'expired' WHERE id = ? AND state = 'done'", id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Those of these exports whose files are still wanted.
pub async fn files_in_use(db: &Db, exports: &[DataRequestId]) -> Result<Vec<DataRequestId>, DbError> {
    if exports.is_empty() {
        return Ok(Vec::new());
    }
    // Built at run time, because the list has any length.
    let mut query = QueryBuilder::new("SELECT id FROM data_requests WHERE state IN ('running', 'done') AND id IN (");
    let mut list = query.separated(", ");
    for export in exports {
        list.push_bind(*export);
    }
    query.push(")");
    Ok(query.build_query_scalar().fetch_all(db.pool()).await?)
}

/// Everything somebody has asked for, but for one.
pub async fn others_of(db: &Db, user: UserId, but: DataRequestId) -> Result<Vec<DataRequestId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id: DataRequestId" FROM data_requests WHERE user_id = ? AND id <> ? ORDER BY id"#,
        user,
        but
    )
    .fetch_all(db.pool())
    .await?)
}

pub async fn remove(tx: &mut Tx, id: DataRequestId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM data_requests WHERE id = ?", id).execute(&mut **tx).await?;
    Ok(())
}

/// Keeps how far an erasure is.
pub async fn keep_receipt(tx: &mut Tx, id: DataRequestId, receipt: &Receipt) -> Result<(), DbError> {
    sqlx::query!("UPDATE data_requests SET receipt = ? WHERE id = ?", Json(receipt), id).execute(&mut **tx).await?;
    Ok(())
}

/// The person is erased, and the request names nobody any more.
pub async fn finish_erasure(
    tx: &mut Tx,
    id: DataRequestId,
    receipt: &Receipt,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE data_requests SET state = 'done', user_id = NULL, receipt = ?, finished_at = ? WHERE id = ?",
        Json(receipt),
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Which requests to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    pub user: Option<UserId>,
    pub kind: Option<Kind>,
    pub state: Option<State>,
}

/// Requests, newest first, and how many match (at most 10,001).
pub async fn page(db: &Db, filter: Filter, offset: u64, limit: u32) -> Result<(Vec<DataRequest>, u64), DbError> {
    let narrow = |query: &mut QueryBuilder<sqlx::MySql>| {
        if let Some(user) = filter.user {
            query.push(" AND user_id = ").push_bind(user);
        }
        if let Some(kind) = filter.kind {
            query.push(" AND kind = ").push_bind(kind);
        }
        if let Some(state) = filter.state {
            query.push(" AND state = ").push_bind(state);
        }
    };
    // Built at run time, because absent filters leave no trace in it.
    let mut count = QueryBuilder::new("SELECT COUNT(*) FROM (SELECT 1 FROM data_requests WHERE TRUE");
    narrow(&mut count);
    count.push(" LIMIT 10001) capped");
    let total: i64 = count.build_query_scalar().fetch_one(db.pool()).await?;
    let mut query = QueryBuilder::new(
        "SELECT id, user_id, kind, cause, state, due_at, finished_at, file_bytes, expires_at, receipt, created_at
         FROM data_requests WHERE TRUE",
    );
    narrow(&mut query);
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
    Ok((query.build_query_as().fetch_all(db.pool()).await?, u64::try_from(total).unwrap_or_default()))
}

/// Accounts that nobody has used since `before`, and whose owners were not told yet; at most 20, locked. Used: signed in to, or
/// by a session or an access token that still works. Whoever works here, or has nanos that others see, is not inactive.
pub async fn lock_inactive(tx: &mut Tx, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<UserId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT u.id AS "id: UserId" FROM users u
           WHERE u.status = 'active' AND u.role IN ('consumer', 'creator') AND u.email_verified_at IS NOT NULL
             AND COALESCE(u.last_login_at, u.created_at) < ?
             AND NOT EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.user_id = u.id AND t.revoked_at IS NULL AND t.expires_at > ?)
             AND NOT EXISTS (SELECT 1 FROM personal_tokens t
               WHERE t.user_id = u.id AND t.revoked_at IS NULL AND t.last_used_at >= ?)
             AND NOT EXISTS (SELECT 1 FROM nanos n WHERE n.creator_id = u.id AND n.status = 'published')
             AND NOT EXISTS (SELECT 1 FROM data_requests d
               WHERE d.user_id = u.id AND d.kind = 'erasure' AND d.state IN ('waiting', 'running'))
           ORDER BY u.id LIMIT 20 FOR UPDATE SKIP LOCKED"#,
        before,
        now,
        before
    )
    .fetch_all(&mut **tx)
    .await?)
}
