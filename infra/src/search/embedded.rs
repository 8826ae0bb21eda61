//! A tantivy index in a folder that the processes of one machine share.
//!
//! One process writes at a time: each write takes a lock file, opens the index afresh and commits. Opening afresh
//! matters, because tantivy keeps the list of its files in memory and a second writer's would go stale. Readers map
//! the files and notice commits of other processes within half a second.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use domain::ids::NanoId;
use tantivy::{
    DocAddress, DocSet, Index, IndexReader, IndexWriter, Order, ReloadPolicy, Searcher, TERMINATED, TantivyDocument,
    TantivyError,
    aggregation::{AggregationCollector, agg_req::Aggregations},
    collector::{
        Count, DocSetCollector, TopDocs,
        sort_key::{SortBySimilarityScore, SortByStaticFastValue},
    },
    directory::MmapDirectory,
    indexer::IndexWriterOptions,
    query::{Query, TermQuery},
    schema::{Field, IndexRecordOption, Value},
    snippet::SnippetGenerator,
};
use tokio::{sync::Mutex, task::spawn_blocking};

use super::{
    Change, Document, Highlights, Hit, Known, SearchError, SearchHits, SearchQuery, Sort, Written,
    query::{facet_request, facets},
    schema::{self, Fields},
    text::{self, Matcher, Word},
};

/// How long a write waits for other processes; a commit takes some ten milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(20);
const LOCK_FILE: &str = "nano-writer.lock";
/// Written last when an index is begun.
const META_FILE: &str = "meta.json";
const SNIPPET_CHARS: usize = 160;
const TITLE_CHARS: usize = 400;

/// Handle on the embedded index; cheap to clone.
#[derive(Clone)]
pub struct Embedded(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    fields: Fields,
    reader: IndexReader,
    /// Writers of this process queue here, so that they do not race each other for the file.
    writing: Arc<Mutex<()>>,
    lock_wait: Duration,
}

impl Embedded {
    /// Opens the index `name` in `dir`, or begins it.
    pub async fn open(dir: &Path, name: &str) -> Result<Self, SearchError> {
        Self::open_with(dir, name, LOCK_WAIT).await
    }

    /// Whether there is an index `name` in `dir` to open.
    pub fn is_begun(dir: &Path, name: &str) -> bool {
        folder_of(dir, name).join(META_FILE).exists()
    }

    async fn open_with(dir: &Path, name: &str, lock_wait: Duration) -> Result<Self, SearchError> {
        let dir = folder_of(dir, name);
        blocking("open", move || {
            let fields = Fields::new();
            std::fs::create_dir_all(&dir)
                .map_err(|error| unavailable("open", format!("{}: {error}", dir.display())))?;
            // Two processes that start together must not both create it. One that is there is only read: a writer
            // that stands still must not keep others from starting.
            let creating = if dir.join(META_FILE).exists() { None } else { Some(lock(&dir, lock_wait)?) };
            let reader = open_or_create(&dir, &fields)
                .and_then(|index| index.reader_builder().reload_policy(ReloadPolicy::OnCommitWithDelay).try_into())
                .map_err(|error| failed("open", error))?;
            drop(creating);
            Ok(Self(Arc::new(Inner { dir, fields, reader, writing: Arc::default(), lock_wait })))
        })
        .await
    }

    pub(super) async fn upsert(&self, document: &Document, version: u64) -> Result<Written, SearchError> {
        self.write_one("upsert", Change::Upsert { document: Box::new(document.clone()), version }).await
    }

    pub(super) async fn delete(&self, id: NanoId, version: u64) -> Result<Written, SearchError> {
        self.write_one("delete", Change::Delete { id, version }).await
    }

    /// One commit for all of them.
    pub(super) async fn apply(&self, changes: Vec<Change>) -> Result<Vec<Written>, SearchError> {
        self.write("apply", changes).await
    }

    async fn write_one(&self, operation: &'static str, change: Change) -> Result<Written, SearchError> {
        let written = self.write(operation, vec![change]).await?;
        Ok(if written.contains(&Written::Applied) { Written::Applied } else { Written::Stale })
    }

