//! `worker queues`: how the queues stand, pausing queues and kinds, and limits of kinds.

use std::{process::ExitCode, time::Duration};

use chrono::Utc;
use clap::builder::PossibleValuesParser;
use db::{Db, Tx};
use domain::name::Name;
use jobs::{KINDS, QUEUES};
use queue::{
    control::{self, NewLimit},
    ledger::{
        By, State,
        controls::{
            limits::{self, Limit},
            pauses::{self, EVERYTHING, Pause, Scope},
        },
        kinds,
        stats::queues::{self, QueueStatus},
    },
};
use serde_json::{Value, json};

use super::{Common, Failure, Operator, Output, Why, ago, maybe_time, pause_span, run, short, table::Table, time};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  worker queues
  worker queues pause media --for 30m --reason 'the disk is full'
  worker queues pause --kind scan_content --reason 'a rule eats all memory'
  worker queues pause --all --for 15m --reason 'the database moves'
  worker queues resume --kind scan_content --reason 'the rule is mended'
  worker queues limit send_email --rate 10 --per 1s --burst 20 --reason 'what the mail server takes'
  worker queues limit make_thumbnails --max-running 8 --max-running-per-tenant 2 --reason 'one creator at a time'
  worker queues limit send_email --remove --reason 'the mail server was enlarged'

Exit status: 0 done, 1 not found or refused, 2 unusable call.")]
pub struct QueuesArgs {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Every queue with its jobs by state, its pauses, and the limits. This is what `worker queues` does by itself.
    List,
    /// Let nothing start of a queue, of a kind of job, or at all. What runs goes on.
    Pause {
        #[command(flatten)]
        what: What,
        /// Ends by itself after this time: 1s to 30d.
        #[arg(long = "for", value_name = "TIME", value_parser = pause_span)]
        time: Option<Duration>,
        #[command(flatten)]
        why: Why,
    },
    /// Let a paused queue or kind, or everything, go on.
    Resume {
        #[command(flatten)]
        what: What,
        #[command(flatten)]
        why: Why,
    },
    /// Say how much of a kind the whole fleet may run. What is not named is not limited.
    Limit {
        /// Of job, such as send_email.
        kind: Name,
        #[command(flatten)]
        limit: LimitArgs,
        /// Lift all limits of the kind.
        #[arg(long, conflicts_with_all = ["max_running", "max_running_per_tenant", "rate"])]
        remove: bool,
        #[command(flatten)]
        why: Why,
    },
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// The queue.
    #[arg(value_parser = PossibleValuesParser::new(QUEUES.names()))]
    queue: Option<String>,
    /// A kind of job instead, in whatever queue.
    #[arg(long)]
    kind: Option<Name>,
    /// Everything. Pauses of single queues and kinds stay as they are beside it.
    #[arg(long)]
    all: bool,
}

#[derive(clap::Args)]
struct LimitArgs {
    /// At a time, 1 to 100000.
    #[arg(long, value_name = "NUMBER", value_parser = count())]
    max_running: Option<u32>,
    /// At a time, for each tenant.
    #[arg(long, value_name = "NUMBER", value_parser = count())]
    max_running_per_tenant: Option<u32>,
    /// Starts per --per.
    #[arg(long, value_name = "NUMBER", value_parser = count())]
    rate: Option<u32>,
    /// 1s (which it is by default) to 1d.
    #[arg(long, value_name = "TIME", requires = "rate", value_parser = rate_span)]
    per: Option<u32>,
    /// Starts that may come at once; 1 by default.
    #[arg(long, value_name = "NUMBER", requires = "rate", value_parser = count())]
    burst: Option<u32>,
}

fn count() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=i64::try_from(control::LIMIT_MAX).unwrap_or(i64::MAX))
}

fn rate_span(text: &str) -> Result<u32, String> {
    let seconds = super::span(text)?.as_secs();
    let fits = (1..=control::RATE_SECONDS_MAX).contains(&seconds);
    u32::try_from(seconds).ok().filter(|_| fits).ok_or_else(|| "must be 1s to 1d".into())
}

