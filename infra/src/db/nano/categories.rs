//! The tree of categories.

use db::{Db, DbError, Tx};
use domain::ids::CategoryId;
use sqlx::QueryBuilder;

#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Category {
    pub id: CategoryId,
    pub parent_id: Option<CategoryId>,
    pub slug: String,
    pub name_de: String,
    pub name_en: String,
    pub active: bool,
}

/// All active categories, parents and children alike, by slug.
pub async fn list(db: &Db) -> Result<Vec<Category>, DbError> {
    Ok(sqlx::query_as!(
        Category,
        r#"SELECT id AS "id: CategoryId", parent_id AS "parent_id: CategoryId", slug, name_de, name_en,
             active AS "active: bool"
           FROM categories WHERE active ORDER BY slug"#
    )
    .fetch_all(db.pool())
    .await?)
}

/// The active categories with these slugs; unknown ones are simply missing from the answer.
pub async fn by_slugs(tx: &mut Tx, slugs: &[String]) -> Result<Vec<Category>, DbError> {
    if slugs.is_empty() {
        return Ok(Vec::new());
    }
    // Built at run time, because the list has any length.
    let mut query = QueryBuilder::new(
        "SELECT id, parent_id, slug, name_de, name_en, active FROM categories WHERE active AND slug IN (",
    );
    let mut list = query.separated(", ");
    for slug in slugs {
        list.push_bind(slug);
    }
    query.push(") ORDER BY slug");
    Ok(query.build_query_as().fetch_all(&mut **tx).await?)
}