    async fn write(&self, operation: &'static str, changes: Vec<Change>) -> Result<Vec<Written>, SearchError> {
        let turn = tokio::time::timeout(self.0.lock_wait, self.0.writing.clone().lock_owned())
            .await
            .map_err(|_| unavailable(operation, format!("no turn to write within {:?}", self.0.lock_wait)))?;
        let inner = self.0.clone();
        blocking(operation, move || {
            // Held to the end, also when the caller has gone away in the meantime.
            let _turn = turn;
            let _lock = lock(&inner.dir, inner.lock_wait)?;
            inner.apply(&changes).map_err(|error| failed(operation, error))
        })
        .await
    }

    /// What it says about every nano that it knows, those included that were removed, in the order of their ids.
    pub(super) async fn contents(&self) -> Result<Vec<Known>, SearchError> {
        let inner = self.0.clone();
        blocking("contents", move || inner.contents().map_err(|error| failed("contents", error))).await
    }

    pub(super) async fn query(&self, query: &SearchQuery) -> Result<SearchHits, SearchError> {
        let (inner, query) = (self.0.clone(), query.clone());
        blocking("query", move || inner.find(&query).map_err(|error| failed("query", error))).await
    }

    pub(super) async fn count(&self) -> Result<u64, SearchError> {
        let inner = self.0.clone();
        blocking("count", move || {
            let found = inner.reader.searcher().search(&inner.fields.published(), &Count);
            found.map(|count| count as u64).map_err(|error| failed("count", error))
        })
        .await
    }

    pub(super) async fn ping(&self) -> Result<(), SearchError> {
        let inner = self.0.clone();
        blocking("ping", move || {
            let lock_file = inner.dir.join(LOCK_FILE);
            let reachable =
                File::options().write(true).open(&lock_file).and_then(|_| File::open(inner.dir.join(META_FILE)));
            reachable.map(drop).map_err(|error| unavailable("ping", format!("{}: {error}", inner.dir.display())))
        })
        .await
    }

    pub(super) async fn refresh(&self) -> Result<(), SearchError> {
        let inner = self.0.clone();
        blocking("refresh", move || inner.reader.reload().map_err(|error| failed("refresh", error))).await
    }
}

impl Inner {
    /// Writes changes under the lock, all or none of them.
    fn apply(&self, changes: &[Change]) -> Result<Vec<Written>, TantivyError> {
        let index = open_or_create(&self.dir, &self.fields)?;
        let current: IndexReader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let searcher = current.searcher();
        let mut written = Vec::with_capacity(changes.len());
        for change in changes {
            let known = self.known_version(&searcher, change.id())?;
            let stale = known.is_some_and(|known| known > change.version());
            written.push(if stale { Written::Stale } else { Written::Applied });
        }
        drop((searcher, current));
        if !written.contains(&Written::Applied) {
            return Ok(written);
        }
        let options = IndexWriterOptions::builder().num_worker_threads(1).num_merge_threads(1).build();
        let mut writer: IndexWriter = index.writer_with_options(options)?;
        for (change, _) in changes.iter().zip(&written).filter(|(_, written)| **written == Written::Applied) {
            writer.delete_term(self.fields.id_term(change.id()));
            writer.add_document(match change {
                Change::Upsert { document, version } => self.fields.document(document, *version),
                Change::Delete { id, version } => self.fields.tombstone(*id, *version),
            })?;
        }
        writer.commit()?;
        // Merges must not outlive the lock.
        writer.wait_merging_threads()?;
        self.reader.reload()?;
        Ok(written)
    }

