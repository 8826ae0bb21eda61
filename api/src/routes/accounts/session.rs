//! Sessions: a family of refresh tokens that replace each other, and the access tokens cut from it.

use chrono::{DateTime, TimeDelta, Utc};
use db::Tx;
use domain::{ids::UserId, token::SecretToken, user::Role};
use http::{HeaderMap, header};
use infra::db::{
    refresh_tokens::{self, NewRefreshToken},
    users,
};
use uuid::{NoContext, Timestamp, Uuid};

use crate::{
    reply::{Code, Error},
    request::served,
    state::AppState,
};

/// A second use of a refresh token is taken for a client whose answer was lost when it comes this long after the first:
/// requests that race each other come sooner, and whoever waits longer has the answer.
const REPEATED_AFTER: TimeDelta = TimeDelta::seconds(1);
const REPEATED_WITHIN: TimeDelta = TimeDelta::seconds(60);

/// A fresh secret.
pub fn new_secret() -> SecretToken {
    SecretToken::from_random(rand::random())
}

/// What a client gets for a password or an older refresh token.
pub struct Tokens {
    pub access: String,
    /// Seconds the access token is good for.
    pub expires_in: i64,
    pub refresh: SecretToken,
    /// Seconds the refresh token is good for.
    pub refresh_expires_in: i64,
}

/// Begins a session. The tokens are worth something once `tx` is committed.
pub async fn open(
    state: &AppState,
    tx: &mut Tx,
    user: UserId,
    role: Role,
    device: &str,
    now: DateTime<Utc>,
) -> Result<Tokens, Error> {
    // The session's id says when it began.
    let nanos = now.timestamp_subsec_nanos();
    let session = Uuid::new_v7(Timestamp::from_unix(NoContext, now.timestamp().unsigned_abs(), nanos));
    issue(state, tx, user, role, session, device, now).await
}

/// When a session began.
pub fn began(session: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = session.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

/// When a session ends, however often its tokens are exchanged.
fn end(state: &AppState, session: Uuid) -> Option<DateTime<Utc>> {
    Some(began(session)? + state.settings.session_lifetime)
}

async fn issue(
    state: &AppState,
    tx: &mut Tx,
    user: UserId,
    role: Role,
    session: Uuid,
    device: &str,
    now: DateTime<Utc>,
) -> Result<Tokens, Error> {
    let refresh = new_secret();
    let lifetime = state.settings.refresh_token_lifetime;
    let lifetime = end(state, session).map_or(lifetime, |end| lifetime.min(end - now));
    let token = NewRefreshToken {
        hash: &refresh.hash(),
        family_id: session,
        user_id: user,
        device,
        expires_at: now + lifetime,
    };
    refresh_tokens::insert(tx, &token, now).await?;
    let access =
        state.keys.issue(user, role, session, now).map_err(|error| Error::Internal(format!("signing: {error}")))?;
    Ok(Tokens {
        access,
        expires_in: state.keys.lifetime().num_seconds(),
        refresh,
        refresh_expires_in: lifetime.num_seconds(),
    })
}

/// What became of a refresh token that was handed in.
pub enum Exchange {
    Fresh(Box<Tokens>),
    /// It was exchanged before: somebody else has a copy. The session is over; commit, then refuse.
    Reused(UserId),
}

/// Exchanges a refresh token for new tokens, once; `device` is the client's now, `now` when its request came. Commit in
/// either case.
///
/// Once more where the answer was lost on its way: to the same client, soon afterwards, and only while nobody has used what
/// was in that answer. Whoever uses it later is the second owner, and ends the session.
pub async fn exchange(
    state: &AppState,
    tx: &mut Tx,
    token: &SecretToken,
    device: &str,
    now: DateTime<Utc>,
) -> Result<Exchange, Error> {
    let invalid = || Error::new(Code::InvalidRefreshToken);
    let hash = token.hash();
    let old = refresh_tokens::lock(tx, &hash).await?.ok_or_else(invalid)?;
    if old.revoked_at.is_some() || old.expires_at <= now || end(state, old.family_id).is_some_and(|end| end <= now) {
        return Err(invalid());
    }
    let user = users::lock(tx, old.user_id).await?.ok_or_else(invalid)?;
    served(user.status)?;
    match old.rotated_at {
        None => refresh_tokens::set_rotated(tx, &hash, now).await?,
        Some(first) => {
            let may_be_repeated = (REPEATED_AFTER..=REPEATED_WITHIN).contains(&(now - first)) && old.device == device;
            if !may_be_repeated || !refresh_tokens::supersede(tx, old.family_id, first).await? {
                refresh_tokens::revoke_family(tx, old.family_id, now).await?;
                return Ok(Exchange::Reused(old.user_id));
            }
            tracing::info!(user = %old.user_id, "a refresh token was used again by a client whose answer was lost");
        }
    }
    let tokens = issue(state, tx, user.id, user.role, old.family_id, &old.device, now).await?;
    Ok(Exchange::Fresh(Box::new(tokens)))
}

/// A refresh token from where clients may put it: the `Authorization` header, the body, or the cookie.
pub fn find_token(headers: &HeaderMap, from_body: Option<&str>, cookie: Option<&str>) -> Option<SecretToken> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .and_then(|token| token.trim().parse().ok());
    bearer.or_else(|| from_body?.parse().ok()).or_else(|| cookie?.parse().ok())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_refresh_token_is_found_wherever_it_may_be() {
        let (a, b, c) = (new_secret(), new_secret(), new_secret());
        let cookie = c.reveal();
        let mut headers = HeaderMap::new();
        assert_eq!(find_token(&headers, None, None), None);
        assert_eq!(find_token(&headers, None, Some(&cookie)), Some(c));
        assert_eq!(find_token(&headers, Some(&b.reveal()), Some(&cookie)), Some(b.clone()));
        let value = format!("Bearer {}", a.reveal());
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&value).unwrap());
        assert_eq!(find_token(&headers, Some(&b.reveal()), None), Some(a));
        // An access token in the header does not hide the one in the body.
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer eyJ.x.y"));
        assert_eq!(find_token(&headers, Some(&b.reveal()), None), Some(b));
    }
}
