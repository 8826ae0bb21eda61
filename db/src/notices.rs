//! Notices: what became true with a commit and is worth telling others about at once. Losing one costs time, never truth.
//!
//! Each room defines its own notices and listens for them; transactions carry them without knowing what they say. In a
//! child process nobody listens: there they go as text to the parent, which tells its own listeners.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A message to listeners, sent after a commit.
pub trait Notice: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Names this kind of notice between processes of one build.
    const TOPIC: &'static str;
}

/// A notice on its way to another process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Telegram {
    pub topic: String,
    pub notice: serde_json::Value,
}

/// Any notice, waiting for its commit.
pub(crate) struct Pinned {
    notice: Box<dyn Any + Send + Sync>,
    telegram: fn(&dyn Any) -> Option<Telegram>,
}

impl Pinned {
    pub(crate) fn new<N: Notice>(notice: N) -> Self {
        Self { notice: Box::new(notice), telegram: telegram::<N> }
    }

    pub(crate) fn is<N: Notice>(&self, notice: &N) -> bool {
        self.notice.downcast_ref::<N>() == Some(notice)
    }
}

fn telegram<N: Notice>(notice: &dyn Any) -> Option<Telegram> {
    let notice = serde_json::to_value(notice.downcast_ref::<N>()?).ok()?;
    Some(Telegram { topic: N::TOPIC.to_owned(), notice })
}

/// What a listener does with one notice.
type Tell = Arc<dyn Fn(&dyn Any) + Send + Sync>;
/// What a listener does with one that comes from a child process.
type Read = Arc<dyn Fn(serde_json::Value) + Send + Sync>;

/// Who listens. Clones share their listeners.
#[derive(Clone, Default)]
pub(crate) struct Board(Arc<RwLock<Listeners>>);

#[derive(Default)]
struct Listeners {
    tell: HashMap<TypeId, Tell>,
    read: HashMap<&'static str, Read>,
    /// Receives everything instead of the listeners.
    parent: Option<Arc<dyn Fn(Vec<Telegram>) + Send + Sync>>,
}

impl Board {
    pub(crate) fn listen<N: Notice>(&self, listener: impl Fn(N) + Send + Sync + 'static) {
        let listener = Arc::new(listener);
        let mut listeners = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let tell = listener.clone();
        listeners.tell.insert(
            TypeId::of::<N>(),
            Arc::new(move |notice| {
                if let Some(notice) = notice.downcast_ref::<N>() {
                    tell(notice.clone());
                }
            }),
        );
        listeners.read.insert(
            N::TOPIC,
            Arc::new(move |notice| match serde_json::from_value(notice) {
                Ok(notice) => listener(notice),
                Err(error) => tracing::debug!(%error, topic = N::TOPIC, "a notice cannot be read"),
            }),
        );
    }

    pub(crate) fn send_to_parent(&self, parent: impl Fn(Vec<Telegram>) + Send + Sync + 'static) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).parent = Some(Arc::new(parent));
    }

    pub(crate) fn tell(&self, notices: Vec<Pinned>) {
        if notices.is_empty() {
            return;
        }
        let listeners = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(parent) = &listeners.parent {
            parent(notices.iter().filter_map(|pinned| (pinned.telegram)(&*pinned.notice)).collect());
            return;
        }
        for pinned in &notices {
            if let Some(tell) = listeners.tell.get(&(*pinned.notice).type_id()) {
                tell(&*pinned.notice);
            }
        }
    }

    pub(crate) fn receive(&self, telegrams: Vec<Telegram>) {
        let listeners = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for telegram in telegrams {
            if let Some(read) = listeners.read.get(telegram.topic.as_str()) {
                read(telegram.notice);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Arrived(u32);
    impl Notice for Arrived {
        const TOPIC: &'static str = "arrived";
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Left(u32);
    impl Notice for Left {
        const TOPIC: &'static str = "left";
    }

    #[test]
    fn each_listener_hears_its_own_notices() {
        let (board, heard) = (Board::default(), Arc::new(Mutex::new(Vec::new())));
        let (arrived, left) = (heard.clone(), heard.clone());
        board.listen(move |Arrived(n)| arrived.lock().unwrap().push(("arrived", n)));
        board.tell(vec![Pinned::new(Arrived(1)), Pinned::new(Left(2))]);
        board.listen(move |Left(n)| left.lock().unwrap().push(("left", n)));
        board.tell(vec![Pinned::new(Left(3))]);
        assert_eq!(*heard.lock().unwrap(), [("arrived", 1), ("left", 3)]);
    }

    #[test]
    fn what_a_child_commits_is_heard_by_its_parents_listeners() {
        let (child, parent, heard) = (Board::default(), Board::default(), Arc::new(Mutex::new(Vec::new())));
        let hears = heard.clone();
        parent.listen(move |Arrived(n)| hears.lock().unwrap().push(n));
        let receives = parent.clone();
        child.send_to_parent(move |telegrams| {
            let line = serde_json::to_string(&telegrams).unwrap();
            receives.receive(serde_json::from_str(&line).unwrap());
        });
        child.tell(vec![Pinned::new(Arrived(7)), Pinned::new(Left(8))]);
        parent.receive(vec![Telegram { topic: "arrived".into(), notice: "no number".into() }]);
        assert_eq!(*heard.lock().unwrap(), [7]);
    }
}
