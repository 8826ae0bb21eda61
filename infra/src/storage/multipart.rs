//! Large objects in parts: bounded memory, and nothing left behind when it does not end well.

use std::{error::Error, path::Path, pin::pin, time::Duration};

use aws_sdk_s3::{
    Client,
    error::ProvideErrorMetadata,
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, TimeDelta, Utc};
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tokio::{io::AsyncReadExt, task::JoinSet, time::timeout};

use super::{
    Key, Storage, StorageError, Stored,
    error::{causes, failed, unavailable},
    throttle::patiently,
    timed, to_chrono,
};

/// S3 takes parts of 5 MiB to 5 GiB, at most 10,000 of them: the smallest keeps a large upload within 64 MiB of memory
/// (`make memory`) and is enough for 48 GiB.
const PART_BYTES: usize = 5 * 1024 * 1024;
/// With the one being filled, three parts are in memory.
const PARTS_IN_FLIGHT: usize = 2;
/// Smaller files go in one request.
const MULTIPART_FROM: u64 = 16 * 1024 * 1024;
const ABORT_TIMEOUT: Duration = Duration::from_secs(10);
/// How far the store's clock may be from ours when it says when an object was made.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// What came out of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    pub size: u64,
    pub sha256: [u8; 32],
    /// Set when the bucket keeps versions.
    pub version_id: Option<String>,
}

impl Storage {
    /// Stores what `stream` yields, up to `limit` bytes, and hashes it on the way. At most three parts of 5 MiB are
    /// in memory. Nothing is stored unless the answer is `Ok`: on an error the parts are removed before returning,
    /// and when the future is dropped (the client went away) by a task of its own. What both miss because the store
    /// or this process is gone, [`Storage::abort_multiparts_older_than`] finds.
    ///
    /// # Errors
    /// `Body` when the stream fails, `TooLarge` beyond `limit`, `Unavailable` when the store does.
    pub async fn put_stream<E>(
        &self,
        key: &Key,
        stream: impl Stream<Item = Result<Bytes, E>>,
        limit: u64,
    ) -> Result<Received, StorageError>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut stream = pin!(stream);
        let mut parts = Parts::new(self, key, "application/octet-stream");
        let mut hash = Sha256::new();
        let mut size: u64 = 0;
        let stored = timed("put_stream", async {
            let received: Result<(), StorageError> = async {
                while let Some(chunk) = stream.next().await {
                    let chunk = chunk.map_err(|error| StorageError::Body(error.into()))?;
                    size += chunk.len() as u64;
                    if size > limit {
                        return Err(StorageError::TooLarge { limit });
                    }
                    hash.update(&chunk);
                    parts.add(chunk).await?;
                }
                Ok(())
            }
            .await;
            parts.finish(received).await
        })
        .await?;
        Ok(Received { size, sha256: hash.finalize().into(), version_id: stored.version_id })
    }

    /// Stores a file, in parts above 16 MiB. At most three parts of 5 MiB are in memory; errors and drops leave
    /// nothing behind, as in [`Storage::put_stream`].
    pub async fn put_file(&self, key: &Key, path: &Path, content_type: &str) -> Result<Stored, StorageError> {
        let mut file = tokio::fs::File::open(path).await?;
        if file.metadata().await?.len() <= MULTIPART_FROM {
            let mut body = Vec::new();
            file.read_to_end(&mut body).await?;
            return self.put(key, body.into(), content_type).await;
        }
        let mut parts = Parts::new(self, key, content_type);
        timed("put_file", async {
            let read: Result<(), StorageError> = async {
                loop {
                    let mut part = BytesMut::with_capacity(PART_BYTES);
                    while part.len() < PART_BYTES && file.read_buf(&mut part).await? > 0 {}
                    if part.is_empty() {
                        return Ok(());
                    }
                    parts.add(part.freeze()).await?;
                }
            }
            .await;
            parts.finish(read).await
        })
        .await
    }

    /// Removes the parts of uploads begun more than `age` ago and never finished, under this installation's prefix;
    /// answers how many. A store that cannot list them (the development one) has none to remove.
    pub async fn abort_multiparts_older_than(&self, age: Duration) -> Result<u32, StorageError> {
        let before = Utc::now() - TimeDelta::from_std(age).unwrap_or(TimeDelta::MAX);
        let (mut key_marker, mut id_marker, mut aborted) = (None, None, 0);
        loop {
            let listed = self
                .0
                .client
                .list_multipart_uploads()
                .bucket(&self.0.bucket)
                .prefix(&self.0.prefix)
                .set_key_marker(key_marker)
                .set_upload_id_marker(id_marker)
                .send()
                .await;
            let page = match listed {
                Ok(page) => page,
                Err(error) if error.code() == Some("NotImplemented") => return Ok(aborted),
                Err(error) => return Err(failed("list multipart uploads", error)),
            };
            for upload in page.uploads.unwrap_or_default() {
                let begun: Option<DateTime<Utc>> = upload.initiated.and_then(to_chrono);
                if let (Some(key), Some(id), Some(begun)) = (upload.key, upload.upload_id, begun)
                    && begun < before
                {
                    abort(&self.0.client, &self.0.bucket, &key, &id).await?;
                    aborted += 1;
                }
            }
            if page.is_truncated != Some(true) {
                return Ok(aborted);
            }
            (key_marker, id_marker) = (page.next_key_marker, page.next_upload_id_marker);
        }
    }
}