    fn contents(&self) -> Result<Vec<Known>, TantivyError> {
        let index = open_or_create(&self.dir, &self.fields)?;
        let current: IndexReader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let searcher = current.searcher();
        let published = searcher.search(&self.fields.published(), &DocSetCollector)?;
        let mut contents = Vec::new();
        for (ordinal, segment) in (0..).zip(searcher.segment_readers()) {
            let versions = segment.fast_fields().u64(schema::VERSION_FIELD)?;
            let ids = segment.inverted_index(self.fields.id)?;
            let mut terms = ids.terms().stream()?;
            while terms.advance() {
                let Some(id) = std::str::from_utf8(terms.key()).ok().and_then(|text| text.parse().ok()) else {
                    continue;
                };
                let mut documents = ids.read_postings_from_terminfo(terms.value(), IndexRecordOption::Basic)?;
                while documents.doc() != TERMINATED {
                    let document = documents.doc();
                    if !segment.is_deleted(document) {
                        let version = versions.first(document).unwrap_or_default();
                        let published = published.contains(&DocAddress::new(ordinal, document));
                        contents.push(Known { id, version, published });
                    }
                    documents.advance();
                }
            }
        }
        contents.sort_unstable_by_key(|known| known.id);
        Ok(contents)
    }

    fn known_version(&self, searcher: &Searcher, id: NanoId) -> Result<Option<u64>, TantivyError> {
        let query = TermQuery::new(self.fields.id_term(id), IndexRecordOption::Basic);
        let mut known = None;
        for address in searcher.search(&query, &DocSetCollector)? {
            let versions = searcher.segment_reader(address.segment_ord).fast_fields().u64(schema::VERSION_FIELD)?;
            known = known.max(versions.first(address.doc_id));
        }
        Ok(known)
    }

    fn find(&self, query: &SearchQuery) -> Result<SearchHits, TantivyError> {
        let searcher = self.reader.searcher();
        let analyzers = searcher.index().tokenizers();
        let words = text::words(&query.text);
        let exact = self.fields.query(query, &words, false, analyzers)?;
        let mut found = self.page(&searcher, query, &*exact, &words, false)?;
        if found.total == 0 && words.iter().any(|word| word.max_edits > 0) {
            let similar = self.fields.query(query, &words, true, analyzers)?;
            found = self.page(&searcher, query, &*similar, &words, true)?;
            found.corrected = found.total > 0;
        }
        Ok(found)
    }

    fn page(
        &self,
        searcher: &Searcher,
        query: &SearchQuery,
        matching: &dyn Query,
        words: &[Word],
        typos: bool,
    ) -> Result<SearchHits, TantivyError> {
        let total = searcher.search(matching, &Count)? as u64;
        let facets = if query.facets { Some(self.facets(searcher, matching)?) } else { None };
        let mut found = SearchHits { total, facets, ..SearchHits::default() };
        let Some(offset) = query.offset().filter(|offset| u64::from(*offset) < total) else { return Ok(found) };
        let range = offset as usize..(offset + query.limit()) as usize;
        let mut matcher = Matcher::new(searcher.index().tokenizers(), words, typos);
        for (score, address) in top(searcher, matching, query.sort, range)? {
            let document: TantivyDocument = searcher.doc(address)?;
            let text = |field: Field| document.get_first(field).and_then(|value| value.as_str()).unwrap_or_default();
            let Ok(id) = text(self.fields.id).parse() else { continue };
            let highlights = match &mut matcher {
                Some(matcher) if !words.is_empty() => self.highlights(searcher, matcher, text)?,
                _ => Highlights::default(),
            };
            found.hits.push(Hit { id, score, highlights });
        }
        Ok(found)
    }

    fn facets(&self, searcher: &Searcher, matching: &dyn Query) -> Result<super::Facets, TantivyError> {
        let wanted: Aggregations =
            serde_json::from_value(facet_request()).map_err(|error| TantivyError::InternalError(error.to_string()))?;
        let counted = searcher.search(matching, &AggregationCollector::from_aggs(wanted, Default::default()))?;
        let answer = serde_json::to_value(counted).map_err(|error| TantivyError::InternalError(error.to_string()))?;
        Ok(facets(&answer))
    }

