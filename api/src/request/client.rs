//! The client: the other end of the connection, as far as it may be remembered.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use axum::extract::{ConnectInfo, FromRequestParts};
use chrono::{DateTime, Utc};
use domain::{
    audit::{self, Entry, Outcome},
    ids::UserId,
    user::Language,
};
use http::{header, request::Parts};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{reply::RequestId, state::AppState};

#[derive(Clone, Debug)]
pub struct ClientInfo {
    ip: IpAddr,
    /// At most 200 characters.
    pub user_agent: Option<String>,
    pub language: Language,
    request_id: Option<String>,
}

impl ClientInfo {
    /// A name for this client in rate limits: a hash of its address (of the /64 for IPv6, which is one household).
    pub fn limit_key(&self) -> String {
        let bytes = match self.ip {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets()[..8].to_vec(),
        };
        hex::encode(&Sha256::digest(bytes)[..12])
    }

    /// An audit row about something this client did.
    pub fn audit(
        &self,
        action: &str,
        actor: Option<UserId>,
        target: (&str, Option<Uuid>),
        details: Value,
        now: DateTime<Utc>,
    ) -> Entry {
        Entry {
            id: Uuid::now_v7(),
            action: action.to_owned(),
            actor_id: actor.map(|id| id.0),
            target_type: target.0.to_owned(),
            target_id: target.1,
            details,
            ip_prefix: Some(audit::ip_prefix(self.ip)),
            user_agent: self.user_agent.clone(),
            outcome: Outcome::Ok,
            request_id: self.request_id.clone(),
            created_at: now,
        }
    }
}

impl FromRequestParts<AppState> for ClientInfo {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let forwarded = text(header::HeaderName::from_static("x-forwarded-for"));
        Ok(Self {
            ip: client_ip(peer, forwarded, state.settings.trusted_proxies),
            user_agent: text(header::USER_AGENT).map(|agent| agent.chars().take(200).collect()),
            language: Language::negotiate(text(header::ACCEPT_LANGUAGE)),
            request_id: parts.extensions.get::<RequestId>().map(|id| id.as_str().to_owned()),
        })
    }
}

/// The address `proxies` places from the right of `X-Forwarded-For` (each proxy appends the address it saw), or the
/// peer's. What stands further left was written by the client and means nothing.
fn client_ip(peer: Option<IpAddr>, forwarded: Option<&str>, proxies: usize) -> IpAddr {
    let from_proxy = proxies
        .checked_sub(1)
        .and_then(|place| forwarded?.rsplit(',').nth(place)?.trim().parse().ok())
        .map(|ip: IpAddr| ip.to_canonical());
    from_proxy.or(peer.map(|ip| ip.to_canonical())).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_proxies_are_believed() {
        let peer: Option<IpAddr> = Some("10.0.0.1".parse().unwrap());
        let header = Some("6.6.6.6, 203.0.113.7, 10.0.0.9");
        let ip = |proxies| client_ip(peer, header, proxies).to_string();
        assert_eq!(ip(0), "10.0.0.1");
        assert_eq!(ip(1), "10.0.0.9");
        assert_eq!(ip(2), "203.0.113.7");
        assert_eq!(client_ip(peer, None, 2).to_string(), "10.0.0.1");
    }
}