/// Bytes on their way into one object. Nothing is sent until a part is full, so what fits into one part becomes a
/// plain object with one request.
struct Parts<'a> {
    storage: &'a Storage,
    key: &'a Key,
    content_type: &'a str,
    filling: BytesMut,
    /// Before `upload`, so that a drop stops the transfers before it begins to remove what they brought.
    sending: JoinSet<Result<CompletedPart, StorageError>>,
    upload: Option<Upload>,
    sent: Vec<CompletedPart>,
    size: u64,
    next_number: i32,
}

impl<'a> Parts<'a> {
    fn new(storage: &'a Storage, key: &'a Key, content_type: &'a str) -> Self {
        Self {
            storage,
            key,
            content_type,
            filling: BytesMut::new(),
            sending: JoinSet::new(),
            upload: None,
            sent: Vec::new(),
            size: 0,
            next_number: 1,
        }
    }

    async fn add(&mut self, mut bytes: Bytes) -> Result<(), StorageError> {
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            if self.filling.is_empty() && bytes.len() == PART_BYTES {
                self.send(bytes).await?;
                return Ok(());
            }
            if self.filling.capacity() == 0 {
                self.filling.reserve(PART_BYTES);
            }
            let fits = bytes.len().min(PART_BYTES - self.filling.len());
            self.filling.extend_from_slice(&bytes.split_to(fits));
            if self.filling.len() == PART_BYTES {
                let part = std::mem::take(&mut self.filling).freeze();
                self.send(part).await?;
            }
        }
        Ok(())
    }

    async fn send(&mut self, part: Bytes) -> Result<(), StorageError> {
        let upload = match &self.upload {
            Some(upload) => upload,
            None => {
                let begun = Upload::begin(self.storage, self.key, self.content_type).await?;
                self.upload.insert(begun)
            }
        };
        while self.sending.len() >= PARTS_IN_FLIGHT {
            collect(&mut self.sending, &mut self.sent).await?;
        }
        let number = self.next_number;
        self.next_number += 1;
        let (client, bucket) = (upload.client.clone(), upload.bucket.clone());
        let (key, id) = (upload.key.clone(), upload.id.clone());
        self.sending.spawn(async move {
            let request = || client.upload_part().bucket(&bucket).key(&key).upload_id(&id).part_number(number);
            let sent = patiently(|| request().body(ByteStream::from(part.clone())).send()).await;
            let answer = sent.map_err(|error| failed("upload part", error))?;
            Ok(CompletedPart::builder()
                .part_number(number)
                .set_e_tag(answer.e_tag)
                .set_checksum_crc32(answer.checksum_crc32)
                .set_checksum_crc32_c(answer.checksum_crc32_c)
                .set_checksum_crc64_nvme(answer.checksum_crc64_nvme)
                .build())
        });
        Ok(())
    }

    /// Completes the object when its source ended well (`source`), and removes the parts otherwise.
    async fn finish(&mut self, source: Result<(), StorageError>) -> Result<Stored, StorageError> {
        let outcome = match source {
            Ok(()) => self.complete().await,
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            self.sending.shutdown().await;
            if let Some(upload) = self.upload.take() {
                upload.give_up().await;
            }
        }
        outcome
    }

    async fn complete(&mut self) -> Result<Stored, StorageError> {
        let last = std::mem::take(&mut self.filling).freeze();
        if self.upload.is_none() {
            return self.storage.put(self.key, last, self.content_type).await;
        }
        if !last.is_empty() {
            self.send(last).await?;
        }
        while !self.sending.is_empty() {
            collect(&mut self.sending, &mut self.sent).await?;
        }
        self.sent.sort_by_key(|part| part.part_number);
        let parts = std::mem::take(&mut self.sent);
        let Some(upload) = self.upload.as_mut() else { return Err(unavailable("complete upload", "nothing begun")) };
        let stored = upload.complete(self.storage, self.key, parts, self.size).await?;
        upload.settled = true;
        Ok(stored)
    }
}

