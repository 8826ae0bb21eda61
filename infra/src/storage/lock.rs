//! Objects that nobody can change or remove for a time: S3 Object Lock, in buckets that were made with it.

use aws_sdk_s3::{
    primitives::{ByteStream, DateTimeFormat},
    types::ObjectLockMode,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::{Key, Storage, StorageError, Stored, error::failed, error::unavailable, timed};

/// Whether somebody with special rights can lift a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Whoever has `s3:BypassGovernanceRetention` can.
    Governance,
    /// Nobody can, not even the account's owner.
    Compliance,
}

/// A lock on one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    pub mode: LockMode,
    pub until: DateTime<Utc>,
}

impl Storage {
    /// Stores a body that is in memory already, locked if so asked. Storing it again makes a new version of the object;
    /// the first one stays as it is. A bucket without Object Lock refuses locked objects.
    pub async fn put_locked(
        &self,
        key: &Key,
        body: Bytes,
        content_type: &str,
        lock: Option<Lock>,
    ) -> Result<Stored, StorageError> {
        let Some(lock) = lock else { return self.put(key, body, content_type).await };
        let until = lock.until.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let until = aws_sdk_s3::primitives::DateTime::from_str(&until, DateTimeFormat::DateTime)
            .map_err(|error| unavailable("lock", error))?;
        let mode = match lock.mode {
            LockMode::Governance => ObjectLockMode::Governance,
            LockMode::Compliance => ObjectLockMode::Compliance,
        };
        let size = body.len() as u64;
        let sent = self
            .0
            .client
            .put_object()
            .bucket(&self.0.bucket)
            .key(self.full(key))
            .content_type(content_type)
            .content_length(i64::try_from(size).unwrap_or(i64::MAX))
            .object_lock_mode(mode)
            .object_lock_retain_until_date(until)
            .body(ByteStream::from(body))
            .send();
        let answer = timed("put", async { sent.await.map_err(|error| failed("put object", error)) }).await?;
        Ok(Stored { size, etag: answer.e_tag, version_id: answer.version_id })
    }

    /// The whole object, in memory: for small documents. `limit` bytes are read at most; a larger object is
    /// [`StorageError::TooLarge`].
    pub async fn get(&self, key: &Key, limit: u64) -> Result<Bytes, StorageError> {
        let sent = self.0.client.get_object().bucket(&self.0.bucket).key(self.full(key)).send();
        timed("get", async {
            let object = sent.await.map_err(|error| failed("get object", error))?;
            if object.content_length.is_some_and(|length| u64::try_from(length).is_ok_and(|length| length > limit)) {
                return Err(StorageError::TooLarge { limit });
            }
            let body = object.body.collect().await.map_err(|error| unavailable("get object", error))?;
            Ok(body.into_bytes())
        })
        .await
    }
}
