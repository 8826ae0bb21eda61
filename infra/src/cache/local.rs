//! Rate limits of one process, for when Redis is away or answers too late.

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
    /// Counted here.
    hits: u64,
    /// What Redis had counted when it last answered.
    known: u64,
    ends: Instant,
}

impl Window {
    fn new(ends: Instant) -> Self {
        Self { hits: 0, known: 0, ends }
    }
}

impl LocalLimits {
    pub(super) fn hit(&self, key: &str, limit: u64, window: Duration, now: Instant) -> Limit {
        self.in_window(key, now + window, now, |entry| {
            let allowed = entry.hits + entry.known < limit;
            if allowed {
                entry.hits += 1;
            }
            Limit { allowed, remaining: limit.saturating_sub(entry.hits + entry.known), reset: entry.ends - now }
        })
    }

    /// What an answer of Redis comes to, which has allowed this one or not: what was let through here meanwhile counts as well.
    pub(super) fn with(&self, key: &str, limit: u64, told: Limit, now: Instant) -> Limit {
        self.in_window(key, now + told.reset, now, |entry| {
            entry.known = limit - told.remaining.min(limit);
            let allowed = told.allowed && entry.known + entry.hits <= limit;
            Limit { allowed, remaining: told.remaining.saturating_sub(entry.hits), ..told }
        })
    }

    fn in_window<T>(&self, key: &str, ends: Instant, now: Instant, count: impl FnOnce(&mut Window) -> T) -> T {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= MAX_KEYS && !windows.contains_key(key) {
            make_room(&mut windows, now);
        }
        let entry = windows.entry(key.to_owned()).or_insert(Window::new(ends));
        if entry.ends <= now {
            *entry = Window::new(ends);
        }
        count(entry)
    }

    pub(super) fn give_back(&self, key: &str) {
        if let Some(entry) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(key) {
            if entry.known > 0 {
                entry.known -= 1;
            } else {
                entry.hits = entry.hits.saturating_sub(1);
            }
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

    /// Redis answers some and is too late for others: together no more than the limit go through, in whichever order.
    #[test]
    fn what_redis_and_this_process_allow_is_counted_together() {
        let window = Duration::from_secs(60);
        let now = Instant::now();
        let told = |hits: u64| Limit { allowed: hits <= 5, remaining: 5_u64.saturating_sub(hits), reset: window };
        for late in 0..=6 {
            let limits = LocalLimits::default();
            let mut through = 0;
            let mut answered = 0;
            for number in 0..12 {
                let limit = if number == late || number == late + 3 {
                    limits.hit("k", 5, window, now)
                } else {
                    answered += 1;
                    limits.with("k", 5, told(answered), now)
                };
                through += u64::from(limit.allowed);
            }
            assert_eq!(through, 5, "too late for {late}");
        }
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
