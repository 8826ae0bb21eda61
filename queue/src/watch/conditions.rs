//! The conditions that people are told of: a pure function of what the ledger shows and of the thresholds.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::QueueSignal;
use crate::{
    ledger::{
        controls::pauses::{Pause, Scope},
        schedules::Schedule,
        stats::given_up::{LOOKED_AT, Quarantined},
    },
    schedule::table::Entry,
};

words::words! {
    /// What may be wrong.
    pub enum Condition ("alert condition") {
        /// No job of a schedule has completed for longer than the time between two ticks and the tolerance.
        ScheduleOverdue = "schedule_overdue",
        /// Jobs were set aside because they kill their processes.
        JobsQuarantined = "jobs_quarantined",
        /// The oldest job of a queue waits too long, although workers take the queue.
        JobsWaitLong = "jobs_wait_long",
        /// A queue has jobs, and no worker lives that takes them.
        QueueWithoutWorker = "queue_without_worker",
        /// A kind is paused again and again, because the service that it needs is away.
        BreakerOpen = "breaker_open",
        /// Many jobs of a kind were given up within an hour.
        JobsGivenUp = "jobs_given_up",
    }
}

/// From when on people are told; `None` switches a condition off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// How much later than its next tick the next success of a schedule may be. A tenth of the time between two ticks, if that
    /// is more.
    pub schedule_tolerance: Option<Duration>,
    pub quarantined: bool,
    /// How long the oldest job of a queue may wait.
    pub oldest_job: Option<Duration>,
    /// The same for single queues.
    pub oldest_job_of: BTreeMap<String, Option<Duration>>,
    pub no_worker: Option<Duration>,
    pub breaker: Option<Duration>,
    /// Jobs of a kind that may be given up within an hour.
    pub given_up: Option<u64>,
    /// People are told again of what lasts after this long.
    pub repeat: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
        Self {
            schedule_tolerance: minutes(30),
            quarantined: true,
            oldest_job: minutes(15),
            oldest_job_of: BTreeMap::from([("bulk".to_owned(), minutes(120))]),
            no_worker: minutes(5),
            breaker: minutes(10),
            given_up: Some(20),
            repeat: Duration::from_secs(4 * 3600),
        }
    }
}

/// What the ledger shows.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) schedules: Vec<Schedule>,
    pub(super) queues: Vec<QueueSignal>,
    pub(super) pauses: Vec<Pause>,
    pub(super) quarantined: Vec<Quarantined>,
    pub(super) discarded: Vec<(String, u64)>,
}

/// A condition that holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) condition: Condition,
    pub(super) subject: String,
    pub(super) summary: String,
    pub(super) advice: String,
    pub(super) details: Value,
    /// It must hold for so long until people are told.
    pub(super) after: TimeDelta,
    /// The newest of what it counts: more of it is news.
    pub(super) news_at: Option<DateTime<Utc>>,
}

impl Finding {
    /// As the alert is called.
    pub(super) fn name(&self) -> String {
        if self.subject.is_empty() {
            self.condition.to_string()
        } else {
            format!("{}:{}", self.condition, self.subject)
        }
    }
}

/// A success that is this late is told of only if it does not come within this time: a scheduler that was away runs what it has
/// missed first.
const SCHEDULE_AFTER: TimeDelta = TimeDelta::minutes(5);
/// The reason of pauses that the breaker makes begins so (`ledger::controls::pauses::pause_for_service`).
const BREAKER: &str = "its runs wait for a service: ";

/// When the next success of an entry is due at the latest; `None` when none is waited for.
pub(super) fn success_due(entry: &Entry, row: &Schedule, tolerance: Duration) -> Option<DateTime<Utc>> {
    let same = entry.expression == row.expression && entry.times.zone().name() == row.zone;
    if !entry.enabled || !row.enabled || row.pause.is_some() || !same {
        return None;
    }
    let from = row.last_success_at.unwrap_or(row.awaited_from).max(row.awaited_from);
    let mut ticks = entry.times.after(from);
    let next = ticks.next()?;
    let between = ticks.next().map_or(Duration::ZERO, |second| (second - next).to_std().unwrap_or_default());
    let late = entry.jitter + tolerance.max(between / 10);
    next.checked_add_signed(TimeDelta::from_std(late).ok()?)
}

