//! The bodies of requests and answers.

use domain::ids::NanoId;
use serde_json::{Value, json};

use super::super::{
    Change, Document, Highlights, Hit, SearchHits, SearchQuery, Sort,
    document::{PUBLISHED, REMOVED},
    query::{facet_request, facets},
    text::{self, Word},
};

/// Totals beyond this are not counted.
const COUNTED_HITS: u32 = 10_000;
/// Like the embedded index: title twice as much as description, body half as much.
const FIELDS: [&str; 11] = [
    "title^2",
    "title.en^2",
    "title.plain^2",
    "description",
    "description.en",
    "description.plain",
    "body^0.5",
    "body.en^0.5",
    "body.plain^0.5",
    "creator_name",
    "categories.words",
];
/// Where typos are looked for. The stemmed fields are among them, so that a typo and an ending do not add up.
const SIMILAR_FIELDS: [&str; 8] = [
    "title^2",
    "title.plain^2",
    "description",
    "description.plain",
    "body^0.5",
    "body.plain^0.5",
    "creator_name",
    "categories.words",
];

/// Settings and mapping of every index `{alias}_v…`.
pub(super) fn template(alias: &str) -> Value {
    // For the highlighter that understands several analyses of one text.
    let text = || {
        json!({
            "type": "text", "analyzer": "german", "term_vector": "with_positions_offsets",
            "fields": {
                "en": { "type": "text", "analyzer": "english", "term_vector": "with_positions_offsets" },
                "plain": { "type": "text", "analyzer": "plain", "term_vector": "with_positions_offsets" },
            },
        })
    };
    json!({
        "index_patterns": [format!("{alias}_v*")],
        "template": {
            "settings": {
                "refresh_interval": "1s",
                "analysis": {
                    "analyzer": {
                        "plain": {
                            "type": "custom",
                            "tokenizer": "standard",
                            "filter": ["lowercase", "german_normalization", "asciifolding"],
                        },
                    },
                },
            },
            "mappings": {
                "dynamic": "strict",
                "properties": {
                    "id": { "type": "keyword" },
                    "title": text(),
                    "description": text(),
                    "body": text(),
                    "categories": {
                        "type": "keyword",
                        "fields": { "words": { "type": "text", "analyzer": "plain" } },
                    },
                    "creator_id": { "type": "keyword" },
                    "creator_name": { "type": "text", "analyzer": "plain" },
                    "level": { "type": "byte" },
                    "language": { "type": "keyword" },
                    "format": { "type": "keyword" },
                    "duration_minutes": { "type": "integer" },
                    "average_rating": { "type": "float" },
                    "download_count": { "type": "long" },
                    "status": { "type": "keyword" },
                    "published_at": { "type": "date" },
                    "created_at": { "type": "date" },
                },
            },
        },
    })
}

/// The rest of a new index comes from [`template`].
pub(super) fn new_index(alias: &str) -> Value {
    json!({ "aliases": { alias: { "is_write_index": true } } })
}

pub(super) fn document(document: &Document) -> Value {
    let mut body = json!(document);
    body["body"] = document.searched_body().into();
    body
}

/// What a removal leaves behind.
pub(super) fn tombstone(id: NanoId) -> Value {
    json!({ "id": id, "status": REMOVED })
}

/// The lines of a bulk request: of each change what is done, and with what.
pub(super) fn bulk(changes: &[Change]) -> Vec<Value> {
    let lines = changes.iter().flat_map(|change| {
        let body = match change {
            Change::Upsert { document: content, .. } => document(content),
            Change::Delete { id, .. } => tombstone(*id),
        };
        let head = json!({ "_id": change.id(), "version": change.version(), "version_type": "external_gte" });
        [json!({ "index": head }), body]
    });
    lines.collect()
}

/// The name of an index that takes the place of the one that is searched.
pub(super) fn name_beside(alias: &str, version: u32, name: &str) -> String {
    format!("{alias}_v{version}_{name}")
}

