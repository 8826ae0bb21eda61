//! `worker status`, `jobs`, `queues`, `schedules`, `mails`, `maintenance`, `reindex`, `fleet` and `admin`: looking at the fleet and accounts and controlling
//! them, for whoever has the database at hand. Changes go through the same functions as the API's and into the same audit log.

pub mod accounts;
pub mod explain;
pub mod fleet;
pub mod jobs;
pub mod mails;
pub mod maintenance;
mod operator;
pub mod queues;
pub mod reindex;
pub mod reseal;
pub mod schedules;
pub mod status;
mod table;

use std::{io::Write, process::ExitCode, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use db::{Db, DbError};
use infra::env::{DatabaseArgs, Problems};
use queue::control::{self, Refused};
use secrecy::ExposeSecret;
use serde_json::Value;

pub use operator::Operator;

/// Something was not found, or refused, or the database is away.
const REFUSED: u8 = 1;
/// The call makes no sense.
const UNUSABLE: u8 = 2;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub enum Failure {
    Refused(String),
    Unusable(String),
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Self::Refused(error.to_string())
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Refused(format!("writing the answer: {error}"))
    }
}

/// What all of these commands take.
#[derive(clap::Args)]
pub struct Common {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Answer in JSON, for programs (docs/operations.md, "Controlling the fleet").
    #[arg(long, global = true)]
    json: bool,
}

/// Why, as the audit log will say.
#[derive(clap::Args)]
pub struct Why {
    /// Why, in at most 500 characters: kept in the audit log.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
}

fn reason(text: &str) -> Result<String, String> {
    domain::text::line(text, control::REASON_LIMIT).map_err(|error| error.to_string())
}

/// A time span like `90s`, `15m`, `2h` or `7d`.
fn span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time span: write 90s, 15m, 2h or 7d");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

/// A span of at most 30 days, for pauses.
fn pause_span(text: &str) -> Result<Duration, String> {
    let span = span(text)?;
    if (1..=control::PAUSE_LIMIT).contains(&span.as_secs()) { Ok(span) } else { Err("must be 1s to 30d".into()) }
}

/// Where answers go.
struct Output {
    json: bool,
}

impl Output {
    /// The one, or the other.
    fn show(&self, json: impl FnOnce() -> Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        if self.json {
            writeln!(out, "{:#}", json())?;
        } else {
            writeln!(out, "{}", text().trim_end())?;
        }
        Ok(())
    }
}

/// Connects, runs the command, and turns its end into an exit status: 0, 1 (not found, refused, database away) or
/// 2 (unusable call).
async fn run(name: &str, common: Common, work: impl AsyncFnOnce(Db, Output) -> Result<(), Failure>) -> ExitCode {
    let mut problems = Problems::default();
    let settings = common.database.check(&mut problems);
    if let Some(code) = problems.exit_code() {
        return code;
    }
    let Some(settings) = settings else { return UNUSABLE.into() };
    let done = match Db::connect(settings.url.expose_secret(), 2).await {
        Ok(db) => work(db, Output { json: common.json }).await,
        Err(error) => Err(error.into()),
    };
    let (text, code) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Refused(text)) => (text, REFUSED),
        Err(Failure::Unusable(text)) => (text, UNUSABLE),
    };
    if !text.is_empty() {
        let _ = writeln!(std::io::stderr(), "worker {name}: {text}");
    }
    code.into()
}

/// A time in JSON, as the API writes it.
fn time(time: DateTime<Utc>) -> Value {
    time.to_rfc3339_opts(SecondsFormat::Millis, true).into()
}

fn maybe_time(at: Option<DateTime<Utc>>) -> Value {
    at.map_or(Value::Null, time)
}

/// A time in a table.
fn short(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// How long ago, in a table: `45s`, `12m`, `3h`, `9d`.
fn ago(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    let seconds = (now - then).num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_unit() {
        assert_eq!(span("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(span("7d"), Ok(Duration::from_secs(7 * 86_400)));
        for wrong in ["", "5", "h", "-1h", "1.5h", "1y", "99999999999999999999d", "5 m", "5µ"] {
            assert!(span(wrong).is_err(), "{wrong:?}");
        }
        assert!(pause_span("0s").is_err() && pause_span("31d").is_err() && pause_span("30d").is_ok());
    }

    #[test]
    fn ages_are_short() {
        let now = DateTime::from_timestamp(2_000_000_000, 0).unwrap();
        let age = |seconds| ago(now, now - chrono::TimeDelta::seconds(seconds));
        assert_eq!([age(-5), age(119), age(7_199), age(7_200), age(172_800)], ["0s", "119s", "119m", "2h", "2d"]);
    }
}