/// All that hold.
pub(super) fn findings(facts: &Facts, entries: &[Entry], thresholds: &Thresholds, now: DateTime<Utc>) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(tolerance) = thresholds.schedule_tolerance {
        found.extend(entries.iter().filter_map(|entry| {
            let row = facts.schedules.iter().find(|row| row.name == entry.name)?;
            let due = success_due(entry, row, tolerance)?;
            (due < now).then(|| overdue(row, due))
        }));
    }
    if thresholds.quarantined {
        found.extend(quarantined(&facts.quarantined));
    }
    for queue in &facts.queues {
        if let Some(after) = thresholds.no_worker.filter(|_| queue.workers == 0 && queue.backlog > 0) {
            found.push(without_worker(queue, span(after)));
        } else {
            let most = thresholds.oldest_job_of.get(&queue.queue).copied().unwrap_or(thresholds.oldest_job);
            let paused = facts.pauses.iter().find(|pause| pause.scope == Scope::Queue && pause.name == queue.queue);
            found.extend(most.and_then(|most| waits_long(queue, most, paused)));
        }
    }
    if let Some(after) = thresholds.breaker {
        found.extend(facts.pauses.iter().filter_map(|pause| breaker(pause, span(after))));
    }
    if let Some(most) = thresholds.given_up {
        found.extend(facts.discarded.iter().filter(|(_, jobs)| *jobs > most).map(|(kind, jobs)| given_up(kind, *jobs)));
    }
    found
}

fn overdue(row: &Schedule, due: DateTime<Utc>) -> Finding {
    let name = &row.name;
    let last =
        row.last_success_at.map_or_else(|| "it has never succeeded".into(), |at| format!("the last was {}", utc(at)));
    Finding {
        condition: Condition::ScheduleOverdue,
        subject: name.clone(),
        summary: format!("The schedule {name} should have succeeded by {}; {last}", utc(due)),
        advice: format!("worker schedules show {name} lists its last ticks and their jobs"),
        details: json!({ "kind": row.kind, "expression": row.expression, "zone": row.zone,
            "last_success_at": row.last_success_at.map(rfc3339), "due_at": rfc3339(due) }),
        after: SCHEDULE_AFTER,
        news_at: None,
    }
}

fn quarantined(kinds: &[Quarantined]) -> Option<Finding> {
    let jobs: u64 = kinds.iter().map(|kind| kind.jobs).sum();
    let list: Vec<String> = kinds.iter().map(|kind| format!("{} {}", kind.jobs, kind.kind)).collect();
    let more = if jobs >= u64::from(LOOKED_AT) { " or more" } else { "" };
    let are = if jobs == 1 { "job is" } else { "jobs are" };
    (jobs > 0).then(|| Finding {
        condition: Condition::JobsQuarantined,
        subject: String::new(),
        summary: format!("{jobs}{more} {are} quarantined: {}", list.join(", ")),
        advice: "worker jobs list --state quarantined lists them; a file that crashes a parser is an attack or a bug".into(),
        details: json!({ "jobs": jobs,
            "kinds": kinds.iter().map(|kind| (kind.kind.clone(), json!(kind.jobs))).collect::<serde_json::Map<_, _>>() }),
        after: TimeDelta::zero(),
        news_at: kinds.iter().filter_map(|kind| kind.newest).max(),
    })
}

fn without_worker(signal: &QueueSignal, after: TimeDelta) -> Finding {
    let (queue, jobs) = (&signal.queue, signal.backlog);
    let wait = if jobs == 1 { "job waits" } else { "jobs wait" };
    Finding {
        condition: Condition::QueueWithoutWorker,
        subject: queue.clone(),
        summary: format!("No living worker takes the queue {queue}, and {jobs} {wait} there"),
        advice: format!("start a worker that has {queue} in WORKER_QUEUES; worker fleet shows who lived last"),
        details: json!({ "jobs": jobs, "oldest_seconds": signal.oldest_seconds }),
        after,
        news_at: None,
    }
}

fn waits_long(signal: &QueueSignal, most: Duration, paused: Option<&Pause>) -> Option<Finding> {
    let oldest = signal.oldest_seconds.filter(|oldest| *oldest > most.as_secs_f64())?;
    // Whoever pauses until some time knows that jobs wait; a pause without an end may have been forgotten.
    if paused.is_some_and(|pause| pause.expires_at.is_some()) {
        return None;
    }
    let queue = &signal.queue;
    let minutes = (oldest / 60.0).floor();
    let but = paused.map_or_else(String::new, |pause| format!("; the queue is paused since {}", utc(pause.paused_at)));
    Some(Finding {
        condition: Condition::JobsWaitLong,
        subject: queue.clone(),
        summary: format!("The oldest job of the queue {queue} has waited for {minutes} minutes{but}"),
        advice: if paused.is_some() {
            format!("worker queues resume {queue} lets it go on")
        } else {
            format!("worker explain {queue} says why it does not move; more workers may help")
        },
        details: json!({ "oldest_seconds": oldest.round(), "jobs": signal.backlog, "workers": signal.workers,
            "paused": paused.is_some() }),
        after: TimeDelta::zero(),
        news_at: None,
    })
}

