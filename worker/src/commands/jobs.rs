//! `worker jobs`: finding jobs, reading one, and acting on some or on thousands.

mod act;
mod change;
mod show;

use std::{process::ExitCode, time::Duration};

use chrono::{DateTime, Utc};
use clap::builder::PossibleValuesParser;
use db::Db;
use domain::{name::Name, user::Words};
use queue::{
    ids::JobId,
    ledger::{
        Action, JobRow, State,
        list::{self, Cursor, Filter, Fingerprint},
    },
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Common, Failure, Output, ago, maybe_time, run, span, table::Table, time};

/// Jobs that a list shows at most.
const MOST: u32 = 1_000;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  worker jobs list --state discarded --since 1d
  worker jobs list --reference nano:01930000-0000-7000-8000-000000000001
  worker jobs show 01930000-0000-7000-8000-000000000002
  worker jobs retry 01930000-0000-7000-8000-000000000002 --reason 'the scanner is mended'
  worker jobs retry 01930000-0000-7000-8000-000000000002 --flow --reason 'the whole upload again'
  worker jobs retry --kind send_email --state discarded --since 2h --dry-run
  worker jobs retry --kind send_email --state discarded --since 2h --reason 'SMTP is back' --yes
  worker jobs rerun --kind index_nano --since 1h --reason 'the index was restored from yesterday' --yes
  worker jobs change 01930000-0000-7000-8000-000000000002 --priority urgent --at now --reason 'the creator is on the phone'
  worker jobs cancel --tenant 01930000-0000-7000-8000-000000000003 --reason 'account closed' --yes

Exit status: 0 done, 1 not found or refused (at least one of several), 2 unusable call.")]
pub struct JobsArgs {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Jobs that match all filters, newest first.
    List(ListArgs),
    /// One job: where it stands, its runs, what they said, its flow, and what people did to it.
    Show { id: JobId },
    /// Run jobs again, with a clean slate of failures: discarded, cancelled, quarantined, retryable, and scheduled ones
    /// (which then run now).
    ///
    /// By filter, unless --state says otherwise: discarded, quarantined and retryable ones.
    Retry(act::ActArgs),
    /// Stop jobs that have not ended. Running ones are asked to stop, and hear it within a second.
    Cancel(act::ActArgs),
    /// Give jobs up that are not running, as if their last attempt had failed.
    Discard(act::ActArgs),
    /// Run completed jobs once more.
    Rerun(act::ActArgs),
    /// Change when a job that waits may run, how urgent it is, or which queue has it.
    Change(change::ChangeArgs),
}

#[derive(clap::Args)]
struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Jobs to show, 1 to 1000.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
    limit: u32,
    /// Go on where an earlier list with the same filters ended (`next` in its JSON).
    #[arg(long)]
    cursor: Option<String>,
}

/// Which jobs; all filters that are given must match.
#[derive(clap::Args)]
struct FilterArgs {
    /// State; may be given several times.
    #[arg(long = "state", value_name = "STATE", value_parser = PossibleValuesParser::new(State::WORDS))]
    states: Vec<String>,
    /// Kind, such as validate_archive.
    #[arg(long)]
    kind: Option<Name>,
    /// Queue.
    #[arg(long, value_parser = PossibleValuesParser::new(jobs::QUEUES.names()))]
    queue: Option<String>,
    /// Whose work it is: a user's id, or `system` for the marketplace's own.
    #[arg(long, value_name = "ID", value_parser = tenant)]
    tenant: Option<Uuid>,
    /// What it is about: nano:ID, version:ID, upload:ID or user:ID.
    #[arg(long, value_name = "TYPE:ID", value_parser = reference)]
    reference: Option<(String, Uuid)>,
    /// The cause of its newest failure, from `show` or the list of errors: 32 hexadecimal digits.
    #[arg(long, value_name = "HEX")]
    fingerprint: Option<Fingerprint>,
    /// Created at this time or later: an RFC 3339 time, or how long ago (90s, 15m, 2h, 7d).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// Created before this time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<DateTime<Utc>>,
}

impl FilterArgs {
    fn filter(&self) -> Filter {
        Filter {
            states: self.states.iter().filter_map(|state| state.parse().ok()).collect(),
            kind: self.kind.clone().map(String::from),
            queue: self.queue.clone(),
            tenant: self.tenant,
            reference: self.reference.clone(),
            fingerprint: self.fingerprint,
            since: self.since,
            until: self.until,
            ids: Vec::new(),
        }
    }
}

fn tenant(text: &str) -> Result<Uuid, String> {
    if text == "system" { Ok(Uuid::nil()) } else { text.parse().map_err(|_| "must be a user's id, or system".into()) }
}

