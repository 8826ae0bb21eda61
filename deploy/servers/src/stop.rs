//! Ctrl-C, SIGTERM and a closed terminal.

use std::future::Future;

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit status of a program that was told to stop: 128 + SIGINT.
pub const INTERRUPTED: u8 = 130;

#[derive(Clone)]
pub struct Stop(CancellationToken);

impl Stop {
    /// From here on those signals no longer end the process by themselves.
    pub fn listen() -> Result<Self> {
        let token = CancellationToken::new();
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            let mut signals = signal(kind)?;
            let token = token.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    token.cancel();
                }
            });
        }
        Ok(Self(token))
    }

    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// What `work` gives, or None when the person asks to stop first.
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            result = work => Some(result),
            () = self.requested() => None,
        }
    }
}
