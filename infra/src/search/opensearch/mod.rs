//! An OpenSearch cluster (2.x or 3.x): one alias over a versioned index.
//!
//! Not yet proven against a node: the requests are built and read as documented, and the tests here check them as
//! JSON and over HTTP against canned answers. The integration tests run against a node when one is given.

mod requests;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::ids::NanoId;
use opensearch::{
    BulkParts, CountParts, IndexParts, SearchParts,
    auth::Credentials,
    http::{
        StatusCode,
        request::JsonBody,
        response::Response,
        transport::{SingleNodeConnectionPool, TransportBuilder},
    },
    indices::{
        IndicesCreateParts, IndicesDeleteParts, IndicesExistsAliasParts, IndicesGetAliasParts, IndicesPutAliasParts,
        IndicesPutIndexTemplateParts, IndicesRefreshParts,
    },
    params::VersionType,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use url::Url;

use super::{Change, Document, SearchError, SearchHits, SearchQuery, Written, text};
use crate::env::Login;

/// For one request; a query that takes longer is of no use to anyone.
const TIMEOUT: Duration = Duration::from_secs(10);
/// For some hundred documents.
const BULK_TIMEOUT: Duration = Duration::from_secs(60);
const PING_TIMEOUT: Duration = Duration::from_secs(3);
/// Part of the index's name: a change of the mapping begins a new one, a reindex fills it and moves the alias.
const VERSION: u32 = 1;

/// Handle on the cluster; cheap to clone.
#[derive(Clone)]
pub struct OpenSearch(Arc<Inner>);

struct Inner {
    client: opensearch::OpenSearch,
    alias: String,
    /// What is searched and written: the alias, or an index that is still being filled.
    target: String,
    /// Whether this process has seen what it writes to.
    ensured: AtomicBool,
}

impl OpenSearch {
    /// Prepares the client; no request is made.
    pub fn connect(url: &Url, login: Option<&Login>, alias: &str) -> Result<Self, SearchError> {
        crate::tls::install();
        let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(url.clone())).timeout(TIMEOUT);
        if let Some((user, password)) = login {
            builder = builder.auth(Credentials::Basic(user.clone(), password.expose_secret().to_owned()));
        }
        let transport = builder.build().map_err(|error| unavailable("connect", error))?;
        let client = opensearch::OpenSearch::new(transport);
        Ok(Self(Arc::new(Inner {
            client,
            alias: alias.to_owned(),
            target: alias.to_owned(),
            ensured: AtomicBool::new(false),
        })))
    }

    /// Makes sure of template, index and alias. Any number of processes may do so at once.
    pub async fn ensure_index(&self) -> Result<(), SearchError> {
        let indices = self.0.client.indices();
        let alias = self.0.alias.as_str();
        let index = format!("{alias}_v{VERSION}");

        let template = indices
            .put_index_template(IndicesPutIndexTemplateParts::Name(alias))
            .body(requests::template(alias))
            .send()
            .await;
        accepted("put template", template).await?;

        let exists = indices.exists_alias(IndicesExistsAliasParts::Name(&[alias])).send().await;
        let exists = exists.map_err(|error| unavailable("look for alias", error))?.status_code();
        if exists != StatusCode::OK {
            let created =
                indices.create(IndicesCreateParts::Index(&index)).body(requests::new_index(alias)).send().await;
            match accepted("create index", created).await {
                Ok(_) => {}
                // Another process was faster, or one died between index and alias.
                Err(SearchError::Refused { cause, .. }) if cause.contains("resource_already_exists") => {
                    let put = indices
                        .put_alias(IndicesPutAliasParts::IndexName(&[&index], alias))
                        .body(json!({ "is_write_index": true }))
                        .send()
                        .await;
                    accepted("put alias", put).await?;
                }
                Err(error) => return Err(error),
            }
        }
        self.0.ensured.store(true, Ordering::Relaxed);
        Ok(())
    }

    pub(super) async fn upsert(&self, document: &Document, version: u64) -> Result<Written, SearchError> {
        self.write("upsert", document.id, requests::document(document), version).await
    }

    /// Writes a tombstone: OpenSearch itself forgets the version of a deleted document after a minute
    /// (`index.gc_deletes`), and a late write could bring it back.
    pub(super) async fn delete(&self, id: NanoId, version: u64) -> Result<Written, SearchError> {
        self.write("delete", id, requests::tombstone(id), version).await
    }

    async fn write(
        &self,
        operation: &'static str,
        id: NanoId,
        body: Value,
        version: u64,
    ) -> Result<Written, SearchError> {
        self.make_sure().await?;
        let version = i64::try_from(version).map_err(|error| refused(operation, error))?;
        let sent = self
            .0
            .client
            .index(IndexParts::IndexId(&self.0.target, &id.to_string()))
            .version(version)
            .version_type(VersionType::ExternalGte)
            .require_alias(self.is_alias())
            .body(body)
            .send()
            .await;
        match sent {
            Ok(answer) if answer.status_code() == StatusCode::CONFLICT => Ok(Written::Stale),
            Ok(answer) if answer.status_code() == StatusCode::NOT_FOUND => Err(self.alias_is_gone(operation)),
            sent => accepted(operation, sent).await.map(|_| Written::Applied),
        }
    }

    /// One request for all of them.
    pub(super) async fn apply(&self, changes: &[Change]) -> Result<Vec<Written>, SearchError> {
        const APPLY: &str = "apply";
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        self.make_sure().await?;
        let lines: Vec<JsonBody<Value>> = requests::bulk(changes).into_iter().map(JsonBody::new).collect();
        let sent = self
            .0
            .client
            .bulk(BulkParts::Index(&self.0.target))
            .require_alias(self.is_alias())
            .request_timeout(BULK_TIMEOUT)
            .body(lines)
            .send()
            .await;
        let answer = accepted(APPLY, sent).await?;
        let items = answer["items"].as_array().filter(|items| items.len() == changes.len());
        let items = items.ok_or_else(|| unavailable(APPLY, "the answer is not understood"))?;
        let written = items.iter().map(|item| {
            let item = &item["index"];
            match item["status"].as_u64() {
                Some(200..=299) => Ok(Written::Applied),
                Some(409) => Ok(Written::Stale),
                Some(404) => Err(self.alias_is_gone(APPLY)),
                Some(400) => Err(refused(APPLY, &item["error"])),
                _ => Err(unavailable(APPLY, &item["error"])),
            }
        });
        written.collect()
    }

    async fn make_sure(&self) -> Result<(), SearchError> {
        if self.0.ensured.load(Ordering::Relaxed) { Ok(()) } else { self.ensure_index().await }
    }

    /// Without the alias OpenSearch would make an index of its own, with a mapping of its own.
    fn is_alias(&self) -> bool {
        self.0.target == self.0.alias
    }

    fn alias_is_gone(&self, operation: &'static str) -> SearchError {
        self.0.ensured.store(!self.is_alias(), Ordering::Relaxed);
        unavailable(operation, "the alias is gone; it is made again with the next write")
    }

    /// The index of this name beside the one that the alias stands for, and whether it was made just now. Nobody but the caller
    /// writes to it or finds anything in it.
    pub(super) async fn beside(&self, name: &str) -> Result<(Self, bool), SearchError> {
        // The template is what gives it its mapping.
        self.ensure_index().await?;
        let target = requests::name_beside(&self.0.alias, VERSION, name);
        let create = self.0.client.indices().create(IndicesCreateParts::Index(&target)).body(json!({})).send().await;
        let begun = match accepted("create index", create).await {
            Ok(_) => true,
            Err(SearchError::Refused { cause, .. }) if cause.contains("resource_already_exists") => false,
            Err(error) => return Err(error),
        };
        let (client, alias) = (self.0.client.clone(), self.0.alias.clone());
        Ok((Self(Arc::new(Inner { client, alias, target, ensured: AtomicBool::new(true) })), begun))
    }

    /// Lets the alias stand for the index of this name alone, in one step: no search and no write falls between two.
    pub(super) async fn take_over(&self, name: &str) -> Result<(), SearchError> {
        let target = requests::name_beside(&self.0.alias, VERSION, name);
        let indices = self.0.client.indices();
        let holders = indices.get_alias(IndicesGetAliasParts::Name(&[&self.0.alias])).send().await;
        let holders = match holders {
            Ok(answer) if answer.status_code() == StatusCode::NOT_FOUND => Value::Null,
            sent => accepted("look for alias", sent).await?,
        };
        let moved = indices.update_aliases().body(requests::take_over(&self.0.alias, &holders, &target)).send().await;
        accepted("move alias", moved).await.map(drop)
    }

    /// Removes the indices of ours that no alias stands for: what was searched before, and what a renewal that was cancelled
    /// had begun.
    pub(super) async fn remove_leftovers(&self) -> Result<(), SearchError> {
        let indices = self.0.client.indices();
        let pattern = format!("{}_v*", self.0.alias);
        let found = indices.get_alias(IndicesGetAliasParts::Index(&[&pattern])).send().await;
        let left = requests::leftovers(&self.0.alias, &accepted("list indices", found).await?);
        if left.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = left.iter().map(String::as_str).collect();
        let removed = indices.delete(IndicesDeleteParts::Index(&names)).send().await;
        accepted("remove index", removed).await.map(drop)
    }

    pub(super) async fn query(&self, query: &SearchQuery) -> Result<SearchHits, SearchError> {
        let words = text::words(&query.text);
        let mut found = self.search(requests::search(query, &words, false)).await?;
        if found.total == 0 && words.iter().any(|word| word.max_edits > 0) {
            found = self.search(requests::search(query, &words, true)).await?;
            found.corrected = found.total > 0;
        }
        Ok(found)
    }

    async fn search(&self, body: Value) -> Result<SearchHits, SearchError> {
        let target = [self.0.target.as_str()];
        let sent = self.0.client.search(SearchParts::Index(&target)).body(body).send().await;
        let answer = accepted("query", sent).await?;
        requests::hits(&answer).ok_or_else(|| unavailable("query", "the answer is not understood"))
    }

    pub(super) async fn count(&self) -> Result<u64, SearchError> {
        let target = [self.0.target.as_str()];
        let sent = self.0.client.count(CountParts::Index(&target)).body(requests::count()).send().await;
        let answer = accepted("count", sent).await?;
        answer["count"].as_u64().ok_or_else(|| unavailable("count", "the answer is not understood"))
    }

    pub(super) async fn ping(&self) -> Result<(), SearchError> {
        let ping = self.0.client.ping().request_timeout(PING_TIMEOUT).send().await;
        let status = ping.map_err(|error| unavailable("ping", error))?.status_code();
        if status.is_success() { Ok(()) } else { Err(unavailable("ping", status)) }
    }

    pub(super) async fn refresh(&self) -> Result<(), SearchError> {
        let target = [self.0.target.as_str()];
        let sent = self.0.client.indices().refresh(IndicesRefreshParts::Index(&target)).send().await;
        accepted("refresh", sent).await.map(drop)
    }
}

/// The answer's JSON when the cluster accepted the request. A 400 is about the request; everything else, a refused
/// login included, is about the cluster or how it is configured, and worth another try.
async fn accepted(operation: &'static str, sent: Result<Response, opensearch::Error>) -> Result<Value, SearchError> {
    let answer = sent.map_err(|error| unavailable(operation, error))?;
    let status = answer.status_code();
    let text = answer.text().await.map_err(|error| unavailable(operation, error))?;
    if status.is_success() {
        return serde_json::from_str(&text).map_err(|error| unavailable(operation, error));
    }
    let cause = format!("{status}: {}", text.chars().take(500).collect::<String>());
    Err(if status == StatusCode::BAD_REQUEST { refused(operation, cause) } else { unavailable(operation, cause) })
}

fn unavailable(operation: &'static str, cause: impl std::fmt::Display) -> SearchError {
    SearchError::Unavailable { operation, cause: cause.to_string() }
}

fn refused(operation: &'static str, cause: impl std::fmt::Display) -> SearchError {
    SearchError::Refused { operation, cause: cause.to_string() }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
