//! The answers to requests with an `Idempotency-Key`. A row commits with what its request has made, or not at all: there is
//! never one without the other, whenever a process dies.

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError, Hash, Tx};

/// How long an answer is given again. Older rows count for nothing, and are deleted by `retention`.
pub const LIFETIME: TimeDelta = TimeDelta::hours(24);

/// Whose request it is, and what it asks for.
#[derive(Clone, Copy, Debug)]
pub struct Keyed {
    /// Of the caller and the key.
    pub id: Hash,
    /// Of everything that makes it the same request.
    pub fingerprint: Hash,
}

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub body: Vec<u8>,
}

/// Whether a request is the first under its key.
#[derive(Debug)]
pub enum Claim {
    /// It is. Of [`claim`] the key is taken with this transaction then, and [`settle`] writes down the answer.
    First,
    /// It was answered before.
    Answered(Answer),
    /// The key belongs to another request.
    Other,
    /// The first one has not committed yet.
    UnderWay,
}

struct Row {
    fingerprint: Hash,
    status: u16,
    location: Option<String>,
    body: Vec<u8>,
    created_at: DateTime<Utc>,
}

impl Row {
    fn claim(self, fingerprint: Hash) -> Claim {
        if self.fingerprint == fingerprint {
            Claim::Answered(Answer { status: self.status, location: self.location, body: self.body })
        } else {
            Claim::Other
        }
    }
}

macro_rules! select {
    ($tail:tt, $id:expr) => {
        sqlx::query_as!(
            Row,
            r#"SELECT fingerprint AS "fingerprint: Hash", status, location, body,
                 created_at AS "created_at: DateTime<Utc>"
               FROM idempotency_keys WHERE id = ?"#
                + $tail,
            $id
        )
    };
}

/// What was answered under the key, and has been committed: without a transaction, and without taking the key.
pub async fn find(db: &Db, keyed: &Keyed, now: DateTime<Utc>) -> Result<Claim, DbError> {
    let found = select!("", keyed.id).fetch_optional(db.pool()).await?;
    let live = found.filter(|row| row.created_at + LIFETIME > now);
    Ok(live.map_or(Claim::First, |row| row.claim(keyed.fingerprint)))
}

/// Takes the key for this transaction, unless somebody has it. Nobody waits for the one who has it.
pub async fn claim(tx: &mut Tx, keyed: &Keyed, now: DateTime<Utc>) -> Result<Claim, DbError> {
    let found = match select!(" FOR UPDATE NOWAIT", keyed.id).fetch_optional(&mut **tx).await.map_err(DbError::from) {
        Err(DbError::Deadlock(_)) => {
            // Locked by the request that takes it just now, or by another one that reads the answer as this one would.
            let committed = select!("", keyed.id).fetch_optional(&mut **tx).await?;
            return Ok(committed.map_or(Claim::UnderWay, |row| row.claim(keyed.fingerprint)));
        }
        found => found?,
    };
    match found {
        Some(row) if row.created_at + LIFETIME > now => return Ok(row.claim(keyed.fingerprint)),
        Some(_) => {
            sqlx::query!("DELETE FROM idempotency_keys WHERE id = ?", keyed.id).execute(&mut **tx).await?;
        }
        None => {}
    }
    let taken = sqlx::query!(
        "INSERT INTO idempotency_keys (id, fingerprint, status, body, created_at) VALUES (?, ?, 0, '', ?)",
        keyed.id,
        keyed.fingerprint,
        now
    )
    .execute(&mut **tx)
    .await
    .map_err(DbError::from);
    match taken {
        Ok(_) => Ok(Claim::First),
        // Somebody was quicker by less than two statements, and this one has waited for them.
        Err(DbError::Conflict { .. }) => {
            let committed = select!("", keyed.id).fetch_optional(&mut **tx).await?;
            Ok(committed.map_or(Claim::UnderWay, |row| row.claim(keyed.fingerprint)))
        }
        Err(error) => Err(error),
    }
}

/// Writes down the answer, in the transaction that has claimed the key.
pub async fn settle(tx: &mut Tx, keyed: &Keyed, answer: &Answer) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE idempotency_keys SET status = ?, location = ?, body = ? WHERE id = ?",
        answer.status,
        answer.location,
        answer.body,
        keyed.id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
