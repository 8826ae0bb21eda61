//! Explanations: why a job stands where it stands, or a queue does not move, in one sentence, and what would help.

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError};

use crate::{
    ids::JobId,
    ledger::{
        self, JobRow, Known, State,
        controls::{
            limits::{self, Limit},
            pauses::{self, EVERYTHING, Pause, Scope},
        },
        flow_members,
        history::{
            attempts::{self, Attempt, Outcome},
            timeline,
        },
        stats::{queues, waiting},
        workers::{self, WorkerState},
    },
};

/// One sentence without a full stop, and what would help, if anything has to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub why: String,
    pub help: Option<String>,
}

impl Explanation {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), help: None }
    }

    fn help(why: impl Into<String>, help: impl Into<String>) -> Self {
        Self { why: why.into(), help: Some(help.into()) }
    }
}

/// A job that is due this long has been missed: whoever promotes jobs looks four times a second.
const MISSED: TimeDelta = TimeDelta::seconds(10);

/// Why the job stands where it stands; `None` when there is no such job.
pub async fn explain_job(db: &Db, id: JobId) -> Result<Option<Explanation>, DbError> {
    let Some(job) = ledger::get(db, id).await? else { return Ok(None) };
    Ok(Some(match job.state {
        State::Completed => Explanation::new(format!("it completed{}", at(job.finished_at))),
        State::Cancelled => {
            let why = format!("it was cancelled{}{}", at(job.finished_at), because(reason_of(db, &job).await?));
            Explanation::help(why, format!("worker jobs retry {id} runs it after all"))
        }
        State::Discarded => {
            let error = because(reason_of(db, &job).await?);
            let why = format!("it was given up{} after {} failures{error}", at(job.finished_at), job.failures);
            Explanation::help(why, format!("mend the cause, then worker jobs retry {id}"))
        }
        State::Quarantined => quarantined(&job),
        State::Running => running(db, &job).await?,
        State::Waiting => children(db, &job).await?,
        State::Scheduled | State::Retryable => scheduled(db, &job).await?,
        State::Blocked | State::Available => held(db, &job).await?,
    }))
}

fn quarantined(job: &JobRow) -> Explanation {
    let why = if job.crashes > 0 {
        format!("it was set aside{}: its child process died {} times", at(job.finished_at), job.crashes)
    } else {
        format!("it was set aside{}: {} worker processes died while they ran it", at(job.finished_at), job.lost)
    };
    Explanation::help(why, format!("read its attempts, mend the cause, then worker jobs retry {}", job.id))
}

async fn running(db: &Db, job: &JobRow) -> Result<Explanation, DbError> {
    let all = workers::list(db).await?;
    let worker = all.iter().find(|worker| Some(worker.id) == job.worker_id);
    let name = worker.map_or("a worker that is gone", |worker| worker.name.as_str());
    if worker.is_none_or(|worker| !worker.state.lives()) {
        let why = format!("{name}, which ran it, has ended; it goes back into its queue within seconds");
        let others = all.iter().any(|worker| worker.state.lives());
        return Ok(if others { Explanation::new(why) } else { Explanation::help(why, "no worker lives: start one") });
    }
    if let Some(request) = timeline::of(db, job.id).await?.stop_request {
        let why = format!("it runs on {name} and was asked to stop{}: {}", at(Some(request.at)), request.reason);
        return Ok(Explanation::new(why));
    }
    let progress = match (job.progress_done, job.progress_total) {
        (Some(done), Some(total)) => format!(" ({done} of {total})"),
        (Some(done), None) => format!(" ({done} done)"),
        _ => String::new(),
    };
    Ok(Explanation::new(format!("it runs on {name} since{}{progress}", at(job.started_at).trim_start_matches(" at"))))
}

async fn children(db: &Db, job: &JobRow) -> Result<Explanation, DbError> {
    let children = flow_members::children_of(db, job.id).await?;
    let given_up: Vec<&JobRow> =
        children.iter().filter(|child| child.state.is_terminal() && child.state != State::Completed).collect();
    let missing: Vec<&JobRow> = children.iter().filter(|child| child.state != State::Completed).collect();
    if let Some(first) = given_up.first() {
        let why = format!(
            "it waits for {} jobs of its flow, and {} of them ended without completing: {} {} is {}",
            missing.len(),
            given_up.len(),
            first.kind,
            first.id,
            first.state
        );
        let help =
            format!("mend the cause, then worker jobs retry {} (or --flow {} for all of them)", first.id, job.id);
        return Ok(Explanation::help(why, help));
    }
    Ok(match missing.first() {
        Some(first) => Explanation::new(format!(
            "it waits for {} of {} jobs of its flow; {} {} is {}",
            missing.len(),
            children.len(),
            first.kind,
            first.id,
            first.state
        )),
        None => Explanation::new("the last job it waited for completes just now"),
    })
}

