//! The estimate of a waiting job's start: a range of seconds, or the reason why there is none.
//!
//! Tenants take turns (ARCHITECTURE.md, "Dispatch"): before a job come the jobs of its own tenant that are ahead of it,
//! and up to as many of every other tenant that waits. So its place is at worst `(own jobs ahead + 1) * tenants`, and
//! at best only its own tenant's jobs count.

use std::time::Duration;

use words::words;

/// Fewer ended runs than this say nothing about the next ones.
pub const FEWEST_RUNS: u64 = 20;

/// A line of waiting jobs, as one of them sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Jobs of the same tenant in the same queue that start before this one.
    pub own_ahead: u64,
    /// Tenants with a job that waits in the queue, this one included.
    pub tenants: u64,
}

/// How fast the queue moved lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Runs of the queue that ended within `over`.
    pub runs: u64,
    pub over: Duration,
    /// Those of the best minute.
    pub best_minute: u64,
    /// Jobs that the living workers of the queue run at a time, at most.
    pub slots: u64,
    /// How long half of the runs took at most; none when nothing was measured.
    pub usual_run: Option<Duration>,
    /// What 95 of 100 jobs of the queue waited at most; none when nothing was measured.
    pub usual_wait: Option<Duration>,
}

words! {
    /// Why there is no estimate.
    pub enum NoEstimate ("reason for no estimate") {
        /// The queue or the kind is paused.
        Paused = "paused",
        /// A limit of the kind holds the job back.
        Limited = "limited",
        /// No living worker takes jobs of the queue.
        NoWorker = "no_worker",
        /// More tenants wait than were counted.
        Crowded = "crowded",
        /// Too few runs ended lately.
        TooFewRuns = "too_few_runs",
    }
}

/// Until the job starts, in whole seconds: hardly sooner than `from`, hardly later than `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    pub from: u64,
    pub to: u64,
}

impl Standing {
    /// The job's place counted from 1, when every tenant that waits takes all its turns.
    pub const fn place(&self) -> u64 {
        let tenants = if self.tenants == 0 { 1 } else { self.tenants };
        self.own_ahead.saturating_add(1).saturating_mul(tenants)
    }

    /// The range: from the own jobs ahead at the best pace there can be (that of the best minute, or every slot busy with
    /// runs as long as usual), to the whole place at the average pace. After a quiet time the average is low and `to` is
    /// late. Who is alone and first waits as long as jobs usually do.
    ///
    /// # Errors
    /// [`NoEstimate::TooFewRuns`] below [`FEWEST_RUNS`].
    pub fn estimate(&self, pace: &Pace) -> Result<Estimate, NoEstimate> {
        if pace.runs < FEWEST_RUNS || pace.over.is_zero() {
            return Err(NoEstimate::TooFewRuns);
        }
        if let (1, Some(usual)) = (self.place(), pace.usual_wait) {
            return Ok(Estimate { from: 0, to: seconds_up(usual.as_secs_f64()) });
        }
        let average = pace.runs as f64 / pace.over.as_secs_f64();
        let full = pace.usual_run.map_or(0.0, |run| pace.slots as f64 / run.as_secs_f64().max(0.000_5));
        let best = (pace.best_minute as f64 / 60.0).max(average).max(full);
        let from = (self.own_ahead as f64 / best).floor() as u64;
        Ok(Estimate { from, to: seconds_up(self.place() as f64 / average).max(from + 1) })
    }
}

/// Whole seconds, at least one: nobody should be promised 0.
fn seconds_up(seconds: f64) -> u64 {
    (seconds.ceil() as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(runs: u64) -> Pace {
        let over = Duration::from_secs(600);
        Pace { runs, over, best_minute: runs / 10, usual_wait: Some(Duration::from_millis(1_400)), ..Pace::default() }
    }

    #[test]
    fn everybody_who_waits_takes_turns() {
        assert_eq!(Standing { own_ahead: 0, tenants: 1 }.place(), 1);
        assert_eq!(Standing { own_ahead: 2, tenants: 4 }.place(), 12);
        assert_eq!(
            Standing { own_ahead: 2, tenants: 0 }.place(),
            3,
            "a tenant list read a moment later may lack this one"
        );
        assert_eq!(Standing { own_ahead: u64::MAX, tenants: 9 }.place(), u64::MAX);
    }

    #[test]
    fn the_range_goes_from_the_own_line_to_everybodys_turns() {
        // One run a second on average.
        let line = Standing { own_ahead: 9, tenants: 3 };
        assert_eq!(line.estimate(&pace(600)), Ok(Estimate { from: 9, to: 30 }));
        // The best minute was four times as good.
        let uneven = Pace { best_minute: 240, ..pace(600) };
        assert_eq!(line.estimate(&uneven), Ok(Estimate { from: 2, to: 30 }));
        // A minute has only just begun, but four slots with runs of half a second do eight a second.
        let busy = Pace { slots: 4, usual_run: Some(Duration::from_millis(500)), ..pace(600) };
        assert_eq!(line.estimate(&busy), Ok(Estimate { from: 1, to: 30 }));
    }

    #[test]
    fn who_is_next_waits_as_usual() {
        let next = Standing { own_ahead: 0, tenants: 1 };
        assert_eq!(next.estimate(&pace(20)), Ok(Estimate { from: 0, to: 2 }));
        let unmeasured = Pace { usual_wait: None, ..pace(60) };
        assert_eq!(next.estimate(&unmeasured), Ok(Estimate { from: 0, to: 10 }));
    }

    #[test]
    fn a_few_runs_promise_nothing() {
        let line = Standing { own_ahead: 0, tenants: 2 };
        assert_eq!(line.estimate(&pace(19)), Err(NoEstimate::TooFewRuns));
        assert_eq!(line.estimate(&Pace { over: Duration::ZERO, ..pace(100) }), Err(NoEstimate::TooFewRuns));
        assert!(line.estimate(&pace(20)).is_ok());
    }

    #[test]
    fn the_end_is_never_before_the_beginning() {
        for own_ahead in [0, 1, 7, 9_999] {
            for tenants in [1, 2, 64] {
                for runs in [20, 77, 600, 1_000_000] {
                    let estimate = Standing { own_ahead, tenants }.estimate(&pace(runs)).unwrap();
                    assert!(estimate.from < estimate.to, "{estimate:?}");
                }
            }
        }
    }
}