/// True for the names that we give: `{alias}_v1`, `{alias}_v1_20261130101500`. Others' may begin alike.
fn is_ours(alias: &str, index: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let rest = index.strip_prefix(alias).and_then(|rest| rest.strip_prefix("_v"));
    rest.is_some_and(|rest| rest.split('_').all(digits) && rest.split('_').count() <= 2)
}

/// Takes the alias from its `holders`, which are the answer about it, and gives it to `target`.
pub(super) fn take_over(alias: &str, holders: &Value, target: &str) -> Value {
    let holders = holders.as_object().into_iter().flatten().map(|(index, _)| index).filter(|index| *index != target);
    let mut actions: Vec<Value> =
        holders.map(|index| json!({ "remove": { "index": index, "alias": alias } })).collect();
    actions.push(json!({ "add": { "index": target, "alias": alias, "is_write_index": true } }));
    json!({ "actions": actions })
}

/// Those of our indices that have no alias.
pub(super) fn leftovers(alias: &str, indices: &Value) -> Vec<String> {
    let bare = |index: &Value| index["aliases"].as_object().is_none_or(|aliases| aliases.is_empty());
    let found = indices.as_object().into_iter().flatten();
    found.filter(|(name, index)| is_ours(alias, name) && bare(index)).map(|(name, _)| name.clone()).collect()
}

pub(super) fn count() -> Value {
    json!({ "query": { "term": { "status": PUBLISHED } } })
}

/// One page of what is published and matches; with `typos`, similar words match too.
pub(super) fn search(query: &SearchQuery, words: &[Word], typos: bool) -> Value {
    let (optional, required): (Vec<&Word>, Vec<&Word>) = words.iter().partition(|word| word.optional);
    let of = |word: &&Word| if typos { similar_word(word) } else { whole_word(word) };
    let mut scored =
        json!({ "filter": filters(query), "should": optional.iter().map(|word| whole_word(word)).collect::<Vec<_>>() });
    if !required.is_empty() {
        let needed = if typos { text::enough(required.len()) } else { required.len() };
        scored["must"] = json!([{
            "bool": { "should": required.iter().map(of).collect::<Vec<_>>(), "minimum_should_match": needed },
        }]);
    }
    // A page beyond the bound has a total and no hits.
    let (from, size) = query.offset().map_or((0, 0), |offset| (offset, query.limit()));
    let mut body = json!({
        "from": from,
        "size": size,
        "track_total_hits": COUNTED_HITS,
        "track_scores": true,
        "_source": false,
        "query": { "bool": scored },
        "sort": sort(query.sort),
    });
    if !words.is_empty() {
        body["highlight"] = highlight();
    }
    if query.facets {
        body["aggs"] = facet_request();
    }
    body
}

fn filters(query: &SearchQuery) -> Vec<Value> {
    let mut filters = vec![json!({ "term": { "status": PUBLISHED } })];
    let mut equal = |field: &str, value: Option<Value>| {
        filters.extend(value.map(|value| json!({ "term": { field: value } })));
    };
    equal("categories", query.category.as_deref().map(Value::from));
    equal("level", query.level.map(Value::from));
    equal("language", query.language.as_deref().map(Value::from));
    equal("format", query.format.as_deref().map(Value::from));
    equal("creator_id", query.creator.map(|creator| creator.to_string().into()));
    if query.duration_min.is_some() || query.duration_max.is_some() {
        let mut range = json!({});
        if let Some(minutes) = query.duration_min {
            range["gte"] = minutes.into();
        }
        if let Some(minutes) = query.duration_max {
            range["lte"] = minutes.into();
        }
        filters.push(json!({ "range": { "duration_minutes": range } }));
    }
    if let Some(since) = query.published_since {
        filters.push(json!({ "range": { "published_at": { "gte": since } } }));
    }
    filters
}

