//! Writes in the middle of a run: only while the run still owns its job, and nobody takes it away meanwhile.

use db::Tx;

use crate::ledger::{Fence, Fenced, State};

/// Locks the job's row for the rest of `tx`, which proves that this very run still owns it.
pub async fn hold(tx: &mut Tx, fence: &Fence) -> Result<(), Fenced> {
    let state = sqlx::query_scalar!(
        "SELECT state FROM jobs WHERE id = ? AND token = ? AND runs = ? FOR UPDATE",
        fence.job.0,
        fence.token,
        fence.run
    )
    .fetch_optional(&mut **tx)
    .await?;
    if state.as_deref() == Some(State::Running.as_str()) { Ok(()) } else { Err(Fenced::Lost) }
}
