//! The scheduler: turns the cron table into jobs, each tick once, however many replicas run.

use std::{collections::HashSet, path::Path, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError, clock::Clock};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    plan::{Plan, plan},
    table::Entry,
};
use crate::{
    EnqueueError,
    ledger::schedules::{self, Definition, Schedule, TickOutcome},
};

/// Between two looks at the clock at most; the next tick is waited for more closely.
const LOOK: Duration = Duration::from_secs(1);
/// And at least.
const BREATH: Duration = Duration::from_millis(20);
/// How often a replica says that it has an entry.
const SEEN_EVERY: TimeDelta = TimeDelta::seconds(5);
/// An entry that nobody has had for this long may be defined anew by whoever looks.
const DESERTED: TimeDelta = TimeDelta::seconds(15);
/// Ticks that are shown ahead.
const UPCOMING: usize = 5;

/// What time it is.
#[derive(Clone, Debug, Default)]
pub enum Time {
    /// The database's: replicas whose own clocks differ agree on it.
    #[default]
    Database,
    /// One that tests move.
    Injected(Clock),
}

/// One replica.
pub struct Scheduler {
    db: Db,
    entries: Vec<Entry>,
    time: Time,
    /// Host and process, for the record.
    name: String,
    /// Entries that it has written down, or found as it has them.
    claimed: HashSet<usize>,
    /// Entries that others define otherwise; said once.
    foreign: HashSet<String>,
}