async fn scheduled(db: &Db, job: &JobRow) -> Result<Explanation, DbError> {
    if job.run_at + MISSED < Utc::now() {
        let why =
            format!("it is due since{}, and nobody has seen to it", at(Some(job.run_at)).trim_start_matches(" at"));
        return Ok(Explanation::help(why, "start a worker, or look why none reaches the database"));
    }
    let when = at(Some(job.run_at));
    if job.state == State::Scheduled && limits::is_put_off(db, job.id).await? {
        return Ok(Explanation::new(format!("the rate of {} gives it its start{when}", job.kind)));
    }
    let last = attempts::by_job(db, job.id).await?.pop();
    Ok(match last {
        Some(Attempt { outcome: Outcome::Snoozed, .. }) => {
            Explanation::new(format!("its handler asked to be run again{when}"))
        }
        Some(Attempt { outcome: Outcome::Parked, error, .. }) => Explanation::help(
            format!("the last worker could not read its arguments{}; another look{when}", because(error)),
            "deploy the build that knows this version",
        ),
        Some(Attempt { outcome: Outcome::Retry, error, .. }) if job.state == State::Scheduled => {
            Explanation::new(format!("it waits for a service{}; the next try is{when}", because(error)))
        }
        Some(Attempt { error, .. }) if job.state == State::Retryable => Explanation::new(format!(
            "its run {} failed{}; it runs again{when} (failure {} of {})",
            job.runs,
            because(error),
            job.failures,
            job.max_failures
        )),
        _ => Explanation::new(format!("it was enqueued to run{when}")),
    })
}

/// Available or blocked: what holds it, from the widest to the narrowest.
async fn held(db: &Db, job: &JobRow) -> Result<Explanation, DbError> {
    let pauses = pauses::list(db).await?;
    let paused = |scope: Scope, name: &str| pauses.iter().find(|pause| pause.scope == scope && pause.name == name);
    if let Some(pause) = paused(Scope::All, EVERYTHING) {
        return Ok(pause_of(pause, "everything", "--all"));
    }
    if let Some(pause) = paused(Scope::Queue, &job.queue) {
        return Ok(pause_of(pause, &format!("the queue {}", job.queue), &job.queue));
    }
    if let Some(pause) = paused(Scope::Kind, &job.kind) {
        return Ok(pause_of(pause, &format!("the kind {}", job.kind), &format!("--kind {}", job.kind)));
    }
    let serving = serving(db, &job.queue).await?;
    if serving.alive == 0 {
        return Ok(nobody_serves(&job.queue, serving.draining));
    }
    let newest = Known::load(db).await?.newest(&job.kind);
    if newest.is_none_or(|newest| newest < job.args_version) {
        let what = match newest {
            None => format!("the kind {}", job.kind),
            Some(newest) => format!("version {} of {} (the newest known is {newest})", job.args_version, job.kind),
        };
        return Ok(Explanation::help(
            format!("no living worker knows {what}"),
            "deploy a build of the workers that knows it; it goes on by itself then",
        ));
    }
    if let Some(limit) = limits::list(db).await?.into_iter().find(|limit| limit.kind == job.kind)
        && let Some(why) = limited(db, &limit, job).await?
    {
        return Ok(Explanation::help(why, format!("wait, or raise it: worker queues limit {} …", job.kind)));
    }
    if job.state == State::Blocked {
        return Ok(Explanation::new("what held it is over; it is let go within a second"));
    }
    in_line(db, job).await
}

async fn in_line(db: &Db, job: &JobRow) -> Result<Explanation, DbError> {
    let standing = waiting::of(db, job).await?;
    let pace = waiting::pace(db, &job.queue).await?;
    let line = format!(
        "{} jobs of its tenant are before it and {} tenants take turns in the queue {}",
        standing.own_ahead, standing.tenants, job.queue
    );
    Ok(match standing.estimate(&pace) {
        Ok(estimate) => Explanation::new(format!("it is next in {} to {} s: {line}", estimate.from, estimate.to)),
        Err(_) if standing.place() == 1 => Explanation::new("it is next: it starts with the next free slot"),
        Err(_) => Explanation::help(
            format!("it waits in line: {line}, and too little ran lately for an estimate"),
            "more slots or more workers for this queue make it faster",
        ),
    })
}

