//! `worker jobs retry|cancel|discard|rerun`: by id at once, by filter as a bulk action.

use db::Db;
use queue::{
    control::{self, Refused},
    ids::JobId,
    ledger::{Action, By, list},
};
use serde_json::json;

use super::{
    super::{Failure, Operator, Output, reason, table::Table},
    FilterArgs, table_of, view,
};

/// Jobs that a dry run shows.
const SAMPLE: u32 = 10;

#[derive(clap::Args)]
pub(super) struct ActArgs {
    /// Jobs by id; or none, and filters.
    #[arg(conflicts_with_all = ["states", "kind", "queue", "tenant", "reference", "fingerprint", "since", "until"])]
    ids: Vec<JobId>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Also everything the named jobs wait for: what failed of it is retried, what has not ended is cancelled.
    #[arg(long)]
    flow: bool,
    /// By filter: only count, and show some of them. Nothing is changed.
    #[arg(long, conflicts_with_all = ["ids", "yes"])]
    dry_run: bool,
    /// By filter: do it.
    #[arg(long, conflicts_with = "ids")]
    yes: bool,
    /// By filter: at most so many jobs a second.
    #[arg(long, value_name = "NUMBER", conflicts_with = "ids", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    per_second: Option<u32>,
    /// Why, in at most 500 characters: kept in the audit log and with the job. Required, except for --dry-run.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,
}

pub(super) async fn act(db: &Db, output: &Output, action: Action, args: &ActArgs) -> Result<(), Failure> {
    if args.ids.is_empty() {
        return by_filter(db, output, action, args).await;
    }
    by_id(db, output, action, args, given(args)?).await
}

fn given(args: &ActArgs) -> Result<&str, Failure> {
    args.reason
        .as_deref()
        .ok_or_else(|| Failure::Unusable("--reason TEXT is required; it goes into the audit log".into()))
}

const fn command(action: Action) -> &'static str {
    match action {
        Action::Retry => "worker jobs retry",
        Action::Cancel => "worker jobs cancel",
        Action::Discard => "worker jobs discard",
        Action::Rerun => "worker jobs rerun",
    }
}

/// Each job in a transaction of its own, so that one that is refused does not hold up the others.
async fn by_id(db: &Db, output: &Output, action: Action, args: &ActArgs, reason: &str) -> Result<(), Failure> {
    if args.flow && action == Action::Rerun {
        return Err(Failure::Unusable("--flow does not go with rerun: each job runs once more alone".into()));
    }
    let operator = Operator::of_this_process(command(action));
    let by = By::system(reason);
    let mut table = Table::new(&["ID", "RESULT", "BEFORE", "AFTER", "JOBS"], &[0, 1]);
    let (mut results, mut bad) = (Vec::new(), 0);
    for id in &args.ids {
        let done = match control::targets(db, *id, args.flow).await {
            Ok(targets) => {
                operator
                    .change(db, async |tx| {
                        let change = control::job(tx, &jobs::KINDS, *id, &targets, action, &by).await?;
                        let act = change.act.clone();
                        Ok((change, act))
                    })
                    .await
            }
            Err(refused) => Err(refused.into()),
        };
        match done {
            Ok(change) => {
                let result = if change.asked > 0 { "asked" } else { "done" };
                let jobs = change.changed + change.asked;
                let (before, after) = (change.before.to_string(), change.after.to_string());
                table.row([id.to_string(), result.into(), before, after, jobs.to_string()]);
                results.push(json!({
                    "id": id, "result": result, "state_before": change.before, "state": change.after,
                    "changed": change.changed, "asked": change.asked, "skipped": change.skipped,
                }));
            }
            Err(Failure::Refused(text)) => {
                bad += 1;
                let missing = text == Refused::Missing.to_string();
                let (result, text) =
                    if missing { ("missing", "there is no such job".into()) } else { ("refused", text) };
                table.row([id.to_string(), result.into(), text.clone(), String::new(), String::new()]);
                results.push(json!({ "id": id, "result": result, "why": text }));
            }
            Err(other) => return Err(other),
        }
    }
    output.show(|| json!({ "action": action, "results": results }), || table.render())?;
    if bad > 0 {
        return Err(Failure::Refused(format!("{bad} of {} could not be changed", args.ids.len())));
    }
    Ok(())
}

async fn by_filter(db: &Db, output: &Output, action: Action, args: &ActArgs) -> Result<(), Failure> {
    if args.flow {
        return Err(Failure::Unusable("--flow goes with jobs named by id".into()));
    }
    let mut filter = args.filter.filter();
    if filter.is_empty() {
        return Err(Failure::Unusable("name jobs by id or give at least one filter; --help has examples".into()));
    }
    if filter.states.is_empty() {
        filter.states = queue::builtin::bulk_states(action);
    } else if let Some(wrong) = filter.states.iter().find(|state| !action.fits(**state)) {
        return Err(Failure::Unusable(format!("--state {wrong}: {action} does not fit jobs in this state")));
    }
    let total = list::count(db, &filter).await?;
    let more = if total.capped { " or more" } else { "" };
    if args.dry_run {
        let page = list::page(db, &filter, None, SAMPLE).await?;
        return output.show(
            || {
                json!({
                    "action": action, "dry_run": true, "total": total.count, "total_capped": total.capped,
                    "sample": page.jobs.iter().map(view).collect::<Vec<_>>(),
                })
            },
            || {
                let list = table_of(&page.jobs).render();
                format!(
                    "{list}\n{action}: {}{more} jobs match; {} of them above. Nothing was changed.",
                    total.count,
                    page.jobs.len()
                )
            },
        );
    }
    let reason = given(args)?;
    if !args.yes {
        let text =
            format!("{action}: {}{more} jobs match. Look at them with --dry-run, do it with --yes.", total.count);
        return Err(Failure::Unusable(text));
    }
    let operator = Operator::of_this_process(command(action));
    let request = control::NewBulk { action, filter, per_second: args.per_second, matched: total };
    let by = By::system(reason);
    let bulk = operator.change(db, async |tx| control::bulk(tx, &request, &by).await).await?;
    output.show(
        || json!({ "action": action, "bulk_id": bulk.id, "job_id": bulk.job, "total": total.count, "total_capped": total.capped }),
        || {
            format!(
                "{action}: {}{more} jobs, by the bulk action {}.\nIts job: worker jobs show {}\nStop it:  worker jobs cancel {} --reason …",
                total.count, bulk.id, bulk.job, bulk.job
            )
        },
    )
}
