//! `worker reindex`: has the search index made anew from the rows.

use std::{io::Write, process::ExitCode, time::Duration};

use db::Db;
use infra::{
    db::nanos,
    env::{Problems, SearchArgs, SearchSettings},
    search::{Embedded, SearchBackend, SearchError},
};
use jobs::Reindex;
use queue::{
    control::{Act, Refused},
    ids::JobId,
    ledger::{self, JobRow, State},
};
use serde_json::json;

use super::{Common, Failure, Operator, Output, UNUSABLE, reason, run};

/// Between two looks at the job.
const LOOK: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
#[command(after_help = "Examples:
  worker reindex --dry-run
  worker reindex --reason 'the index was lost' --wait
  worker reindex --reason 'the database was restored to yesterday'

The work is a job of the queue search, which gives way to everything else there. Searches go on meanwhile; people publish and take
down what they like. Stopped half way, it goes on where it was. Asked for again while it runs, it runs once more afterwards.

Exit status: 0 asked for (with --wait: done), 1 refused (with --wait: given up or cancelled), 2 unusable call.")]
pub struct ReindexArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    search: SearchArgs,
    /// Only count what is on the shelf and what the index finds. Takes the settings of the search index, as `worker run` does.
    #[arg(long, conflicts_with_all = ["wait", "reason"])]
    dry_run: bool,
    /// Say how far it is, and end with it. A worker that serves the queue search has to run.
    #[arg(long)]
    wait: bool,
    /// Why, in at most 500 characters: kept in the audit log. Required, except for --dry-run.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,
}

impl From<SearchError> for Failure {
    fn from(error: SearchError) -> Self {
        Self::Refused(error.to_string())
    }
}

pub async fn reindex(args: ReindexArgs) -> ExitCode {
    let ReindexArgs { common, search, dry_run, wait, reason } = args;
    if dry_run {
        let mut problems = Problems::default();
        let settings = search.check(&mut problems);
        if let Some(code) = problems.exit_code() {
            return code;
        }
        let Some(settings) = settings else { return UNUSABLE.into() };
        return run("reindex", common, async |db, output| count(&db, &output, &settings).await).await;
    }
    run("reindex", common, async |db, output| {
        let Some(reason) = &reason else {
            return Err(Failure::Unusable("--reason TEXT is required; it goes into the audit log".into()));
        };
        let operator = Operator::of_this_process("worker reindex");
        let job = operator
            .change(&db, async |tx: &mut db::Tx| {
                let job = queue::enqueue(tx, &Reindex {}).await.map_err(Refused::from)?;
                let details = json!({ "reason": reason });
                Ok((job, Act { action: "search.reindex", target_type: "job", target_id: Some(job.0), details }))
            })
            .await?;
        if wait {
            return finished(&db, &output, job).await;
        }
        output.show(|| json!({ "job_id": job }), || format!("job {job}; how far it is: worker jobs show {job}"))
    })
    .await
}

async fn count(db: &Db, output: &Output, settings: &SearchSettings) -> Result<(), Failure> {
    let on_the_shelf = nanos::count_public(db).await?;
    let found = match settings {
        // Opening would begin it, in this account's name.
        SearchSettings::Embedded { dir, index } if !Embedded::is_begun(dir, index) => None,
        settings => Some(SearchBackend::connect(settings).await?.count().await?),
    };
    output.show(
        || json!({ "on_the_shelf": on_the_shelf, "found": found }),
        || match found {
            Some(found) => format!("nanos on the shelf: {on_the_shelf}; in the index: {found}"),
            None => format!("nanos on the shelf: {on_the_shelf}; there is no index"),
        },
    )
}

/// Tells how far the job is until it has ended.
async fn finished(db: &Db, output: &Output, job: JobId) -> Result<(), Failure> {
    let mut told = String::new();
    loop {
        let Some(row) = ledger::get(db, job).await? else {
            return Err(Failure::Refused(format!("job {job} is not in the ledger any more")));
        };
        match row.state {
            State::Completed => {
                return output.show(
                    || json!({ "job_id": job, "state": row.state }),
                    || format!("the search index is made anew; what came to light: worker jobs show {job}"),
                );
            }
            state if state.is_terminal() => {
                let why = row.last_error.map(|error| format!(": {error}")).unwrap_or_default();
                return Err(Failure::Refused(format!("job {job} is {state}{why}")));
            }
            _ => {
                let now = standing(&row);
                if now != told {
                    // Whoever does not listen to the progress wants the work done all the same.
                    let _ = writeln!(std::io::stderr(), "{now}");
                    told = now;
                }
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn standing(row: &JobRow) -> String {
    match (row.progress_done, &row.progress_note) {
        (Some(done), Some(note)) => match row.progress_total {
            Some(total) => format!("{done} of {total} {note}"),
            None => format!("{done} {note}"),
        },
        _ => format!("{}; `worker explain {}` says why it waits", row.state, row.id),
    }
}
