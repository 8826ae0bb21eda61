//! Rate limits as clients see them: `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use infra::cache::Limit;

use super::{Reply, error::whole_seconds};

/// Where a request stands within one limit.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    /// The limit's name.
    pub policy: &'static str,
    pub quota: u64,
    pub window: Duration,
    pub state: Limit,
}

impl RateLimit {
    pub fn headers(self) -> [(HeaderName, HeaderValue); 2] {
        let Self { policy, quota, window, state } = self;
        let value = |text: String| HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
        [
            (
                HeaderName::from_static("ratelimit-policy"),
                value(format!("\"{policy}\";q={quota};w={}", window.as_secs())),
            ),
            (
                HeaderName::from_static("ratelimit"),
                value(format!("\"{policy}\";r={};t={}", state.remaining, whole_seconds(state.reset))),
            ),
        ]
    }
}

impl<T: serde::Serialize> Reply<T> {
    /// Says where the request stands within a limit.
    pub fn limit(mut self, limit: RateLimit) -> Self {
        self.headers.extend(limit.headers());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Code;

    #[test]
    fn the_headers_are_structured_fields() {
        let state = Limit { allowed: true, remaining: 3, reset: Duration::from_secs(42) };
        let limit = RateLimit { policy: "login", quota: 5, window: Duration::from_secs(900), state };
        let [policy, now] = limit.headers().map(|(_, value)| value);
        assert_eq!((policy, now), ("\"login\";q=5;w=900".parse().unwrap(), "\"login\";r=3;t=42".parse().unwrap()));
        let full = RateLimit { state: Limit { allowed: false, ..state }, ..limit };
        assert!(full.check(Code::RateLimited).is_err());
    }
}
