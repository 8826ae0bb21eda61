//! Alerts: what is wrong with the queue, since when, and when people were last told.

mod notices;

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};

pub use notices::{
    Channel, Claimed, Event, Happening, NewNotice, Waiting, claim, given_up, insert, put_off, sent, waiting,
};

words::words! {
    /// Where an alert stands.
    pub enum AlertState ("alert state") {
        /// Not for long enough to tell anybody.
        Pending = "pending",
        Firing = "firing",
        Over = "over",
    }
}

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The condition, and what it is about: `queue_without_worker:uploads`. At most 96 ASCII characters.
    pub name: String,
    pub state: AlertState,
    pub since: DateTime<Utc>,
    /// When the condition was last seen to hold.
    pub seen_at: DateTime<Utc>,
    /// The newest of what it counts that people were told of.
    pub news_at: Option<DateTime<Utc>>,
    pub told_at: Option<DateTime<Utc>>,
    pub over_at: Option<DateTime<Utc>>,
    /// At most 500 characters.
    pub summary: String,
}

macro_rules! select {
    ($tail:literal) => {
        sqlx::query_as!(
            Alert,
            r#"SELECT name, state AS "state: AlertState", since AS "since: DateTime<Utc>", seen_at AS "seen_at: DateTime<Utc>",
                      news_at AS "news_at: DateTime<Utc>", told_at AS "told_at: DateTime<Utc>",
                      over_at AS "over_at: DateTime<Utc>", summary
               FROM alerts ORDER BY name"#
                + $tail
        )
    };
}

/// All there are, by name.
pub async fn list(db: &Db) -> Result<Vec<Alert>, DbError> {
    Ok(select!("").fetch_all(db.pool()).await?)
}

/// The same, locked until the transaction ends.
pub async fn lock(tx: &mut Tx) -> Result<Vec<Alert>, DbError> {
    Ok(select!(" FOR UPDATE").fetch_all(&mut **tx).await?)
}

/// A new alert. False when somebody else has just written it.
pub async fn add(tx: &mut Tx, alert: &Alert) -> Result<bool, DbError> {
    let added = sqlx::query!(
        "INSERT IGNORE INTO alerts (name, state, since, seen_at, news_at, told_at, over_at, summary)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        alert.name,
        alert.state,
        alert.since,
        alert.seen_at,
        alert.news_at,
        alert.told_at,
        alert.over_at,
        alert.summary
    )
    .execute(&mut **tx)
    .await?;
    Ok(added.rows_affected() == 1)
}

/// One that [`lock`] has locked becomes this.
pub async fn change(tx: &mut Tx, alert: &Alert) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE alerts SET state = ?, since = ?, seen_at = ?, news_at = ?, told_at = ?, over_at = ?, summary = ? WHERE name = ?",
        alert.state,
        alert.since,
        alert.seen_at,
        alert.news_at,
        alert.told_at,
        alert.over_at,
        alert.summary,
        alert.name
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets an alert.
pub async fn remove(tx: &mut Tx, name: &str) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM alerts WHERE name = ?", name).execute(&mut **tx).await?;
    Ok(())
}

/// Forgets alerts that have been over for 30 days, and notices that are as old; at most 500 of each.
pub async fn prune(db: &Db) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM alerts WHERE state = 'over' AND over_at < UTC_TIMESTAMP(6) - INTERVAL 30 DAY LIMIT 500")
        .execute(db.pool())
        .await?;
    sqlx::query!("DELETE FROM alert_notices WHERE created_at < UTC_TIMESTAMP(6) - INTERVAL 30 DAY LIMIT 500")
        .execute(db.pool())
        .await?;
    Ok(())
}
