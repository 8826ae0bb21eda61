//! How often a mail with a link goes to an address. Kept for every address alike, also for those nobody has registered with, so
//! that neither an answer nor its time tells them apart.

use chrono::{DateTime, TimeDelta, Utc};
use db::{DbError, Tx};
use sha2::{Digest, Sha256};

use super::email_tokens::Purpose;

/// Between two mails to one address, over time.
const PAUSE: TimeDelta = TimeDelta::seconds(60);

/// Whether another mail of this purpose may go to the address, which is taken note of. `ahead`: how much of the pauses may be used up in
/// advance; zero is one mail a minute. Callers at the same time wait for each other, so that one of them is the first.
pub async fn take(
    tx: &mut Tx,
    purpose: Purpose,
    address: &str,
    ahead: TimeDelta,
    now: DateTime<Utc>,
) -> Result<bool, DbError> {
    let address = match purpose {
        Purpose::VerifyEmail => Sha256::digest(address),
        // No address has a colon before its @: the purposes do not share a pause.
        other => Sha256::digest(format!("{other}:{address}")),
    };
    // Not a plain INSERT: a second and a third caller would share the first one's lock, and deadlock.
    sqlx::query!(
        "INSERT INTO verification_pauses (address, next_at) VALUES (?, ?) ON DUPLICATE KEY UPDATE address = VALUES(address)",
        address.as_slice(),
        now
    )
    .execute(&mut **tx)
    .await?;
    let next = sqlx::query_scalar!(
        r#"SELECT next_at AS "next: DateTime<Utc>" FROM verification_pauses WHERE address = ? FOR UPDATE"#,
        address.as_slice()
    )
    .fetch_one(&mut **tx)
    .await?;
    let may = next <= now + ahead;
    let next = if may { next.max(now) + PAUSE } else { next };
    sqlx::query!("UPDATE verification_pauses SET next_at = ? WHERE address = ?", next, address.as_slice())
        .execute(&mut **tx)
        .await?;
    Ok(may)
}
