//! `worker fleet`: the workers, and asking one to drain.

use std::process::ExitCode;

use chrono::Utc;
use db::Db;
use queue::{
    control,
    ids::WorkerId,
    ledger::{
        By,
        workers::{self, WorkerRow, WorkerState},
    },
};
use serde_json::{Value, json};

use super::{Common, Failure, Operator, Output, Why, ago, maybe_time, run, table::Table, time};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  worker fleet
  worker fleet list --all --json
  worker fleet drain 01930000-0000-7000-8000-000000000001 --reason 'the machine is replaced'

Exit status: 0 done, 1 not found or refused, 2 unusable call.")]
pub struct FleetArgs {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// The workers that live. This is what `worker fleet` does by itself.
    List {
        /// Also those that ended within the last day.
        #[arg(long)]
        all: bool,
    },
    /// Ask a worker to take no more jobs, finish what it runs and end, as after a SIGTERM. It hears it within a second.
    Drain {
        /// Of the worker, from the list.
        id: WorkerId,
        #[command(flatten)]
        why: Why,
    },
}

pub async fn fleet(args: FleetArgs) -> ExitCode {
    let FleetArgs { common, command } = args;
    run("fleet", common, async |db, output| match command.unwrap_or(Command::List { all: false }) {
        Command::List { all } => list(&db, &output, all).await,
        Command::Drain { id, why } => {
            let by = By::system(&why.reason);
            let operator = Operator::of_this_process("worker fleet drain");
            let asked = operator.change(&db, async |tx| Ok(((), control::drain(tx, id, &by).await?))).await;
            asked.map_err(|failure| match failure {
                Failure::Refused(text) if text == control::Refused::Missing.to_string() => {
                    Failure::Refused(format!("there is no worker {id}; `worker fleet` lists them"))
                }
                other => other,
            })?;
            output.show(|| json!({ "worker_id": id, "draining": true }), || format!("{id}: asked to drain"))
        }
    })
    .await
}

async fn list(db: &Db, output: &Output, all: bool) -> Result<(), Failure> {
    let mut rows = workers::list(db).await?;
    rows.retain(|row| all || row.state.lives());
    output.show(
        || json!({ "workers": rows.iter().map(view).collect::<Vec<_>>() }),
        || {
            let headings = ["ID", "NAME", "VERSION", "STATE", "QUEUES", "SLOTS", "MIB", "SEEN"];
            let mut table = Table::new(&headings, &[0, 3, 5, 6, 7]);
            for row in &rows {
                table.row([
                    row.id.to_string(),
                    row.name.clone(),
                    row.version.clone(),
                    stands(row).to_string(),
                    row.queues.clone(),
                    row.slots.to_string(),
                    row.memory_bytes.map_or_else(|| "-".into(), |bytes| (bytes >> 20).to_string()),
                    ago(Utc::now(), row.seen_at),
                ]);
            }
            table.render()
        },
    )
}

/// A worker that was only asked to drain counts as draining.
fn stands(row: &WorkerRow) -> WorkerState {
    if row.state == WorkerState::Alive && row.drain_requested_at.is_some() { WorkerState::Draining } else { row.state }
}

fn view(row: &WorkerRow) -> Value {
    json!({
        "id": row.id, "name": row.name, "version": row.version, "state": stands(row),
        "queues": row.queues.split(',').collect::<Vec<_>>(), "slots": row.slots, "memory_bytes": row.memory_bytes,
        "started_at": time(row.started_at), "seen_at": time(row.seen_at),
        "drain_requested_at": maybe_time(row.drain_requested_at), "drain_reason": row.drain_reason,
        "unconfined": row.unconfined,
    })
}
