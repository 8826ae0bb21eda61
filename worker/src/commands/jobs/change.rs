//! `worker jobs change`: when a job that waits may run, how urgent it is, which queue has it.

use chrono::{DateTime, Utc};
use clap::builder::PossibleValuesParser;
use db::Db;
use jobs::QUEUES;
use queue::{
    control,
    ids::JobId,
    ledger::{By, Place, Wanted},
};
use serde_json::json;

use super::super::{Failure, Operator, Output, reason, short, span, time};

#[derive(clap::Args)]
pub(super) struct ChangeArgs {
    /// The job.
    id: JobId,
    /// When it may run: `now`, an RFC 3339 time, or in how long (90s, 15m, 2h, 7d).
    #[arg(long, value_name = "TIME", value_parser = due)]
    at: Option<DateTime<Utc>>,
    /// How urgent it is: urgent, high, normal, low or bulk, or 0 (first) to 4 (last).
    #[arg(long, value_name = "PRIORITY", value_parser = priority)]
    priority: Option<u8>,
    /// The queue that has it.
    #[arg(long, value_parser = PossibleValuesParser::new(QUEUES.names()))]
    queue: Option<String>,
    /// Why, in at most 500 characters: kept in the audit log and with the job.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
}

fn priority(text: &str) -> Result<u8, String> {
    let words = ["urgent", "high", "normal", "low", "bulk"];
    let named =
        words.iter().position(|word| *word == text).or_else(|| text.parse().ok().filter(|band| *band < words.len()));
    named.and_then(|band| u8::try_from(band).ok()).ok_or_else(|| format!("must be {}, or 0 to 4", words.join(", ")))
}

fn due(text: &str) -> Result<DateTime<Utc>, String> {
    let now = Utc::now();
    if text == "now" {
        return Ok(now);
    }
    let wrong = || format!("{text:?} is no time: write now, 2026-11-29T12:00:00Z, or in how long: 90s, 15m, 2h, 7d");
    let at = match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Some(time.to_utc()),
        Err(_) => {
            let later = span(text).map_err(|_| wrong())?;
            chrono::TimeDelta::from_std(later).ok().and_then(|later| now.checked_add_signed(later))
        }
    };
    at.filter(|at| (*at - now).num_days() <= control::RUN_AT_DAYS)
        .ok_or_else(|| format!("{text:?} is more than {} days away", control::RUN_AT_DAYS))
}

pub(super) async fn change(db: &Db, output: &Output, args: &ChangeArgs) -> Result<(), Failure> {
    let queue = match &args.queue {
        Some(name) => Some(QUEUES.parse(name).map_err(|error| Failure::Unusable(error.to_string()))?.as_str()),
        None => None,
    };
    let wanted = Wanted { run_at: args.at, priority: args.priority, queue };
    if wanted.is_empty() {
        return Err(Failure::Unusable("say what to change: --at, --priority or --queue".into()));
    }
    let operator = Operator::of_this_process("worker jobs change");
    let by = By::system(&args.reason);
    let change = operator
        .change(db, async |tx| {
            let change = control::change(tx, args.id, &wanted, &by).await?;
            let act = change.act.clone();
            Ok((change, act))
        })
        .await?;
    let view = |place: &Place| json!({ "state": place.state, "run_at": time(place.run_at), "priority": place.priority, "queue": place.queue });
    let words = |place: &Place| {
        format!("{}, from {} UTC, priority {}, queue {}", place.state, short(place.run_at), place.priority, place.queue)
    };
    output.show(
        || json!({ "id": args.id, "before": view(&change.before), "after": view(&change.after) }),
        || format!("before  {}\nnow     {}", words(&change.before), words(&change.after)),
    )
}
