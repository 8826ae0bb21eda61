//! The connection and key names, which come from apalis-redis; its stock storage is not used (see `ARCHITECTURE.md`).

use std::time::Duration;

use crate::ready::{ReadyList, ReadyListError, list::supported};

/// A ready list over apalis-redis' connection. When Redis is away now, it connects by itself once it is back: the
/// ledger works without it.
pub async fn connect(url: &str, prefix: &str) -> Result<ReadyList, ReadyListError> {
    let prefix = prefix.to_owned();
    let list = ReadyList::new(url, move |queue| {
        apalis_redis::Config::default().queue(format!("{prefix}{queue}")).active_jobs_list()
    })?;
    match tokio::time::timeout(Duration::from_secs(1), apalis_redis::connect(url)).await {
        Ok(Ok(mut connection)) => match supported(&mut connection).await {
            Err(error @ ReadyListError::Unsupported(_)) => Err(error),
            _ => Ok(list.with_connection(connection)),
        },
        Ok(Err(error)) => {
            tracing::warn!(%error, "the queue's Redis is away; jobs run from the ledger alone until it is back");
            Ok(list)
        }
        Err(_) => {
            tracing::warn!("the queue's Redis does not answer; jobs run from the ledger alone until it is back");
            Ok(list)
        }
    }
}
