//! The run journals of the workers, and the judgement about them: no job is run by two at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Verdict,
    evidence::{Evidence, JobFact},
};
use crate::{faults::plan::WORKERS, town::Town};

/// What stood still for so long before a job was begun again may be the reason: the lease, and the rescuer's look.
const LEASE: chrono::TimeDelta = chrono::TimeDelta::seconds(20);

/// A line of a journal.
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    pub event: Event,
    pub job: Uuid,
    pub run: u32,
    pub kind: String,
    /// The registration that claimed the job.
    pub worker: Uuid,
    pub pid: u32,
    #[serde(with = "chrono::serde::ts_microseconds")]
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    Begin,
    End,
}

/// A run that began.
#[derive(Debug, Clone)]
pub struct RunFact {
    pub job: Uuid,
    pub run: u32,
    pub kind: String,
    pub worker: Uuid,
    pub pid: u32,
    pub began: DateTime<Utc>,
    pub ended: Option<DateTime<Utc>>,
}

/// How the ledger says that a run ended.
#[derive(Debug, Clone)]
pub struct AttemptFact {
    pub outcome: String,
    pub finished: DateTime<Utc>,
}

/// All journals together.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    pub runs: Vec<RunFact>,
    /// Ends whose begin is in no journal.
    pub ends_of_nothing: Vec<String>,
    /// Lines that cannot be read.
    pub torn: usize,
}

impl Journal {
    pub fn read(town: &Town) -> Result<Self> {
        let mut text = String::new();
        for worker in WORKERS {
            let path = town.run_journal(worker);
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            text.push_str(&String::from_utf8_lossy(&bytes));
            text.push('\n');
        }
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut journal = Self::default();
        let mut lines: Vec<Line> = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            match serde_json::from_str(line) {
                Ok(line) => lines.push(line),
                Err(_) => journal.torn += 1,
            }
        }
        // A child's end has the child's time: it may stand behind what the worker wrote later.
        lines.sort_by_key(|line| (line.at, line.event == Event::End));
        let mut open: HashMap<(Uuid, u32, u32), usize> = HashMap::new();
        for Line { event, job, run, kind, worker, pid, at } in lines {
            match event {
                Event::Begin => {
                    open.insert((job, run, pid), journal.runs.len());
                    journal.runs.push(RunFact { job, run, kind, worker, pid, began: at, ended: None });
                }
                Event::End => match open.remove(&(job, run, pid)) {
                    Some(place) => journal.runs[place].ended = Some(at),
                    None => journal.ends_of_nothing.push(format!("run {run} of job {job} {kind} in process {pid}")),
                },
            }
        }
        journal
    }

    /// The runs of a job that began at that time or later.
    pub fn begun_since(&self, job: Uuid, at: DateTime<Utc>) -> bool {
        self.runs.iter().any(|run| run.job == job && run.began >= at)
    }
}

/// Why two runs of a job overlap, without anybody having given it out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Excuse {
    Killed,
    Paused,
    LeaseLost,
}

/// How many runs there were, and what became of those that did not end by themselves: for the report.
pub fn summary(evidence: &Evidence) -> String {
    let runs = &evidence.journal.runs;
    let open = runs.iter().filter(|run| run.ended.is_none()).count();
    let mut excused: BTreeMap<Excuse, usize> = BTreeMap::new();
    for (earlier, later) in overlaps(evidence) {
        if let Some(excuse) = excuse(evidence, earlier, later) {
            *excused.entry(excuse).or_default() += 1;
        }
    }
    let of = |excuse| excused.get(&excuse).copied().unwrap_or_default();
    format!(
        "journal: {} runs began, {open} never ended; begun again meanwhile: {} after a kill, {} after a pause, {} after a \
         lost lease\n",
        runs.len(),
        of(Excuse::Killed),
        of(Excuse::Paused),
        of(Excuse::LeaseLost),
    )
}

/// Every claim has its begin, every begin its end, and no two runs of a job are under way at once.
pub fn judge(evidence: &Evidence, verdict: &mut Verdict) {
    let deaths = &evidence.blows.deaths;
    if evidence.journal.torn > deaths.len() {
        let torn = evidence.journal.torn;
        verdict
            .lost
            .push(format!("{torn} lines of the run journals cannot be read, and {} processes died", deaths.len()));
    }
    for end in &evidence.journal.ends_of_nothing {
        verdict.duplicated.push(format!("{end} ended and never began"));
    }
    for (earlier, later) in overlaps(evidence) {
        if earlier.run == later.run {
            let RunFact { run, job, kind, .. } = earlier;
            let (one, other) = (shown(earlier), shown(later));
            verdict.duplicated.push(format!("run {run} of job {job} {kind} began twice: {one}, and {other}"));
        } else if excuse(evidence, earlier, later).is_none() {
            let (job, kind) = (earlier.job, &earlier.kind);
            let (one, other) = (shown(earlier), shown(later));
            verdict.duplicated.push(format!("two runs of job {job} {kind} at once: {one}, and {other}"));
        }
    }
    let died =
        |run: &RunFact| deaths.iter().any(|(pid, at)| *pid == run.pid && run.ended.is_none() && *at >= run.began);
    let revived = |run: &RunFact| deaths.iter().any(|(pid, at)| *pid == run.pid && *at <= run.began);
    for run in evidence.journal.runs.iter().filter(|run| run.ended.is_none()) {
        // A process that ended by itself is known to have lived until it was missed, so its death may be noted too early.
        let explained = died(run) || (revived(run) && evidence.attempts.contains_key(&(run.job, run.run)));
        if !explained {
            let RunFact { job, kind, .. } = run;
            verdict
                .stuck
                .push(format!("a run of job {job} {kind} never ended, and its process did not die: {}", shown(run)));
        }
    }
    claims(evidence, verdict);
}

