use chrono::{DateTime, Utc};
use domain::ids::{NanoId, UserId};

/// Pages end here (also OpenSearch's own bound); what is beyond is reached by narrowing the query.
pub const MAX_OFFSET: u32 = 10_000;
/// Hits on one page, at most.
const MAX_LIMIT: u32 = 100;

/// What to look for. The default is everything published, newest and best first.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchQuery {
    /// What a person typed; no syntax. Empty finds everything.
    pub text: String,
    /// A category's slug.
    pub category: Option<String>,
    pub level: Option<u8>,
    pub language: Option<String>,
    pub format: Option<String>,
    pub creator: Option<UserId>,
    /// Minutes, inclusive.
    pub duration_min: Option<u32>,
    /// Minutes, inclusive.
    pub duration_max: Option<u32>,
    /// `published_within` of the API, subtracted from now by the caller's clock.
    pub published_since: Option<DateTime<Utc>>,
    pub sort: Sort,
    /// From 1.
    pub page: u32,
    /// 1 to 100.
    pub limit: u32,
    /// Whether to count the facets too.
    pub facets: bool,
}

impl Default for SearchQuery {
    fn default() -> Self {
        Self {
            text: String::new(),
            category: None,
            level: None,
            language: None,
            format: None,
            creator: None,
            duration_min: None,
            duration_max: None,
            published_since: None,
            sort: Sort::Relevance,
            page: 1,
            limit: 20,
            facets: false,
        }
    }
}

impl SearchQuery {
    pub(super) fn limit(&self) -> u32 {
        self.limit.clamp(1, MAX_LIMIT)
    }

    /// Where the page begins; `None` beyond [`MAX_OFFSET`].
    pub(super) fn offset(&self) -> Option<u32> {
        let offset = self.page.max(1).checked_sub(1)?.checked_mul(self.limit())?;
        (offset + self.limit() <= MAX_OFFSET).then_some(offset)
    }
}

/// The order of hits. Equal ones are ordered by score, rating and publication, as far as they are not it already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    #[default]
    Relevance,
    Newest,
    Rating,
    Downloads,
}

/// One page of what was found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SearchHits {
    /// All that match. OpenSearch counts to 10,000 and then stops.
    pub total: u64,
    pub hits: Vec<Hit>,
    /// True when nothing matched the words as typed, and similar words were taken instead.
    pub corrected: bool,
    /// When they were asked for.
    pub facets: Option<Facets>,
}

/// One nano that matches.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub id: NanoId,
    /// Comparable within one answer only.
    pub score: f32,
    pub highlights: Highlights,
}

/// Where the words are: HTML-escaped text with the matches in `<em>`. `None` when none is in that field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Highlights {
    /// The whole title.
    pub title: Option<String>,
    /// About 160 characters.
    pub description: Option<String>,
    /// About 160 characters.
    pub body: Option<String>,
}

/// How many of all matches have each value, most frequent first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facets {
    pub categories: Vec<FacetCount>,
    pub levels: Vec<FacetCount>,
    pub languages: Vec<FacetCount>,
    pub formats: Vec<FacetCount>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetCount {
    pub value: String,
    pub count: u64,
}

/// The aggregations of both backends, which take the same JSON; values beyond 50 are left out.
pub(super) fn facet_request() -> serde_json::Value {
    let terms = |field: &str| serde_json::json!({ "terms": { "field": field, "size": 50 } });
    serde_json::json!({
        "categories": terms("categories"),
        "levels": terms("level"),
        "languages": terms("language"),
        "formats": terms("format"),
    })
}

/// Reads the answer to [`facet_request`].
pub(super) fn facets(answer: &serde_json::Value) -> Facets {
    let counts = |name: &str| {
        let buckets = answer[name]["buckets"].as_array().map(Vec::as_slice).unwrap_or_default();
        buckets
            .iter()
            .filter_map(|bucket| {
                let value = match &bucket["key"] {
                    serde_json::Value::String(text) => text.clone(),
                    // tantivy answers numbers as floats.
                    number => (number.as_f64()? as i64).to_string(),
                };
                Some(FacetCount { value, count: bucket["doc_count"].as_u64()? })
            })
            .collect()
    };
    Facets {
        categories: counts("categories"),
        levels: counts("levels"),
        languages: counts("languages"),
        formats: counts("formats"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_bounded() {
        let page = |page, limit| SearchQuery { page, limit, ..SearchQuery::default() }.offset();
        assert_eq!(page(1, 20), Some(0));
        assert_eq!(page(0, 20), Some(0));
        assert_eq!(page(3, 20), Some(40));
        assert_eq!(page(2, 1_000), Some(100));
        assert_eq!(page(500, 20), Some(9_980));
        assert_eq!(page(501, 20), None);
        assert_eq!(page(u32::MAX, 100), None);
    }
}
