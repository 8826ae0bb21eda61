//! How much one person may ask of the API, and one address where nobody is signed in.
//!
//! Writes are counted in Redis for all processes together, and go on evenly (GCRA: after a burst of the whole quota, one more
//! each time its share of the minute has passed). Reads are counted in each process by itself: they are many, and a look at
//! Redis would cost more than some of them. Event streams and files on their way in are counted while they are open.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::ids::UserId;
use http::Method;
use infra::cache::Limit;

use crate::{
    reply::{Code, Error, RateLimit},
    request::{ClientInfo, caller::Verified},
    state::AppState,
};

const MINUTE: Duration = Duration::from_secs(60);
/// One address is many people: a school, an office.
const PEOPLE_AT_AN_ADDRESS: u64 = 10;

/// Counts the request and says in its answer what is left; 429 when nothing is. Only what stands under `/api` is counted:
/// load balancers ask for the rest.
pub async fn keep(State(state): State<AppState>, client: ClientInfo, mut request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    let address = client.limit_key();
    if Verified::asks_the_database(request.headers()) {
        let (policy, quota) = ("reads", state.settings.reads_per_minute * PEOPLE_AT_AN_ADDRESS);
        let counted = state.cache.hit_here(&format!("tokens:{address}"), quota, MINUTE);
        if let Err(refused) = (RateLimit { policy, quota, window: MINUTE, state: counted }).check(Code::RateLimited) {
            metrics::counter!("requests_limited_total", "policy" => policy).increment(1);
            return refused.into_response();
        }
    }
    let verified = Verified::of(request.headers(), &state).await;
    let (who, people) = match verified.counts_for() {
        Some(who) => (who, 1),
        None => (address, PEOPLE_AT_AN_ADDRESS),
    };
    request.extensions_mut().insert(verified);
    let (policy, quota) = match *request.method() {
        Method::GET | Method::HEAD | Method::OPTIONS => ("reads", state.settings.reads_per_minute * people),
        _ => ("writes", state.settings.writes_per_minute * people),
    };
    let key = format!("{policy}:{who}");
    let counted = match policy {
        "reads" => state.cache.hit_here(&key, quota, MINUTE),
        _ => state.cache.take(&key, quota, MINUTE).await,
    };
    let limit = match (RateLimit { policy, quota, window: MINUTE, state: counted }).check(Code::RateLimited) {
        Ok(limit) => limit,
        Err(refused) => {
            metrics::counter!("requests_limited_total", "policy" => policy).increment(1);
            return refused.into_response();
        }
    };
    let mut response = next.run(request).await;
    // A route's own limit is the narrower one.
    for (name, value) in limit.headers() {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// What people have open at a time in this process.
#[derive(Clone, Default)]
pub struct Open(Arc<Mutex<HashMap<UserId, u64>>>);

/// One of them, until dropped.
pub struct Place {
    open: Open,
    user: UserId,
}

impl Open {
    /// One more of this person's, if they have fewer than `most`.
    pub fn one(&self, policy: &'static str, user: UserId, most: u64) -> Result<Place, Error> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(user).or_default();
        if *count >= most {
            metrics::counter!("requests_limited_total", "policy" => policy).increment(1);
            let state = Limit { allowed: false, remaining: 0, reset: Duration::from_secs(5) };
            return Err(Error::limited(Code::RateLimited, RateLimit { policy, quota: most, window: MINUTE, state }));
        }
        *count += 1;
        Ok(Place { open: self.clone(), user })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_counted_for_each_person_and_given_back() {
        let open = Open::default();
        let (ada, bert) = (UserId::new(), UserId::new());
        let held: Vec<Place> = (0..2).map(|_| open.one("streams", ada, 2).ok().unwrap()).collect();
        assert!(open.one("streams", ada, 2).is_err());
        assert!(open.one("streams", bert, 2).is_ok());
        drop(held);
        assert!(open.one("streams", ada, 2).is_ok());
        assert!(open.0.lock().unwrap().is_empty());
    }
}
