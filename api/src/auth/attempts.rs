//! Guesses at passwords: how many are tried, from where, and for which account.
//!
//! Each attempt takes its places before the password is looked at and gives them back when it was right, so that of many at
//! once no more are tried than of many in a row. Three limits count failures over `LOGIN_WINDOW`:
//!
//! - of one account from one address, or from one browser that has signed in to it before: `LOGIN_FAILURES`. Whoever
//!   guesses somebody's password locks out nobody but themselves.
//! - from one address, whatever the accounts: `LOGIN_FAILURES_PER_ADDRESS`. A school shares one.
//! - of one account from everywhere: beyond ten times `LOGIN_FAILURES` only one attempt in two seconds is
//!   tried. Browsers that have signed in to it before are not counted: its owner is not slowed down with the others.
//!
//! A wrong code of a second factor is a failure like a wrong password. Beyond ten times `LOGIN_FAILURES` of them a day, from
//! everywhere, no more are tried. Recovery codes always are: nobody guesses one, and they are how its owner gets in meanwhile.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{
    audit::{Entry, Outcome},
    ids::UserId,
};
use infra::{cache::Limit, db::audit_log};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::second_factor::Proof;
use crate::{
    reply::{Code, Error, RateLimit},
    request::ClientInfo,
    state::AppState,
    write::transaction,
};

/// Failures of one account from everywhere, in multiples of those from one address, beyond which it is slowed down.
const SLOW_AFTER: u64 = 10;
const SLOW_PAUSE: Duration = Duration::from_secs(2);
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// Whose password is guessed.
#[derive(Clone, Copy, Debug)]
pub enum Account<'a> {
    Known(UserId),
    /// Nobody has this address; it is counted like one that somebody has.
    Unknown(&'a str),
}

impl Account<'_> {
    /// Keys in the cache do not spell out addresses.
    fn key(self) -> String {
        match self {
            Self::Known(id) => id.0.simple().to_string(),
            Self::Unknown(email) => hex::encode(&Sha256::digest(email)[..12]),
        }
    }
}

/// An attempt and the places it holds. One that is not given back has failed.
pub struct Attempt {
    places: Vec<String>,
    /// Of the account from here, this attempt included.
    so_far: Limit,
    quota: u64,
}

impl Attempt {
    /// Takes a place within each limit; 429 when one has none left. `browser`: of a browser that has signed in to this
    /// account before.
    pub async fn begin(
        state: &AppState,
        client: &ClientInfo,
        account: Account<'_>,
        browser: Option<Uuid>,
    ) -> Result<Self, Error> {
        let (quota, window) = (state.settings.login_failures, state.settings.login_window);
        let from_here = match browser {
            Some(browser) => format!("login:browser:{}", browser.simple()),
            None => from_here(account, client),
        };
        let account = account.key();
        let from_address = format!("login:address:{}", client.limit_key());
        let per_address = state.settings.login_failures_per_address;
        let so_far = take(state, "login", &from_here, quota, window).await?;
        let mut attempt = Self { places: vec![from_here], so_far, quota };
        attempt.also(state, take(state, "login-address", &from_address, per_address, window).await).await?;
        attempt.places.push(from_address);
        if browser.is_none() {
            let everywhere = format!("login:account:{account}");
            if state.cache.hit(&everywhere, quota * SLOW_AFTER, window).await.allowed {
                attempt.places.push(everywhere);
            } else {
                metrics::counter!("logins_slowed_total").increment(1);
                let turn = take(state, "login-account", &format!("login:slow:{account}"), 1, SLOW_PAUSE).await;
                attempt.also(state, turn).await?;
            }
        }
        Ok(attempt)
    }

    /// Of a passkey, which nobody guesses: what fails counts for the address alone.
    pub async fn begin_with_passkey(state: &AppState, client: &ClientInfo) -> Result<Self, Error> {
        let (quota, window) = (state.settings.login_failures_per_address, state.settings.login_window);
        let from_address = format!("login:address:{}", client.limit_key());
        let so_far = take(state, "login-address", &from_address, quota, window).await?;
        Ok(Self { places: vec![from_address], so_far, quota })
    }

