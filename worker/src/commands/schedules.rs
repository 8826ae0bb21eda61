//! `worker schedules`: the table of schedules, and its controls.

use std::{process::ExitCode, time::Duration};

use chrono::Utc;
use db::Db;
use domain::name::Name;
use queue::{
    control,
    ledger::{
        By,
        schedules::{self, Schedule, Tick},
    },
};
use serde_json::{Value, json};

use super::{Common, Failure, Operator, Output, Why, ago, maybe_time, pause_span, run, short, table::Table, time};

const TICKS: u32 = 20;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  worker schedules
  worker schedules list --json
  worker schedules show prune_ledger
  worker schedules run prune_ledger --reason 'the disk is nearly full'
  worker schedules pause reconcile_storage --for 2h --reason 'the bucket is being moved'
  worker schedules resume reconcile_storage --reason 'moved'

Exit status: 0 done, 1 not found or refused, 2 unusable call.")]
pub struct SchedulesArgs {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// All schedules, with their next and their last tick. This is what `worker schedules` does by itself.
    List,
    /// One schedule with its next five and last twenty ticks.
    Show { name: Name },
    /// Run a schedule's job now, beside its times, also while it is paused.
    Run {
        name: Name,
        #[command(flatten)]
        why: Why,
    },
    /// Skip a schedule's ticks until it is resumed, or for a time.
    Pause {
        name: Name,
        /// Ends by itself after this time: 1s to 30d.
        #[arg(long = "for", value_name = "TIME", value_parser = pause_span)]
        time: Option<Duration>,
        #[command(flatten)]
        why: Why,
    },
    /// Let a paused schedule go on with its next tick.
    Resume {
        name: Name,
        #[command(flatten)]
        why: Why,
    },
}

pub async fn schedules(args: SchedulesArgs) -> ExitCode {
    let SchedulesArgs { common, command } = args;
    run("schedules", common, async |db, output| match command.unwrap_or(Command::List) {
        Command::List => list(&db, &output).await,
        Command::Show { name } => show(&db, &output, &name).await,
        Command::Run { name, why } => {
            let operator = Operator::of_this_process("worker schedules run");
            let by = By::system(&why.reason);
            let started =
                operator.change(&db, async |tx| control::run_schedule(tx, &jobs::KINDS, &name, &by).await).await;
            let job = started.map_err(|failure| unknown(failure, &name))?;
            output.show(|| json!({ "name": *name, "job_id": job }), || format!("{name}: job {job}"))
        }
        Command::Pause { name, time, why } => {
            let operator = Operator::of_this_process("worker schedules pause");
            let by = By::system(&why.reason);
            let seconds = time.map(|time| time.as_secs());
            let work = async |tx: &mut db::Tx| control::pause_schedule(tx, &name, &by, seconds).await;
            let expires_at = operator.change(&db, work).await.map_err(|failure| unknown(failure, &name))?;
            output.show(
                || json!({ "name": *name, "paused": true, "expires_at": maybe_time(expires_at) }),
                || match expires_at {
                    Some(end) => format!("{name}: paused until {} UTC", short(end)),
                    None => format!("{name}: paused"),
                },
            )
        }
        Command::Resume { name, why } => {
            let operator = Operator::of_this_process("worker schedules resume");
            let by = By::system(&why.reason);
            let work = async |tx: &mut db::Tx| Ok(((), control::resume_schedule(tx, &name, &by).await?));
            operator.change(&db, work).await.map_err(|failure| unknown(failure, &name))?;
            output.show(|| json!({ "name": *name, "paused": false }), || format!("{name}: goes on"))
        }
    })
    .await
}

fn unknown(failure: Failure, name: &str) -> Failure {
    match failure {
        Failure::Refused(text) if text == control::Refused::Missing.to_string() => {
            Failure::Refused(format!("there is no schedule {name:?}; `worker schedules` lists them"))
        }
        Failure::Refused(text) => Failure::Refused(format!("{name}: {text}")),
        other => other,
    }
}