fn breaker(pause: &Pause, after: TimeDelta) -> Option<Finding> {
    if pause.scope != Scope::Kind || pause.actor.is_some() {
        return None;
    }
    let service = pause.reason.strip_prefix(BREAKER)?;
    let kind = &pause.name;
    Some(Finding {
        condition: Condition::BreakerOpen,
        subject: kind.clone(),
        summary: format!("No run of {kind} gets through to a service it needs: {service}"),
        advice: "mend the service: the jobs wait and go on by themselves".into(),
        details: json!({ "kind": kind, "error": service }),
        after,
        news_at: None,
    })
}

fn given_up(kind: &str, jobs: u64) -> Finding {
    Finding {
        condition: Condition::JobsGivenUp,
        subject: kind.to_owned(),
        summary: format!("{jobs} jobs of the kind {kind} were given up within an hour"),
        advice: format!(
            "worker jobs list --kind {kind} --state discarded --since 1h lists them; mend the cause, then worker jobs retry"
        ),
        details: json!({ "kind": kind, "jobs": jobs }),
        after: TimeDelta::zero(),
        news_at: None,
    }
}

fn span(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

fn utc(at: DateTime<Utc>) -> String {
    at.format("%F %T UTC").to_string()
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{
        Periodic,
        table::{CatchUp, Line},
    };

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn entry(expression: &str, jitter_seconds: u32) -> Entry {
        let (name, kind, zone, catch_up) = ("test", "test", "Europe/Berlin", CatchUp::Once);
        let line = Line { name, kind, expression, zone, jitter_seconds, catch_up };
        let job = Periodic { kind, enqueue: |_, _| unreachable!("nothing is enqueued here") };
        Entry::check(&line, true, job).unwrap()
    }

    fn row(entry: &Entry, last_success: Option<&str>, awaited_from: &str) -> Schedule {
        Schedule {
            name: "test".into(),
            kind: "test".into(),
            expression: entry.expression.clone(),
            zone: "Europe/Berlin".into(),
            jitter_seconds: 0,
            catch_up: "once".into(),
            enabled: true,
            last_due: at(awaited_from),
            upcoming: Vec::new(),
            seen_at: None,
            last_success_at: last_success.map(at),
            awaited_from: at(awaited_from),
            pause: None,
        }
    }

    #[test]
    fn the_next_success_is_due_after_the_next_tick_its_jitter_and_the_tolerance() {
        let half_an_hour = Duration::from_secs(1800);
        let due = |entry: &Entry, row: &Schedule| success_due(entry, row, half_an_hour);
        let often = entry("0 */10 * * * *", 30);
        let began = "2026-11-01T00:00:00Z";
        let success = row(&often, Some("2026-11-29T10:00:40Z"), began);
        assert_eq!(due(&often, &success), Some(at("2026-11-29T10:40:30Z")));
        // At 03:30 in Berlin, which is 02:30; the tenth of a day is more than the tolerance. It ran for two hours.
        let daily = entry("0 30 3 * * *", 0);
        let success = row(&daily, Some("2026-11-28T04:30:00Z"), began);
        assert_eq!(due(&daily, &success), Some(at("2026-11-29T04:54:00Z")));
        // Over a weekend: what counts is its own next tick, not an average.
        let weekdays = entry("0 0 12 * * Mon-Fri", 0);
        let success = row(&weekdays, Some("2026-11-27T11:00:05Z"), began);
        assert_eq!(due(&weekdays, &success), Some(at("2026-11-30T13:24:00Z")));
        // It has never succeeded, or not since its times changed.
        assert_eq!(due(&often, &row(&often, None, "2026-11-29T09:55:00Z")), Some(at("2026-11-29T10:30:30Z")));
        let changed = row(&often, Some("2026-10-01T00:00:00Z"), "2026-11-29T09:55:00Z");
        assert_eq!(due(&often, &changed), Some(at("2026-11-29T10:30:30Z")));
    }

    #[test]
    fn nobody_waits_for_what_is_paused_or_off_or_defined_otherwise() {
        let often = entry("0 */10 * * * *", 0);
        let began = "2026-11-29T10:00:00Z";
        let pause = crate::ledger::schedules::Pause {
            paused_at: at(began),
            expires_at: None,
            reason: String::new(),
            actor_id: None,
        };
        let mut paused = row(&often, None, began);
        paused.pause = Some(pause);
        let mut off = row(&often, None, began);
        off.enabled = false;
        let others = row(&entry("0 0 * * * *", 0), None, began);
        for row in [paused, off, others] {
            assert_eq!(success_due(&often, &row, Duration::ZERO), None, "{row:?}");
        }
    }
}
