//! Answers that are the same for everybody, kept for all processes until what they say has changed.
//!
//! A shelf has a generation: a random number in Redis. Whoever looks for an answer reads the generation first, then the answer,
//! and takes only one that was kept under that generation; whoever makes one keeps it under the generation that was read before
//! its rows were. Whoever commits a change gives the shelf another generation, and answers its own request after that: from then
//! on nothing older is served, and what is being made of older rows is kept where nobody looks.
//!
//! What if a process ends between its commit and the new generation? Each change of a public nano enqueues `index_nano` in its own
//! transaction, and that job gives another generation, too. What if Redis is away? Then nobody reads answers from it; and
//! whoever could not give a generation tries until it can, and until then takes nothing from that shelf.
//!
//! There is a fixed number of places, and an answer of another key that falls into one takes it over: whatever strangers ask
//! for, no more than that is kept, and the counters of limits in the same Redis are not crowded out.

use std::time::Duration;

use db::Db;
use domain::ids::NanoId;
use redis::{AsyncCommands, aio::ConnectionManager};
use sha2::{Digest, Sha256};

use super::{Cache, line::Silence, milliseconds};
use crate::db::nanos::NanoChanged;

/// Places for lists, searches and the like, and for nanos: at most 200 MB in all.
const LISTS: u32 = 1_024;
const NANOS: u128 = 8_192;
/// Larger answers are not kept. A list of 20 with pictures has some 40 KB.
const LARGEST: usize = 128 * 1024;
/// Much longer than any answer is kept. What was kept under a generation that is gone is taken by nobody.
const GENERATION_LIVES: u64 = 24 * 60 * 60;
/// OpenSearch shows what it was told within a second.
const INDEX_SHOWS_WITHIN: Duration = Duration::from_secs(2);
/// Pauses between attempts to tell Redis.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What becomes stale together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// Lists of nanos, searches, categories.
    Lists,
    /// One nano (and the few that share its place).
    Nano(NanoId),
}

impl Shelf {
    fn name(self) -> String {
        match self {
            Self::Lists => "lists".to_owned(),
            // The end of a UUID v7 is random.
            Self::Nano(id) => format!("nano:{}", id.0.as_u128() % NANOS),
        }
    }
}

/// Which state of a shelf an answer belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Generation(String);

/// Where an answer is kept, and what it is the answer to.
pub struct Place<'a> {
    pub shelf: Shelf,
    /// All that the answer depends on but the rows.
    pub key: &'a str,
    pub generation: &'a Generation,
}

impl Place<'_> {
    /// Comes before the answer: another one may lie in its place.
    fn label(&self) -> String {
        format!("{} {}\n", self.generation.0, self.key)
    }
}

impl Cache {
    /// The generation of a shelf now. `None`: Redis cannot be asked, or knows less than this process; take and keep nothing.
    pub async fn generation(&self, shelf: &Shelf) -> Option<Generation> {
        let key = self.generation_key(*shelf);
        if self.0.untold.holds(&key) {
            return None;
        }
        let known: Result<Option<String>, Silence> = self.0.answers.run(async |redis| redis.get(&key).await).await;
        match noted(known)? {
            Some(generation) => Some(Generation(generation)),
            None => {
                let new = new_generation();
                let set = redis::cmd("SET")
                    .arg(&key)
                    .arg(&new)
                    .arg("NX")
                    .arg("GET")
                    .arg("EX")
                    .arg(GENERATION_LIVES)
                    .to_owned();
                // Somebody else may have been first.
                let first: Option<String> =
                    noted(self.0.answers.run(async |redis| set.query_async(redis).await).await)?;
                Some(Generation(first.unwrap_or(new)))
            }
        }
    }

    /// The answer that lies there.
    pub async fn kept(&self, place: &Place<'_>) -> Option<Vec<u8>> {
        let key = self.answer_key(place);
        let found: Option<Vec<u8>> = noted(self.0.answers.run(async |redis| redis.get(&key).await).await)?;
        Some(found?.strip_prefix(place.label().as_bytes())?.to_vec())
    }

    /// Keeps an answer, unless it is too large.
    pub async fn keep(&self, place: &Place<'_>, answer: &[u8], lives: Duration) {
        if answer.len() > LARGEST {
            return;
        }
        let key = self.answer_key(place);
        let value = [place.label().as_bytes(), answer].concat();
        let lives = milliseconds(lives);
        noted(self.0.answers.run(async |redis| redis.pset_ex::<_, _, ()>(&key, value, lives).await).await);
    }

    /// What this program's transactions have changed is stale once they have committed.
    pub fn forget_after_commits(&self, db: &Db) {
        let cache = self.clone();
        db.listen(move |NanoChanged { id, in_lists }| {
            cache.is_stale(Shelf::Nano(id));
            if in_lists {
                cache.is_stale(Shelf::Lists);
            }
        });
    }

    /// What was kept of this shelf is not to be served any more. Returns at once: [`Cache::told`] waits for it.
    pub fn is_stale(&self, shelf: Shelf) {
        let key = self.generation_key(shelf);
        if self.0.untold.add(&key) {
            let cache = self.clone();
            tokio::spawn(async move { cache.tell(&key).await });
        }
    }

    /// The search index knows a nano anew, or no more.
    pub async fn is_indexed(&self, nano: NanoId) {
        self.is_stale(Shelf::Nano(nano));
        self.is_stale(Shelf::Lists);
        self.told().await;
        let cache = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(INDEX_SHOWS_WITHIN).await;
            cache.is_stale(Shelf::Lists);
        });
    }

    /// Waits until everything that this process knows to be stale is told, or Redis turns out to be away.
    pub async fn told(&self) {
        self.0.untold.told().await;
    }

    async fn tell(&self, key: &str) {
        let mut pause = FIRST_PAUSE;
        loop {
            // Twice, since the first failure may be that of a connection whose Redis is back already. And although Redis may be
            // known to be away: another process may have found it again before this one.
            let told = self.raise(key).await || self.raise(key).await;
            if !self.0.untold.is_left(key, told) {
                return;
            }
            if told {
                pause = FIRST_PAUSE;
            } else {
                metrics::counter!("answer_cache_errors_total").increment(1);
                self.0.untold.rest(key, pause.mul_f64(rand::random_range(0.5..1.0))).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    async fn raise(&self, key: &str) -> bool {
        let set = async |redis: &mut ConnectionManager| {
            redis.set_ex::<_, _, ()>(key, new_generation(), GENERATION_LIVES).await
        };
        self.0.answers.ask(set).await.is_ok()
    }

    fn generation_key(&self, shelf: Shelf) -> String {
        format!("{}answers:{}:generation", self.0.prefix, shelf.name())
    }

    fn answer_key(&self, place: &Place<'_>) -> String {
        let name = place.shelf.name();
        match place.shelf {
            Shelf::Nano(_) => format!("{}answers:{name}", self.0.prefix),
            Shelf::Lists => {
                let digest = Sha256::digest(place.key.as_bytes());
                let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % LISTS;
                format!("{}answers:{name}:{number}", self.0.prefix)
            }
        }
    }
}

fn new_generation() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// Counts what failed.
fn noted<T>(answer: Result<T, Silence>) -> Option<T> {
    if let Err(Silence::Failed) = &answer {
        metrics::counter!("answer_cache_errors_total").increment(1);
    }
    answer.ok()
}