fn reference(text: &str) -> Result<(String, Uuid), String> {
    let known = ["nano", "version", "upload", "user"];
    let parsed = text.split_once(':').filter(|(kind, _)| known.contains(kind));
    let parsed = parsed.and_then(|(kind, id)| Some((kind.to_owned(), id.parse().ok()?)));
    parsed.ok_or_else(|| format!("must be one of {} with an id, as in nano:01930000-…", known.join(", ")))
}

fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let wrong = || format!("{text:?} is no time: write 2026-11-22T12:00:00Z, or how long ago: 90s, 15m, 2h, 7d");
    let ago: Duration = span(text).map_err(|_| wrong())?;
    chrono::TimeDelta::from_std(ago).ok().and_then(|ago| Utc::now().checked_sub_signed(ago)).ok_or_else(wrong)
}

pub async fn jobs(args: JobsArgs) -> ExitCode {
    let JobsArgs { common, command } = args;
    run("jobs", common, async |db, output| match command {
        Command::List(args) => list(&db, &output, &args).await,
        Command::Show { id } => show::show(&db, &output, id).await,
        Command::Retry(args) => act::act(&db, &output, Action::Retry, &args).await,
        Command::Cancel(args) => act::act(&db, &output, Action::Cancel, &args).await,
        Command::Discard(args) => act::act(&db, &output, Action::Discard, &args).await,
        Command::Rerun(args) => act::act(&db, &output, Action::Rerun, &args).await,
        Command::Change(args) => change::change(&db, &output, &args).await,
    })
    .await
}

async fn list(db: &Db, output: &Output, args: &ListArgs) -> Result<(), Failure> {
    let filter = args.filter.filter();
    let cursor = match &args.cursor {
        Some(text) => {
            Some(Cursor::read(text, &filter).map_err(|error| Failure::Unusable(format!("--cursor: {error}")))?)
        }
        None => None,
    };
    let page = list::page(db, &filter, cursor.as_ref(), args.limit).await?;
    output.show(
        || {
            json!({
                "jobs": page.jobs.iter().map(view).collect::<Vec<_>>(), "total": page.total.count,
                "total_capped": page.total.capped, "partial": page.partial,
                "next": page.next.map(|next| next.to_string()),
            })
        },
        || {
            let mut text = table_of(&page.jobs).render();
            let more = if page.total.capped { " or more" } else { "" };
            text.push_str(&format!("\n{} of {}{more}", page.jobs.len(), page.total.count));
            if let Some(next) = page.next {
                text.push_str(&format!("; the next ones: --cursor {next}"));
            }
            text
        },
    )
}

fn table_of(jobs: &[JobRow]) -> Table {
    let now = Utc::now();
    let mut table = Table::new(&["ID", "KIND", "STATE", "RUNS", "FAILURES", "CREATED", "QUEUE"], &[0, 2]);
    for job in jobs {
        table.row([
            job.id.to_string(),
            job.kind.clone(),
            job.state.to_string(),
            job.runs.to_string(),
            format!("{}/{}", job.failures, job.max_failures),
            ago(now, job.created_at),
            job.queue.clone(),
        ]);
    }
    table
}

/// A job in JSON.
fn view(job: &JobRow) -> Value {
    json!({
        "id": job.id, "kind": job.kind, "queue": job.queue, "priority": job.priority,
        "tenant": (!job.tenant.is_nil()).then_some(job.tenant), "state": job.state, "runs": job.runs,
        "failures": job.failures, "max_failures": job.max_failures, "lost": job.lost, "crashes": job.crashes,
        "run_at": time(job.run_at), "created_at": time(job.created_at), "started_at": maybe_time(job.started_at),
        "finished_at": maybe_time(job.finished_at), "error": job.last_error,
        "progress": job.progress_done.map(|done| json!({
            "done": done, "total": job.progress_total, "note": job.progress_note,
        })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_or_refused_with_an_example() {
        let id = "01930000-0000-7000-8000-000000000001";
        assert_eq!(tenant("system"), Ok(Uuid::nil()));
        assert!(tenant("ada").is_err());
        assert_eq!(reference(&format!("nano:{id}")).unwrap().0, "nano");
        for wrong in ["nano", "nano:", "planet:01930000-0000-7000-8000-000000000001", id] {
            assert!(reference(wrong).unwrap_err().contains("nano:"), "{wrong}");
        }
        assert!(moment("2026-11-22T12:00:00Z").is_ok());
        let then = moment("2h").unwrap();
        assert_eq!((Utc::now() - then).num_minutes(), 120);
        for wrong in ["yesterday", "2026-11-22", "", "5y", "999999999999d"] {
            assert!(moment(wrong).unwrap_err().contains("write"), "{wrong}");
        }
    }
}
