//! Notices to the owner of an account about what was done to it: whoever did not do it themselves has to learn of it.

use chrono::{DateTime, Utc};
use db::Tx;
use domain::{ids::DeliveryId, user::Role};
use infra::db::users::User;
use queue::EnqueueError;
use serde_json::json;

use super::send_email::{NewMail, queue_mail};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    PasswordChanged,
    /// To the address before.
    EmailChangeAsked,
    /// To the address before.
    EmailChanged,
    SecondFactorOn,
    SecondFactorOff,
    RecoveryCodeUsed,
    RecoveryCodesRenewed,
    /// New words of a profile do not become public.
    ProfileHeld,
    TokenMade,
    PasskeyAdded,
    PasskeyRemoved,
    /// There may be a copy of it.
    PasskeyCopied,
    /// By an administrator.
    TokensRevoked,
    /// By an administrator.
    SessionsEnded,
    RoleChanged(Role),
    Suspended,
    Unsuspended,
}

impl Notice {
    const fn template(self) -> &'static str {
        match self {
            Self::PasswordChanged => "password_changed",
            Self::EmailChangeAsked => "email_change_asked",
            Self::EmailChanged => "email_changed",
            Self::SecondFactorOn => "second_factor_on",
            Self::SecondFactorOff => "second_factor_off",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::RecoveryCodesRenewed => "recovery_codes_renewed",
            Self::ProfileHeld => "profile_held",
            Self::TokenMade => "token_made",
            Self::PasskeyAdded => "passkey_added",
            Self::PasskeyRemoved => "passkey_removed",
            Self::PasskeyCopied => "passkey_copied",
            Self::TokensRevoked => "tokens_revoked",
            Self::SessionsEnded => "sessions_ended",
            Self::RoleChanged(_) => "role_changed",
            Self::Suspended => "suspended",
            Self::Unsuspended => "unsuspended",
        }
    }
}

/// Queues the notice to the address that the account has in `owner`. An address that nobody has confirmed gets none: it may be a
/// stranger's, and whoever registered with it would have us write to them as often as they like.
pub async fn queue_notice(tx: &mut Tx, owner: &User, notice: Notice, now: DateTime<Utc>) -> Result<(), EnqueueError> {
    if owner.email_verified_at.is_none() {
        return Ok(());
    }
    let template = notice.template();
    let mut params = json!({ "username": owner.username });
    if let Notice::RoleChanged(role) = notice {
        params["role"] = json!(role);
    }
    let mail = NewMail {
        key: &format!("{template}:{}", DeliveryId::new()),
        template,
        language: owner.language,
        user_id: Some(owner.id),
        recipient: &owner.email,
        params,
        now,
    };
    queue_mail(tx, mail).await
}
