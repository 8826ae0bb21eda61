//! Which parts of an audit row are sealed with a person's key: where somebody came from and with which browser, with the key of
//! whoever acted; the reason that was given for an act on an account, with the key of its owner. The hash of a row covers what is
//! stored, so the chain can be verified without any key, and holds once keys are destroyed. Rows of earlier builds are as they were.

use std::collections::BTreeSet;

use db::{Db, DbError, Tx};
use domain::{
    audit::{Entry, Link},
    ids::UserId,
};
use serde_json::{Map, Value, json};

use super::person_keys;

/// Where the sealed parts stand in the details.
const SEALED: &str = "sealed";
const NETWORK: &str = "network";
const REASON: &str = "reason";

/// Whose account the row is about.
fn target(entry: &Entry) -> Option<UserId> {
    entry.target_id.filter(|_| entry.target_type == "user").map(UserId)
}

/// Who came from that network. Of a sign-in that failed nobody knows, and the account is taken for it.
fn visitor(entry: &Entry) -> Option<UserId> {
    entry.actor_id.map(UserId).or_else(|| target(entry))
}

/// The row as it is stored.
pub(super) async fn seal(tx: &mut Tx, entry: &Entry) -> Result<Entry, DbError> {
    let mut stored = entry.clone();
    let Value::Object(details) = &mut stored.details else { return Ok(stored) };
    let mut sealed = Map::new();
    if let Some(owner) = visitor(entry)
        && (entry.ip_prefix.is_some() || entry.user_agent.is_some())
    {
        let network = json!({"ip_prefix": stored.ip_prefix.take(), "user_agent": stored.user_agent.take()});
        let key = person_keys::of(tx, owner).await?;
        sealed.insert(NETWORK.to_owned(), json!(key.seal(entry.id, network.to_string().as_bytes())));
    }
    if let Some(owner) = target(entry)
        && let Some(reason) = details.remove(REASON)
    {
        let key = person_keys::of(tx, owner).await?;
        sealed.insert(REASON.to_owned(), json!(key.seal(entry.id, reason.to_string().as_bytes())));
    }
    if !sealed.is_empty() {
        details.insert(SEALED.to_owned(), Value::Object(sealed));
    }
    Ok(stored)
}

/// Rows for people who may read them: with what still can be opened. What cannot be is left out.
pub(super) async fn open(db: &Db, links: &mut [Link]) -> Result<(), DbError> {
    let owners: BTreeSet<UserId> =
        links.iter().flat_map(|link| [target(&link.entry), visitor(&link.entry)]).flatten().collect();
    let keys = person_keys::among(db, &owners.into_iter().collect::<Vec<_>>()).await?;
    for entry in links.iter_mut().map(|link| &mut link.entry) {
        let (about, from) = (target(entry), visitor(entry));
        let Some(Value::Object(sealed)) = entry.details.as_object_mut().and_then(|details| details.remove(SEALED))
        else {
            continue;
        };
        let read = |part: &str, owner: Option<UserId>| -> Option<Value> {
            let opened = keys.get(&owner?)?.open(entry.id, sealed.get(part)?.as_str()?)?;
            serde_json::from_slice(&opened).ok()
        };
        let (network, reason) = (read(NETWORK, from), read(REASON, about));
        let text = |name: &str| network.as_ref()?.get(name)?.as_str().map(str::to_owned);
        (entry.ip_prefix, entry.user_agent) = (text("ip_prefix"), text("user_agent"));
        if let (Some(reason), Some(details)) = (reason, entry.details.as_object_mut()) {
            details.insert(REASON.to_owned(), reason);
        }
    }
    Ok(())
}