async fn list(db: &Db, output: &Output) -> Result<(), Failure> {
    let mut table = Table::new(&["NAME", "TIMES", "ZONE", "NEXT (UTC)", "LAST", "OUTCOME", "SUCCESS", "STATE"], &[0]);
    let mut views = Vec::new();
    for schedule in schedules::list(db).await? {
        let ticks = schedules::ticks(db, &schedule.name, TICKS).await?;
        let last = ticks.first();
        table.row([
            schedule.name.clone(),
            schedule.expression.clone(),
            schedule.zone.clone(),
            schedule.upcoming.first().map_or_else(|| "-".into(), |next| next.format("%m-%d %H:%M:%S").to_string()),
            last.map_or_else(|| "-".into(), |tick| ago(Utc::now(), tick.due)),
            last.map_or_else(|| "-".into(), |tick| tick.outcome.to_string()),
            schedule.last_success_at.map_or_else(|| "-".into(), |at| ago(Utc::now(), at)),
            stands(&schedule).into(),
        ]);
        views.push(view(&schedule, &ticks));
    }
    output.show(|| json!({ "schedules": views }), || table.render())
}

async fn show(db: &Db, output: &Output, name: &str) -> Result<(), Failure> {
    let Some(schedule) = schedules::get(db, name).await? else {
        return Err(unknown(control::Refused::Missing.into(), name));
    };
    let ticks = schedules::ticks(db, name, TICKS).await?;
    output.show(
        || view(&schedule, &ticks),
        || {
            let mut text = format!(
                "name      {}\njob       {}\ntimes     {} ({})\njitter    {} s\ncatch-up  {}\nstate     {}\n",
                schedule.name,
                schedule.kind,
                schedule.expression,
                schedule.zone,
                schedule.jitter_seconds,
                schedule.catch_up,
                stands(&schedule)
            );
            if let Some(pause) = &schedule.pause {
                let until = pause.expires_at.map_or_else(|| "resumed".into(), short);
                text.push_str(&format!("paused    since {} until {until}: {}\n", short(pause.paused_at), pause.reason));
            }
            text.push_str(&format!("success   {}\n", schedule.last_success_at.map_or_else(|| "never".into(), short)));
            for next in &schedule.upcoming {
                text.push_str(&format!("next      {}\n", short(*next)));
            }
            let mut table = Table::new(&["DUE (UTC)", "OUTCOME", "JOB", "JOB STATE", "BY"], &[0, 2]);
            for tick in &ticks {
                table.row([
                    short(tick.due),
                    tick.outcome.to_string(),
                    tick.job_id.map_or_else(|| "-".into(), |job| job.to_string()),
                    tick.job_state.map_or("-", queue::ledger::State::as_str).into(),
                    tick.fired_by.clone().or_else(|| tick.reason.clone()).unwrap_or_default(),
                ]);
            }
            format!("{text}\n{}", table.render())
        },
    )
}

fn stands(schedule: &Schedule) -> &'static str {
    match (schedule.enabled, &schedule.pause, schedule.seen_at) {
        (false, ..) => "off",
        (_, Some(_), _) => "paused",
        (_, _, Some(seen)) if Utc::now() - seen < chrono::TimeDelta::minutes(1) => "on",
        _ => "no scheduler",
    }
}

fn view(schedule: &Schedule, ticks: &[Tick]) -> Value {
    json!({
        "name": schedule.name, "kind": schedule.kind, "expression": schedule.expression, "zone": schedule.zone,
        "jitter_seconds": schedule.jitter_seconds, "catch_up": schedule.catch_up, "enabled": schedule.enabled,
        "next": schedule.upcoming.iter().map(|next| time(*next)).collect::<Vec<_>>(),
        "seen_at": maybe_time(schedule.seen_at), "last_success_at": maybe_time(schedule.last_success_at),
        "pause": schedule.pause.as_ref().map(|pause| json!({
            "reason": pause.reason, "paused_at": time(pause.paused_at), "expires_at": maybe_time(pause.expires_at),
        })),
        "last": ticks.iter().map(|tick| json!({
            "due": time(tick.due), "outcome": tick.outcome, "decided_at": time(tick.decided_at),
            "job_id": tick.job_id, "job_state": tick.job_state, "fired_by": tick.fired_by, "reason": tick.reason,
        })).collect::<Vec<_>>(),
    })
}
