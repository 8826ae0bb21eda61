//! The search index: on this machine's disk ([`Embedded`]) or an OpenSearch cluster ([`OpenSearch`]), by
//! configuration. Both find the same things: every word of the query, in any of its inflections, in any field.
//!
//! Writes carry the version of the row they were made from. A document never replaces a newer one, in whatever
//! order jobs run, and a removed one leaves its version behind so that a late, older write cannot bring it back.
//! The same version may be written again: repeating a job is harmless.

mod change;
mod document;
mod embedded;
mod folder;
mod opensearch;
mod query;
mod schema;
mod text;

use std::{
    future::Future,
    time::{Duration, Instant},
};

use domain::ids::NanoId;

use crate::env::SearchSettings;

pub use change::{Change, Known, Renewal};
pub use document::Document;
pub use embedded::Embedded;
pub use folder::IndexFolder;
pub use opensearch::OpenSearch;
pub use query::{FacetCount, Facets, Highlights, Hit, MAX_OFFSET, SearchHits, SearchQuery, Sort};

/// What a call to the index can end in.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The index is away, or another process kept its write lock for too long. The same call may succeed later.
    #[error("the search index is not available: {operation}: {cause}")]
    Unavailable { operation: &'static str, cause: String },
    /// The index refused the request itself; it will refuse it again.
    #[error("the search index refused: {operation}: {cause}")]
    Refused { operation: &'static str, cause: String },
}

impl db::Transience for SearchError {
    fn is_transient(&self) -> bool {
        Self::is_transient(self)
    }
}

impl SearchError {
    /// True when the same call may succeed later without any change to it.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    Applied,
    /// The index has a newer version already; nothing was changed.
    Stale,
}

/// The configured index; cheap to clone.
#[derive(Clone)]
pub enum SearchBackend {
    Embedded(IndexFolder),
    OpenSearch(OpenSearch),
}

impl SearchBackend {
    /// Opens or creates the embedded index, now or, when its folder is away, as soon as it is there; for OpenSearch
    /// only prepares the client (the index is made sure of before the first write). So a process starts without its
    /// index.
    pub async fn connect(settings: &SearchSettings) -> Result<Self, SearchError> {
        match settings {
            SearchSettings::Embedded { dir, index } => {
                IndexFolder::connect(dir.clone(), index.clone()).await.map(Self::Embedded)
            }
            SearchSettings::OpenSearch { url, login, index } => {
                OpenSearch::connect(url, login.as_ref(), index).map(Self::OpenSearch)
            }
        }
    }

    /// Makes `document` what the index knows about its nano, unless it knows a version above `version` already.
    pub async fn upsert(&self, document: &Document, version: u64) -> Result<Written, SearchError> {
        timed("upsert", async {
            match self {
                Self::Embedded(folder) => folder.get().await?.upsert(document, version).await,
                Self::OpenSearch(index) => index.upsert(document, version).await,
            }
        })
        .await
    }

    /// Removes a nano, unless the index knows a version above `version` already. Its id and version stay behind, a
    /// few dozen bytes that no query returns.
    pub async fn delete(&self, id: NanoId, version: u64) -> Result<Written, SearchError> {
        timed("delete", async {
            match self {
                Self::Embedded(folder) => folder.get().await?.delete(id, version).await,
                Self::OpenSearch(index) => index.delete(id, version).await,
            }
        })
        .await
    }

    /// Makes many changes in one go, each by its version; the answers are in their order. Keep it to some hundred: meanwhile
    /// nobody else writes to an embedded index.
    pub async fn apply(&self, changes: Vec<Change>) -> Result<Vec<Written>, SearchError> {
        timed("apply", async {
            match self {
                Self::Embedded(folder) => folder.get().await?.apply(changes).await,
                Self::OpenSearch(index) => index.apply(&changes).await,
            }
        })
        .await
    }

    /// How this index is made anew. `name` is the attempt's own, digits only: with the same name it goes on with the index that
    /// it had begun.
    pub async fn renewal(&self, name: &str) -> Result<Renewal, SearchError> {
        match self {
            Self::Embedded(folder) => folder.get().await?.contents().await.map(Renewal::InPlace),
            Self::OpenSearch(index) => {
                let (index, begun) = index.beside(name).await?;
                Ok(Renewal::Beside { index: Self::OpenSearch(index), begun })
            }
        }
    }

    /// Searches and writes go to the index of this name from now on. Nothing to do for an index that is renewed in place.
    pub async fn take_over(&self, name: &str) -> Result<(), SearchError> {
        match self {
            Self::Embedded(_) => Ok(()),
            Self::OpenSearch(index) => index.take_over(name).await,
        }
    }

    /// Removes what earlier and unfinished renewals have left behind, other than the index that is searched.
    pub async fn remove_leftovers(&self) -> Result<(), SearchError> {
        match self {
            Self::Embedded(_) => Ok(()),
            Self::OpenSearch(index) => index.remove_leftovers().await,
        }
    }

    /// Finds published nanos. Changes by this process are seen at once (embedded) or within a second, those of
    /// others within a second.
    pub async fn query(&self, query: &SearchQuery) -> Result<SearchHits, SearchError> {
        timed("query", async {
            match self {
                Self::Embedded(folder) => folder.get().await?.query(query).await,
                Self::OpenSearch(index) => index.query(query).await,
            }
        })
        .await
    }

    /// Published nanos in the index.
    pub async fn count(&self) -> Result<u64, SearchError> {
        match self {
            Self::Embedded(folder) => folder.get().await?.count().await,
            Self::OpenSearch(index) => index.count().await,
        }
    }

    /// Whether the index can be read and written now.
    pub async fn ping(&self) -> Result<(), SearchError> {
        match self {
            Self::Embedded(folder) => folder.get().await?.ping().await,
            Self::OpenSearch(index) => index.ping().await,
        }
    }

    /// Makes everything written so far visible to queries; for tests and the end of a reindex.
    pub async fn refresh(&self) -> Result<(), SearchError> {
        match self {
            Self::Embedded(folder) => folder.get().await?.refresh().await,
            Self::OpenSearch(index) => index.refresh().await,
        }
    }
}

async fn timed<T>(
    operation: &'static str,
    call: impl Future<Output = Result<T, SearchError>>,
) -> Result<T, SearchError> {
    let start = Instant::now();
    let outcome = call.await;
    let elapsed: Duration = start.elapsed();
    let word = if outcome.is_ok() { "ok" } else { "error" };
    metrics::histogram!("search_request_seconds", "operation" => operation, "outcome" => word).record(elapsed);
    outcome
}

/// A document for the tests of both backends.
#[cfg(test)]
fn sample_document() -> Document {
    Document {
        id: NanoId::new(),
        title: "Führungen durch die Sternwarte".to_owned(),
        description: "Wie Teleskope Licht sammeln & was man damit sieht".to_owned(),
        categories: vec!["astronomie".to_owned()],
        creator_id: domain::ids::UserId::new(),
        creator_name: "Jördis Weiß".to_owned(),
        level: 2,
        language: "de".to_owned(),
        format: "video".to_owned(),
        duration_minutes: 12,
        average_rating: 4.5,
        download_count: 7,
        status: "published".to_owned(),
        published_at: chrono::DateTime::from_timestamp(1_700_000_000, 0),
        created_at: chrono::DateTime::from_timestamp(1_690_000_000, 0).unwrap_or_default(),
        body: "Ein Spiegelteleskop bündelt das Licht ferner Galaxien.".to_owned(),
    }
}
