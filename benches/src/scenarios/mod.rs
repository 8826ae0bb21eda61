//! The scenarios, one file for each command.

pub mod admin;
pub mod api;
pub mod archives;
pub mod backlog;
pub mod cancel;
pub mod chat;
pub mod fairness;
pub mod idle;
pub mod killed;
mod load;
pub mod paused;
pub mod pickup;
pub mod prune;
pub mod readers;
pub mod rolling;
pub mod soak;
pub mod steered;
pub mod throughput;

use crate::{
    peers::{Addresses, Installed, Measured, Peer},
    report::progress,
    stage::{SCHEMA, Stage, WorkerSize},
};

/// What the scenarios share.
pub struct Bench {
    pub stage: Stage,
    pub installed: Installed,
    /// Repetitions; medians are quoted.
    pub runs: usize,
    pub size: WorkerSize,
}

impl Bench {
    fn addresses(&self) -> Addresses {
        Addresses {
            redis_port: self.stage.peers_redis.port(),
            mysql_port: self.stage.database.port(),
            mysql_url: self.stage.url(),
            schema: SCHEMA,
        }
    }

    /// Asks a peer on cleared services.
    async fn peer(&self, peer: Peer, scenario: &str, args: &[String]) -> anyhow::Result<Measured> {
        self.stage.clear().await?;
        progress(&format!("  {} {scenario}", peer.name()));
        peer.run(&self.installed, &self.addresses(), scenario, args).await
    }
}

/// `12,345` or, for small figures, `1.23`.
fn figure(value: f64) -> String {
    if value.is_nan() {
        return "–".into();
    }
    if value < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::figure;

    #[test]
    fn figures_have_separators_or_decimals() {
        assert_eq!(figure(1_234_567.4), "1,234,567");
        assert_eq!(figure(999.6), "1,000");
        assert_eq!(figure(123.4), "123");
        assert_eq!(figure(1.234), "1.23");
        assert_eq!(figure(f64::NAN), "–");
    }
}
