//! The audit log's hash chain: each row's hash covers the row and the hash before it, so a changed, missing or
//! reordered row breaks every hash after it.

use std::{fmt::Write as _, net::IpAddr};

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::words;

/// SHA-256 of a row and everything before it.
pub type ChainHash = [u8; 32];

/// The hash before the first row.
pub const GENESIS: ChainHash = [0; 32];

words! {
    /// How the audited action ended.
    pub enum Outcome ("audit result") {
        Ok = "ok",
        Denied = "denied",
        Failed = "failed",
    }
}

/// What one row says; the hash covers all of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub id: Uuid,
    pub action: String,
    pub actor_id: Option<Uuid>,
    pub target_type: String,
    pub target_id: Option<Uuid>,
    /// Whole numbers, texts, lists and objects; a database may rewrite fractions.
    pub details: Value,
    pub ip_prefix: Option<String>,
    pub user_agent: Option<String>,
    pub outcome: Outcome,
    pub request_id: Option<String>,
    pub created_at: DateTime<Utc>,
}

impl Entry {
    /// What the system or its operators did outside the API: nobody is signed in, no address is known.
    pub fn by_system(
        action: &str,
        target_type: &str,
        target_id: Option<Uuid>,
        details: Value,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id: Uuid::now_v7(),
            action: action.to_owned(),
            actor_id: None,
            target_type: target_type.to_owned(),
            target_id,
            details,
            ip_prefix: None,
            user_agent: None,
            outcome: Outcome::Ok,
            request_id: None,
            created_at: now,
        }
    }

    /// The hash of this row at place `seq` after `previous`.
    ///
    /// Each field goes in with a presence byte and its length, so no two different rows make the same bytes. Times count in
    /// microseconds and JSON with sorted keys: that is what survives a round trip through MySQL and MariaDB.
    pub fn hash(&self, seq: u64, previous: &ChainHash) -> ChainHash {
        let mut sha = Sha256::new();
        sha.update(previous);
        sha.update(seq.to_be_bytes());
        let mut field = |bytes: Option<&[u8]>| match bytes {
            None => sha.update([0]),
            Some(bytes) => {
                sha.update([1]);
                sha.update((bytes.len() as u64).to_be_bytes());
                sha.update(bytes);
            }
        };
        let mut details = String::new();
        canonical(&self.details, &mut details);
        field(Some(self.id.as_bytes()));
        field(Some(self.action.as_bytes()));
        field(self.actor_id.as_ref().map(|id| id.as_bytes().as_slice()));
        field(Some(self.target_type.as_bytes()));
        field(self.target_id.as_ref().map(|id| id.as_bytes().as_slice()));
        field(Some(details.as_bytes()));
        field(self.ip_prefix.as_deref().map(str::as_bytes));
        field(self.user_agent.as_deref().map(str::as_bytes));
        field(Some(self.outcome.as_str().as_bytes()));
        field(self.request_id.as_deref().map(str::as_bytes));
        field(Some(&self.created_at.timestamp_micros().to_be_bytes()));
        sha.finalize().into()
    }
}

/// JSON without white space and with sorted keys (in the spirit of RFC 8785).
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (n, key) in keys.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                let _ = write!(out, "{}:", Value::String(key.clone()));
                canonical(&map[key], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                canonical(item, out);
            }
            out.push(']');
        }
        plain => {
            let _ = write!(out, "{plain}");
        }
    }
}

/// One stored row with its place in the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub seq: u64,
    pub entry: Entry,
    pub previous: ChainHash,
    pub hash: ChainHash,
}

/// Where a chain is broken first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    #[error("row {expected} is missing; {found} came instead")]
    Gap { expected: u64, found: u64 },
    #[error("row {seq} does not follow the row before it")]
    Unlinked { seq: u64 },
    #[error("row {seq} was changed")]
    Changed { seq: u64 },
}

/// Walks a chain row by row; keep it between pages of a long log.
#[derive(Clone, Debug)]
pub struct Verifier {
    seq: u64,
    hash: ChainHash,
}

