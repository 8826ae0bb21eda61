//! The columns that hold sealed secrets. A new one has its lines here: that is how `worker admin reseal` finds it.

use db::{Db, DbError};
use domain::ids::{UserId, WebhookSecretId};
use uuid::Uuid;

use crate::seal::{ID_BYTES, Place};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedColumn {
    SecondFactors,
    Phones,
    Webhooks,
}

/// A secret, as it is stored.
pub struct Sealed {
    /// Of whoever it belongs to, or of the secret itself.
    pub id: Uuid,
    pub secret: Vec<u8>,
}

impl SealedColumn {
    pub const ALL: &'static [Self] = &[Self::SecondFactors, Self::Phones, Self::Webhooks];

    pub const fn name(self) -> &'static str {
        match self {
            Self::SecondFactors => "authenticator apps",
            Self::Phones => "telephone numbers",
            Self::Webhooks => "secrets of webhooks",
        }
    }

    pub const fn place(self, id: Uuid) -> Place {
        match self {
            Self::SecondFactors => Place::SecondFactor(UserId(id)),
            Self::Phones => Place::Phone(UserId(id)),
            Self::Webhooks => Place::Webhook(WebhookSecretId(id)),
        }
    }

    /// Secrets behind `after` that were sealed with another key than the one of this name, by id; at most 200.
    pub async fn sealed_otherwise(self, db: &Db, key: [u8; ID_BYTES], after: Uuid) -> Result<Vec<Sealed>, DbError> {
        let key = key.as_slice();
        match self {
            Self::SecondFactors => Ok(sqlx::query_as!(
                Sealed,
                r#"SELECT user_id AS "id: Uuid", secret FROM second_factors
                   WHERE user_id > ? AND LEFT(secret, 4) <> ? ORDER BY user_id LIMIT 200"#,
                after,
                key
            )
            .fetch_all(db.pool())
            .await?),
            Self::Phones => Ok(sqlx::query_as!(
                Sealed,
                r#"SELECT user_id AS "id: Uuid", phone AS "secret!: Vec<u8>" FROM profiles
                   WHERE user_id > ? AND LEFT(phone, 4) <> ? ORDER BY user_id LIMIT 200"#,
                after,
                key
            )
            .fetch_all(db.pool())
            .await?),
            Self::Webhooks => Ok(sqlx::query_as!(
                Sealed,
                r#"SELECT id AS "id: Uuid", sealed AS secret FROM webhook_secrets
                   WHERE id > ? AND LEFT(sealed, 4) <> ? ORDER BY id LIMIT 200"#,
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
                    before.id,
                    before.secret
                )
                .execute(db.pool())
                .await?
            }
            Self::Phones => {
                sqlx::query!(
                    "UPDATE profiles SET phone = ? WHERE user_id = ? AND phone = ?",
                    secret,
                    before.id,
                    before.secret
                )
                .execute(db.pool())
                .await?
            }
            Self::Webhooks => {
                sqlx::query!(
                    "UPDATE webhook_secrets SET sealed = ? WHERE id = ? AND sealed = ?",
                    secret,
                    before.id,
                    before.secret
                )
                .execute(db.pool())
                .await?
            }
        };
        Ok(done.rows_affected() == 1)
    }
}
