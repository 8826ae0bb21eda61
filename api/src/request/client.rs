//! The client: the other end of the connection, as far as it may be remembered.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
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
        Ok(Self {
            ip: state.settings.trusted_proxies.client(peer, &parts.headers),
            user_agent: text(header::USER_AGENT).map(|agent| agent.chars().take(200).collect()),
            language: Language::negotiate(text(header::ACCEPT_LANGUAGE)),
            request_id: parts.extensions.get::<RequestId>().map(|id| id.as_str().to_owned()),
        })
    }
}