/// What a limit says to a job, if it is met.
async fn limited(db: &Db, limit: &Limit, job: &JobRow) -> Result<Option<String>, DbError> {
    if let Some(max) = limit.max_running.filter(|max| limit.running >= *max) {
        return Ok(Some(format!("at most {max} jobs of {} run at a time, and as many do", limit.kind)));
    }
    if let Some(max) = limit.max_running_per_tenant {
        let running = limits::running_beside(db, job.id).await?;
        if running >= max {
            return Ok(Some(format!(
                "at most {max} jobs of {} run at a time for one tenant (or key), and as many of this one do",
                limit.kind
            )));
        }
    }
    let rate = limit.rate.filter(|_| job.state == State::Blocked);
    Ok(rate.map(|rate| {
        let seconds = limit.rate_seconds.unwrap_or(1);
        format!("at most {rate} jobs of {} start in {seconds} s, and others come first", limit.kind)
    }))
}

/// Why the queue does or does not move.
pub async fn explain_queue(db: &Db, queue: &str) -> Result<Explanation, DbError> {
    let pauses = pauses::list(db).await?;
    if let Some(pause) = pauses.iter().find(|pause| pause.scope == Scope::All) {
        return Ok(pause_of(pause, "everything", "--all"));
    }
    if let Some(pause) = pauses.iter().find(|pause| pause.scope == Scope::Queue && pause.name == queue) {
        return Ok(pause_of(pause, &format!("the queue {queue}"), queue));
    }
    let serving = serving(db, queue).await?;
    if serving.alive == 0 {
        return Ok(nobody_serves(queue, serving.draining));
    }
    let status = queues::all(db, &[queue]).await?.into_iter().find(|status| status.queue == queue);
    let counts = status.as_ref().map(|status| &status.counts[..]).unwrap_or_default();
    let available = counts.iter().find(|(state, _)| *state == State::Available).map_or(0, |(_, total)| total.count);
    let Some(oldest) = status.as_ref().and_then(|status| status.oldest).filter(|_| available > 0) else {
        return Ok(Explanation::new(format!("nothing waits in it; {} workers serve it", serving.alive)));
    };
    let waited = (Utc::now() - oldest).num_seconds().max(0);
    let pace = waiting::pace(db, queue).await?;
    let moved = format!("{} runs ended in the last {} s", pace.runs, pace.over.as_secs());
    let why = format!(
        "{available} jobs wait, the oldest for {waited} s; {} workers with {} slots serve it, and {moved}",
        serving.alive, pace.slots
    );
    Ok(if pace.runs == 0 {
        Explanation::help(
            why,
            "look at the running jobs (worker jobs list --state running): all slots may be held by long ones",
        )
    } else {
        Explanation::new(why)
    })
}

struct Serving {
    alive: usize,
    draining: usize,
}

async fn serving(db: &Db, queue: &str) -> Result<Serving, DbError> {
    let mut serving = Serving { alive: 0, draining: 0 };
    for worker in workers::list(db).await? {
        if !worker.queues.split(',').any(|name| name == queue) {
            continue;
        }
        match worker.state {
            WorkerState::Alive if worker.drain_requested_at.is_none() => serving.alive += 1,
            WorkerState::Alive | WorkerState::Draining => serving.draining += 1,
            WorkerState::Stopped | WorkerState::Dead => {}
        }
    }
    Ok(serving)
}

fn nobody_serves(queue: &str, draining: usize) -> Explanation {
    let why = if draining == 0 {
        format!("no living worker serves the queue {queue}")
    } else {
        format!("all {draining} workers of the queue {queue} are draining and take no more")
    };
    Explanation::help(why, format!("start a worker with {queue} in WORKER_QUEUES"))
}

fn pause_of(pause: &Pause, what: &str, name: &str) -> Explanation {
    let in_maintenance = pause.is_of_maintenance();
    let until = match pause.expires_at {
        Some(end) => format!(" until{}", at(Some(end)).trim_start_matches(" at")),
        None if in_maintenance => " until it ends".to_owned(),
        None => " until somebody resumes it".to_owned(),
    };
    let by = match pause.actor {
        Some(_) => "",
        None if pause.is_for_service() => " by the system",
        None => " at the command line",
    };
    let why = format!("{what} is paused{by}{until}: {}", pause.reason);
    // Resuming alone would leave the API read-only.
    let ends = if in_maintenance { "maintenance end".to_owned() } else { format!("queues resume {name}") };
    let what = if in_maintenance { "it" } else { "the pause" };
    Explanation::help(why, format!("worker {ends} --reason … ends {what}"))
}

/// Why a job ended: what its last run met, or what somebody said.
async fn reason_of(db: &Db, job: &JobRow) -> Result<Option<String>, DbError> {
    let said = timeline::of(db, job.id).await?.actions.pop().filter(|done| done.after == job.state);
    Ok(said.map(|done| done.reason).or_else(|| job.last_error.clone()))
}

fn because(reason: Option<String>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

fn at(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(String::new, |time| format!(" at {}", time.format("%Y-%m-%d %H:%M:%S UTC")))
}
