//! A nano's events, numbered in commit order: the source of its event stream.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Notice, Tx};
use domain::ids::{NanoId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::QueryBuilder;

/// A nano got a new event: told after the commit, so that waiting streams look at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NanoEventAppended(pub NanoId);

impl Notice for NanoEventAppended {
    const TOPIC: &'static str = "nano_event";
}

#[derive(Clone, Debug)]
pub struct NanoEvent {
    pub seq: u64,
    pub kind: String,
    pub data: Value,
    pub created_at: DateTime<Utc>,
}

/// Appends an event. Its number is taken under the nano's row lock, held until the commit: whoever has read up to
/// a number has missed none before it.
pub async fn append(tx: &mut Tx, nano: NanoId, kind: &str, data: &Value, now: DateTime<Utc>) -> Result<u64, DbError> {
    sqlx::query!("UPDATE nanos SET event_seq = event_seq + 1 WHERE id = ?", nano).execute(&mut **tx).await?;
    let seq = sqlx::query_scalar!("SELECT event_seq FROM nanos WHERE id = ?", nano).fetch_one(&mut **tx).await?;
    sqlx::query!(
        "INSERT INTO nano_events (nano_id, seq, kind, data, created_at) VALUES (?, ?, ?, ?, ?)",
        nano,
        seq,
        kind,
        data,
        now
    )
    .execute(&mut **tx)
    .await?;
    tx.notify(NanoEventAppended(nano));
    Ok(seq)
}

/// Events after number `after`, in order.
pub async fn since(db: &Db, nano: NanoId, after: u64, limit: u32) -> Result<Vec<NanoEvent>, DbError> {
    Ok(sqlx::query_as!(
        NanoEvent,
        r#"SELECT seq, kind, data AS "data: Value", created_at AS "created_at: DateTime<Utc>"
           FROM nano_events WHERE nano_id = ? AND seq > ? ORDER BY seq LIMIT ?"#,
        nano,
        after,
        limit
    )
    .fetch_all(db.pool())
    .await?)
}

/// The numbers of the last events of a person's newest nanos, at most `limit`.
pub async fn heads(db: &Db, creator: UserId, limit: u32) -> Result<Vec<(NanoId, u64)>, DbError> {
    let mut query = QueryBuilder::new("SELECT id, event_seq FROM nanos WHERE creator_id = ");
    query.push_bind(creator).push(" AND status <> 'deleted' ORDER BY created_at DESC, id DESC LIMIT ");
    query.push_bind(limit);
    Ok(query.build_query_as().fetch_all(db.pool()).await?)
}

/// Those of a person's nanos that a version is on its way of.
pub async fn on_their_way(db: &Db, creator: UserId) -> Result<Vec<NanoId>, DbError> {
    let mut query = QueryBuilder::new(
        "SELECT n.id FROM nanos n LEFT JOIN nano_versions v ON v.id = n.latest_version_id WHERE n.creator_id = ",
    );
    query.push_bind(creator);
    query.push(" AND n.status <> 'deleted' AND (n.status = 'processing' OR v.state = 'processing')");
    Ok(query.build_query_scalar().fetch_all(db.pool()).await?)
}

/// Of each of these nanos that has any, the first event that is not older than this.
pub async fn first_since(db: &Db, nanos: &[NanoId], since: DateTime<Utc>) -> Result<Vec<(NanoId, u64)>, DbError> {
    if nanos.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT nano_id, MIN(seq) FROM nano_events WHERE nano_id IN (");
    let mut list = query.separated(", ");
    for nano in nanos {
        list.push_bind(*nano);
    }
    query.push(") AND created_at >= ").push_bind(since).push(" GROUP BY nano_id");
    Ok(query.build_query_as().fetch_all(db.pool()).await?)
}
