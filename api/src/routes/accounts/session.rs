//! Sessions: a family of refresh tokens that replace each other, and the access tokens cut from it.

use chrono::{DateTime, Utc};
use db::Tx;
use domain::{ids::UserId, token::SecretToken, user::Role};
use http::{HeaderMap, header};
use infra::db::{
    refresh_tokens::{self, NewRefreshToken},
    users,
};
use uuid::Uuid;

use crate::{
    reply::{Code, Error},
    request::served,
    state::AppState,
};

/// The cookie's name; it is only sent to the auth endpoints.
pub const COOKIE: &str = "nano_refresh";
const COOKIE_PATH: &str = "/api/v1/auth";

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
    issue(state, tx, user, role, Uuid::now_v7(), device, now).await
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

/// Exchanges a refresh token for new tokens, once. Commit in either case.
pub async fn exchange(
    state: &AppState,
    tx: &mut Tx,
    token: &SecretToken,
    now: DateTime<Utc>,
) -> Result<Exchange, Error> {
    let invalid = || Error::new(Code::InvalidRefreshToken);
    let hash = token.hash();
    let old = refresh_tokens::lock(tx, &hash).await?.ok_or_else(invalid)?;
    if old.revoked_at.is_some() || old.expires_at <= now {
        return Err(invalid());
    }
    if old.rotated_at.is_some() {
        refresh_tokens::revoke_family(tx, old.family_id, now).await?;
        return Ok(Exchange::Reused(old.user_id));
    }
    let user = users::lock(tx, old.user_id).await?.ok_or_else(invalid)?;
    served(user.status)?;
    refresh_tokens::set_rotated(tx, &hash, now).await?;
    let tokens = issue(state, tx, user.id, user.role, old.family_id, &old.device, now).await?;
    Ok(Exchange::Fresh(Box::new(tokens)))
}

/// A refresh token from where clients may put it: the `Authorization` header, the body, or the cookie.
pub fn find_token(headers: &HeaderMap, from_body: Option<&str>) -> Option<SecretToken> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .and_then(|token| token.trim().parse().ok());
    bearer.or_else(|| from_body?.parse().ok()).or_else(|| cookie(headers)?.parse().ok())
}

/// The refresh cookie, if the client has one.
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// `Set-Cookie` for a refresh token: out of reach for scripts, sent to the auth endpoints of this site alone.
pub fn set_cookie(token: &SecretToken, max_age: i64, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}={}; HttpOnly; SameSite=Strict; Path={COOKIE_PATH}; Max-Age={max_age}{secure}", token.reveal())
}

/// `Set-Cookie` that removes it.
pub fn clear_cookie() -> String {
    format!("{COOKIE}=; HttpOnly; SameSite=Strict; Path={COOKIE_PATH}; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_refresh_token_is_found_wherever_it_may_be() {
        let (a, b, c) = (new_secret(), new_secret(), new_secret());
        let mut headers = HeaderMap::new();
        assert_eq!(find_token(&headers, None), None);
        let value = format!("x=1; {COOKIE}={}; y=2", c.reveal());
        headers.insert(header::COOKIE, HeaderValue::from_str(&value).unwrap());
        assert_eq!(find_token(&headers, None), Some(c));
        assert_eq!(find_token(&headers, Some(&b.reveal())), Some(b.clone()));
        let value = format!("Bearer {}", a.reveal());
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&value).unwrap());
        assert_eq!(find_token(&headers, Some(&b.reveal())), Some(a));
        // An access token in the header does not hide the one in the body.
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer eyJ.x.y"));
        assert_eq!(find_token(&headers, Some(&b.reveal())), Some(b));
    }

    #[test]
    fn the_cookie_is_closed_to_scripts_and_other_sites() {
        let cookie = set_cookie(&new_secret(), 60, true);
        for part in ["HttpOnly", "SameSite=Strict", "Path=/api/v1/auth", "Max-Age=60", "Secure"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!set_cookie(&new_secret(), 60, false).contains("Secure"));
    }
}
