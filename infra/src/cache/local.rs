//! Rate limits of one process, for when Redis is away.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::Limit;

/// How many keys are counted at once. When more are live, those that end soonest make room.
const MAX_KEYS: usize = 10_000;

#[derive(Default)]
pub(super) struct LocalLimits(Mutex<HashMap<String, Window>>);

#[derive(Clone, Copy)]
struct Window {
    hits: u64,
    ends: Instant,
}

impl LocalLimits {
    pub(super) fn hit(&self, key: &str, limit: u64, window: Duration, now: Instant) -> Limit {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= MAX_KEYS && !windows.contains_key(key) {
            make_room(&mut windows, now);
        }
        let entry = windows.entry(key.to_owned()).or_insert(Window { hits: 0, ends: now + window });
        if entry.ends <= now {
            *entry = Window { hits: 0, ends: now + window };
        }
        let allowed = entry.hits < limit;
        if allowed {
            entry.hits += 1;
        }
        Limit { allowed, remaining: limit - entry.hits.min(limit), reset: entry.ends - now }
    }

    pub(super) fn give_back(&self, key: &str) {
        if let Some(entry) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(key) {
            entry.hits = entry.hits.saturating_sub(1);
        }
    }

    pub(super) fn reset(&self, key: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

fn make_room(windows: &mut HashMap<String, Window>, now: Instant) {
    windows.retain(|_, entry| entry.ends > now);
    if windows.len() >= MAX_KEYS {
        let mut ends: Vec<Instant> = windows.values().map(|entry| entry.ends).collect();
        let (_, &mut bound, _) = ends.select_nth_unstable(MAX_KEYS / 10);
        windows.retain(|_, entry| entry.ends > bound);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_with_its_first_hit_and_then_starts_afresh() {
        let limits = LocalLimits::default();
        let start = Instant::now();
        let window = Duration::from_secs(10);
        assert!(limits.hit("k", 1, window, start).allowed);
        assert!(!limits.hit("k", 1, window, start + Duration::from_secs(9)).allowed);
        assert!(limits.hit("k", 1, window, start + Duration::from_secs(10)).allowed);
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let limits = LocalLimits::default();
        let now = Instant::now();
        for n in 0..MAX_KEYS * 3 {
            limits.hit(&n.to_string(), 1, Duration::from_secs(60) + Duration::from_millis(n as u64), now);
        }
        assert!(limits.0.lock().expect("unpoisoned").len() <= MAX_KEYS);
        assert!(!limits.hit(&(MAX_KEYS * 3 - 1).to_string(), 1, Duration::from_secs(60), now).allowed);
    }
}