/// What one look came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Ticks that this replica turned into jobs.
    pub fired: usize,
    /// The next tick of all, and the time it was then.
    pub next: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Scheduler {
    pub fn new(db: Db, entries: Vec<Entry>, name: impl Into<String>) -> Self {
        Self { db, entries, time: Time::Database, name: name.into(), claimed: HashSet::new(), foreign: HashSet::new() }
    }

    /// The same by another time.
    #[must_use]
    pub fn by(mut self, time: Time) -> Self {
        self.time = time;
        self
    }

    /// Fires until `shutdown`, touching `alive_file` at each look. Without a database it waits; what came due meanwhile
    /// goes by each entry's policy once it is back.
    pub async fn run(mut self, alive_file: &Path, shutdown: CancellationToken) {
        let mut away = false;
        while !shutdown.is_cancelled() {
            crate::alive::touch(alive_file);
            let mut pause = LOOK;
            // Never given up half way: a connection that was left in the middle of an answer is of no use any more. One
            // that nobody answers at all is found by the health check, since the file is not touched.
            match self.look().await {
                Ok(look) => {
                    away = false;
                    if let Some((next, now)) = look.next {
                        pause = (next - now).to_std().unwrap_or_default().clamp(BREATH, LOOK);
                    }
                }
                Err(error) => {
                    if !away {
                        tracing::warn!(%error, "the scheduler waits for the database");
                    }
                    away = true;
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Looks once.
    ///
    /// # Errors
    /// The database is away. What goes wrong with one entry does not stop the others, and is tried again at the next
    /// look.
    pub async fn look(&mut self) -> Result<Look, EnqueueError> {
        let (database_now, rows) = schedules::look(&self.db).await?;
        let now = match &self.time {
            Time::Database => database_now,
            Time::Injected(clock) => clock.now(),
        };
        let mut result = Look::default();
        let mut away = None;
        for n in 0..self.entries.len() {
            let row = rows.iter().find(|row| row.name == self.entries[n].name);
            match self.look_at(n, row, now, database_now).await {
                Ok((fired, next)) => {
                    result.fired += fired;
                    result.next = match (result.next, next) {
                        (Some((one, _)), Some(other)) => Some((one.min(other), now)),
                        (one, other) => one.or(other.map(|next| (next, now))),
                    };
                }
                // Another replica is at it.
                Err(EnqueueError::Db(DbError::Deadlock(_))) => result.next = Some((now, now)),
                Err(EnqueueError::Db(error @ (DbError::Unavailable(_) | DbError::Busy))) => return Err(error.into()),
                Err(error) => {
                    tracing::error!(entry = self.entries[n].name, %error, "this entry cannot be looked at");
                    away = Some(error);
                }
            }
        }
        away.map_or(Ok(result), Err)
    }

    /// Ticks fired, and the entry's next tick.
    async fn look_at(
        &mut self,
        n: usize,
        row: Option<&Schedule>,
        now: DateTime<Utc>,
        database_now: DateTime<Utc>,
    ) -> Result<(usize, Option<DateTime<Utc>>), EnqueueError> {
        let entry = &self.entries[n];
        let catch_up = entry.catch_up.to_string();
        let definition = Definition {
            name: &entry.name,
            kind: entry.job.kind,
            expression: &entry.expression,
            zone: entry.times.zone().name(),
            jitter_seconds: u32::try_from(entry.jitter.as_secs()).unwrap_or(u32::MAX),
            catch_up: &catch_up,
            enabled: entry.enabled,
        };
        let deserted = |row: &Schedule| row.seen_at.is_none_or(|seen| database_now - seen > DESERTED);
        let Some(row) = row else {
            schedules::define(&self.db, &definition, &upcoming(entry, now), now).await?;
            self.claimed.insert(n);
            return Ok((0, Some(now)));
        };
        if row.definition() != definition {
            // The table that was written last counts, until nobody has it any more.
            if !self.claimed.contains(&n) || deserted(row) {
                schedules::define(&self.db, &definition, &upcoming(entry, now), now).await?;
                self.claimed.insert(n);
                return Ok((0, Some(now)));
            }
            if self.foreign.insert(entry.name.clone()) {
                tracing::warn!(
                    entry = entry.name,
                    mine = entry.expression,
                    theirs = row.expression,
                    "another scheduler has a newer table; this one leaves the entry alone"
                );
            }
            return Ok((0, None));
        }
        self.claimed.insert(n);
        if row.seen_at.is_none_or(|seen| database_now - seen >= SEEN_EVERY) {
            schedules::seen(&self.db, &entry.name).await?;
        }
        metrics::gauge!("cron_entry_last_tick_timestamp_seconds", "entry" => entry.name.clone())
            .set(row.last_due.timestamp_millis() as f64 / 1000.0);
        if !entry.enabled {
            return Ok((0, None));
        }
        let Some(plan) = plan(entry, row, now) else { return Ok((0, entry.times.next(now))) };
        let fired = self.carry_out(entry, row, &plan, now).await?;
        Ok((fired, entry.times.next(now)))
    }

    /// The ticks, their jobs and the entry's memory commit together; 0 when another replica was faster.
    async fn carry_out(
        &self,
        entry: &Entry,
        seen: &Schedule,
        plan: &Plan,
        now: DateTime<Utc>,
    ) -> Result<usize, EnqueueError> {
        let upcoming = upcoming(entry, plan.last_due);
        let step = schedules::Step { seen, last_due: plan.last_due, upcoming: &upcoming, end_pause: plan.end_pause };
        let mut tx = self.db.begin().await?;
        if !schedules::advance(&mut tx, &step).await? {
            tx.rollback().await?;
            return Ok(0);
        }
        let mut taken = Vec::with_capacity(plan.ticks.len());
        for &(due, outcome) in &plan.ticks {
            if !schedules::record(&mut tx, &entry.name, due, outcome, &self.name, now).await? {
                continue;
            }
            if outcome == TickOutcome::Fired {
                let start = due + TimeDelta::from_std(entry.delay(due)).unwrap_or_default();
                // Each tick begins a trace, which its job goes on with.
                let span = tracing::info_span!(parent: None, "tick", otel.kind = "producer", entry = entry.name, %due);
                let delay = (start - now).to_std().unwrap_or_default();
                let job = entry.job.enqueue(&mut tx, delay).instrument(span).await?;
                schedules::set_job(&mut tx, &entry.name, due, job).await?;
            }
            taken.push((due, outcome));
        }
        tx.commit().await?;
        self.tell(entry, plan, &taken, now);
        Ok(taken.iter().filter(|(_, outcome)| *outcome == TickOutcome::Fired).count())
    }

    fn tell(&self, entry: &Entry, plan: &Plan, taken: &[(DateTime<Utc>, TickOutcome)], now: DateTime<Utc>) {
        let count = |outcome: TickOutcome, ticks: u64| {
            metrics::counter!("cron_ticks_total", "entry" => entry.name.clone(), "outcome" => outcome.as_str())
                .increment(ticks);
        };
        let mut missed = 0;
        for &(due, outcome) in taken {
            count(outcome, 1);
            match outcome {
                TickOutcome::Fired => {
                    let late = (now - due).to_std().unwrap_or_default();
                    metrics::histogram!("cron_tick_lateness_seconds", "entry" => entry.name.clone()).record(late);
                    tracing::info!(entry = entry.name, %due, ?late, "fired");
                }
                TickOutcome::Missed => missed += 1,
                TickOutcome::Skipped => tracing::info!(entry = entry.name, %due, "skipped: the entry is paused"),
                TickOutcome::Manual | TickOutcome::Unknown => {}
            }
        }
        let (outcome, forgotten) = plan.forgotten;
        if forgotten > 0 {
            count(outcome, forgotten);
        }
        if missed > 0 {
            let ticks = missed + if outcome == TickOutcome::Missed { forgotten } else { 0 };
            tracing::warn!(entry = entry.name, ticks, "no scheduler was there for these ticks");
        }
    }
}

fn upcoming(entry: &Entry, after: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    if entry.enabled { entry.times.after(after).take(UPCOMING).collect() } else { Vec::new() }
}
