//! The judgement about schedules: every tick has its row, every row its reason, every job its tick.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    Verdict,
    evidence::{Evidence, JobFact},
    steering,
};

/// Fires each second; the one whose ticks have no gap.
pub const EACH_SECOND: &str = "* * * * * *";

/// A row of `cron_entries`.
#[derive(Debug, Clone)]
pub struct EntryFact {
    pub name: String,
    pub kind: String,
    pub expression: String,
}

/// A row of `cron_ticks`.
#[derive(Debug, Clone)]
pub struct TickFact {
    pub entry: String,
    pub due: DateTime<Utc>,
    pub outcome: String,
    pub job: Option<Uuid>,
    /// When it was decided about.
    pub decided: DateTime<Utc>,
}

pub fn judge(evidence: &Evidence, verdict: &mut Verdict) {
    let jobs: HashMap<Uuid, &JobFact> = evidence.jobs.iter().map(|job| (job.id, job)).collect();
    let mut named: HashSet<Uuid> = HashSet::new();
    for entry in &evidence.entries {
        let mut ticks: Vec<&TickFact> = evidence.ticks.iter().filter(|tick| tick.entry == entry.name).collect();
        ticks.sort_by_key(|tick| tick.due);
        for tick in ticks.iter().filter(|tick| matches!(tick.outcome.as_str(), "fired" | "manual")) {
            let of = format!("the tick {} of {} ({})", tick.due.format("%T%.6f"), entry.name, tick.outcome);
            let Some(job) = tick.job else {
                verdict.lost.push(format!("{of} has no job"));
                continue;
            };
            named.insert(job);
            match jobs.get(&job) {
                None => verdict.lost.push(format!("{of} has the job {job}, which is gone")),
                Some(JobFact { kind, .. }) if *kind != entry.kind => {
                    verdict.lost.push(format!("{of} has the job {job}, which is a {kind}"));
                }
                Some(fact) => {
                    let ran = evidence.journal.begun_since(job, tick.decided);
                    // Cancelled ones are judged with the cancels.
                    if !ran && fact.has_ended() && !steering::may_be_cancelled(evidence, fact) {
                        let decided = tick.decided.format("%T%.6f");
                        verdict.lost.push(format!("{of} was decided at {decided}, and its job {job} never ran since"));
                    }
                }
            }
        }
        ticks.retain(|tick| tick.outcome != "manual");
        if entry.expression == EACH_SECOND {
            seconds(&entry.name, &ticks, verdict);
        }
        missed(&entry.name, &ticks, verdict);
        skipped(evidence, &entry.name, &ticks, verdict);
    }
    let kinds: HashSet<&str> = evidence.entries.iter().map(|entry| entry.kind.as_str()).collect();
    for job in evidence.jobs.iter().filter(|job| kinds.contains(job.kind.as_str()) && !named.contains(&job.id)) {
        verdict.duplicated.push(format!("the job {} {} belongs to no tick", job.id, job.kind));
    }
}

/// From the first tick to the last there is one each second.
fn seconds(name: &str, ticks: &[&TickFact], verdict: &mut Verdict) {
    if ticks.len() < 2 {
        verdict.lost.push(format!("the schedule {name} shall fire each second and has {} ticks", ticks.len()));
    }
    for pair in ticks.windows(2) {
        let (before, after) = (pair[0].due, pair[1].due);
        if after - before != TimeDelta::seconds(1) {
            let (before, after) = (before.format("%T%.6f"), after.format("%T%.6f"));
            verdict.lost.push(format!("the schedule {name} fires each second, and after {before} comes {after}"));
        }
    }
}

/// For ticks that nobody was there for the next one stands, decided about in the same moment.
fn missed(name: &str, ticks: &[&TickFact], verdict: &mut Verdict) {
    for (place, tick) in ticks.iter().enumerate().filter(|(_, tick)| tick.outcome == "missed") {
        let standing = ticks[place + 1..].iter().find(|later| later.outcome != "missed");
        let stands = standing.is_some_and(|later| later.outcome == "fired" && later.decided == tick.decided);
        if !stands {
            verdict
                .lost
                .push(format!("the tick {} of {name} was missed, and none stands for it", tick.due.format("%T")));
        }
    }
}

/// Ticks are skipped while the schedule is paused, and only then.
fn skipped(evidence: &Evidence, name: &str, ticks: &[&TickFact], verdict: &mut Verdict) {
    let pauses = || evidence.steering.schedule_pauses.iter().filter(|pause| pause.name == name);
    for tick in ticks {
        let (due, decided) = (tick.due.format("%T"), tick.decided.format("%T%.6f"));
        let perhaps = pauses().any(|pause| pause.perhaps(tick.decided));
        let certainly = pauses().any(|pause| pause.certainly(tick.decided));
        if tick.outcome == "skipped" && !perhaps {
            verdict.lost.push(format!("the tick {due} of {name} was skipped at {decided}, when nothing was paused"));
        } else if tick.outcome != "skipped" && certainly {
            verdict.duplicated.push(format!("the tick {due} of {name} {} at {decided}, during a pause", tick.outcome));
        }
    }
}
