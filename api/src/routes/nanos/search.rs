//! Finding nanos. When the index is away, a plain look through the titles answers, and says so.

use std::time::Duration;

use axum::extract::State;
use chrono::TimeDelta;
use domain::{
    nano::{Format, Status},
    user::{Language, Words},
    words,
};
use infra::{
    cache::Shelf,
    db::nano_lists::{self, Filter, Sort},
    search::{self, FacetCount, SearchQuery},
};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema, openapi::Object};
use uuid::Uuid;

use super::forms::{QUERY_MAX, catalogue_filter};
use crate::{
    reads::{Chosen, read},
    reply::{Code, Envelope, Error, Issue, Reply, Written},
    request::{
        Page, Query,
        fields::{self, Fields, Input, Raw, boolean, paragraphs},
    },
    state::AppState,
    views::{Nano, words as schemas},
};

/// An index that takes longer counts as away.
const PATIENCE: Duration = Duration::from_secs(3);

words! {
    pub enum Order ("search order") {
        Relevance = "relevance",
        Newest = "newest",
        Rating = "rating",
        Downloads = "downloads",
    }
}

fn order() -> Object {
    let mut order = schemas::one_of(Order::WORDS);
    order.default = Some(Order::Relevance.as_str().into());
    order
}

/// What to look for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only its shape is used, in the OpenAPI document")]
pub struct SearchParams {
    /// Words to find; without them everything matches.
    #[param(max_length = 200)]
    q: Option<String>,
    /// A slug.
    category: Option<String>,
    #[param(minimum = 1, maximum = 3)]
    level: Option<u8>,
    #[param(schema_with = schemas::language)]
    language: Option<Language>,
    #[param(schema_with = schemas::format)]
    format: Option<Format>,
    creator: Option<Uuid>,
    #[param(minimum = 1, maximum = 1440)]
    duration_min: Option<u32>,
    #[param(minimum = 1, maximum = 1440)]
    duration_max: Option<u32>,
    /// Days or hours back from now, as `7d` or `12h`.
    #[param(example = "7d", pattern = "^[0-9]{1,4}[dh]$")]
    published_within: Option<String>,
    #[param(schema_with = order)]
    sort: Option<Order>,
    /// `true`: count the categories, levels, languages and formats of everything found.
    facets: Option<bool>,
    #[param(minimum = 1, maximum = 10_000, default = 1)]
    page: Option<u64>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
}

pub struct Search {
    text: String,
    filter: Filter,
    within: Option<TimeDelta>,
    order: Order,
    facets: bool,
    page: Page,
}

impl Input for Search {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            text: fields.optional("q", paragraphs(QUERY_MAX)).unwrap_or_default(),
            filter: catalogue_filter(fields),
            within: fields.optional("published_within", span),
            order: fields.optional("sort", fields::word).unwrap_or(Order::Relevance),
            facets: fields.optional("facets", boolean).unwrap_or(false),
            page: Page::read(fields),
        })
    }
}

/// `7d`, `12h`.
fn span(raw: Raw) -> Result<TimeDelta, Issue> {
    let text = fields::text(raw)?;
    let number = |digits: &str| (digits.len() <= 4).then(|| digits.parse::<u16>().ok()).flatten().map(i64::from);
    let days = text.strip_suffix('d').and_then(number).map(TimeDelta::days);
    let hours = || text.strip_suffix('h').and_then(number).map(TimeDelta::hours);
    days.or_else(hours).ok_or(Issue::Format("7d or 12h"))
}

/// A nano that was found.
#[derive(Serialize, ToSchema)]
pub struct Found {
    #[serde(flatten)]
    pub nano: Nano,
    /// Comparable within one answer only; absent when degraded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highlights: Option<Highlights>,
}

/// HTML-escaped text with the matches in `<em>`.
#[derive(Serialize, ToSchema)]
pub struct Highlights {
    pub title: Option<String>,
    pub description: Option<String>,
    pub body: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Facet {
    pub value: String,
    pub count: u64,
}

#[derive(Serialize, ToSchema)]
pub struct FacetLists {
    pub categories: Vec<Facet>,
    pub levels: Vec<Facet>,
    pub languages: Vec<Facet>,
    pub formats: Vec<Facet>,
}

#[derive(Serialize, ToSchema)]
pub struct SearchAnswer {
    pub hits: Vec<Found>,
    /// Nothing matched the words as typed; similar ones were taken.
    pub corrected: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facets: Option<FacetLists>,
}

/// Published nanos with all the words, in any of their inflections, best first. `meta.degraded` says that the index is
/// away and only titles and descriptions were looked through.
#[utoipa::path(get, path = "/search", tag = "search", params(SearchParams),
    responses((status = 200, description = "What was found", body = Envelope<SearchAnswer>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::ValidationFailed]))))]