pub async fn queues(args: QueuesArgs) -> ExitCode {
    let QueuesArgs { common, command } = args;
    run("queues", common, async |db, output| match command.unwrap_or(Command::List) {
        Command::List => list(&db, &output).await,
        Command::Pause { what, time, why } => {
            let (scope, name) = named(&db, &what).await?;
            let operator = Operator::of_this_process("worker queues pause");
            let by = By::system(&why.reason);
            let seconds = time.map(|time| time.as_secs());
            let work = async |tx: &mut Tx| control::pause(tx, scope, name, &by, seconds).await;
            let expires_at = operator.change(&db, work).await?;
            output.show(
                || json!({ "scope": scope, "name": name, "paused": true, "expires_at": maybe_time(expires_at) }),
                || match expires_at {
                    Some(end) => format!("{}: paused until {} UTC", called(scope, name), short(end)),
                    None => format!("{}: paused", called(scope, name)),
                },
            )
        }
        Command::Resume { what, why } => {
            let (scope, name) = named(&db, &what).await?;
            let operator = Operator::of_this_process("worker queues resume");
            let by = By::system(&why.reason);
            let work = async |tx: &mut Tx| Ok(((), control::resume(tx, scope, name, &by).await?));
            operator.change(&db, work).await.map_err(|failure| match failure {
                Failure::Refused(text) => Failure::Refused(format!("{}: {text}", called(scope, name))),
                other => other,
            })?;
            output.show(
                || json!({ "scope": scope, "name": name, "paused": false }),
                || format!("{}: goes on", called(scope, name)),
            )
        }
        Command::Limit { kind, remove: true, why, .. } => {
            let operator = Operator::of_this_process("worker queues limit");
            let by = By::system(&why.reason);
            let work = async |tx: &mut Tx| Ok(((), control::remove_limit(tx, &kind, &by).await?));
            operator.change(&db, work).await.map_err(|failure| match failure {
                Failure::Refused(text) if text == control::Refused::Missing.to_string() => {
                    Failure::Refused(format!("{kind} has no limits"))
                }
                other => other,
            })?;
            output.show(|| json!({ "kind": *kind, "limit": Value::Null }), || format!("{kind}: not limited"))
        }
        Command::Limit { kind, limit, why, .. } => {
            known(&db, &kind).await?;
            let new = NewLimit {
                max_running: limit.max_running,
                max_running_per_tenant: limit.max_running_per_tenant,
                rate: limit.rate,
                rate_seconds: limit.per,
                burst: limit.burst,
            };
            new.check()
                .map_err(|error| Failure::Unusable(format!("{}, or --remove", error.to_string().replace('_', "-"))))?;
            let operator = Operator::of_this_process("worker queues limit");
            let by = By::system(&why.reason);
            let set = operator.change(&db, async |tx| control::set_limit(tx, &kind, new, &by).await).await?;
            output.show(
                || json!({ "kind": *kind, "limit": limit_view(&set) }),
                || format!("{kind}: {}", limit_words(&set)),
            )
        }
    })
    .await
}

async fn named<'a>(db: &Db, what: &'a What) -> Result<(Scope, &'a str), Failure> {
    match (&what.queue, &what.kind) {
        _ if what.all => Ok((Scope::All, EVERYTHING)),
        (Some(queue), _) => Ok((Scope::Queue, queue)),
        (None, Some(kind)) => {
            known(db, kind).await?;
            Ok((Scope::Kind, kind))
        }
        (None, None) => Err(Failure::Unusable("name a queue, or a --kind, or --all".into())),
    }
}

fn called(scope: Scope, name: &str) -> String {
    if scope == Scope::All { "everything".into() } else { format!("{scope} {name}") }
}

/// A kind of this build, or one the ledger has jobs of.
async fn known(db: &Db, kind: &str) -> Result<(), Failure> {
    if KINDS.contains(kind) || kinds::exists(db, kind).await? {
        return Ok(());
    }
    Err(Failure::Refused(format!("there is no kind {kind:?}; known are {}", KINDS.names().join(", "))))
}

