//! Erasing objects for good: every version of them, and what marks them as deleted.

use aws_sdk_s3::error::ProvideErrorMetadata;

use super::{Storage, StorageError, error::failed, timed};

impl Storage {
    /// Removes every object whose key begins with `prefix`, with all versions and delete markers, and parts of uploads that were
    /// never finished; answers how many there were. What somebody locked stays, and is an error. Running it again removes what is
    /// left. A store that keeps no versions cannot list them, and has only the objects.
    pub async fn erase(&self, prefix: &str) -> Result<u64, StorageError> {
        let full = format!("{}{prefix}", self.0.prefix);
        timed("erase", async {
            let mut erased = self.erase_uploads(&full).await?;
            let (mut key_marker, mut version_marker) = (None, None);
            loop {
                let listed = self
                    .0
                    .client
                    .list_object_versions()
                    .bucket(&self.0.bucket)
                    .prefix(&full)
                    .set_key_marker(key_marker)
                    .set_version_id_marker(version_marker)
                    .send()
                    .await;
                let page = match listed {
                    Ok(page) => page,
                    Err(error) if error.code() == Some("NotImplemented") => {
                        return Ok(erased + self.erase_plain(prefix).await?);
                    }
                    Err(error) => return Err(failed("list object versions", error)),
                };
                let versions = page.versions.unwrap_or_default().into_iter().map(|one| (one.key, one.version_id));
                let markers = page.delete_markers.unwrap_or_default().into_iter().map(|one| (one.key, one.version_id));
                for (key, version) in versions.chain(markers) {
                    let Some(key) = key else { continue };
                    self.erase_version(&key, version).await?;
                    erased += 1;
                }
                if page.is_truncated != Some(true) {
                    return Ok(erased);
                }
                (key_marker, version_marker) = (page.next_key_marker, page.next_version_id_marker);
            }
        })
        .await
    }

    async fn erase_version(&self, key: &str, version: Option<String>) -> Result<(), StorageError> {
        let sent = self.0.client.delete_object().bucket(&self.0.bucket).key(key).set_version_id(version).send().await;
        match sent.map_err(|error| failed("delete object version", error)) {
            Ok(_) | Err(StorageError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn erase_plain(&self, prefix: &str) -> Result<u64, StorageError> {
        let objects = self.list(prefix).await?;
        for object in &objects {
            self.delete(&object.key).await?;
        }
        Ok(objects.len() as u64)
    }

    /// Parts that lie there without being an object yet.
    async fn erase_uploads(&self, full: &str) -> Result<u64, StorageError> {
        let listed = self.0.client.list_multipart_uploads().bucket(&self.0.bucket).prefix(full).send().await;
        let page = match listed {
            Ok(page) => page,
            Err(error) if error.code() == Some("NotImplemented") => return Ok(0),
            Err(error) => return Err(failed("list multipart uploads", error)),
        };
        let mut aborted = 0;
        for upload in page.uploads.unwrap_or_default() {
            let (Some(key), Some(id)) = (upload.key, upload.upload_id) else { continue };
            let sent =
                self.0.client.abort_multipart_upload().bucket(&self.0.bucket).key(key).upload_id(id).send().await;
            match sent {
                Ok(_) => aborted += 1,
                Err(error) if error.code() == Some("NoSuchUpload") => {}
                Err(error) => return Err(failed("abort multipart upload", error)),
            }
        }
        Ok(aborted)
    }
}
