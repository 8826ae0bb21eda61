//! The clocks: the machine's, as something handed in that tests move by hand, and the database's, which all processes share.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Duration, SubsecRound, Utc};

use crate::{Db, DbError, Tx};

/// Cheap to clone; clones of a manual clock move together.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's.
    #[default]
    System,
    /// Stands still until moved.
    Manual(Arc<Mutex<DateTime<Utc>>>),
}

impl Clock {
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self::Manual(Arc::new(Mutex::new(start)))
    }

    /// Now, in whole microseconds: what the database keeps.
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::System => Utc::now().trunc_subsecs(6),
            Self::Manual(time) => *time.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
        }
    }

    /// Moves a manual clock; the machine's goes its own way.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(time) = self {
            *time.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += by;
        }
    }
}

/// Database time: what processes whose own clocks differ agree on.
pub async fn now(db: &Db) -> Result<DateTime<Utc>, DbError> {
    Ok(sqlx::query_scalar!(r#"SELECT UTC_TIMESTAMP(6) AS "now: DateTime<Utc>""#).fetch_one(db.pool()).await?)
}

/// The same inside a transaction.
pub async fn now_in(tx: &mut Tx) -> Result<DateTime<Utc>, DbError> {
    Ok(sqlx::query_scalar!(r#"SELECT UTC_TIMESTAMP(6) AS "now: DateTime<Utc>""#).fetch_one(&mut **tx).await?)
}