impl Default for Verifier {
    fn default() -> Self {
        Self { seq: 0, hash: GENESIS }
    }
}

impl Verifier {
    /// Goes on behind row `seq`, whose hash is known.
    pub const fn behind(seq: u64, hash: ChainHash) -> Self {
        Self { seq, hash }
    }

    /// Checks the next row.
    pub fn push(&mut self, link: &Link) -> Result<(), ChainError> {
        let expected = self.seq + 1;
        if link.seq != expected {
            return Err(ChainError::Gap { expected, found: link.seq });
        }
        if link.previous != self.hash {
            return Err(ChainError::Unlinked { seq: link.seq });
        }
        if link.entry.hash(link.seq, &self.hash) != link.hash {
            return Err(ChainError::Changed { seq: link.seq });
        }
        (self.seq, self.hash) = (link.seq, link.hash);
        Ok(())
    }

    /// Number and hash of the last row checked; compare with the stored head to find rows cut off at the end.
    pub const fn head(&self) -> (u64, ChainHash) {
        (self.seq, self.hash)
    }
}

/// The network a client came from, never its address: `/24` for IPv4, `/48` for IPv6.
pub fn ip_prefix(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(n: u128) -> Entry {
        Entry {
            id: Uuid::from_u128(n),
            action: "nano.publish".into(),
            actor_id: Some(Uuid::from_u128(1)),
            target_type: "nano".into(),
            target_id: None,
            details: json!({"b": 1, "a": {"d": [1, "ü"], "c": null}}),
            ip_prefix: Some("192.0.2.0/24".into()),
            user_agent: None,
            outcome: Outcome::Ok,
            request_id: None,
            created_at: DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap(),
        }
    }

    fn chain(len: u64) -> Vec<Link> {
        let mut previous = GENESIS;
        (1..=len)
            .map(|seq| {
                let entry = entry(u128::from(seq));
                let hash = entry.hash(seq, &previous);
                let link = Link { seq, entry, previous, hash };
                previous = hash;
                link
            })
            .collect()
    }

    fn verify(links: &[Link]) -> Result<(), ChainError> {
        let mut verifier = Verifier::default();
        links.iter().try_for_each(|link| verifier.push(link))
    }

    #[test]
    fn an_untouched_chain_holds() {
        assert_eq!(verify(&chain(5)), Ok(()));
    }

    #[test]
    fn changing_dropping_or_swapping_a_row_shows() {
        let mut changed = chain(5);
        changed[2].entry.action = "nano.reject".into();
        assert_eq!(verify(&changed), Err(ChainError::Changed { seq: 3 }));

        let mut rehashed = chain(5);
        rehashed[2].entry.actor_id = None;
        rehashed[2].hash = rehashed[2].entry.hash(3, &rehashed[2].previous);
        assert_eq!(verify(&rehashed), Err(ChainError::Unlinked { seq: 4 }));

        let mut dropped = chain(5);
        dropped.remove(1);
        assert_eq!(verify(&dropped), Err(ChainError::Gap { expected: 2, found: 3 }));
    }

    #[test]
    fn key_order_does_not_matter_but_field_borders_do() {
        let mut other = entry(1);
        other.details = serde_json::from_str(r#"{ "a": {"c": null, "d": [1, "ü"]}, "b": 1 }"#).unwrap();
        assert_eq!(entry(1).hash(1, &GENESIS), other.hash(1, &GENESIS));

        let (mut left, mut right) = (entry(1), entry(1));
        (left.action, left.target_type) = ("ab".into(), "c".into());
        (right.action, right.target_type) = ("a".into(), "bc".into());
        assert_ne!(left.hash(1, &GENESIS), right.hash(1, &GENESIS));
    }

    #[test]
    fn addresses_lose_their_last_part() {
        assert_eq!(ip_prefix("192.0.2.77".parse().unwrap()), "192.0.2.0/24");
        assert_eq!(ip_prefix("::ffff:192.0.2.77".parse().unwrap()), "192.0.2.0/24");
        assert_eq!(ip_prefix("2001:db8:1:2::3".parse().unwrap()), "2001:db8:1::/48");
    }
}
