//! What has become stale, and was not told to Redis yet.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

/// How long the answer to a write may wait until what it made stale is told.
const TOLD_WITHIN: Duration = Duration::from_millis(200);

/// Keys of generations that must be raised, each by one task of its own. There are no more of them than places.
#[derive(Default)]
pub struct Untold {
    keys: Mutex<HashMap<String, State>>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// It became stale once more since its task began to tell.
    again: bool,
    /// It could not be told; its task rests, and nobody waits for it.
    late: bool,
    /// Ends the rest.
    wake: Arc<Notify>,
}

impl Untold {
    fn keys(&self) -> MutexGuard<'_, HashMap<String, State>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a key. True when there is no task for it yet; one that rests goes on at once.
    pub fn add(&self, key: &str) -> bool {
        let mut keys = self.keys();
        match keys.get_mut(key) {
            Some(state) => {
                (state.again, state.late) = (true, false);
                state.wake.notify_one();
                false
            }
            None => keys.insert(key.to_owned(), State::default()).is_none(),
        }
    }

    pub fn holds(&self, key: &str) -> bool {
        self.keys().contains_key(key)
    }

    /// What came of an attempt. True when the key must be told once more: it could not be, or became stale meanwhile.
    pub fn is_left(&self, key: &str, told: bool) -> bool {
        let mut keys = self.keys();
        let Some(state) = keys.get_mut(key) else { return false };
        let left = !told || state.again;
        (state.late, state.again) = (!told && !state.again, false);
        if !left {
            keys.remove(key);
        }
        drop(keys);
        self.changed.notify_waiters();
        left
    }

    /// Rests before the next attempt, until the key becomes stale once more.
    pub async fn rest(&self, key: &str, pause: Duration) {
        let wake = self.keys().get(key).map(|state| state.wake.clone());
        let Some(wake) = wake else { return };
        let _ = timeout(pause, wake.notified()).await;
        // The attempt that comes now tells of all that became stale before it.
        if let Some(state) = self.keys().get_mut(key) {
            state.again = false;
        }
    }

    /// Waits until all is told that can be.
    pub async fn told(&self) {
        let done = async {
            loop {
                let changed = self.changed.notified();
                if self.keys().values().all(|state| state.late) {
                    return;
                }
                changed.await;
            }
        };
        tokio::select! {
            () = done => {}
            () = sleep(TOLD_WITHIN) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_key_has_one_task_and_is_told_as_often_as_needed() {
        let untold = Untold::default();
        assert!(untold.add("a") && !untold.add("a") && untold.add("b"));
        assert!(untold.is_left("a", true), "it became stale again while it was told");
        assert!(!untold.is_left("a", true) && !untold.holds("a"));
        assert!(untold.is_left("b", false) && untold.holds("b"), "it could not be told");
        // Nobody waits for what could not be told.
        untold.told().await;
        assert!(!untold.add("b"));
        // The task that rests goes on at once.
        let since = Instant::now();
        untold.rest("b", Duration::from_secs(60)).await;
        assert!(since.elapsed() < Duration::from_secs(15));
        // And when that fails as well, nobody waits for it either.
        assert!(untold.is_left("b", false));
        assert!(untold.keys()["b"].late, "what failed was an attempt to tell of the latest wish, too");
        assert!(!untold.is_left("b", true) && !untold.holds("b"));
    }
}
