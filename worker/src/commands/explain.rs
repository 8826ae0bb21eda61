//! `worker explain`: why a job waits, or a queue does not move, in one sentence.

use std::process::ExitCode;

use jobs::QUEUES;
use queue::{
    control::explain::{explain_job, explain_queue},
    ids::JobId,
};
use serde_json::json;

use super::{Common, Failure, run};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  worker explain 01930000-0000-7000-8000-000000000002
  worker explain uploads

Exit status: 0 explained, 1 there is no such job, 2 neither a job's id nor a queue.")]
pub struct ExplainArgs {
    #[command(flatten)]
    common: Common,
    /// A job's id, or the name of a queue.
    #[arg(value_name = "JOB|QUEUE")]
    what: String,
}

pub async fn explain(args: ExplainArgs) -> ExitCode {
    let ExplainArgs { common, what } = args;
    run("explain", common, async |db, output| {
        let explanation = if let Ok(id) = what.parse::<JobId>() {
            let missing = || Failure::Refused(format!("there is no job {id}; it may have been pruned"));
            explain_job(&db, id).await?.ok_or_else(missing)?
        } else {
            let queue =
                QUEUES.parse(&what).map_err(|error| Failure::Unusable(format!("{what:?} is no job's id; {error}")))?;
            explain_queue(&db, queue.as_str()).await?
        };
        output.show(
            || json!({ "why": explanation.why, "help": explanation.help }),
            || match &explanation.help {
                Some(help) => format!("{}.\nWhat helps: {help}.", explanation.why),
                None => format!("{}.", explanation.why),
            },
        )
    })
    .await
}
