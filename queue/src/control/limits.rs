//! Limits of kinds, as people set them.

use db::{Tx, clock::now_in};
use serde_json::{Value, json};

use crate::{
    control::{Act, Refused},
    ledger::{
        By,
        controls::limits::{self, Limit},
    },
};

/// The highest limit of jobs at a time, and of starts and of their burst.
pub const LIMIT_MAX: u64 = 100_000;
/// The longest time over which starts are counted, in seconds: a day.
pub const RATE_SECONDS_MAX: u64 = 24 * 60 * 60;

/// How much of a kind may run in the whole fleet; what is `None` is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewLimit {
    pub max_running: Option<u32>,
    pub max_running_per_tenant: Option<u32>,
    /// Starts per `rate_seconds`.
    pub rate: Option<u32>,
    pub rate_seconds: Option<u32>,
    /// Starts that may come at once.
    pub burst: Option<u32>,
}

/// A limit that makes no sense: the field, and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLimit {
    #[error("give max_running, max_running_per_tenant or rate")]
    Nothing,
    #[error("max_running_per_tenant is higher than max_running")]
    TenantAboveAll,
    #[error("rate_seconds and burst go with a rate")]
    NoRate,
}

impl NewLimit {
    /// Whether its parts fit together; their bounds are checked where they are read.
    pub fn check(&self) -> Result<(), BadLimit> {
        if self.rate.is_none() && (self.rate_seconds.is_some() || self.burst.is_some()) {
            return Err(BadLimit::NoRate);
        }
        if self.max_running.is_none() && self.max_running_per_tenant.is_none() && self.rate.is_none() {
            return Err(BadLimit::Nothing);
        }
        match (self.max_running, self.max_running_per_tenant) {
            (Some(all), Some(each)) if each > all => Err(BadLimit::TenantAboveAll),
            _ => Ok(()),
        }
    }
}

/// Sets the limits of a kind; what it does not name is lifted.
pub async fn set_limit(tx: &mut Tx, kind: &str, new: NewLimit, by: &By<'_>) -> Result<(Limit, Act), Refused> {
    let before = limits::current(tx, kind).await?;
    let limit = Limit {
        max_running: new.max_running,
        max_running_per_tenant: new.max_running_per_tenant,
        rate: new.rate,
        rate_seconds: new.rate.map(|_| new.rate_seconds.unwrap_or(1)),
        burst: new.rate.map(|_| new.burst.unwrap_or(1)),
        actor: by.actor,
        changed_at: now_in(tx).await?,
        ..Limit::of(kind, by.reason)
    };
    limits::set(tx, &limit).await?;
    let details = json!({
        "kind": kind, "reason": by.reason, "before": limit_state(before.as_ref()), "after": limit_state(Some(&limit)),
    });
    Ok((limit, Act { action: "job_limit.set", target_type: "kind", target_id: None, details }))
}

/// Lifts the limits of a kind.
pub async fn remove_limit(tx: &mut Tx, kind: &str, by: &By<'_>) -> Result<Act, Refused> {
    let before = limits::current(tx, kind).await?.ok_or(Refused::Missing)?;
    limits::remove(tx, kind).await?;
    let details = json!({
        "kind": kind, "reason": by.reason, "before": limit_state(Some(&before)), "after": limit_state(None),
    });
    Ok(Act { action: "job_limit.remove", target_type: "kind", target_id: None, details })
}

fn limit_state(limit: Option<&Limit>) -> Value {
    limit.map_or(Value::Null, |limit| {
        json!({
            "max_running": limit.max_running, "max_running_per_tenant": limit.max_running_per_tenant,
            "rate": limit.rate, "rate_seconds": limit.rate_seconds, "burst": limit.burst,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_limits_something_and_its_parts_fit() {
        let none = NewLimit::default();
        assert_eq!(none.check(), Err(BadLimit::Nothing));
        assert_eq!(NewLimit { burst: Some(5), max_running: Some(1), ..none }.check(), Err(BadLimit::NoRate));
        assert_eq!(NewLimit { rate_seconds: Some(5), ..none }.check(), Err(BadLimit::NoRate));
        let both = NewLimit { max_running: Some(2), max_running_per_tenant: Some(3), ..none };
        assert_eq!(both.check(), Err(BadLimit::TenantAboveAll));
        assert_eq!(NewLimit { max_running_per_tenant: Some(2), ..both }.check(), Ok(()));
        assert_eq!(NewLimit { rate: Some(5), ..none }.check(), Ok(()));
    }
}