async fn collect(
    sending: &mut JoinSet<Result<CompletedPart, StorageError>>,
    sent: &mut Vec<CompletedPart>,
) -> Result<(), StorageError> {
    match sending.join_next().await {
        Some(Ok(part)) => sent.push(part?),
        Some(Err(error)) => return Err(unavailable("upload part", error)),
        None => {}
    }
    Ok(())
}

/// A multipart upload that S3 keeps, and charges for, until it is completed or aborted. Dropping it unsettled
/// aborts it from a task of its own.
struct Upload {
    client: Client,
    bucket: String,
    key: String,
    id: String,
    begun: DateTime<Utc>,
    settled: bool,
}

impl Upload {
    async fn begin(storage: &Storage, key: &Key, content_type: &str) -> Result<Self, StorageError> {
        let (client, bucket, key) = (storage.0.client.clone(), storage.0.bucket.clone(), storage.full(key));
        let begun = Utc::now();
        let request = client.create_multipart_upload().bucket(&bucket).key(&key).content_type(content_type);
        let answer = patiently(|| request.clone().send()).await.map_err(|error| failed("begin upload", error))?;
        let id = answer.upload_id.ok_or_else(|| unavailable("begin upload", "no upload id in the answer"))?;
        Ok(Self { client, bucket, key, id, begun, settled: false })
    }

    async fn complete(
        &self,
        storage: &Storage,
        key: &Key,
        parts: Vec<CompletedPart>,
        size: u64,
    ) -> Result<Stored, StorageError> {
        let request = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(&self.id)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build());
        match patiently(|| request.clone().send()).await {
            Ok(answer) => Ok(Stored { size, etag: answer.e_tag, version_id: answer.version_id }),
            // A completion whose answer was lost and that was sent again: the upload is gone because it became the
            // object.
            Err(error) if error.code() == Some("NoSuchUpload") => match storage.head(key).await? {
                Some(object)
                    if object.size == size
                        && object.last_modified.is_some_and(|made| made >= self.begun - CLOCK_SKEW) =>
                {
                    Ok(Stored { size, etag: object.etag, version_id: object.version_id })
                }
                _ => Err(unavailable("complete upload", causes(&error))),
            },
            Err(error) => Err(failed("complete upload", error)),
        }
    }

    async fn give_up(mut self) {
        self.settled = true;
        report(timeout(ABORT_TIMEOUT, abort(&self.client, &self.bucket, &self.key, &self.id)).await, &self.key);
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        // Outside a runtime (the process is ending) the job `expire_uploads` removes it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (client, bucket, key, id) = (
            self.client.clone(),
            std::mem::take(&mut self.bucket),
            std::mem::take(&mut self.key),
            std::mem::take(&mut self.id),
        );
        runtime.spawn(async move { report(timeout(ABORT_TIMEOUT, abort(&client, &bucket, &key, &id)).await, &key) });
    }
}

async fn abort(client: &Client, bucket: &str, key: &str, id: &str) -> Result<(), StorageError> {
    let answer = client.abort_multipart_upload().bucket(bucket).key(key).upload_id(id).send().await;
    match answer {
        Err(error) if error.code() != Some("NoSuchUpload") => Err(failed("abort upload", error)),
        _ => Ok(()),
    }
}

fn report(outcome: Result<Result<(), StorageError>, tokio::time::error::Elapsed>, key: &str) {
    let error = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(elapsed) => elapsed.to_string(),
    };
    tracing::warn!(key, error, "parts of an unfinished upload stay until the job `expire_uploads` removes them");
}
