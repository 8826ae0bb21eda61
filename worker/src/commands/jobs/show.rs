//! `worker jobs show`.

use db::Db;
use queue::{
    ids::JobId,
    ledger::{
        self, JobRow, flow_members,
        history::{attempts, logs, timeline},
    },
};
use serde_json::json;

use super::{
    super::{Failure, Output, maybe_time, short, table::Table, time},
    table_of, view,
};

/// Log lines in the text; JSON has all of them.
const LINES: usize = 20;

pub(super) async fn show(db: &Db, output: &Output, id: JobId) -> Result<(), Failure> {
    let Some(job) = ledger::get(db, id).await? else {
        return Err(Failure::Refused(format!("there is no job {id}; it may have been pruned")));
    };
    let attempts = attempts::by_job(db, id).await?;
    let logs = logs::by_job(db, id).await?;
    let children = flow_members::children_of(db, id).await?;
    let parent = match job.flow_id {
        Some(flow) => flow_members::parent_of(db, flow).await?,
        None => None,
    };
    let story = timeline::of(db, id).await?;
    output.show(
        || {
            let mut all = view(&job);
            all["parent_id"] = json!(parent);
            all["children"] = children.iter().map(view).collect();
            all["references"] = story.references.iter().map(|(kind, id)| json!({ "type": kind, "id": id })).collect();
            all["attempts"] = attempts
                .iter()
                .map(|run| {
                    json!({
                        "run": run.run, "outcome": run.outcome, "class": run.class, "error": run.error,
                        "started_at": maybe_time(run.started_at), "finished_at": time(run.finished_at),
                    })
                })
                .collect();
            all["logs"] = logs
                .iter()
                .map(|(run, line)| {
                    json!({
                        "run": run, "at": time(line.at), "level": line.level, "message": line.message,
                        "fields": line.fields,
                    })
                })
                .collect();
            all["actions"] = story
                .actions
                .iter()
                .map(|done| {
                    json!({
                        "action": done.action, "actor": done.actor, "reason": done.reason,
                        "state_before": done.before, "state": done.after, "at": time(done.at),
                        "details": done.details.as_ref().map(|details| &details.0),
                    })
                })
                .collect();
            all
        },
        || {
            let mut text = facts(&job);
            if let Some(parent) = parent {
                text.push_str(&format!("parent    {parent}\n"));
            }
            for (kind, id) in &story.references {
                text.push_str(&format!("about     {kind}:{id}\n"));
            }
            if !attempts.is_empty() {
                let mut table = Table::new(&["RUN", "OUTCOME", "CLASS", "ENDED (UTC)", "ERROR"], &[0, 1, 3]);
                for run in &attempts {
                    table.row([
                        run.run.to_string(),
                        run.outcome.to_string(),
                        run.class.clone().unwrap_or_default(),
                        short(run.finished_at),
                        run.error.clone().unwrap_or_default(),
                    ]);
                }
                text.push_str(&format!("\n{}", table.render()));
            }
            if !children.is_empty() {
                text.push_str(&format!("\nIt waits for:\n{}", table_of(&children).render()));
            }
            if !story.actions.is_empty() {
                let mut table = Table::new(&["AT (UTC)", "ACTION", "BEFORE", "AFTER", "REASON"], &[0, 1]);
                for done in &story.actions {
                    table.row([
                        short(done.at),
                        done.action.to_string(),
                        done.before.to_string(),
                        done.after.to_string(),
                        done.reason.clone(),
                    ]);
                }
                text.push_str(&format!("\n{}", table.render()));
            }
            let newest = logs.len().saturating_sub(LINES);
            if !logs.is_empty() {
                text.push('\n');
            }
            if newest > 0 {
                text.push_str(&format!("{newest} earlier log lines: --json\n"));
            }
            for (run, line) in &logs[newest..] {
                let fields = line.fields.as_ref().map(|fields| format!(" {fields}")).unwrap_or_default();
                let at = line.at.format("%H:%M:%S");
                text.push_str(&format!("{at} run {run} {:<5} {}{fields}\n", line.level.as_str(), line.message));
            }
            text
        },
    )
}

fn facts(job: &JobRow) -> String {
    let mut text = format!(
        "job       {}\nkind      {}\nqueue     {} (priority {})\nstate     {}\n",
        job.id, job.kind, job.queue, job.priority, job.state
    );
    let mut add = |name: &str, value: String| text.push_str(&format!("{name:<9} {value}\n"));
    if !job.tenant.is_nil() {
        add("tenant", job.tenant.to_string());
    }
    add("runs", format!("{}, {} of {} failures", job.runs, job.failures, job.max_failures));
    if job.lost + job.crashes > 0 {
        add("lost", format!("{} times with its worker, {} crashes of its own", job.lost, job.crashes));
    }
    add("created", short(job.created_at));
    if matches!(job.state, ledger::State::Scheduled | ledger::State::Retryable) {
        add("runs at", short(job.run_at));
    }
    if let Some(started) = job.started_at {
        add("started", short(started));
    }
    if let Some(finished) = job.finished_at {
        add("finished", short(finished));
    }
    if let Some(done) = job.progress_done {
        let total = job.progress_total.map(|total| format!(" of {total}")).unwrap_or_default();
        add("progress", format!("{done}{total} {}", job.progress_note.as_deref().unwrap_or_default()));
    }
    text
}
