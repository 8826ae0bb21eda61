//! What administrators do to accounts: one way in for the API and the command line, whose callers write the audit row and
//! commit. It holds for the next request, and for open streams within 15 s.

use chrono::{DateTime, Utc};
use db::{DbError, Race, Tx};
use domain::{
    administration::{self, Account, Act, Refusal},
    ids::UserId,
    user::UserStatus,
};
use infra::db::{personal_tokens, refresh_tokens, second_factors, users};
use queue::{EnqueueError, control};
use serde_json::json;

use crate::{Notice, mail};

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum NotAdministered {
    #[error("there is no such account")]
    Missing,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the account has no second factor")]
    NoSecondFactor,
    #[error("the account has no such personal access token")]
    NoSuchToken,
    #[error(transparent)]
    Enqueue(#[from] EnqueueError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Race for NotAdministered {
    fn is_race(&self) -> bool {
        match self {
            Self::Db(error) | Self::Enqueue(EnqueueError::Db(error)) => error.is_race(),
            _ => false,
        }
    }
}

/// Does it, `by` a person or at a terminal, and tells the owner where they would not notice otherwise. Returns what the audit log
/// says of it.
pub async fn administer(
    tx: &mut Tx,
    id: UserId,
    act: Act,
    by: Option<UserId>,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<control::Act, NotAdministered> {
    // Before the account's own row: everybody takes them in one order.
    let another_admin = act.takes_an_admin_away() && users::lock_admins(tx).await?.iter().any(|admin| *admin != id);
    let user = users::lock(tx, id).await?.ok_or(NotAdministered::Missing)?;
    let confirmed = user.email_verified_at.is_some();
    administration::check(act, by, &Account { id, role: user.role, status: user.status, confirmed, another_admin })?;
    let mut details = json!({ "reason": reason });
    match act {
        Act::SetRole(role) => {
            users::set_role(tx, id, role, now).await?;
            details["before"] = json!({ "role": user.role });
            details["after"] = json!({ "role": role });
            mail::queue_notice(tx, &user, Notice::RoleChanged(role), now).await?;
        }
        Act::Suspend => {
            users::set_suspended(tx, id, Some(reason), now).await?;
            details["ended_sessions"] = json!(refresh_tokens::revoke_all(tx, id, now).await?);
            details["revoked_tokens"] = json!(personal_tokens::revoke_all(tx, id, now).await?);
            details["before"] = json!({ "status": user.status });
            details["after"] = json!({ "status": UserStatus::Suspended });
            mail::queue_notice(tx, &user, Notice::Suspended, now).await?;
        }
        Act::Unsuspend => {
            users::set_suspended(tx, id, None, now).await?;
            details["before"] = json!({ "status": user.status });
            details["after"] = json!({ "status": UserStatus::Active });
            mail::queue_notice(tx, &user, Notice::Unsuspended, now).await?;
        }
        Act::EndSessions => {
            details["ended_sessions"] = json!(refresh_tokens::revoke_all(tx, id, now).await?);
            mail::queue_notice(tx, &user, Notice::SessionsEnded, now).await?;
        }
        Act::RevokeTokens(one) => {
            let revoked = match one {
                Some(token) => u64::from(personal_tokens::revoke(tx, id, token, now).await?),
                None => personal_tokens::revoke_all(tx, id, now).await?,
            };
            if revoked == 0 && one.is_some() {
                return Err(NotAdministered::NoSuchToken);
            }
            details["token"] = json!(one);
            details["revoked_tokens"] = json!(revoked);
            if revoked > 0 {
                mail::queue_notice(tx, &user, Notice::TokensRevoked, now).await?;
            }
        }
        Act::RemoveSecondFactor => {
            if !second_factors::remove(tx, id).await? {
                return Err(NotAdministered::NoSecondFactor);
            }
            mail::queue_notice(tx, &user, Notice::SecondFactorOff, now).await?;
        }
    }
    Ok(control::Act { action: act.action(), target_type: "user", target_id: Some(id.0), details })
}
