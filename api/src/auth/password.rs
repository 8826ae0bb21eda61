//! Hashing passwords without holding up other requests: argon2id on the blocking pool, at most one per core.

use std::sync::Arc;

use domain::password_hash::{self, HashError};
use tokio::{sync::Semaphore, time::timeout};

use crate::reply::Error;

/// Longer in the queue than this, and the caller is better off trying again.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// The hasher of this process; cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    slots: Arc<Semaphore>,
    /// Verified when an account does not exist, so that the answer takes as long as for one that does.
    decoy: Arc<str>,
}

impl Passwords {
    /// A hasher that runs at most `slots` hashes at once (each takes 19 MiB and a core). Hashes once, for the decoy.
    pub fn new(slots: usize) -> Result<Self, Error> {
        let decoy = password_hash::hash(&hex::encode(rand::random::<[u8; 16]>())).map_err(failed)?;
        Ok(Self { slots: Arc::new(Semaphore::new(slots.max(1))), decoy: decoy.into() })
    }

    /// The PHC string of a new password.
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        self.run(move || password_hash::hash(&password)).await?.map_err(failed)
    }

    /// Whether the password belongs to the stored hash. Without one it compares with the decoy and says no.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, Error> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.to_string());
        let fits = self.run(move || password_hash::verify(&password, &stored)).await?;
        Ok(fits && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let busy = || Error::Unavailable("too many passwords wait to be hashed".into());
        let permit = timeout(PATIENCE, self.slots.clone().acquire_owned()).await.map_err(|_| busy())?;
        let permit = permit.map_err(|_| busy())?;
        // The permit moves in: a caller who goes away does not make room for another hash before this one is done.
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        })
        .await
        .map_err(|error| Error::Internal(format!("hashing ended early: {error}")))
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
        let hash = passwords.hash("correct horse battery".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse battery".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("wrong horse battery".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("anything".into(), None).await.unwrap());
    }
}
