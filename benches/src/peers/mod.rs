//! The peers: programs of their own that print one line of JSON each.

pub mod apalis;
mod install;
mod postgres;
pub mod sql;

use std::{process::Stdio, time::Duration};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use install::Package;

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

/// Where the peers find their services.
#[derive(Debug, Clone)]
pub struct Addresses {
    pub redis_port: u16,
    pub mysql_port: u16,
    pub mysql_url: String,
    pub schema: &'static str,
}

/// A peer that can be asked for a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    BullMq,
    BullMqOnPostgres,
    Awa,
    Pgqrs,
    Celery,
    Apalis,
    Sql,
}

impl Peer {
    /// What has to be installed for it.
    const fn package(self) -> Option<Package> {
        match self {
            Self::BullMq | Self::BullMqOnPostgres => Some(Package::BullMq),
            Self::Awa => Some(Package::Awa),
            Self::Pgqrs => Some(Package::Pgqrs),
            Self::Celery => Some(Package::Celery),
            Self::Apalis | Self::Sql => None,
        }
    }

    const fn is_on_postgres(self) -> bool {
        matches!(self, Self::BullMqOnPostgres | Self::Awa | Self::Pgqrs)
    }

    /// For people; with a version only once it has said it itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BullMq => "BullMQ",
            Self::BullMqOnPostgres => "BullMQ on PostgreSQL",
            Self::Awa => "awa",
            Self::Pgqrs => "pgqrs",
            Self::Celery => "Celery",
            Self::Apalis => "apalis-redis",
            Self::Sql => "bare SQL",
        }
    }

    /// Runs the peer's program and reads its line. A database in PostgreSQL is emptied first.
    pub async fn run(
        self,
        installed: &Installed,
        addresses: &Addresses,
        scenario: &str,
        args: &[String],
    ) -> anyhow::Result<Measured> {
        let name = self.name();
        let mut command = self.command(installed, addresses, scenario)?;
        if self.is_on_postgres() {
            let server = installed.postgres()?;
            server.clear().await?;
            command.args(["--postgres", &server.url()]);
        }
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output())
            .await
            .with_context(|| format!("{name} {scenario} took longer than {PATIENCE:?}"))?
            .with_context(|| format!("{name} cannot be started"))?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{name} {scenario} failed with {}:\n{}", output.status, errors.trim());
        line(&String::from_utf8_lossy(&output.stdout))
            .with_context(|| format!("{name} {scenario} did not say what it measured:\n{}", errors.trim()))
    }

    fn command(self, installed: &Installed, addresses: &Addresses, scenario: &str) -> anyhow::Result<Command> {
        let redis_port = addresses.redis_port.to_string();
        let mut command = match self.package() {
            Some(package @ Package::BullMq) => {
                let mut command = Command::new("node");
                command.arg(installed.program(package)?);
                command
            }
            Some(package @ Package::Celery) => {
                let mut command = Command::new(installed.program(package)?);
                command.arg(installed.celery_program());
                command
            }
            Some(package @ (Package::Awa | Package::Pgqrs)) => Command::new(installed.program(package)?),
            None => Command::new(std::env::current_exe()?),
        };
        match self {
            Self::BullMq => command.args([scenario, "--redis", &redis_port]),
            Self::Celery => command
                .args([scenario, "--redis", &redis_port, "--mysql-port", &addresses.mysql_port.to_string()])
                .args(["--mysql-schema", addresses.schema]),
            Self::Apalis => command.args(["peer-apalis", scenario, "--redis", &redis_port]),
            Self::Sql => command.args(["peer-sql", scenario, "--database", &addresses.mysql_url]),
            Self::BullMqOnPostgres | Self::Awa | Self::Pgqrs => command.arg(scenario),
        };
        Ok(command)
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
