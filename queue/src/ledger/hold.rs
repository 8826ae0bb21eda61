//! Writes in the middle of a run: only while the run still owns its job, and nobody takes it away meanwhile.

use db::Tx;

use crate::ledger::{Fence, Fenced, State};

/// Locks the job's row for the rest of `tx`, which proves that this very run still owns it.
pub async fn hold(tx: &mut Tx, fence: &Fence) -> Result<(), Fenced> {
    let state = sqlx::query_scalar!(
        r#"SELECT state AS "state: State" FROM jobs WHERE id = ? AND token = ? AND runs = ? FOR UPDATE"#,
        fence.job,
        fence.token,
        fence.run
    )
    .fetch_optional(&mut **tx)
    .await?;
    if state == Some(State::Running) { Ok(()) } else { Err(Fenced::Lost) }
}
