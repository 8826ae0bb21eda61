//! The breaker: a kind whose runs only wait for a service that is away is paused for a moment, so that its backlog does not
//! run through its attempts one by one. It is tried again with a few runs each time, and goes on with the first that ends
//! otherwise.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    class,
    ledger::stats::{counts::Outcomes, errors::Groups},
};

/// Runs that waited in a row until a kind is paused.
const STREAK: u64 = 20;
/// And after a pause.
const TRIES: u64 = 3;
/// The first pause, which doubles up to the last: no longer than a single job waits between two tries.
const PAUSES: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(15));

/// What this worker has seen of each kind lately.
#[derive(Debug, Default)]
pub(super) struct Breaker(BTreeMap<String, Streak>);

#[derive(Debug, Default)]
struct Streak {
    waited: u64,
    pauses: u32,
}

/// A kind to be paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trip {
    pub(super) kind: String,
    pub(super) pause: Duration,
    /// What its runs wait for.
    pub(super) message: String,
}

impl Breaker {
    /// Looks at the runs that ended since the last look.
    pub(super) fn look(&mut self, outcomes: &Outcomes, causes: &Groups) -> Vec<Trip> {
        let mut waited: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
        for cause in causes.values().filter(|cause| cause.class == class::TRANSIENT) {
            let (runs, message) = waited.entry(&cause.kind).or_insert((0, &cause.message));
            (*runs, *message) = (*runs + cause.failures, &cause.message);
        }
        let mut ended: BTreeMap<&str, u64> = BTreeMap::new();
        for ((_, kind, outcome), runs) in outcomes {
            // What came back without an answer says nothing about the service.
            if !matches!(outcome.as_str(), "lost" | "handed_back" | "parked") {
                *ended.entry(kind).or_default() += runs;
            }
        }
        for (kind, runs) in ended {
            if runs > waited.get(kind).map_or(0, |(waited, _)| *waited) {
                self.0.remove(kind);
                waited.remove(kind);
            }
        }
        let mut trips = Vec::new();
        for (kind, (runs, message)) in waited {
            let streak = self.0.entry(kind.to_owned()).or_default();
            streak.waited += runs;
            if streak.waited >= if streak.pauses == 0 { STREAK } else { TRIES } {
                let pause = PAUSES.0.saturating_mul(1 << streak.pauses.min(8)).min(PAUSES.1);
                *streak = Streak { waited: 0, pauses: streak.pauses + 1 };
                trips.push(Trip { kind: kind.to_owned(), pause, message: message.to_owned() });
            }
        }
        trips
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::JobId,
        ledger::{list::Fingerprint, stats::errors::Failures},
    };

    fn window(completed: u64, waited: u64) -> (Outcomes, Groups) {
        let key = |outcome: &str| ("mail".to_owned(), "send_email".to_owned(), outcome.to_owned());
        let outcomes = [(key("completed"), completed), (key("retry"), waited), (key("handed_back"), 9)];
        let cause = Failures {
            kind: "send_email".into(),
            class: class::TRANSIENT.into(),
            message: "no answer".into(),
            failures: waited,
            last_job: JobId::new(),
        };
        let causes = if waited == 0 { Groups::new() } else { Groups::from([(Fingerprint([1; 16]), cause)]) };
        (outcomes.into_iter().filter(|(_, runs)| *runs > 0).collect(), causes)
    }

    fn look(breaker: &mut Breaker, completed: u64, waited: u64) -> Option<u64> {
        let (outcomes, causes) = window(completed, waited);
        let trips = breaker.look(&outcomes, &causes);
        trips.first().map(|trip| trip.pause.as_secs())
    }

    #[test]
    fn a_kind_that_only_waits_is_paused_longer_each_time_and_goes_on_with_the_first_success() {
        let mut breaker = Breaker::default();
        assert_eq!(look(&mut breaker, 0, 12), None);
        assert_eq!(look(&mut breaker, 0, 12), Some(4), "24 in a row");
        assert_eq!(look(&mut breaker, 0, 2), None);
        assert_eq!(look(&mut breaker, 0, 1), Some(8), "three tries were enough");
        assert_eq!(look(&mut breaker, 0, 3), Some(15));
        assert_eq!(look(&mut breaker, 0, 3), Some(15));
        assert_eq!(look(&mut breaker, 1, 5), None, "one went through");
        assert_eq!(look(&mut breaker, 0, 19), None, "and all begins anew");
    }

    #[test]
    fn a_kind_some_of_whose_runs_go_through_is_never_paused() {
        let mut breaker = Breaker::default();
        for _ in 0..50 {
            assert_eq!(look(&mut breaker, 1, 19), None);
        }
    }
}
