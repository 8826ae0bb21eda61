//! The watch: what one scheduler does for the whole fleet beside its ticks, also when no worker lives. It measures the scaling
//! signal, and looks for what people should be told of.
//!
//! Who has the watch holds a lease. Two that have it for a moment measure twice, and tell once: what is told is decided with
//! the alerts' rows locked.

mod conditions;
mod signal;
mod steps;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) use self::signal::ScalingSignal;
pub use self::{
    conditions::{Condition, Thresholds},
    signal::QueueSignal,
};
use self::{
    conditions::{Facts, findings, success_due},
    steps::{Change, Step, steps},
};
use crate::{
    Queue, health,
    ids::WorkerId,
    ledger::{
        alerts::{self, AlertState, Channel, Event, Happening, NewNotice},
        controls::pauses,
        leases,
        schedules::{self, Schedule},
        stats::given_up,
    },
    schedule::{Time, table::Entry},
};

const TICK: Duration = Duration::from_secs(1);
/// The scaling signal is never older than this and a scrape interval.
const SIGNAL: Duration = Duration::from_secs(5);
/// Between two looks for alerts.
const LOOK: Duration = Duration::from_secs(15);
/// The name of the lease in `queue_leases`.
const LEASE: &str = "watch";

/// Who is told of alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    pub channel: Channel,
    /// Of a mail.
    pub recipient: String,
}

/// One scheduler's part in it.
pub struct Watch {
    db: Db,
    id: WorkerId,
    queues: &'static [Queue],
    entries: Vec<Entry>,
    thresholds: Thresholds,
    addressees: Vec<Addressee>,
    time: Time,
    leads: Arc<AtomicBool>,
    signal: ScalingSignal,
    told: Told,
}

/// What the gauges say between two looks.
#[derive(Default)]
struct Told {
    /// Of each schedule: its last success and when the next is due at the latest, as Unix times.
    successes: Vec<(String, Option<f64>, Option<f64>)>,
    firing: BTreeMap<Condition, u64>,
    waiting: BTreeMap<Channel, u64>,
}

impl Watch {
    /// `db` should have a connection that the ticks do not need. Without addressees alerts are logged and measured only.
    pub fn new(
        db: Db,
        queues: &'static [Queue],
        entries: Vec<Entry>,
        thresholds: Thresholds,
        addressees: Vec<Addressee>,
    ) -> Self {
        Self {
            db,
            id: WorkerId::new(),
            queues,
            entries,
            thresholds,
            addressees,
            time: Time::Database,
            leads: Arc::default(),
            signal: ScalingSignal::default(),
            told: Told::default(),
        }
    }

    /// The same by another time.
    #[must_use]
    pub fn by(mut self, time: Time) -> Self {
        self.time = time;
        self
    }

    /// Whether this process has the watch just now.
    pub fn leads(&self) -> Arc<AtomicBool> {
        self.leads.clone()
    }

    /// Keeps watch until `shutdown`. What goes wrong is tried again.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let (mut measured, mut looked): (Option<Instant>, Option<Instant>) = (None, None);
        let mut signals = None;
        let mut away = false;
        while !shutdown.is_cancelled() {
            let result = async {
                let held = leases::hold(&self.db, self.id, &[LEASE.to_owned()]).await?.held;
                self.leads.store(held.contains(LEASE), Ordering::Relaxed);
                if held.is_empty() {
                    return Ok(());
                }
                if measured.is_none_or(|at| at.elapsed() >= SIGNAL) {
                    // A measurement that takes long must not follow upon itself.
                    measured = Some(Instant::now());
                    signals = Some(self.measure().await?);
                    self.tell_gauges();
                }
                if looked.is_none_or(|at| at.elapsed() >= LOOK)
                    && let Some(signals) = signals.take()
                {
                    looked = Some(Instant::now());
                    self.look(signals).await?;
                    self.tell_gauges();
                }
                Ok::<_, DbError>(())
            };
            match result.await {
                Ok(()) => away = false,
                // Another scheduler was at it; the next look is soon enough.
                Err(DbError::Deadlock(_)) => {}
                Err(error) => {
                    self.leads.store(false, Ordering::Relaxed);
                    if !away {
                        tracing::warn!(%error, "the watch over the queue waits for the database");
                    }
                    away = true;
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(TICK) => {}
            }
        }
        self.leads.store(false, Ordering::Relaxed);
        if let Err(error) = leases::release(&self.db, self.id).await {
            tracing::debug!(%error, "the lease of the watch runs out by itself");
        }
    }

    /// Measures the scaling signal.
    pub async fn measure(&mut self) -> Result<Vec<QueueSignal>, DbError> {
        let queues: Vec<&str> = self.queues.iter().map(|queue| queue.as_str()).collect();
        self.signal.measure(&self.db, &queues).await
    }

