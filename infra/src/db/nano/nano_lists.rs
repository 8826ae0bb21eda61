//! Lists of nanos with what a list shows beside each: its creator, its categories, and what people have given it.
//!
//! These statements are built at run time: filters that are absent leave no trace in them, and lists of ids have any length.

use std::collections::HashMap;

use db::{Db, DbError, Session, Tx};
use domain::{
    ids::{NanoId, UserId},
    nano::{Format, Status},
    user::Language,
    words,
};
use serde::Serialize;
use sqlx::{FromRow, MySql, QueryBuilder};

use super::nanos::Nano;

/// Totals beyond this are not counted: a person never pages that far, and counting costs.
pub const COUNT_CAP: u64 = 10_000;

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct Card {
    #[sqlx(flatten)]
    pub nano: Nano,
    pub creator_username: String,
    pub creator_name: String,
    pub rating_count: i64,
    /// 0 without ratings.
    pub average_hundredths: i64,
    pub favorite_count: i64,
    /// Slugs, sorted.
    #[sqlx(skip)]
    pub categories: Vec<String>,
}

words! {
    pub enum Sort ("sort order") {
        /// Latest publication first.
        Newest = "newest",
        Rating = "rating",
        Downloads = "downloads",
        Shortest = "shortest",
        Title = "title",
    }
}

/// Which nanos to list. Absent fields do not filter.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Filter {
    /// Empty: any status but `deleted`.
    pub statuses: Vec<Status>,
    pub creator: Option<UserId>,
    /// A slug; nanos in its child categories are found too.
    pub category: Option<String>,
    pub level: Option<u8>,
    pub language: Option<Language>,
    pub format: Option<Format>,
    pub duration_min: Option<u32>,
    pub duration_max: Option<u32>,
    /// Every word must be in the title or the description.
    pub words: Vec<String>,
    pub published_since: Option<chrono::DateTime<chrono::Utc>>,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    pub cards: Vec<Card>,
    /// How many match, at most [`COUNT_CAP`] + 1.
    pub total: u64,
}

const COLUMNS: &str = "n.id, n.creator_id, n.title, n.description, n.duration_minutes, n.level, n.language, n.format,
    n.license, n.status, n.archived_by_moderator, n.current_version_id, n.latest_version_id, n.thumbnail_key,
    n.download_count, n.index_version, n.event_seq, n.revision, n.published_at, n.created_at, n.updated_at,
    u.username AS creator_username, u.name AS creator_name, CAST(COALESCE(t.rating_count, 0) AS SIGNED) AS rating_count,
    CAST(COALESCE(t.average_hundredths, 0) AS SIGNED) AS average_hundredths,
    CAST(COALESCE(t.favorite_count, 0) AS SIGNED) AS favorite_count";

/// What people have given a nano; most have given most nanos nothing.
const TOTALS: &str = " LEFT JOIN nano_totals t ON t.nano_id = n.id";

/// Entries `offset .. offset + limit` of the filtered list. With no `sort`: newest made first (own nanos).
pub async fn page(db: &Db, filter: &Filter, sort: Option<Sort>, offset: u64, limit: u32) -> Result<Page, DbError> {
    let mut count = QueryBuilder::new("SELECT COUNT(*) FROM (SELECT 1 FROM nanos n WHERE ");
    push_filter(&mut count, filter);
    count.push(" LIMIT ").push_bind(COUNT_CAP + 1).push(") capped");
    let total: i64 = count.build_query_scalar().fetch_one(db.pool()).await?;

    // The page's ids come first, from the index alone; the wide columns are read for those rows only.
    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push(" FROM (SELECT n.id FROM nanos n");
    if sort == Some(Sort::Rating) {
        query.push(TOTALS);
    }
    query.push(" WHERE ");
    push_filter(&mut query, filter);
    query.push(order(sort)).push(" LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
    query.push(") picked JOIN nanos n ON n.id = picked.id JOIN users u ON u.id = n.creator_id");
    query.push(TOTALS).push(order(sort));
    let mut cards: Vec<Card> = query.build_query_as().fetch_all(db.pool()).await?;
    add_categories(&mut db.pool().acquire().await?, &mut cards).await?;
    Ok(Page { cards, total: total.unsigned_abs() })
}

/// One nano with its creator and categories, in whatever status.
pub async fn card(db: &Db, id: NanoId) -> Result<Option<Card>, DbError> {
    Ok(by_ids(db, &[id]).await?.pop())
}

/// The same as this transaction sees it.
pub async fn card_in(tx: &mut Tx, id: NanoId) -> Result<Option<Card>, DbError> {
    Ok(find(tx, &[id]).await?.pop())
}

/// These nanos in the order of `ids`; missing ones are left out.
pub async fn by_ids(db: &Db, ids: &[NanoId]) -> Result<Vec<Card>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    find(&mut db.pool().acquire().await?, ids).await
}