    /// Takes one more place, for the code of a second factor: whoever knows the password soon guesses six digits, if they may try
    /// from everywhere. A browser that has signed in before is counted by itself.
    pub async fn also_code(
        &mut self,
        state: &AppState,
        user: UserId,
        proof: &Proof,
        browser: Option<Uuid>,
    ) -> Result<(), Error> {
        if browser.is_none() && proof.is_guessable() {
            let codes = format!("login:code:{}", user.0.simple());
            let taken = take(state, "login-code", &codes, self.quota * SLOW_AFTER, DAY).await;
            self.also(state, taken).await?;
            self.places.push(codes);
        }
        Ok(())
    }

    /// One more place, or none at all.
    async fn also(&mut self, state: &AppState, taken: Result<Limit, Error>) -> Result<(), Error> {
        if taken.is_err() {
            self.give_back(state).await;
        }
        taken.map(drop)
    }

    /// It was no failure: the password was right, or was not looked at.
    pub async fn give_back(&mut self, state: &AppState) {
        for place in std::mem::take(&mut self.places) {
            state.cache.give_back(&place).await;
        }
    }

    /// The password was right: what failed before from here is forgotten.
    pub async fn succeeded(mut self, state: &AppState) {
        if !self.places.is_empty() {
            state.cache.reset(&self.places.remove(0)).await;
        }
        self.give_back(state).await;
    }

    /// The password was wrong: counted, logged, and written into the audit log where it says something new. That is the first
    /// failure of an account from here, and the last one that is tried within the window: a flood of guesses leaves two rows.
    /// `owner`: whose account it is, if there is one.
    pub async fn failed(
        self,
        state: &AppState,
        client: &ClientInfo,
        owner: Option<UserId>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        metrics::counter!("logins_total", "result" => "failed").increment(1);
        let failures = self.quota - self.so_far.remaining;
        tracing::info!(user = owner.map(|id| id.to_string()), failures, "a login failed");
        if failures != 1 && failures != self.quota {
            return Ok(());
        }
        transaction!(state.db, |tx| {
            let details = json!({"failures": failures});
            let entry = client.audit("auth.login_failed", None, ("user", owner.map(|id| id.0)), details, now);
            audit_log::append(tx, &Entry { outcome: Outcome::Failed, ..entry }).await?;
            Ok(())
        })
    }
}

/// The password was right, and the second factor is not shown yet: so far gets whoever has found out a password. Written down once
/// within the window for an account and an address, since everybody passes here who signs in.
pub async fn asked_for_second_factor(
    state: &AppState,
    client: &ClientInfo,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let asked = format!("login:asked:{}:{}", user.0.simple(), client.limit_key());
    if !state.cache.hit(&asked, 1, state.settings.login_window).await.allowed {
        return Ok(());
    }
    transaction!(state.db, |tx| {
        let entry = client.audit("auth.second_factor_asked", None, ("user", Some(user.0)), json!({}), now);
        audit_log::append(tx, &Entry { outcome: Outcome::Denied, ..entry }).await?;
        Ok(())
    })
}

/// Forgets what failed at this account from here.
pub async fn forget(state: &AppState, client: &ClientInfo, account: Account<'_>) {
    state.cache.reset(&from_here(account, client)).await;
}

fn from_here(account: Account<'_>, client: &ClientInfo) -> String {
    format!("login:account:{}:{}", account.key(), client.limit_key())
}

async fn take(state: &AppState, policy: &'static str, key: &str, quota: u64, window: Duration) -> Result<Limit, Error> {
    let counted = state.cache.hit(key, quota, window).await;
    match (RateLimit { policy, quota, window, state: counted }).check(Code::TooManyAttempts) {
        Ok(limit) => Ok(limit.state),
        Err(refused) => {
            metrics::counter!("logins_total", "result" => "limited").increment(1);
            Err(refused)
        }
    }
}
