//! Hashing passwords without holding up other requests: argon2id on the blocking pool, at most one per core, and in a line
//! for each address, so that nobody's guesses hold up the logins of others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::password_hash::{self, HashError};
use infra::cache::Limit;
use tokio::{sync::Semaphore, time::timeout};

use crate::reply::{Code, Error, RateLimit};

/// Longer in the line than this, and the caller is better off trying again.
const PATIENCE: Duration = Duration::from_secs(10);
/// Passwords of one address in the common line; its others wait in a line of their own.
const ABREAST: usize = 4;
/// And in that line, those included: a class that signs in at once.
const LINE: usize = 64;

/// The hasher of this process; cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    slots: Arc<Semaphore>,
    lines: Lines,
    /// Verified when an account does not exist, so that the answer takes as long as for one that does.
    decoy: Arc<str>,
}

impl Passwords {
    /// A hasher that runs at most `slots` hashes at once (each takes 19 MiB and a core). Hashes once, for the decoy.
    pub fn new(slots: usize) -> Result<Self, Error> {
        let decoy = password_hash::hash(&hex::encode(rand::random::<[u8; 16]>())).map_err(failed)?;
        let slots = Arc::new(Semaphore::new(slots.max(1)));
        Ok(Self { slots, lines: Lines::default(), decoy: decoy.into() })
    }

    /// The PHC string of a new password. `address`: whose line it waits in.
    pub async fn hash(&self, address: &str, password: String) -> Result<String, Error> {
        self.run(address, move || password_hash::hash(&password)).await?.map_err(failed)
    }

    /// Whether the password belongs to the stored hash. Without one it compares with the decoy and says no.
    pub async fn verify(&self, address: &str, password: String, stored: Option<String>) -> Result<bool, Error> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.to_string());
        let fits = self.run(address, move || password_hash::verify(&password, &stored)).await?;
        Ok(fits && known)
    }

    /// Whose password it is: the index of the first stored hash that it belongs to, of two at most. Where the first does not
    /// fit, there are always two hashes (of the decoy, if need be), so that the time tells nothing of how many there are.
    pub async fn whose(
        &self,
        address: &str,
        password: String,
        stored: [Option<String>; 2],
    ) -> Result<Option<usize>, Error> {
        let decoy = self.decoy.clone();
        let fits = move |stored: &Option<String>| {
            password_hash::verify(&password, stored.as_deref().unwrap_or(&decoy)) && stored.is_some()
        };
        self.run(address, move || stored.iter().position(fits)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        address: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let busy = || Error::Unavailable("too many passwords wait to be hashed".into());
        let line = self.lines.join(address)?;
        let waiting = async {
            let turn = line.turns.clone().acquire_owned().await.map_err(|_| busy())?;
            Ok::<_, Error>((turn, self.slots.clone().acquire_owned().await.map_err(|_| busy())?))
        };
        let permits = timeout(PATIENCE, waiting).await.map_err(|_| busy())??;
        // The permits move in: a caller who goes away does not make room for another hash before this one is done.
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permits);
            result
        })
        .await
        .map_err(|error| Error::Internal(format!("hashing ended early: {error}")))
    }
}

/// A line for each address that has passwords waiting.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<HashMap<String, Line>>>);

#[derive(Clone)]
struct Line {
    turns: Arc<Semaphore>,
    length: usize,
}

/// One in a line, until dropped.
struct InLine {
    turns: Arc<Semaphore>,
    lines: Lines,
    address: String,
}

impl Lines {
    fn join(&self, address: &str) -> Result<InLine, Error> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Line { turns: Arc::new(Semaphore::new(ABREAST)), length: 0 };
        let line = lines.entry(address.to_owned()).or_insert_with(new);
        if line.length >= LINE {
            let (quota, window) = (LINE as u64, Duration::from_secs(1));
            let state = Limit { allowed: false, remaining: 0, reset: window };
            return Err(Error::limited(Code::RateLimited, RateLimit { policy: "passwords", quota, window, state }));
        }
        line.length += 1;
        Ok(InLine { turns: line.turns.clone(), lines: self.clone(), address: address.to_owned() })
    }
}

impl Drop for InLine {
    fn drop(&mut self) {
        let mut lines = self.lines.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get_mut(&self.address) {
            line.length -= 1;
            if line.length == 0 {
                lines.remove(&self.address);
            }
        }
    }
}

fn failed(error: HashError) -> Error {
    Error::Internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn right_wrong_and_nobody() {
        let passwords = Passwords::new(1).unwrap();
        let hash = passwords.hash("a", "correct horse battery".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("a", "correct horse battery".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("a", "wrong horse battery".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("a", "anything".into(), None).await.unwrap());
        assert!(passwords.lines.0.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_line_is_bounded_and_holds_up_nobody_else() {
        let passwords = Passwords::new(1).unwrap();
        // One slot, held by this test: everybody waits.
        let held = passwords.slots.clone().acquire_owned().await.unwrap();
        let crowd: Vec<_> = (0..LINE)
            .map(|_| {
                let passwords = passwords.clone();
                tokio::spawn(
                    async move { passwords.run("crowd", || std::thread::sleep(Duration::from_millis(1))).await },
                )
            })
            .collect();
        while passwords.lines.0.lock().unwrap().get("crowd").is_none_or(|line| line.length < LINE) {
            tokio::task::yield_now().await;
        }
        let refused = passwords.run("crowd", || ()).await;
        assert!(matches!(refused, Err(Error::Refused(problem)) if problem.code == Code::RateLimited));
        let stranger = tokio::spawn({
            let passwords = passwords.clone();
            async move { passwords.run("stranger", || ()).await }
        });
        while passwords.lines.0.lock().unwrap().get("stranger").is_none() {
            tokio::task::yield_now().await;
        }
        drop(held);
        stranger.await.unwrap().unwrap();
        let left = crowd.iter().filter(|one| !one.is_finished()).count();
        assert!(left >= LINE - 2 * ABREAST, "only {left} of the crowd were behind the stranger");
        for one in crowd {
            one.await.unwrap().unwrap();
        }
    }
}
