//! Where plain reads go: to the replica, if there is one that is recent enough, or to the primary.
//!
//! Whoever has written something reads at the primary for some seconds, at whatever process: it notes the person, in Redis and here,
//! before their write is answered. While Redis cannot say who has written, whoever is signed in reads at the primary.

use std::time::{Duration, Instant};

use db::{Db, Replica};
use domain::ids::UserId;
use infra::cache::{Cache, Generation};
use moka::future::Cache as Memory;

use crate::{
    reply::{Code, Error},
    request::CurrentUser,
};

/// How long the primary answers whoever has written: longer than a replica that is used may be behind.
const OWN_WRITES: Duration = Duration::from_secs(5);
const _: () = assert!(OWN_WRITES.as_secs() > db::LAG_AT_MOST.as_secs());
/// People and generations that are remembered.
const REMEMBERED: u64 = 50_000;

pub struct Reads {
    primary: Db,
    replica: Option<Replica>,
    /// Who has written something here lately.
    wrote: Memory<UserId, ()>,
    /// When generations of answers were first seen here.
    seen: Memory<Generation, Instant>,
}

/// Whom a read asks.
#[derive(Clone)]
pub struct Chosen {
    pub db: Db,
    pub is_replica: bool,
}

impl Reads {
    pub fn new(primary: Db, replica: Option<Replica>) -> Self {
        Self {
            primary,
            replica,
            wrote: Memory::builder().max_capacity(REMEMBERED).time_to_live(OWN_WRITES).build(),
            seen: Memory::new(REMEMBERED),
        }
    }

    /// For who may be told what was true some seconds ago: whoever is not signed in.
    pub fn of_anybody(&self) -> Chosen {
        self.choose(self.replica.as_ref().and_then(Replica::recent), "behind")
    }

    /// For an answer that is kept: everything that was committed before its generation began.
    pub async fn of_generation(&self, generation: &Generation) -> Chosen {
        let Some(replica) = &self.replica else { return self.at_the_primary() };
        let first_seen = self.seen.get_with_by_ref(generation, async { Instant::now() }).await;
        self.choose(replica.since(first_seen), "behind")
    }

    /// For a person: everything that they have written.
    pub async fn of(&self, cache: &Cache, user: UserId) -> Chosen {
        let Some(replica) = self.replica.as_ref().and_then(Replica::recent) else { return self.choose(None, "behind") };
        let wrote = self.wrote.contains_key(&user) || cache.has_written(user).await;
        self.choose(Some(replica).filter(|_| !wrote), "own_write")
    }

    /// For whoever asks.
    pub async fn of_caller(&self, cache: &Cache, user: Option<&CurrentUser>) -> Chosen {
        match user {
            Some(user) => self.of(cache, user.id).await,
            None => self.of_anybody(),
        }
    }

    /// Notes that a person has written something. Before that is answered.
    pub async fn note_write(&self, cache: &Cache, user: UserId) {
        if self.replica.is_some() {
            self.wrote.insert(user, ()).await;
            cache.note_write(user, OWN_WRITES).await;
        }
    }

    /// Whether to ask the primary once more: the replica failed, or does not have it (yet).
    pub fn asks_again(&self, chosen: &Chosen, error: &Error) -> bool {
        if !chosen.is_replica {
            return false;
        }
        match error {
            Error::Db(_) | Error::Unavailable(_) | Error::Internal(_) => {
                if let Some(replica) = &self.replica {
                    tracing::warn!(%error, "the replica failed; the primary is asked");
                    replica.has_failed();
                }
                counted("failed");
                true
            }
            Error::Refused(problem) => problem.code == Code::NotFound,
            Error::Fields(_) => false,
        }
    }

    pub fn at_the_primary(&self) -> Chosen {
        Chosen { db: self.primary.clone(), is_replica: false }
    }

    fn choose(&self, replica: Option<&Db>, otherwise: &'static str) -> Chosen {
        if self.replica.is_none() {
            return self.at_the_primary();
        }
        match replica {
            Some(replica) => {
                counted("replica");
                Chosen { db: replica.clone(), is_replica: true }
            }
            None => {
                counted(otherwise);
                self.at_the_primary()
            }
        }
    }
}

fn counted(result: &'static str) {
    metrics::counter!("db_replica_reads_total", "result" => result).increment(1);
}

/// Runs a block that reads and does nothing else; once more at the primary when the replica fails, or knows nothing of it.
///
/// A macro and not a function, like `transaction!`.
macro_rules! read {
    ($reads:expr, $chosen:expr, |$at:ident| $block:block) => {{
        let chosen: $crate::reads::Chosen = $chosen;
        let first: Result<_, $crate::reply::Error> = {
            let $at = &chosen;
            async { $block }.await
        };
        match first {
            Err(error) if $reads.asks_again(&chosen, &error) => {
                let chosen = $reads.at_the_primary();
                let $at = &chosen;
                async { $block }.await
            }
            answer => answer,
        }
    }};
}
pub(crate) use read;
