//! The belt's connection and key names come from apalis-redis; its stock storage is not used (see `ARCHITECTURE.md`).

use std::time::Duration;

use infra::queue::{Belt, BeltError};

/// A belt over apalis-redis' connection. When Redis is away now, the belt connects by itself once it is back: the
/// ledger works without it.
pub async fn connect(url: &str, prefix: &str) -> Result<Belt, BeltError> {
    let prefix = prefix.to_owned();
    let belt = Belt::new(url, move |queue| {
        apalis_redis::Config::default().queue(format!("{prefix}{queue}")).active_jobs_list()
    })?;
    match tokio::time::timeout(Duration::from_secs(1), apalis_redis::connect(url)).await {
        Ok(Ok(connection)) => Ok(belt.with_connection(connection)),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the queue's Redis is away; jobs run from the ledger alone until it is back");
            Ok(belt)
        }
        Err(_) => {
            tracing::warn!("the queue's Redis does not answer; jobs run from the ledger alone until it is back");
            Ok(belt)
        }
    }
}