    /// Looks at the ledger, remembers what has begun, goes on or is over, and what is to be told of it. Returns the latter.
    pub async fn look(&mut self, queues: Vec<QueueSignal>) -> Result<Vec<Event>, DbError> {
        let (database_now, mut rows) = schedules::look(&self.db).await?;
        let now = match &self.time {
            Time::Database => database_now,
            Time::Injected(clock) => clock.now(),
        };
        schedules::note_successes(&self.db, &mut rows).await?;
        self.remember_successes(&rows);
        let facts = Facts {
            schedules: rows,
            queues,
            pauses: pauses::list(&self.db).await?,
            quarantined: given_up::quarantined(&self.db).await?,
            discarded: given_up::discarded_within_the_hour(&self.db).await?,
        };
        let found = findings(&facts, &self.entries, &self.thresholds, now);
        let repeat = TimeDelta::from_std(self.thresholds.repeat).unwrap_or(TimeDelta::MAX);
        let mut known = alerts::list(&self.db).await?;
        let mut events = Vec::new();
        let due = steps(&known, &found, repeat, now);
        if !due.is_empty() {
            let tells = due.iter().any(|step| step.event.is_some());
            let health = if tells { self.health(database_now).await } else { String::new() };
            let mut tx = self.db.begin().await?;
            // Decided anew with the rows locked: another scheduler may have been faster.
            let locked = alerts::lock(&mut tx).await?;
            for Step { change, event } in steps(&locked, &found, repeat, now) {
                let ours = match &change {
                    Change::Add(alert) => alerts::add(&mut tx, alert).await?,
                    Change::Write(alert) => alerts::change(&mut tx, alert).await.map(|()| true)?,
                    Change::Remove(name) => alerts::remove(&mut tx, name).await.map(|()| true)?,
                };
                events.extend(event.filter(|_| ours).map(|event| Event { health: health.clone(), ..event }));
            }
            self.post(&mut tx, &events).await?;
            tx.commit().await?;
            known = alerts::list(&self.db).await?;
        }
        self.told.firing = Condition::ALL.iter().map(|condition| (*condition, 0)).collect();
        for alert in known.iter().filter(|alert| alert.state == AlertState::Firing) {
            if let Some(Ok(condition)) = alert.name.split(':').next().map(str::parse) {
                *self.told.firing.entry(condition).or_default() += 1;
            }
        }
        self.told.waiting = Channel::ALL.iter().map(|channel| (*channel, 0)).collect();
        for waiting in alerts::waiting(&self.db).await? {
            self.told.waiting.insert(waiting.channel, waiting.notices);
        }
        for event in &events {
            let (alert, summary) = (&event.alert, &event.summary);
            match event.happening {
                Happening::Over => tracing::info!(alert, "over: {summary}"),
                happening => tracing::warn!(alert, "{happening}: {summary}"),
            }
        }
        Ok(events)
    }

    /// How everything is. What happened is told without it when it cannot be found out.
    async fn health(&self, now: DateTime<Utc>) -> String {
        let queues: Vec<&str> = self.queues.iter().map(|queue| queue.as_str()).collect();
        // The scheduler has no connections whose statements are stopped for taking long, and the alert does not wait.
        match tokio::time::timeout(db::INSPECTION_LIMIT, health::look(&self.db, &queues, now)).await {
            Ok(Ok(health)) => return health.sentence.en,
            Ok(Err(error)) => tracing::warn!(%error, "how everything is could not be found out for an alert"),
            Err(_) => tracing::warn!("how everything is took too long to find out for an alert"),
        }
        String::new()
    }

    /// All of a look in one mail to each person; to a webhook each by itself.
    async fn post(&self, tx: &mut db::Tx, events: &[Event]) -> Result<(), DbError> {
        if events.is_empty() {
            return Ok(());
        }
        for Addressee { channel, recipient } in &self.addressees {
            let at_once = if *channel == Channel::Mail { events.len() } else { 1 };
            for events in events.chunks(at_once) {
                let notice = NewNotice { id: Uuid::now_v7(), channel: *channel, recipient, events };
                alerts::insert(tx, &notice).await?;
            }
        }
        Ok(())
    }

    fn remember_successes(&mut self, rows: &[Schedule]) {
        let unix = |at: DateTime<Utc>| at.timestamp_millis() as f64 / 1000.0;
        let tolerance = self.thresholds.schedule_tolerance.unwrap_or_default();
        self.told.successes = (self.entries.iter())
            .filter_map(|entry| {
                let row = rows.iter().find(|row| row.name == entry.name)?;
                let due = success_due(entry, row, tolerance).map(unix);
                Some((entry.name.clone(), row.last_success_at.map(unix), due))
            })
            .collect();
    }

    /// A gauge that nobody has set for 15 s disappears.
    fn tell_gauges(&self) {
        for (entry, success, due) in &self.told.successes {
            if let Some(success) = success {
                metrics::gauge!("cron_entry_last_success_timestamp_seconds", "entry" => entry.clone()).set(*success);
            }
            if let Some(due) = due {
                metrics::gauge!("cron_entry_success_due_timestamp_seconds", "entry" => entry.clone()).set(*due);
            }
        }
        for (condition, alerts) in &self.told.firing {
            metrics::gauge!("alerts_firing", "condition" => condition.as_str()).set(*alerts as f64);
        }
        for (channel, notices) in &self.told.waiting {
            metrics::gauge!("alert_notices_waiting", "channel" => channel.as_str()).set(*notices as f64);
        }
    }
}