/// A word as typed: inflected in either language, or the beginning of one in title or description.
fn whole_word(word: &Word) -> Value {
    json!({ "dis_max": { "tie_breaker": 0.1, "queries": whole_word_ways(word) } })
}

fn whole_word_ways(word: &Word) -> Vec<Value> {
    let mut ways = vec![json!({
        "multi_match": { "query": word.text, "type": "best_fields", "tie_breaker": 0.1, "fields": FIELDS },
    })];
    if word.text.chars().count() >= 3 {
        ways.push(json!({
            "multi_match": {
                "query": word.text, "type": "phrase_prefix", "boost": 0.3,
                "fields": ["title.plain", "description.plain"],
            },
        }));
    }
    ways
}

/// A word as it may have been meant.
fn similar_word(word: &Word) -> Value {
    let mut ways = whole_word_ways(word);
    if word.max_edits > 0 {
        ways.push(json!({
            "multi_match": { "query": word.text, "fuzziness": word.max_edits, "boost": 0.5, "fields": SIMILAR_FIELDS },
        }));
    }
    json!({ "dis_max": { "tie_breaker": 0.1, "queries": ways } })
}

fn sort(sort: Sort) -> Value {
    let newest = json!({ "published_at": { "order": "desc", "missing": "_last" } });
    let rating = json!({ "average_rating": "desc" });
    match sort {
        Sort::Relevance => json!(["_score", rating, newest]),
        Sort::Newest => json!([newest, "_score", rating]),
        Sort::Rating => json!([rating, "_score", newest]),
        Sort::Downloads => json!([{ "download_count": "desc" }, "_score", newest]),
    }
}

fn highlight() -> Value {
    let field = |name: &str, fragments: u32| {
        json!({
            "type": "fvh",
            "matched_fields": [name, format!("{name}.en"), format!("{name}.plain")],
            "number_of_fragments": fragments,
            "fragment_size": 160,
        })
    };
    json!({
        "encoder": "html",
        "pre_tags": ["<em>"],
        "post_tags": ["</em>"],
        "require_field_match": false,
        "fields": { "title": field("title", 0), "description": field("description", 1), "body": field("body", 1) },
    })
}