pub async fn search(State(state): State<AppState>, Query(query): Query<Search>) -> Result<Written, Error> {
    let (state, query) = (&state, &query);
    let make = |chosen| async move { read!(state.reads, chosen, |at| { find(state, at, query).await?.write() }) };
    if query.within.is_some() {
        // "Within the last hours" is another question each time.
        return make(state.reads.of_anybody()).await;
    }
    let Search { text, filter, order, facets, page, .. } = query;
    let key = serde_json::json!([text, filter, order, facets, page.page, page.limit]).to_string();
    state.answers.get(state, ("search", Shelf::Lists), &key, make).await
}

async fn find(state: &AppState, at: &Chosen, query: &Search) -> Result<Reply<SearchAnswer>, Error> {
    let since = query.within.map(|within| state.clock.now() - within);
    let asked = SearchQuery {
        text: query.text.clone(),
        category: query.filter.category.clone(),
        level: query.filter.level,
        language: query.filter.language.map(|language| language.as_str().to_owned()),
        format: query.filter.format.map(|format| format.as_str().to_owned()),
        creator: query.filter.creator,
        duration_min: query.filter.duration_min,
        duration_max: query.filter.duration_max,
        published_since: since,
        sort: match query.order {
            Order::Relevance => search::Sort::Relevance,
            Order::Newest => search::Sort::Newest,
            Order::Rating => search::Sort::Rating,
            Order::Downloads => search::Sort::Downloads,
        },
        page: u32::try_from(query.page.page).unwrap_or(u32::MAX),
        limit: query.page.limit,
        facets: query.facets,
    };
    let found = match tokio::time::timeout(PATIENCE, state.search.query(&asked)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return without_index(state, at, query, since, &error.to_string()).await,
        Err(_) => return without_index(state, at, query, since, "no answer in time").await,
    };
    let ids: Vec<_> = found.hits.iter().map(|hit| hit.id).collect();
    let cards = nano_lists::by_ids(&at.db, &ids).await?;
    let mut hits = Vec::with_capacity(cards.len());
    // The rows decide what is public; the index may be a moment behind.
    for card in cards.into_iter().filter(|card| card.nano.status.is_public()) {
        let hit = found.hits.iter().find(|hit| hit.id == card.nano.id);
        hits.push(Found {
            score: hit.map(|hit| hit.score),
            highlights: hit.map(|hit| Highlights {
                title: hit.highlights.title.clone(),
                description: hit.highlights.description.clone(),
                body: hit.highlights.body.clone(),
            }),
            nano: Nano::of(&state.storage, card).await?,
        });
    }
    let facets = found.facets.map(|facets| FacetLists {
        categories: counts(facets.categories),
        levels: counts(facets.levels),
        languages: counts(facets.languages),
        formats: counts(facets.formats),
    });
    let answer = SearchAnswer { hits, corrected: found.corrected, facets };
    Ok(Reply::ok(answer).meta(query.page.meta(found.total)).tagged())
}

fn counts(facets: Vec<FacetCount>) -> Vec<Facet> {
    facets.into_iter().map(|facet| Facet { value: facet.value, count: facet.count }).collect()
}

async fn without_index(
    state: &AppState,
    at: &Chosen,
    query: &Search,
    since: Option<chrono::DateTime<chrono::Utc>>,
    reason: &str,
) -> Result<Reply<SearchAnswer>, Error> {
    tracing::warn!(reason, "the search index is away; looking through titles instead");
    metrics::counter!("search_degraded_total").increment(1);
    let filter = Filter {
        statuses: vec![Status::Published],
        words: query.text.split_whitespace().take(8).map(str::to_owned).collect(),
        published_since: since,
        ..query.filter.clone()
    };
    let sort = match query.order {
        Order::Relevance | Order::Rating => Sort::Rating,
        Order::Newest => Sort::Newest,
        Order::Downloads => Sort::Downloads,
    };
    let found = nano_lists::page(&at.db, &filter, Some(sort), query.page.offset(), query.page.limit).await?;
    let mut hits = Vec::with_capacity(found.cards.len());
    for card in found.cards {
        hits.push(Found { nano: Nano::of(&state.storage, card).await?, score: None, highlights: None });
    }
    let mut meta = query.page.meta(found.total);
    meta.degraded = true;
    Ok(Reply::ok(SearchAnswer { hits, corrected: false, facets: None }).meta(meta).tagged())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(text: &str) -> Option<TimeDelta> {
        Fields::query(&format!("published_within={text}")).finish::<Search>().ok().and_then(|query| query.within)
    }

    #[test]
    fn spans_are_days_or_hours() {
        assert_eq!(within("7d"), Some(TimeDelta::days(7)));
        assert_eq!(within("12h"), Some(TimeDelta::hours(12)));
        for bad in ["7", "d", "-1d", "12345d", "7w"] {
            assert_eq!(within(bad), None, "{bad}");
        }
    }
}
