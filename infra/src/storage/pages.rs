//! Listings too long for memory.

use super::{ObjectInfo, Storage, StorageError, error::failed, to_chrono};

/// A listing, a page (at most 1,000 objects) at a time.
pub struct Pages {
    storage: Storage,
    prefix: String,
    /// Where the next page begins; `None` before the first.
    token: Option<String>,
    done: bool,
}

impl Storage {
    /// The objects whose keys begin with `prefix`, in key order. Names that are no [`Key`](super::Key)s are left out.
    pub fn pages(&self, prefix: &str) -> Pages {
        Pages { storage: self.clone(), prefix: format!("{}{prefix}", self.0.prefix), token: None, done: false }
    }
}

impl Pages {
    /// The next page; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<ObjectInfo>>, StorageError> {
        if self.done {
            return Ok(None);
        }
        let inner = &self.storage.0;
        let page = inner
            .client
            .list_objects_v2()
            .bucket(&inner.bucket)
            .prefix(&self.prefix)
            .set_continuation_token(self.token.take())
            .send()
            .await
            .map_err(|error| failed("list objects", error))?;
        self.token = page.next_continuation_token;
        self.done = self.token.is_none();
        let objects = page.contents.unwrap_or_default().into_iter().filter_map(|object| {
            Some(ObjectInfo {
                key: object.key?.strip_prefix(&inner.prefix)?.parse().ok()?,
                size: object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
                etag: object.e_tag,
                content_type: None,
                version_id: None,
                last_modified: object.last_modified.and_then(to_chrono),
            })
        });
        Ok(Some(objects.collect()))
    }
}
