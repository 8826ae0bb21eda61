//! The peers: programs of their own that print one line of JSON each.

pub mod apalis;
mod install;
pub mod sql;

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

pub use install::Installed;

/// A peer that says nothing for this long hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a peer measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Name and version.
    pub peer: String,
    pub scenario: String,
    pub jobs: u64,
    /// For scenarios that count jobs a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// For scenarios that ask how long a job waits: one figure a job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub micros: Vec<f64>,
    /// The settings that matter.
    #[serde(default)]
    pub note: String,
}

impl Measured {
    pub fn jobs_per_second(&self) -> f64 {
        self.jobs as f64 / self.seconds.unwrap_or(f64::NAN)
    }
}

/// A peer that can be asked for a scenario.
#[derive(Debug, Clone)]
pub enum Peer {
    BullMq,
    Celery,
    Apalis,
    Sql,
}

/// Where the peers find their services.
#[derive(Debug, Clone)]
pub struct Addresses {
    pub redis_port: u16,
    pub mysql_port: u16,
    pub mysql_url: String,
    pub schema: &'static str,
}

impl Peer {
    /// Runs the peer's program and reads its line.
    pub async fn run(
        &self,
        installed: &Installed,
        addresses: &Addresses,
        scenario: &str,
        args: &[String],
    ) -> anyhow::Result<Measured> {
        let mut command = match self {
            Self::BullMq => {
                let mut command = Command::new("node");
                command.arg(installed.bullmq()?).args([scenario, "--redis"]).arg(addresses.redis_port.to_string());
                command
            }
            Self::Celery => {
                let (python, program) = installed.celery()?;
                let mut command = Command::new(python);
                command.arg(program).args([scenario, "--redis"]).arg(addresses.redis_port.to_string());
                command.arg("--mysql-port").arg(addresses.mysql_port.to_string());
                command.args(["--mysql-schema", addresses.schema]);
                command
            }
            Self::Apalis => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["peer-apalis", scenario, "--redis"]).arg(addresses.redis_port.to_string());
                command
            }
            Self::Sql => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["peer-sql", scenario, "--database", &addresses.mysql_url]);
                command
            }
        };
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output())
            .await
            .with_context(|| format!("{self:?} {scenario} took longer than {PATIENCE:?}"))?
            .with_context(|| format!("{self:?} cannot be started"))?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{self:?} {scenario} failed with {}:\n{}", output.status, errors.trim());
        line(&String::from_utf8_lossy(&output.stdout))
            .with_context(|| format!("{self:?} {scenario} did not say what it measured:\n{}", errors.trim()))
    }
}

/// The last line that is a peer's; libraries may print others.
fn line(output: &str) -> anyhow::Result<Measured> {
    let last = output.lines().rev().find(|line| line.starts_with('{')).context("no line of JSON")?;
    let measured: Measured = serde_json::from_str(last).with_context(|| format!("not a peer's line: {last}"))?;
    ensure!(measured.seconds.is_some() || !measured.micros.is_empty(), "neither seconds nor micros: {last}");
    Ok(measured)
}

/// Prints what a peer inside this binary measured.
pub fn print(measured: &Measured) -> anyhow::Result<()> {
    use std::io::Write;
    writeln!(std::io::stdout(), "{}", serde_json::to_string(measured)?)?;
    Ok(())
}

/// Whether `path` has the same bytes as `stamp`.
fn same(path: &Path, stamp: &Path) -> bool {
    std::fs::read(path).is_ok_and(|wanted| std::fs::read(stamp).is_ok_and(|there| there == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_json_counts() {
        let output = "warning\n{\"peer\":\"P 1\",\"scenario\":\"drain\",\"jobs\":10,\"seconds\":2.0}\nbye\n";
        let measured = line(output).unwrap();
        assert_eq!(measured.jobs_per_second(), 5.0);
        assert_eq!(measured.peer, "P 1");
    }

    #[test]
    fn a_line_without_a_figure_is_refused() {
        assert!(line("{\"peer\":\"P\",\"scenario\":\"drain\",\"jobs\":1}").is_err());
        assert!(line("{\"error\":true}").is_err());
        assert!(line("nothing").is_err());
    }
}
