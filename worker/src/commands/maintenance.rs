//! `worker maintenance`: the read-only maintenance mode, also when no API runs.

use std::{process::ExitCode, time::Duration};

use infra::db::maintenance_mode::{self, Mode};
use jobs::read_only;
use queue::ledger::By;
use serde_json::{Value, json};

use super::{Common, Failure, Operator, Why, run, short, span, time};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  worker maintenance
  worker maintenance begin --retry-after 15m --reason 'The database moves; back at 14:00.'
  worker maintenance end --reason 'it has moved'

Exit status: 0 done, 1 refused, 2 unusable call.")]
pub struct MaintenanceArgs {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Whether it is on. This is what `worker maintenance` does by itself.
    Show,
    /// Let the API refuse what would change something, and let no job start. Reading goes on, and so does what has begun.
    Begin {
        /// When refused requests are told to come again: 1s to 1d.
        #[arg(long, value_name = "TIME", default_value = "1m", value_parser = wait)]
        retry_after: Duration,
        /// For everybody to read.
        #[command(flatten)]
        why: Why,
    },
    /// Take changes again, and let the queues go on.
    End {
        #[command(flatten)]
        why: Why,
    },
}

fn wait(text: &str) -> Result<Duration, String> {
    let span = span(text)?;
    if (1..=read_only::RETRY_AFTER_MAX).contains(&span.as_secs()) { Ok(span) } else { Err("must be 1s to 1d".into()) }
}

pub async fn maintenance(args: MaintenanceArgs) -> ExitCode {
    let MaintenanceArgs { common, command } = args;
    run("maintenance", common, async |db, output| match command.unwrap_or(Command::Show) {
        Command::Show => {
            let mode = maintenance_mode::get(&db).await?;
            output.show(|| view(mode.as_ref()), || words(mode.as_ref()))
        }
        Command::Begin { retry_after, why } => {
            let operator = Operator::of_this_process("worker maintenance begin");
            let by = By::system(&why.reason);
            let seconds = u32::try_from(retry_after.as_secs()).unwrap_or(u32::MAX);
            let mode = operator.change(&db, async |tx| read_only::begin(tx, seconds, &by).await).await?;
            output.show(|| view(Some(&mode)), || words(Some(&mode)))
        }
        Command::End { why } => {
            let operator = Operator::of_this_process("worker maintenance end");
            let by = By::system(&why.reason);
            let ended = operator.change(&db, async |tx| Ok(((), read_only::end(tx, &by).await?))).await;
            ended.map_err(|failure| match failure {
                Failure::Refused(text) if text == queue::control::Refused::NotPaused.to_string() => {
                    Failure::Refused("there is no maintenance".into())
                }
                other => other,
            })?;
            output.show(|| view(None), || words(None))
        }
    })
    .await
}

fn view(mode: Option<&Mode>) -> Value {
    match mode {
        Some(mode) => json!({
            "on": true, "reason": mode.reason, "since": time(mode.began_at),
            "retry_after_seconds": mode.retry_after_seconds,
        }),
        None => json!({"on": false}),
    }
}

fn words(mode: Option<&Mode>) -> String {
    match mode {
        Some(mode) => format!("maintenance since {} UTC: {}", short(mode.began_at), mode.reason),
        None => "no maintenance".into(),
    }
}