async fn find(session: &mut Session, ids: &[NanoId]) -> Result<Vec<Card>, DbError> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push(" FROM nanos n JOIN users u ON u.id = n.creator_id").push(TOTALS).push(" WHERE n.id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    query.push(")");
    let mut found: Vec<Card> = query.build_query_as().fetch_all(&mut *session).await?;
    add_categories(session, &mut found).await?;
    let place: HashMap<NanoId, usize> = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    found.sort_by_key(|card| place.get(&card.nano.id).copied());
    Ok(found)
}

async fn add_categories(session: &mut Session, cards: &mut [Card]) -> Result<(), DbError> {
    if cards.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new(
        "SELECT nc.nano_id, c.slug FROM nano_categories nc JOIN categories c ON c.id = nc.category_id
         WHERE nc.nano_id IN (",
    );
    let mut list = query.separated(", ");
    for card in cards.iter() {
        list.push_bind(card.nano.id);
    }
    query.push(") ORDER BY c.slug");
    let mut slugs: HashMap<NanoId, Vec<String>> = HashMap::new();
    for (nano, slug) in query.build_query_as::<(NanoId, String)>().fetch_all(&mut *session).await? {
        slugs.entry(nano).or_default().push(slug);
    }
    for card in cards {
        card.categories = slugs.remove(&card.nano.id).unwrap_or_default();
    }
    Ok(())
}

/// Ends with the id, so that pages neither repeat nor skip rows that are equal otherwise.
const fn order(sort: Option<Sort>) -> &'static str {
    match sort {
        None => " ORDER BY n.created_at DESC, n.id DESC",
        Some(Sort::Newest) => " ORDER BY n.published_at DESC, n.id DESC",
        Some(Sort::Rating) => " ORDER BY t.average_hundredths DESC, t.rating_count DESC, n.id DESC",
        Some(Sort::Downloads) => " ORDER BY n.download_count DESC, n.id DESC",
        Some(Sort::Shortest) => " ORDER BY n.duration_minutes, n.id DESC",
        Some(Sort::Title) => " ORDER BY n.title, n.id DESC",
    }
}

fn push_filter(query: &mut QueryBuilder<MySql>, filter: &Filter) {
    if filter.statuses.is_empty() {
        query.push("n.status <> 'deleted'");
    } else {
        query.push("n.status IN (");
        let mut list = query.separated(", ");
        for status in &filter.statuses {
            list.push_bind(*status);
        }
        query.push(")");
    }
    if let Some(creator) = filter.creator {
        query.push(" AND n.creator_id = ").push_bind(creator);
    }
    if let Some(slug) = &filter.category {
        query
            .push(
                " AND n.id IN (SELECT nc.nano_id FROM nano_categories nc JOIN categories c ON c.id = nc.category_id
                   LEFT JOIN categories p ON p.id = c.parent_id WHERE c.slug = ",
            )
            .push_bind(slug.clone())
            .push(" OR p.slug = ")
            .push_bind(slug.clone())
            .push(")");
    }
    if let Some(level) = filter.level {
        query.push(" AND n.level = ").push_bind(level);
    }
    if let Some(language) = filter.language {
        query.push(" AND n.language = ").push_bind(language);
    }
    if let Some(format) = filter.format {
        query.push(" AND n.format = ").push_bind(format);
    }
    if let Some(least) = filter.duration_min {
        query.push(" AND n.duration_minutes >= ").push_bind(least);
    }
    if let Some(most) = filter.duration_max {
        query.push(" AND n.duration_minutes <= ").push_bind(most);
    }
    if let Some(since) = filter.published_since {
        query.push(" AND n.published_at >= ").push_bind(since);
    }
    for word in &filter.words {
        let pattern = format!("%{}%", word.replace('!', "!!").replace('%', "!%").replace('_', "!_"));
        query
            .push(" AND (n.title LIKE ")
            .push_bind(pattern.clone())
            .push(" ESCAPE '!' OR n.description LIKE ")
            .push_bind(pattern)
            .push(" ESCAPE '!')");
    }
}
