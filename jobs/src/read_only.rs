//! The read-only maintenance mode: the API refuses what would change something, and no job starts. Turning it on and off is one
//! transaction with the pause of all queues, so there is never one without the other.

use db::{Tx, clock::now_in};
use infra::db::maintenance_mode::{self, Mode};
use queue::{
    control::{self, Act, REASON_LIMIT, Refused},
    ledger::{
        By,
        controls::pauses::{self, EVERYTHING, MAINTENANCE, Scope},
    },
};
use serde_json::{Value, json};

/// The longest time after which writes may be told to come again: a day.
pub const RETRY_AFTER_MAX: u64 = 24 * 60 * 60;

/// What the pause of all queues says, by which its end is found again.
fn reason_of_pause(reason: &str) -> String {
    format!("{MAINTENANCE}{reason}").chars().take(REASON_LIMIT).collect()
}

fn state(mode: Option<&Mode>) -> Value {
    match mode {
        Some(mode) => json!({"on": true, "reason": mode.reason, "retry_after_seconds": mode.retry_after_seconds}),
        None => json!({"on": false}),
    }
}

/// Turns it on, or changes its reason. A pause of everything that stood before becomes its own, and ends with it.
pub async fn begin(tx: &mut Tx, retry_after_seconds: u32, by: &By<'_>) -> Result<(Mode, Act), Refused> {
    let before = maintenance_mode::lock(tx).await?;
    let mode = Mode {
        reason: by.reason.to_owned(),
        retry_after_seconds,
        actor: by.actor,
        began_at: match &before {
            Some(before) => before.began_at,
            None => now_in(tx).await?,
        },
    };
    maintenance_mode::put(tx, &mode).await?;
    let reason = reason_of_pause(by.reason);
    control::pause(tx, Scope::All, EVERYTHING, &By { reason: &reason, ..*by }, None).await?;
    let details = json!({"reason": by.reason, "before": state(before.as_ref()), "after": state(Some(&mode))});
    Ok((mode, act("maintenance.begin", details)))
}

/// Turns it off, and lets the queues go on, unless somebody has paused them anew since.
pub async fn end(tx: &mut Tx, by: &By<'_>) -> Result<Act, Refused> {
    let before = maintenance_mode::lock(tx).await?.ok_or(Refused::NotPaused)?;
    maintenance_mode::remove(tx).await?;
    let pause = pauses::current(tx, Scope::All, EVERYTHING).await?;
    if pause.is_some_and(|pause| pause.reason == reason_of_pause(&before.reason)) {
        pauses::resume(tx, Scope::All, EVERYTHING).await?;
    }
    let details = json!({"reason": by.reason, "before": state(Some(&before)), "after": state(None)});
    Ok(act("maintenance.end", details))
}

fn act(action: &'static str, details: Value) -> Act {
    Act { action, target_type: "maintenance", target_id: None, details }
}
