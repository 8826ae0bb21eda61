//! The kinds of jobs a build knows, and the queues they run in, as plain data: naming them pulls no handler in, so a
//! program that only enqueues and controls jobs may.

use std::borrow::Cow;

use crate::{Job, QueueContext, schedule::Schedule};

/// A queue by its name. Workers choose which queues they serve, so each is scaled alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Queue(&'static str);

impl Queue {
    /// At most 32 of a-z, 0-9 and _; rows with it are in production, so it never changes.
    pub const fn named(name: &'static str) -> Self {
        Self(name)
    }

    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// The queues of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queues {
    pub all: &'static [Queue],
    /// Where jobs of other queues go that ran out of memory; here they get more.
    pub heavy: Option<Queue>,
}

impl Queues {
    /// The queue of this name.
    ///
    /// # Errors
    /// There is none; the error names those there are.
    pub fn parse(&self, name: &str) -> Result<Queue, UnknownQueue> {
        let found = self.all.iter().copied().find(|queue| queue.as_str() == name);
        found.ok_or_else(|| UnknownQueue { name: name.chars().take(40).collect(), known: self.all })
    }

    pub fn names(&self) -> Vec<&'static str> {
        self.all.iter().map(|queue| queue.as_str()).collect()
    }
}

/// A name from outside that is no queue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no queue; the queues are {}", known.iter().map(|queue| queue.as_str()).collect::<Vec<_>>().join(", "))]
pub struct UnknownQueue {
    pub name: String,
    known: &'static [Queue],
}

/// What follows from a job's type, without its handler.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The wire name.
    pub name: &'static str,
    /// Of the arguments that this build writes; it knows no newer ones.
    pub version: u16,
    pub queue: Queue,
    /// Each run gets a child process of its own.
    pub isolated: bool,
    /// Something else becomes true when a job of this kind is given up.
    pub given_up_hook: bool,
    /// Owners may try it again themselves when it failed.
    pub owner_may_retry: bool,
    /// When the scheduler enqueues it; none for jobs that are enqueued by others.
    pub schedule: Option<Schedule>,
}

impl Kind {
    pub const fn of<J: Job<C>, C: QueueContext>() -> Self {
        Self {
            name: J::KIND,
            version: J::VERSION,
            queue: J::QUEUE,
            isolated: J::ISOLATED,
            given_up_hook: J::GIVEN_UP.is_some(),
            owner_may_retry: J::OWNER_MAY_RETRY,
            schedule: J::SCHEDULE,
        }
    }
}

/// Every kind of a program.
#[derive(Clone, Debug)]
pub struct Kinds(Cow<'static, [Kind]>);

impl Kinds {
    pub const fn new(kinds: &'static [Kind]) -> Self {
        Self(Cow::Borrowed(kinds))
    }

    pub fn add(&mut self, kind: Kind) {
        if let Some(known) = self.0.iter().position(|known| known.name == kind.name) {
            self.0.to_mut()[known] = kind;
        } else {
            self.0.to_mut().push(kind);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Kind> {
        self.0.iter()
    }

    pub fn find(&self, name: &str) -> Option<&Kind> {
        self.0.iter().find(|kind| kind.name == name)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|kind| kind.name).collect()
    }

    /// Of those that the scheduler enqueues.
    pub fn schedules(&self) -> Vec<Schedule> {
        self.0.iter().filter_map(|kind| kind.schedule).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[Queue] = &[Queue::named("uploads"), Queue::named("mail")];

    #[test]
    fn an_unknown_queue_is_told_which_there_are() {
        let queues = Queues { all: ALL, heavy: None };
        assert_eq!(queues.parse("mail"), Ok(ALL[1]));
        let error = queues.parse("mial").unwrap_err().to_string();
        assert_eq!(error, "\"mial\" is no queue; the queues are uploads, mail");
    }
}
