//! The audit log: append-only rows in a hash chain (`domain::audit`).

use chrono::{DateTime, Utc};
use db::{Db, DbError, Hash, Tx};
use domain::{
    audit::{ChainError, ChainHash, Entry, GENESIS, Link, Outcome, Verifier},
    ids::UserId,
};
use serde_json::Value;
use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use super::sealing;

/// Appends a row and returns its number. What it says of a person is sealed with that person's key (`sealing.rs`).
///
/// The end of the chain is one row that stays locked until the transaction ends: append last, right before the
/// commit, and never before another lock.
pub async fn append(tx: &mut Tx, entry: &Entry) -> Result<u64, DbError> {
    let entry = sealing::seal(tx, entry).await?;
    let head = sqlx::query!(r#"SELECT seq, hash AS "hash: Hash" FROM audit_head WHERE id = 1 FOR UPDATE"#)
        .fetch_one(&mut **tx)
        .await?;
    let (seq, previous) = (head.seq + 1, head.hash.0);
    let own = entry.hash(seq, &previous);
    sqlx::query!(
        "INSERT INTO audit_log (seq, id, action, actor_id, target_type, target_id, details, ip_prefix, user_agent,
           result, request_id, created_at, prev_hash, hash)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        seq,
        entry.id,
        entry.action,
        entry.actor_id,
        entry.target_type,
        entry.target_id,
        entry.details,
        entry.ip_prefix,
        entry.user_agent,
        entry.outcome,
        entry.request_id,
        entry.created_at,
        head.hash,
        Hash(own)
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("UPDATE audit_head SET seq = ?, hash = ? WHERE id = 1", seq, Hash(own)).execute(&mut **tx).await?;
    Ok(seq)
}

/// A row as stored, flat.
#[derive(FromRow)]
struct Row {
    seq: u64,
    id: Uuid,
    action: String,
    actor_id: Option<Uuid>,
    target_type: String,
    target_id: Option<Uuid>,
    details: Value,
    ip_prefix: Option<String>,
    user_agent: Option<String>,
    #[sqlx(rename = "result")]
    outcome: Outcome,
    request_id: Option<String>,
    created_at: DateTime<Utc>,
    prev_hash: Hash,
    hash: Hash,
}

impl From<Row> for Link {
    fn from(row: Row) -> Self {
        Self {
            seq: row.seq,
            entry: Entry {
                id: row.id,
                action: row.action,
                actor_id: row.actor_id,
                target_type: row.target_type,
                target_id: row.target_id,
                details: row.details,
                ip_prefix: row.ip_prefix,
                user_agent: row.user_agent,
                outcome: row.outcome,
                request_id: row.request_id,
                created_at: row.created_at,
            },
            previous: row.prev_hash.0,
            hash: row.hash.0,
        }
    }
}

/// Which rows to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub actor: Option<UserId>,
    pub action: Option<String>,
}

/// Rows, newest first, and how many match (at most 10,001). Sealed parts are opened where their keys are still there.
pub async fn page(db: &Db, filter: &Filter, offset: u64, limit: u32) -> Result<(Vec<Link>, u64), DbError> {
    let narrow = |query: &mut QueryBuilder<sqlx::MySql>| {
        if let Some(actor) = filter.actor {
            query.push(" AND actor_id = ").push_bind(actor);
        }
        if let Some(action) = &filter.action {
            query.push(" AND action = ").push_bind(action.clone());
        }
    };
    // Built at run time, because absent filters leave no trace in it.
    let mut count = QueryBuilder::new("SELECT COUNT(*) FROM (SELECT 1 FROM audit_log WHERE TRUE");
    narrow(&mut count);
    count.push(" LIMIT 10001) capped");
    let total: i64 = count.build_query_scalar().fetch_one(db.pool()).await?;

    let mut query = QueryBuilder::new(
        "SELECT seq, id, action, actor_id, target_type, target_id, details, ip_prefix, user_agent, result, request_id,
           created_at, prev_hash, hash FROM audit_log WHERE TRUE",
    );
    narrow(&mut query);
    query.push(" ORDER BY seq DESC LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
    let rows: Vec<Row> = query.build_query_as().fetch_all(db.pool()).await?;
    let mut links: Vec<Link> = rows.into_iter().map(Link::from).collect();
    sealing::open(db, &mut links).await?;
    Ok((links, total.unsigned_abs()))
}

/// What a walk over the whole chain found.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All rows hold.
    Whole {
        rows: u64,
    },
    Broken(ChainError),
    /// The rows hold, but the end that was recorded is another one: rows were cut off.
    WrongEnd {
        rows: u64,
        recorded: u64,
    },
}

/// Number and hash of the last row.
pub async fn head(db: &Db) -> Result<(u64, ChainHash), DbError> {
    let head =
        sqlx::query!(r#"SELECT seq, hash AS "hash: Hash" FROM audit_head WHERE id = 1"#).fetch_one(db.pool()).await?;
    Ok((head.seq, head.hash.0))
}

/// Rows behind `after` up to `until`, in their order; at most 500.
pub async fn rows(db: &Db, after: u64, until: u64) -> Result<Vec<Link>, DbError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT seq, id AS "id: Uuid", action, actor_id AS "actor_id: Uuid", target_type, target_id AS "target_id: Uuid",
             details AS "details: Value", ip_prefix, user_agent, result AS "outcome: Outcome", request_id,
             created_at AS "created_at: DateTime<Utc>", prev_hash AS "prev_hash: Hash", hash AS "hash: Hash"
           FROM audit_log WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT 500"#,
        after,
        until
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows.into_iter().map(Link::from).collect())
}

/// The chain hash that row `seq` has stored; of row 0, the one before the first. `None` when the row is missing.
pub async fn hash_of(db: &Db, seq: u64) -> Result<Option<ChainHash>, DbError> {
    if seq == 0 {
        return Ok(Some(GENESIS));
    }
    let stored = sqlx::query_scalar!(r#"SELECT hash AS "hash: Hash" FROM audit_log WHERE seq = ?"#, seq)
        .fetch_optional(db.pool())
        .await?;
    Ok(stored.map(|stored| stored.0))
}

/// Recomputes every hash, 500 rows at a time.
pub async fn verify(db: &Db) -> Result<Verdict, DbError> {
    verify_with(db, |_, _| {}).await
}

/// The same; tells how many rows are done, and of how many.
pub async fn verify_with(db: &Db, mut progress: impl FnMut(u64, u64)) -> Result<Verdict, DbError> {
    let mut verifier = Verifier::default();
    // Read before the rows: rows appended meanwhile come after it.
    let head = head(db).await?;
    while verifier.head().0 < head.0 {
        let links = rows(db, verifier.head().0, head.0).await?;
        if links.is_empty() {
            break;
        }
        for link in links {
            if let Err(broken) = verifier.push(&link) {
                return Ok(Verdict::Broken(broken));
            }
        }
        progress(verifier.head().0, head.0);
    }
    if verifier.head() == head {
        Ok(Verdict::Whole { rows: head.0 })
    } else {
        Ok(Verdict::WrongEnd { rows: verifier.head().0, recorded: head.0 })
    }
}
