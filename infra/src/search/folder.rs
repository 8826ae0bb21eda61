//! An embedded index that may be away when a process starts: it is opened when it is first needed.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::OnceCell;

use super::{Embedded, SearchError};

/// Cheap to clone; clones open it once.
#[derive(Clone)]
pub struct IndexFolder(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    index: String,
    opened: OnceCell<Embedded>,
}

impl IndexFolder {
    /// Opens or creates the index. A folder that cannot be used now is tried again at each call.
    ///
    /// # Errors
    /// What is there is no index of ours.
    pub(super) async fn connect(dir: PathBuf, index: String) -> Result<Self, SearchError> {
        let folder = Self(Arc::new(Inner { dir, index, opened: OnceCell::new() }));
        match folder.get().await {
            Ok(_) => {}
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "the search index is away; starting without it");
            }
            Err(error) => return Err(error),
        }
        Ok(folder)
    }

    pub(super) async fn get(&self) -> Result<&Embedded, SearchError> {
        let Inner { dir, index, opened } = &*self.0;
        opened.get_or_try_init(|| Embedded::open(dir, index)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_index_that_was_away_at_the_start_is_used_once_it_is_there() {
        let base = tempfile::tempdir().unwrap();
        let dir = base.path().join("search");
        std::fs::write(&dir, "a file where the index should be").unwrap();
        let folder = IndexFolder::connect(dir.clone(), "nanos".into()).await.unwrap();
        assert!(folder.get().await.is_err_and(|error| error.is_transient()));
        std::fs::remove_file(&dir).unwrap();
        assert_eq!(folder.get().await.unwrap().count().await.unwrap(), 0);
    }
}
