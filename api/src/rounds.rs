//! Requests that ask for the same at the same time, and are answered together.
//!
//! One round is under way, and whoever comes meanwhile is in the next one. So each is told what was found after they asked: nothing
//! that was written before is missing, and a thousand requests at a time cost two rounds.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use moka::future::Cache as Memory;
use tokio::sync::OnceCell;

/// Questions that are remembered, and for how long nobody need ask them for that to end.
const QUESTIONS: u64 = 10_000;
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

pub struct Rounds<V> {
    lines: Memory<String, Arc<Line<V>>>,
}

/// Those who ask the same question.
struct Line<V> {
    /// Held by the round that is under way.
    turn: tokio::sync::Mutex<()>,
    /// The round that has not begun.
    next: Mutex<Option<Arc<OnceCell<V>>>>,
}

impl<V: Clone + Send + Sync + 'static> Rounds<V> {
    pub fn new() -> Self {
        Self { lines: Memory::builder().max_capacity(QUESTIONS).time_to_idle(FORGOTTEN_AFTER).build() }
    }

    /// What `find` of one of those in the round comes to.
    pub async fn join(&self, question: &str, find: impl Future<Output = V> + Send) -> V {
        let new = async { Arc::new(Line { turn: tokio::sync::Mutex::default(), next: Mutex::default() }) };
        let line = self.lines.get_with_by_ref(question, new).await;
        let round = line.next.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().clone();
        let (line, own) = (&line, &round);
        let found = round.get_or_init(move || async move {
            let _turn = line.turn.lock().await;
            line.begins(own);
            find.await
        });
        found.await.clone()
    }
}

impl<V> Line<V> {
    /// Whoever comes from now on is in another round.
    fn begins(&self, round: &Arc<OnceCell<V>>) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if next.as_ref().is_some_and(|next| Arc::ptr_eq(next, round)) {
            *next = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn whoever_comes_while_a_round_is_under_way_is_in_the_next_one() {
        let rounds = Arc::new(Rounds::new());
        let (asked, written, go) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(1)), Arc::new(Notify::new()));
        let ask = || {
            let (rounds, asked, written, go) = (rounds.clone(), asked.clone(), written.clone(), go.clone());
            tokio::spawn(async move {
                let find = async {
                    asked.fetch_add(1, Ordering::SeqCst);
                    let found = written.load(Ordering::SeqCst);
                    go.notified().await;
                    found
                };
                rounds.join("q", find).await
            })
        };
        let first = ask();
        while asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        written.store(2, Ordering::SeqCst);
        let others: Vec<_> = (0..100).map(|_| ask()).collect();
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        go.notify_one();
        assert_eq!(first.await.unwrap(), 1);
        go.notify_one();
        for other in others {
            assert_eq!(other.await.unwrap(), 2, "what was written before they asked");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        go.notify_one();
        assert_eq!(ask().await.unwrap(), 2);
        assert_eq!(asked.load(Ordering::SeqCst), 3, "nothing is kept");
    }
}
