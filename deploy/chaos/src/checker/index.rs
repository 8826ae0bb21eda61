//! The search index, read from its folder.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use tantivy::{
    Index, ReloadPolicy, TantivyDocument, Term,
    collector::{Count, DocSetCollector},
    query::{BooleanQuery, Occur, Query, TermQuery},
    schema::{IndexRecordOption, Value},
};
use uuid::Uuid;

/// A document that searches may find.
#[derive(Debug, Clone)]
pub struct DocumentFact {
    pub nano: Uuid,
    pub title: String,
}

/// Everything the index says.
#[derive(Debug, Clone, Default)]
pub struct IndexFacts {
    /// One for each document, by no order.
    pub documents: Vec<DocumentFact>,
    /// For each word asked for, whose title has it.
    pub found: HashMap<String, Vec<Uuid>>,
}

/// Reads the one index below `folder`, as its last commit left it.
pub fn read(folder: &Path, words: &[String]) -> Result<IndexFacts> {
    let index = Index::open_in_dir(only_index(folder)?)?;
    let schema = index.schema();
    let field = |name| schema.get_field(name).with_context(|| format!("the index has no field {name}"));
    let (id, status, stored, title) = (field("id")?, field("status")?, field("title")?, field("title_plain")?);
    let reader: tantivy::IndexReader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    let searcher = reader.searcher();
    let having = |field, text: &str| -> Box<dyn Query> {
        Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic))
    };
    let text = |document: &TantivyDocument, field| {
        document.get_first(field).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let documents = |query: &dyn Query| {
        let mut documents = Vec::new();
        for address in searcher.search(query, &DocSetCollector)? {
            let document: TantivyDocument = searcher.doc(address)?;
            let nano = text(&document, id);
            let nano = nano.parse().with_context(|| format!("{nano:?} is no id of a document"))?;
            documents.push(DocumentFact { nano, title: text(&document, stored) });
        }
        anyhow::Ok(documents)
    };
    let published = having(status, "published");
    let mut facts = IndexFacts { documents: documents(&*published)?, found: HashMap::new() };
    let counted = searcher.search(&*published, &Count)?;
    if counted != facts.documents.len() {
        bail!("the index counts {counted} documents and shows {}", facts.documents.len());
    }
    for word in words {
        let both =
            BooleanQuery::new(vec![(Occur::Must, having(status, "published")), (Occur::Must, having(title, word))]);
        let found = documents(&both)?.into_iter().map(|document| document.nano).collect();
        facts.found.insert(word.clone(), found);
    }
    Ok(facts)
}

/// The folder's name has the version of the index' fields in it.
fn only_index(folder: &Path) -> Result<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.join("meta.json").exists() {
            found.push(path);
        }
    }
    match <[PathBuf; 1]>::try_from(found) {
        Ok([index]) => Ok(index),
        Err(found) => bail!("{} has {} indexes", folder.display(), found.len()),
    }
}
