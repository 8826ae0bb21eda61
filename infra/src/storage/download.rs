//! Reading objects: a range into memory, or all of it into a file.

use std::{io, ops::Range, path::Path};

use aws_sdk_s3::error::ProvideErrorMetadata;
use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use super::{
    Key, Storage, StorageError,
    error::{failed, unavailable},
    timed,
};
use crate::disk;

/// How often a download that breaks off is resumed where it stopped.
const RESUMES: u32 = 4;

impl Storage {
    /// The bytes of `range`, cut at the object's end; empty when it begins beyond. All of it is in memory: ask for
    /// megabytes, not more.
    pub async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StorageError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let sent = self
            .0
            .client
            .get_object()
            .bucket(&self.0.bucket)
            .key(self.full(key))
            .range(format!("bytes={}-{}", range.start, range.end - 1))
            .send();
        timed("get_range", async {
            let object = match sent.await {
                Ok(object) => object,
                Err(error) if error.code() == Some("InvalidRange") => return Ok(Bytes::new()),
                Err(error) => return Err(failed("get range", error)),
            };
            let wanted = range.end - range.start;
            if object.content_length.is_some_and(|length| u64::try_from(length).is_ok_and(|length| length > wanted)) {
                return Err(unavailable("get range", "the store sent more than the range"));
            }
            let body = object.body.collect().await.map_err(|error| unavailable("get range", error))?;
            Ok(body.into_bytes())
        })
        .await
    }

    /// Writes the whole object to `path` (created or replaced) and answers its size. Memory stays flat. A transfer
    /// that breaks off is resumed, if the object is still the same one; after an error `path` may hold a part of it. Its
    /// space on the disk is taken before the first byte comes.
    pub async fn get_to_file(&self, key: &Key, path: &Path) -> Result<u64, StorageError> {
        let mut file = tokio::fs::File::create(path).await?;
        let mut progress = Progress::default();
        timed("get_to_file", async {
            for _ in 0..RESUMES {
                match self.fetch(key, &mut file, &mut progress).await {
                    Err(error) if error.is_transient() && progress.advanced => {
                        tracing::debug!(%key, at = progress.written, %error, "a download broke off");
                        progress.advanced = false;
                    }
                    outcome => return outcome,
                }
            }
            self.fetch(key, &mut file, &mut progress).await
        })
        .await?;
        file.flush().await?;
        Ok(progress.written)
    }

    async fn fetch(&self, key: &Key, file: &mut tokio::fs::File, progress: &mut Progress) -> Result<(), StorageError> {
        if progress.size.is_some_and(|size| size == progress.written) {
            return Ok(());
        }
        let mut request = self.0.client.get_object().bucket(&self.0.bucket).key(self.full(key));
        if progress.written > 0 {
            request = request.range(format!("bytes={}-", progress.written)).set_if_match(progress.etag.clone());
        }
        let mut object = request.send().await.map_err(|error| failed("get object", error))?;
        if progress.written == 0 {
            progress.size = object.content_length.and_then(|length| u64::try_from(length).ok());
            progress.etag = object.e_tag.take();
            if let Some(size) = progress.size {
                let target = file.try_clone().await?.into_std().await;
                tokio::task::spawn_blocking(move || disk::reserve(&target, size)).await.map_err(io::Error::other)??;
            }
        }
        while let Some(chunk) = object.body.try_next().await.map_err(|error| unavailable("get object", error))? {
            file.write_all(&chunk).await?;
            progress.written += chunk.len() as u64;
            progress.advanced = true;
        }
        match progress.size {
            Some(size) if size != progress.written => {
                Err(unavailable("get object", format!("{} of {size} bytes arrived", progress.written)))
            }
            _ => Ok(()),
        }
    }
}

#[derive(Default)]
struct Progress {
    written: u64,
    /// Since the last attempt began.
    advanced: bool,
    size: Option<u64>,
    etag: Option<String>,
}
