//! The tree of categories.

use std::collections::HashMap;

use axum::extract::State;
use domain::ids::CategoryId;
use http::header;
use infra::{cache::Shelf, db::categories};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    reads::read,
    reply::{Envelope, Error, Reply, Written},
    state::AppState,
};

/// A category with those below it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Category {
    pub id: Uuid,
    #[schema(example = "office")]
    pub slug: String,
    pub name_de: String,
    pub name_en: String,
    #[schema(no_recursion)]
    pub children: Vec<Category>,
}

/// All categories, as a tree.
#[utoipa::path(get, path = "/categories", tag = "nanos",
    responses((status = 200, description = "The top categories", body = Envelope<Vec<Category>>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([]))))]
pub async fn list(State(state): State<AppState>) -> Result<Written, Error> {
    let state = &state;
    let make = |chosen| async move {
        let rows = read!(state.reads, chosen, |at| { Ok(categories::list(&at.db).await?) })?;
        Reply::ok(tree(rows)).header(header::CACHE_CONTROL, "public, max-age=300").tagged().write()
    };
    state.answers.get(state, ("categories", Shelf::Lists), "", make).await
}

/// Sorted by slug on every level. What hangs below an inactive category is not shown.
fn tree(rows: Vec<categories::Category>) -> Vec<Category> {
    let mut below: HashMap<Option<CategoryId>, Vec<categories::Category>> = HashMap::new();
    for row in rows {
        below.entry(row.parent_id).or_default().push(row);
    }
    take(None, &mut below)
}

/// Each list is taken once, so a loop in the data ends.
fn take(
    parent: Option<CategoryId>,
    below: &mut HashMap<Option<CategoryId>, Vec<categories::Category>>,
) -> Vec<Category> {
    let rows = below.remove(&parent).unwrap_or_default();
    rows.into_iter()
        .map(|row| Category {
            id: row.id.0,
            slug: row.slug,
            name_de: row.name_de,
            name_en: row.name_en,
            children: take(Some(row.id), below),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u128, parent: Option<u128>) -> categories::Category {
        categories::Category {
            id: Uuid::from_u128(id).into(),
            parent_id: parent.map(|id| Uuid::from_u128(id).into()),
            slug: id.to_string(),
            name_de: String::new(),
            name_en: String::new(),
            active: true,
        }
    }

    #[test]
    fn rows_become_a_tree() {
        let tree = tree(vec![row(1, None), row(2, Some(1)), row(3, Some(2)), row(4, None), row(5, Some(9))]);
        let shape = |c: &Category| (c.slug.clone(), c.children.len());
        assert_eq!(tree.iter().map(shape).collect::<Vec<_>>(), [("1".into(), 1), ("4".into(), 0)]);
        assert_eq!(shape(&tree[0].children[0]), ("2".into(), 1));
    }
}
