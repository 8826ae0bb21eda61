//! Writes in the middle of a run: only while the run still owns its job, and nobody takes it away meanwhile.

use db::Tx;

use crate::ledger::{Fence, Fenced};

/// Locks the job's row for the rest of `tx`, which proves that this very run still owns it.
pub async fn hold(tx: &mut Tx, fence: &Fence) -> Result<(), Fenced> {
    wanted_again(tx, fence).await.map(drop)
}

/// [`hold`], and whether the job was asked for again while this run had it: it stays so until `tx` ends.
pub async fn wanted_again(tx: &mut Tx, fence: &Fence) -> Result<bool, Fenced> {
    let again = sqlx::query_scalar!(
        r#"SELECT again AS "again: bool" FROM jobs
           WHERE id = ? AND token = ? AND runs = ? AND state = 'running' FOR UPDATE"#,
        fence.job,
        fence.token,
        fence.run
    )
    .fetch_optional(&mut **tx)
    .await?;
    again.ok_or(Fenced::Lost)
}
