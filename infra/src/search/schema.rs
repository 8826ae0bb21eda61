//! The fields of the embedded index, and how documents and queries become terms in them.

use std::ops::Bound;

use domain::ids::NanoId;
use tantivy::{
    TantivyDocument, TantivyError, Term,
    query::{
        AllQuery, BooleanQuery, BoostQuery, DisjunctionMaxQuery, FuzzyTermQuery, Occur, Query, RangeQuery, TermQuery,
    },
    schema::{FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions},
    tokenizer::TokenizerManager,
};

use super::{
    document::{Document, PUBLISHED, REMOVED},
    query::SearchQuery,
    text::{self, Word},
};

/// Part of the folder's name: a change of the fields begins a new index beside the old one, which a reindex fills.
pub(super) const VERSION: u32 = 1;

/// A hit in the title counts twice as much as one in the description, one in the body half as much.
const WEIGHTS: [f32; 3] = [2.0, 1.0, 0.5];
/// Words that only begin as the query's word does; below every whole word.
const BEGINNING_WEIGHT: f32 = 0.3;
/// How much a word found in several fields gains over one found in the best of them alone.
const TIE_BREAKER: f32 = 0.1;

pub(super) const RATING: &str = "rating";
pub(super) const DOWNLOADS: &str = "downloads";
pub(super) const PUBLISHED_AT: &str = "published_at";
pub(super) const VERSION_FIELD: &str = "version";

/// One text in three analyses, and as it was written.
pub(super) struct Text {
    german: Field,
    english: Field,
    plain: Field,
    pub(super) stored: Field,
}

pub(super) struct Fields {
    pub(super) schema: Schema,
    pub(super) id: Field,
    version: Field,
    status: Field,
    pub(super) title: Text,
    pub(super) description: Text,
    pub(super) body: Text,
    /// Names of creator and categories.
    names: Field,
    categories: Field,
    level: Field,
    language: Field,
    format: Field,
    creator: Field,
    duration: Field,
    rating: Field,
    downloads: Field,
    published_at: Field,
}

impl Fields {
    pub(super) fn new() -> Self {
        let mut builder = Schema::builder();
        let analyzed = |analyzer: &str| {
            let indexing =
                TextFieldIndexing::default().set_tokenizer(analyzer).set_index_option(IndexRecordOption::WithFreqs);
            TextOptions::default().set_indexing_options(indexing)
        };
        let mut text = |name: &str| Text {
            german: builder.add_text_field(&format!("{name}_de"), analyzed(text::GERMAN)),
            english: builder.add_text_field(&format!("{name}_en"), analyzed(text::ENGLISH)),
            plain: builder.add_text_field(&format!("{name}_plain"), analyzed(text::PLAIN)),
            stored: builder.add_text_field(name, STORED),
        };
        let (title, description, body) = (text("title"), text("description"), text("body"));
        Self {
            id: builder.add_text_field("id", STRING | STORED),
            version: builder.add_u64_field(VERSION_FIELD, FAST),
            status: builder.add_text_field("status", STRING),
            names: builder.add_text_field("names", analyzed(text::PLAIN)),
            categories: builder.add_text_field("categories", STRING | FAST),
            level: builder.add_u64_field("level", INDEXED | FAST),
            language: builder.add_text_field("language", STRING | FAST),
            format: builder.add_text_field("format", STRING | FAST),
            creator: builder.add_text_field("creator", STRING),
            duration: builder.add_u64_field("duration", INDEXED | FAST),
            rating: builder.add_f64_field(RATING, FAST),
            downloads: builder.add_u64_field(DOWNLOADS, FAST),
            published_at: builder.add_i64_field(PUBLISHED_AT, INDEXED | FAST),
            schema: builder.build(),
            title,
            description,
            body,
        }
    }

    pub(super) fn id_term(&self, id: NanoId) -> Term {
        Term::from_field_text(self.id, &id.to_string())
    }

    pub(super) fn document(&self, document: &Document, version: u64) -> TantivyDocument {
        let mut row = TantivyDocument::new();
        row.add_text(self.id, document.id.to_string());
        row.add_u64(self.version, version);
        row.add_text(self.status, &document.status);
        let texts = [
            (&self.title, document.title.as_str()),
            (&self.description, document.description.as_str()),
            (&self.body, document.searched_body()),
        ];
        for (field, text) in texts {
            for analysis in [field.german, field.english, field.plain, field.stored] {
                row.add_text(analysis, text);
            }
        }
        row.add_text(self.names, &document.creator_name);
        for category in &document.categories {
            row.add_text(self.names, category);
            row.add_text(self.categories, category);
        }
        row.add_u64(self.level, document.level.into());
        row.add_text(self.language, &document.language);
        row.add_text(self.format, &document.format);
        row.add_text(self.creator, document.creator_id.to_string());
        row.add_u64(self.duration, document.duration_minutes.into());
        row.add_f64(self.rating, document.average_rating);
        row.add_u64(self.downloads, document.download_count);
        row.add_i64(self.published_at, document.published_at.unwrap_or(document.created_at).timestamp_micros());
        row
    }

    /// What a removal leaves behind: enough to know that an older write comes too late.
    pub(super) fn tombstone(&self, id: NanoId, version: u64) -> TantivyDocument {
        let mut row = TantivyDocument::new();
        row.add_text(self.id, id.to_string());
        row.add_u64(self.version, version);
        row.add_text(self.status, REMOVED);
        row
    }

    pub(super) fn published(&self) -> Box<dyn Query> {
        term(Term::from_field_text(self.status, PUBLISHED))
    }