async fn list(db: &Db, output: &Output) -> Result<(), Failure> {
    let names = QUEUES.names();
    let queues = queues::all(db, &names).await?;
    let pauses = pauses::list(db).await?;
    let limits = limits::list(db).await?;
    let everything = pauses.iter().find(|pause| pause.scope == Scope::All);
    let paused = |queue: &str| pauses.iter().find(|pause| pause.scope == Scope::Queue && pause.name == queue);
    output.show(
        || {
            json!({
                "paused": everything.map(pause_view),
                "queues": queues.iter().map(|queue| queue_view(queue, paused(&queue.queue))).collect::<Vec<_>>(),
                "paused_kinds": pauses.iter().filter(|pause| pause.scope == Scope::Kind).map(pause_view).collect::<Vec<_>>(),
                "limits": limits.iter().map(limit_view).collect::<Vec<_>>(),
            })
        },
        || {
            let now = Utc::now();
            let headings = ["QUEUE", "READY", "OLDEST", "RUNNING", "LATER", "RETRY", "BLOCKED", "WAITING", "GIVEN UP", "PAUSED"];
            let mut table = Table::new(&headings, &[0, 1, 2, 3, 4, 5, 6, 7, 8]);
            for queue in &queues {
                let count = |state| counted(queue, &[state]);
                let pause = paused(&queue.queue);
                table.row([
                    queue.queue.clone(),
                    count(State::Available),
                    queue.oldest.map_or_else(|| "-".into(), |oldest| ago(now, oldest)),
                    count(State::Running),
                    count(State::Scheduled),
                    count(State::Retryable),
                    count(State::Blocked),
                    count(State::Waiting),
                    counted(queue, &[State::Discarded, State::Quarantined]),
                    pause.map(|pause| pause.reason.clone()).unwrap_or_default(),
                ]);
            }
            let mut text = table.render();
            if let Some(pause) = everything {
                text.push_str(&format!("\neverything is paused since {}: {}", short(pause.paused_at), pause.reason));
            }
            for pause in pauses.iter().filter(|pause| pause.scope == Scope::Kind) {
                text.push_str(&format!("\nkind {} is paused since {}: {}", pause.name, short(pause.paused_at), pause.reason));
            }
            for limit in &limits {
                text.push_str(&format!("\n{}: {} ({})", limit.kind, limit_words(limit), limit.reason));
            }
            text
        },
    )
}

/// Jobs in these states; a plus means that they were counted to 10,000 only.
fn counted(queue: &QueueStatus, states: &[State]) -> String {
    let found = queue.counts.iter().filter(|(state, _)| states.contains(state));
    let (count, capped) = found.fold((0, false), |(n, capped), (_, total)| (n + total.count, capped || total.capped));
    format!("{count}{}", if capped { "+" } else { "" })
}

fn queue_view(queue: &QueueStatus, pause: Option<&Pause>) -> Value {
    let counts: serde_json::Map<String, Value> = queue
        .counts
        .iter()
        .map(|(state, total)| (state.to_string(), json!({ "count": total.count, "capped": total.capped })))
        .collect();
    json!({
        "name": queue.queue, "counts": counts, "oldest_available_at": maybe_time(queue.oldest),
        "oldest_is_a_guess": queue.oldest_is_a_guess, "paused": pause.map(pause_view),
    })
}

fn pause_view(pause: &Pause) -> Value {
    json!({
        "name": pause.name, "reason": pause.reason, "actor": pause.actor, "since": time(pause.paused_at),
        "until": maybe_time(pause.expires_at),
    })
}

fn limit_view(limit: &Limit) -> Value {
    json!({
        "kind": limit.kind, "max_running": limit.max_running, "max_running_per_tenant": limit.max_running_per_tenant,
        "rate": limit.rate, "rate_seconds": limit.rate_seconds, "burst": limit.burst, "reason": limit.reason,
        "actor": limit.actor, "changed_at": time(limit.changed_at),
    })
}

fn limit_words(limit: &Limit) -> String {
    let mut words = Vec::new();
    if let Some(most) = limit.max_running {
        words.push(format!("at most {most} at a time"));
    }
    if let Some(most) = limit.max_running_per_tenant {
        words.push(format!("{most} at a time for each tenant"));
    }
    if let Some(rate) = limit.rate {
        words.push(format!("{rate} starts per {} s", limit.rate_seconds.unwrap_or(1)));
        words.push(format!("{} at once", limit.burst.unwrap_or(1)));
    }
    words.join(", ")
}