    fn highlights<'a>(
        &self,
        searcher: &Searcher,
        matcher: &mut Matcher,
        text: impl Fn(Field) -> &'a str,
    ) -> Result<Highlights, TantivyError> {
        let mut highlight = |field: Field, chars: usize| -> Result<Option<String>, TantivyError> {
            let text = text(field);
            let terms = matcher.matching(text);
            if terms.is_empty() {
                return Ok(None);
            }
            let analyzer = searcher
                .index()
                .tokenizers()
                .get(text::PLAIN)
                .ok_or_else(|| TantivyError::InternalError("no plain analyzer".to_owned()))?;
            let mut snippet = SnippetGenerator::new(terms, analyzer, field, chars).snippet(text);
            snippet.set_snippet_prefix_postfix("<em>", "</em>");
            Ok((!snippet.is_empty()).then(|| snippet.to_html()))
        };
        Ok(Highlights {
            title: highlight(self.fields.title.stored, TITLE_CHARS)?,
            description: highlight(self.fields.description.stored, SNIPPET_CHARS)?,
            body: highlight(self.fields.body.stored, SNIPPET_CHARS)?,
        })
    }
}

/// The documents of `range` in the wanted order, with their scores.
fn top(
    searcher: &Searcher,
    query: &dyn Query,
    sort: Sort,
    range: std::ops::Range<usize>,
) -> Result<Vec<(f32, DocAddress)>, TantivyError> {
    let docs = TopDocs::for_doc_range(range);
    let score = || (SortBySimilarityScore, Order::Desc);
    let rating = || (SortByStaticFastValue::<f64>::for_field(schema::RATING), Order::Desc);
    let newest = || (SortByStaticFastValue::<i64>::for_field(schema::PUBLISHED_AT), Order::Desc);
    let downloads = || (SortByStaticFastValue::<u64>::for_field(schema::DOWNLOADS), Order::Desc);
    Ok(match sort {
        Sort::Relevance => {
            let found = searcher.search(query, &docs.order_by((score(), rating(), newest())))?;
            found.into_iter().map(|((score, _, _), address)| (score, address)).collect()
        }
        Sort::Newest => {
            let found = searcher.search(query, &docs.order_by((newest(), score(), rating())))?;
            found.into_iter().map(|((_, score, _), address)| (score, address)).collect()
        }
        Sort::Rating => {
            let found = searcher.search(query, &docs.order_by((rating(), score(), newest())))?;
            found.into_iter().map(|((_, score, _), address)| (score, address)).collect()
        }
        Sort::Downloads => {
            let found = searcher.search(query, &docs.order_by((downloads(), score(), newest())))?;
            found.into_iter().map(|((_, score, _), address)| (score, address)).collect()
        }
    })
}

fn folder_of(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}_v{}", schema::VERSION))
}

fn open_or_create(dir: &Path, fields: &Fields) -> Result<Index, TantivyError> {
    let mut index = Index::open_or_create(MmapDirectory::open(dir)?, fields.schema.clone())?;
    index.set_tokenizers(text::analyzers());
    Ok(index)
}

/// The right to write, across processes; the system takes it back from a process that dies.
fn lock(dir: &Path, wait: Duration) -> Result<File, SearchError> {
    let path = dir.join(LOCK_FILE);
    let cannot = |why: &dyn std::fmt::Display| unavailable("lock", format!("{}: {why}", path.display()));
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(|error| cannot(&error))?;
    let until = Instant::now() + wait;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => return Err(cannot(&format!("held by another process for {wait:?}"))),
            Err(TryLockError::Error(error)) => return Err(cannot(&error)),
        }
    }
}

async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> Result<T, SearchError> + Send + 'static,
) -> Result<T, SearchError> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(unavailable(operation, error.to_string())))
}

fn unavailable(operation: &'static str, cause: String) -> SearchError {
    SearchError::Unavailable { operation, cause }
}

/// Every fault of the embedded index is one of its files or folder; an operator can mend it.
fn failed(operation: &'static str, error: TantivyError) -> SearchError {
    unavailable(operation, error.to_string())
}

#[cfg(test)]
#[path = "embedded_tests.rs"]
mod tests;