/// What the ledger says was claimed, and what the journals say began.
fn claims(evidence: &Evidence, verdict: &mut Verdict) {
    let mut begun: HashMap<Uuid, BTreeSet<u32>> = HashMap::new();
    for run in &evidence.journal.runs {
        begun.entry(run.job).or_default().insert(run.run);
    }
    for job in &evidence.jobs {
        let JobFact { id, kind, runs, .. } = job;
        let begun = begun.remove(id).unwrap_or_default();
        for run in begun.range(runs + 1..) {
            verdict
                .duplicated
                .push(format!("run {run} of job {id} {kind} began, and the ledger knows {runs} claims of it"));
        }
        for run in (1..=*runs).filter(|run| !begun.contains(run)) {
            let attempt = evidence.attempts.get(&(*id, run)).map(|attempt| attempt.outcome.as_str());
            let never_started = match attempt {
                // Its process died or stopped between the claim and the start, or never heard of its claim.
                Some("lost" | "handed_back") => true,
                Some(_) => false,
                // Handed back by a worker that was told to stop: that leaves no trace but the number.
                None => run < *runs || !job.has_ended() || job.state == "cancelled",
            };
            if !never_started {
                let how = attempt.unwrap_or("completed");
                verdict.lost.push(format!("run {run} of job {id} {kind} is {how} in the ledger and never began"));
            }
        }
    }
    for (job, runs) in begun {
        verdict.lost.push(format!("{} runs of job {job} began, and the ledger does not know it", runs.len()));
    }
}

/// Pairs of runs of one job that were under way at once, and runs that began twice; the lower number first.
fn overlaps(evidence: &Evidence) -> Vec<(&RunFact, &RunFact)> {
    let mut of_job: HashMap<Uuid, Vec<&RunFact>> = HashMap::new();
    for run in &evidence.journal.runs {
        of_job.entry(run.job).or_default().push(run);
    }
    let mut found = Vec::new();
    for runs in of_job.values_mut() {
        runs.sort_by_key(|run| (run.run, run.began));
        for (place, earlier) in runs.iter().enumerate() {
            for later in &runs[place + 1..] {
                let over = |one: &RunFact, other: &RunFact| one.ended.is_some_and(|ended| ended <= other.began);
                if earlier.run == later.run || (!over(earlier, later) && !over(later, earlier)) {
                    found.push((*earlier, *later));
                }
            }
        }
    }
    found
}

/// Why the job could be given out again while the earlier run had not ended.
fn excuse(evidence: &Evidence, earlier: &RunFact, later: &RunFact) -> Option<Excuse> {
    let of = earlier.pid;
    if earlier.ended.is_none() && evidence.blows.deaths.iter().any(|(pid, at)| *pid == of && *at <= later.began) {
        return Some(Excuse::Killed);
    }
    let stood = |(pid, from, until): &(u32, DateTime<Utc>, DateTime<Utc>)| {
        *pid == of && *from <= later.began && *until + LEASE >= later.began
    };
    if evidence.blows.pauses.iter().any(stood) {
        return Some(Excuse::Paused);
    }
    let attempt = evidence.attempts.get(&(earlier.job, earlier.run))?;
    let taken_away = attempt.outcome == "lost" && attempt.finished <= later.began;
    (taken_away && evidence.dead_workers.contains(&earlier.worker)).then_some(Excuse::LeaseLost)
}

fn shown(run: &RunFact) -> String {
    let time = |at: DateTime<Utc>| at.format("%T%.6f").to_string();
    let until = run.ended.map_or_else(|| "no end".to_owned(), time);
    format!("run {} in process {} from {} to {until}", run.run, run.pid, time(run.began))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_runs_and_torn_ones_are_counted() {
        let job = Uuid::new_v4();
        let line = |event: &str, run: u32, pid: u32, at: u64| {
            format!(
                r#"{{"event":"{event}","job":"{job}","run":{run},"kind":"k","worker":"{job}","pid":{pid},"at":{at}}}"#
            )
        };
        // A child's end stands behind the begin of the next run, and is earlier.
        let lines = [
            line("begin", 1, 7, 10),
            line("begin", 2, 8, 31),
            line("end", 1, 7, 30),
            "{\"eve".into(),
            line("end", 9, 7, 40),
        ];
        let journal = Journal::parse(&lines.join("\n"));
        let ended: Vec<Option<i64>> =
            journal.runs.iter().map(|run| run.ended.map(|at| at.timestamp_micros())).collect();
        assert_eq!(ended, [Some(30), None]);
        assert_eq!((journal.torn, journal.ends_of_nothing.len()), (1, 1));
        assert!(journal.begun_since(job, journal.runs[1].began));
        assert!(!journal.begun_since(job, journal.runs[1].began + chrono::TimeDelta::microseconds(1)));
    }
}
