//! The columns that hold sealed secrets, one secret a person. A new one has its lines here: that is how `worker admin reseal`
//! finds it.

use db::{Db, DbError};
use domain::ids::UserId;

use crate::seal::{ID_BYTES, Place};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedColumn {
    SecondFactors,
    Phones,
}

/// Somebody's secret, as it is stored.
pub struct Sealed {
    pub user: UserId,
    pub secret: Vec<u8>,
}

impl SealedColumn {
    pub const ALL: &'static [Self] = &[Self::SecondFactors, Self::Phones];

    pub const fn name(self) -> &'static str {
        match self {
            Self::SecondFactors => "authenticator apps",
            Self::Phones => "telephone numbers",
        }
    }

    pub const fn place(self, user: UserId) -> Place {
        match self {
            Self::SecondFactors => Place::SecondFactor(user),
            Self::Phones => Place::Phone(user),
        }
    }

    /// Secrets behind `after` that were sealed with another key than the one of this name, by user; at most 200.
    pub async fn sealed_otherwise(self, db: &Db, key: [u8; ID_BYTES], after: UserId) -> Result<Vec<Sealed>, DbError> {
        let key = key.as_slice();
        match self {
            Self::SecondFactors => Ok(sqlx::query_as!(
                Sealed,
                r#"SELECT user_id AS "user: UserId", secret FROM second_factors
                   WHERE user_id > ? AND LEFT(secret, 4) <> ? ORDER BY user_id LIMIT 200"#,
                after,
                key
            )
            .fetch_all(db.pool())
            .await?),
            Self::Phones => Ok(sqlx::query_as!(
                Sealed,
                r#"SELECT user_id AS "user: UserId", phone AS "secret!: Vec<u8>" FROM profiles
                   WHERE user_id > ? AND LEFT(phone, 4) <> ? ORDER BY user_id LIMIT 200"#,
                after,
                key
            )
            .fetch_all(db.pool())
            .await?),
        }
    }

    /// Keeps the same secret sealed otherwise. False when it has become another one since it was read.
    pub async fn reseal(self, db: &Db, before: &Sealed, secret: &[u8]) -> Result<bool, DbError> {
        let done = match self {
            Self::SecondFactors => {
                sqlx::query!(
                    "UPDATE second_factors SET secret = ? WHERE user_id = ? AND secret = ?",
                    secret,
                    before.user,
                    before.secret
                )
                .execute(db.pool())
                .await?
            }
            Self::Phones => {
                sqlx::query!(
                    "UPDATE profiles SET phone = ? WHERE user_id = ? AND phone = ?",
                    secret,
                    before.user,
                    before.secret
                )
                .execute(db.pool())
                .await?
            }
        };
        Ok(done.rows_affected() == 1)
    }
}