    /// Published documents with every word, within the filters; with `typos`, with similar words too.
    pub(super) fn query(
        &self,
        query: &SearchQuery,
        words: &[Word],
        typos: bool,
        analyzers: &TokenizerManager,
    ) -> Result<Box<dyn Query>, TantivyError> {
        let mut clauses = self.filters(query);
        if words.is_empty() {
            clauses.push((Occur::Must, Box::new(AllQuery)));
            return Ok(Box::new(BooleanQuery::new(clauses)));
        }
        let (optional, required): (Vec<&Word>, Vec<&Word>) = words.iter().partition(|word| word.optional);
        let of = |word: &Word| if typos { self.similar(word, analyzers) } else { self.word(word, analyzers) };
        let mut found = Vec::new();
        for word in &required {
            found.push((Occur::Should, of(word)?));
        }
        let needed = if typos { text::enough(required.len()) } else { required.len() };
        clauses.push((Occur::Must, Box::new(BooleanQuery::with_minimum_required_clauses(found, needed))));
        for word in optional {
            clauses.push((Occur::Should, self.word(word, analyzers)?));
        }
        Ok(Box::new(BooleanQuery::new(clauses)))
    }

    fn filters(&self, query: &SearchQuery) -> Vec<(Occur, Box<dyn Query>)> {
        let mut filters = vec![self.published()];
        let mut equal = |field: Field, value: Option<&str>| {
            filters.extend(value.map(|value| term(Term::from_field_text(field, value))));
        };
        equal(self.categories, query.category.as_deref());
        equal(self.language, query.language.as_deref());
        equal(self.format, query.format.as_deref());
        equal(self.creator, query.creator.map(|creator| creator.to_string()).as_deref());
        if let Some(level) = query.level {
            filters.push(term(Term::from_field_u64(self.level, level.into())));
        }
        if query.duration_min.is_some() || query.duration_max.is_some() {
            let bound = |minutes: Option<u32>| match minutes {
                Some(minutes) => Bound::Included(Term::from_field_u64(self.duration, minutes.into())),
                None => Bound::Unbounded,
            };
            filters.push(Box::new(RangeQuery::new(bound(query.duration_min), bound(query.duration_max))));
        }
        if let Some(since) = query.published_since {
            let since = Term::from_field_i64(self.published_at, since.timestamp_micros());
            filters.push(Box::new(RangeQuery::new(Bound::Included(since), Bound::Unbounded)));
        }
        // Filters decide and do not score.
        filters
            .into_iter()
            .map(|filter| (Occur::Must, Box::new(BoostQuery::new(filter, 0.0)) as Box<dyn Query>))
            .collect()
    }

    /// One word as typed: inflected in either language, or the beginning of a word in title or description.
    fn word(&self, word: &Word, analyzers: &TokenizerManager) -> Result<Box<dyn Query>, TantivyError> {
        let mut ways: Vec<Box<dyn Query>> = Vec::new();
        for (field, weight) in [&self.title, &self.description, &self.body].into_iter().zip(WEIGHTS) {
            for (analysis, name) in
                [(field.german, text::GERMAN), (field.english, text::ENGLISH), (field.plain, text::PLAIN)]
            {
                for value in analyzed(analyzers, name, &word.text)? {
                    ways.push(weighted(term_with_freqs(Term::from_field_text(analysis, &value)), weight));
                }
            }
        }
        for value in analyzed(analyzers, text::PLAIN, &word.text)? {
            ways.push(term_with_freqs(Term::from_field_text(self.names, &value)));
            if value.chars().count() >= 3 {
                for field in [self.title.plain, self.description.plain] {
                    let beginning = FuzzyTermQuery::new_prefix(Term::from_field_text(field, &value), 0, true);
                    ways.push(weighted(Box::new(beginning), BEGINNING_WEIGHT));
                }
            }
        }
        Ok(Box::new(DisjunctionMaxQuery::with_tie_breaker(ways, TIE_BREAKER)))
    }

    /// One word as it may have been meant: as typed, or with a letter or two wrong.
    fn similar(&self, word: &Word, analyzers: &TokenizerManager) -> Result<Box<dyn Query>, TantivyError> {
        let mut ways = vec![weighted(self.word(word, analyzers)?, 2.0)];
        let mut similar = |field: Field, value: &str, weight: f32| {
            let query = FuzzyTermQuery::new(Term::from_field_text(field, value), word.max_edits, true);
            ways.push(weighted(Box::new(query), weight));
        };
        if word.max_edits > 0 {
            let texts = || [&self.title, &self.description, &self.body].into_iter().zip(WEIGHTS);
            for value in analyzed(analyzers, text::PLAIN, &word.text)? {
                texts().for_each(|(field, weight)| similar(field.plain, &value, weight));
                similar(self.names, &value, 1.0);
            }
            // Stems too, so that a typo and an ending do not add up.
            for stem in analyzed(analyzers, text::GERMAN, &word.text)? {
                texts().for_each(|(field, weight)| similar(field.german, &stem, weight));
            }
        }
        Ok(Box::new(DisjunctionMaxQuery::with_tie_breaker(ways, TIE_BREAKER)))
    }
}

fn analyzed(analyzers: &TokenizerManager, name: &str, text: &str) -> Result<Vec<String>, TantivyError> {
    let mut analyzer = analyzers.get(name).ok_or_else(|| TantivyError::InternalError(format!("no analyzer {name}")))?;
    Ok(text::terms(&mut analyzer, text))
}

fn term(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn term_with_freqs(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))
}

fn weighted(query: Box<dyn Query>, weight: f32) -> Box<dyn Query> {
    Box::new(BoostQuery::new(query, weight))
}