/// Reads the answer to [`search`]; `None` when it is not one.
pub(super) fn hits(answer: &Value) -> Option<SearchHits> {
    let found = answer["hits"]["hits"].as_array()?;
    let hits = found.iter().map(|hit| {
        let highlighted = |field: &str| hit["highlight"][field][0].as_str().map(str::to_owned);
        Some(Hit {
            id: hit["_id"].as_str()?.parse().ok()?,
            score: hit["_score"].as_f64().unwrap_or_default() as f32,
            highlights: Highlights {
                title: highlighted("title"),
                description: highlighted("description"),
                body: highlighted("body"),
            },
        })
    });
    Some(SearchHits {
        total: answer["hits"]["total"]["value"].as_u64()?,
        hits: hits.collect::<Option<Vec<_>>>()?,
        corrected: false,
        facets: answer.get("aggregations").map(facets),
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::ids::UserId;

    use super::*;

    #[test]
    fn the_template_covers_every_field_of_a_document() {
        let template = template("nanos");
        assert_eq!(template["index_patterns"], json!(["nanos_v*"]));
        let mappings = &template["template"]["mappings"];
        assert_eq!(mappings["dynamic"], "strict");
        assert_eq!(mappings["properties"]["title"]["analyzer"], "german");
        assert_eq!(mappings["properties"]["categories"]["type"], "keyword");
        let body = document(&crate::search::sample_document());
        for field in body.as_object().expect("an object").keys() {
            assert!(mappings["properties"].get(field).is_some(), "{field} would be refused by the strict mapping");
        }
    }

    #[test]
    fn every_filter_reaches_the_request() {
        let creator = UserId::new();
        let query = SearchQuery {
            text: "die Optik".to_owned(),
            category: Some("physik".to_owned()),
            level: Some(2),
            language: Some("de".to_owned()),
            format: Some("video".to_owned()),
            creator: Some(creator),
            duration_min: Some(5),
            duration_max: Some(15),
            published_since: DateTime::from_timestamp(1_700_000_000, 0),
            sort: Sort::Newest,
            page: 3,
            limit: 10,
            facets: true,
        };
        let body = search(&query, &text::words(&query.text), false);
        assert_eq!((&body["from"], &body["size"]), (&json!(20), &json!(10)));
        assert_eq!(
            body["query"]["bool"]["filter"],
            json!([
                { "term": { "status": "published" } },
                { "term": { "categories": "physik" } },
                { "term": { "level": 2 } },
                { "term": { "language": "de" } },
                { "term": { "format": "video" } },
                { "term": { "creator_id": creator } },
                { "range": { "duration_minutes": { "gte": 5, "lte": 15 } } },
                { "range": { "published_at": { "gte": "2023-11-14T22:13:20Z" } } },
            ])
        );
        let must = &body["query"]["bool"]["must"][0]["bool"];
        assert_eq!(must["minimum_should_match"], 1);
        assert_eq!(must["should"][0]["dis_max"]["queries"][0]["multi_match"]["query"], "optik");
        assert_eq!(body["query"]["bool"]["should"][0]["dis_max"]["queries"][0]["multi_match"]["query"], "die");
        assert_eq!(body["sort"][0], json!({ "published_at": { "order": "desc", "missing": "_last" } }));
        assert_eq!(body["aggs"]["levels"]["terms"]["field"], "level");
        assert_eq!(body["highlight"]["encoder"], "html");
    }

    #[test]
    fn the_alias_moves_in_one_step_and_only_our_own_indices_are_leftovers() {
        let holders =
            json!({ "nanos_v1": { "aliases": { "nanos": {} } }, "nanos_v1_20261130": { "aliases": { "nanos": {} } } });
        let moved = take_over("nanos", &holders, "nanos_v1_20261130");
        assert_eq!(
            moved,
            json!({ "actions": [
                { "remove": { "index": "nanos_v1", "alias": "nanos" } },
                { "add": { "index": "nanos_v1_20261130", "alias": "nanos", "is_write_index": true } },
            ] })
        );
        assert_eq!(take_over("nanos", &Value::Null, "nanos_v1_1")["actions"].as_array().map(Vec::len), Some(1));
        let indices = json!({
            "nanos_v1": { "aliases": {} },
            "nanos_v1_20261129": { "aliases": {} },
            "nanos_v1_20261130": { "aliases": { "nanos": { "is_write_index": true } } },
            "nanos_v1_before-the-move": { "aliases": {} },
            "nanos_videos_v1": { "aliases": {} },
        });
        assert_eq!(leftovers("nanos", &indices), ["nanos_v1", "nanos_v1_20261129"]);
    }

    #[test]
    fn typos_are_allowed_only_in_the_second_request() {
        let words = text::words("Fotografie der Sterne Nacht");
        let query = SearchQuery::default();
        let first = search(&query, &words, false).to_string();
        assert!(!first.contains("fuzziness"));
        let second = search(&query, &words, true);
        let must = &second["query"]["bool"]["must"][0]["bool"];
        assert_eq!(must["minimum_should_match"], 2);
        assert_eq!(must["should"][0]["dis_max"]["queries"][2]["multi_match"]["fuzziness"], 2);
        assert_eq!(must["should"][1]["dis_max"]["queries"][2]["multi_match"]["fuzziness"], 1);
    }

    #[test]
    fn without_words_everything_published_is_asked_for() {
        let body = search(&SearchQuery { page: 9_999, ..SearchQuery::default() }, &[], false);
        assert_eq!(body["query"]["bool"]["must"], Value::Null);
        assert_eq!(body["size"], 0, "beyond the last page");
        assert_eq!(body["highlight"], Value::Null);
        assert_eq!(body["aggs"], Value::Null);
    }
}
