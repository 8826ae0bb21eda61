//! Who has written something lately: they read at the database's primary, whichever process they ask.

use std::time::Duration;

use domain::ids::UserId;
use redis::AsyncCommands;

use super::{Cache, milliseconds};

impl Cache {
    /// Tells every process that this person has written something, for a while.
    pub async fn note_write(&self, user: UserId, lasts: Duration) {
        let key = self.writer_key(user);
        self.run(async |redis| redis.pset_ex::<_, _, ()>(&key, 1, milliseconds(lasts)).await).await;
    }

    /// Whether they have; also when Redis cannot say.
    pub async fn has_written(&self, user: UserId) -> bool {
        let key = self.writer_key(user);
        let known: Option<bool> = self.run(async |redis| redis.exists(&key).await).await;
        known.unwrap_or(true)
    }

    fn writer_key(&self, user: UserId) -> String {
        format!("{}wrote:{user}", self.0.prefix)
    }
}
