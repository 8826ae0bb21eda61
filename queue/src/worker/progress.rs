//! The progress of a worker's loops: claimers, completer, dispatcher, rescuer and controls say when they begin a round and
//! how it ended. The heartbeat is silent while one of them stands still, since a lease says that work can be done.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A round that has taken longer than this hangs. Longer than a statement may take, several times over: what is merely
/// slow, or waits for the database like everybody else, is no reason to give running jobs to others.
const HANGS_AFTER: Duration = Duration::from_secs(30);
/// A loop none of whose rounds has gone well for this long does no work, although the heartbeat's own statements do.
const FAILS_FOR: Duration = Duration::from_secs(60);

/// All loops of one registration.
#[derive(Debug, Default)]
pub(super) struct Loops(Mutex<BTreeMap<String, Arc<Loop>>>);

impl Loops {
    /// The loop of this name.
    pub(super) fn get(&self, name: impl Into<String>) -> Arc<Loop> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name.into()).or_default().clone()
    }

    /// The loop that stands still, and for how long; nothing that happened before `since` counts.
    pub(super) fn standing_still(&self, since: Instant) -> Option<(String, Duration)> {
        let loops = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loops.iter().find_map(|(name, one)| Some((name.clone(), one.stands_still(since)?)))
    }
}

/// The rounds of one loop that are under way, and how the last ones ended.
#[derive(Debug, Default)]
pub(super) struct Loop(Mutex<Rounds>);

#[derive(Debug, Default)]
struct Rounds {
    next: u64,
    under_way: BTreeMap<u64, Instant>,
    /// Since when none has gone well.
    failing: Option<Instant>,
}

impl Loop {
    pub(super) fn begin(self: &Arc<Self>) -> Round {
        let mut rounds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = rounds.next;
        rounds.next += 1;
        rounds.under_way.insert(number, Instant::now());
        Round { of: self.clone(), number }
    }

    fn stands_still(&self, since: Instant) -> Option<Duration> {
        let rounds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let age = |began: &Instant| (*began).max(since).elapsed();
        let hanging = rounds.under_way.values().map(age).max().filter(|age| *age > HANGS_AFTER);
        hanging.or_else(|| rounds.failing.as_ref().map(age).filter(|age| *age > FAILS_FOR))
    }
}

/// One round, until it is dropped.
#[derive(Debug)]
pub(super) struct Round {
    of: Arc<Loop>,
    number: u64,
}

impl Round {
    /// It has done its work, or found that there was none.
    pub(super) fn went_well(self) {
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).failing = None;
    }

    /// It could not do its work.
    pub(super) fn failed(self) {
        let mut rounds = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        rounds.failing.get_or_insert_with(Instant::now);
    }

    /// One or the other.
    pub(super) fn ended<T, E>(self, result: &Result<T, E>) {
        if result.is_ok() { self.went_well() } else { self.failed() }
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).under_way.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ago(seconds: u64) -> Instant {
        Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap()
    }

    #[test]
    fn a_round_that_hangs_stands_still_until_it_ends() {
        let loops = Loops::default();
        let claimer = loops.get("claimer of mail");
        let round = claimer.begin();
        assert_eq!(loops.standing_still(ago(600)), None, "it has only begun");
        claimer.0.lock().unwrap().under_way.values_mut().for_each(|began| *began = ago(31));
        let (name, still) = loops.standing_still(ago(600)).unwrap();
        assert_eq!((name.as_str(), still.as_secs()), ("claimer of mail", 31));
        assert_eq!(loops.standing_still(ago(5)), None, "the database was away until five seconds ago");
        drop(round);
        assert_eq!(loops.standing_still(ago(600)), None);
    }

    #[test]
    fn a_loop_that_only_fails_stands_still_until_a_round_goes_well() {
        let loops = Loops::default();
        let completer = loops.get("completer");
        completer.begin().failed();
        completer.0.lock().unwrap().failing = Some(ago(61));
        completer.begin().failed();
        assert!(loops.standing_still(ago(600)).is_some(), "a further failure does not begin anew");
        completer.begin().went_well();
        assert_eq!(loops.standing_still(ago(600)), None);
        drop(completer.begin());
        assert_eq!(loops.standing_still(ago(600)), None, "a round that was dropped says nothing");
    }
}
