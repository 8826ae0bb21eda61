//! Bodies of saved searches.

use domain::{
    nano::Format,
    saved_search::{Criteria, SAVED_SEARCH_NAME_MAX},
    user::Language,
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    reply::Issue,
    request::fields::{Fields, Input, boolean, line, paragraphs},
    routes::nanos::forms::{QUERY_MAX, catalogue_filter},
    views::words,
};

/// What is looked for, as in `GET /search`. At least one of them.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its shape is used, in the OpenAPI document")]
pub struct SearchCriteria {
    /// Words to find.
    #[schema(required = false, max_length = 200, example = "Pivot")]
    q: Option<String>,
    /// A slug.
    #[schema(required = false, min_length = 1, max_length = 64)]
    category: Option<String>,
    #[schema(required = false, minimum = 1, maximum = 3)]
    level: Option<u8>,
    #[schema(required = false, schema_with = words::language)]
    language: Option<Language>,
    #[schema(required = false, schema_with = words::format)]
    format: Option<Format>,
    #[schema(required = false)]
    creator: Option<Uuid>,
    #[schema(required = false, minimum = 1, maximum = 1440)]
    duration_min: Option<u32>,
    #[schema(required = false, minimum = 1, maximum = 1440)]
    duration_max: Option<u32>,
}

impl Input for Criteria {
    fn read(fields: &mut Fields) -> Option<Self> {
        let q = fields.optional("q", paragraphs(QUERY_MAX)).filter(|q| !q.is_empty());
        let filter = catalogue_filter(fields);
        Some(Self {
            q,
            category: filter.category,
            level: filter.level,
            language: filter.language,
            format: filter.format,
            creator: filter.creator,
            duration_min: filter.duration_min,
            duration_max: filter.duration_max,
        })
    }
}

/// Whoever waits for everything would be told of every nano.
fn not_empty(fields: &mut Fields, criteria: Option<Criteria>) -> Option<Criteria> {
    if criteria.as_ref().is_some_and(Criteria::is_empty) {
        fields.error("search", Issue::Empty);
    }
    criteria
}

#[derive(ToSchema)]
pub struct NewSavedSearch {
    #[schema(min_length = 1, max_length = 100, example = "Pivot-Tabellen")]
    pub name: String,
    #[schema(value_type = SearchCriteria)]
    pub search: Criteria,
    /// Whether you are told of new nanos that match, once a day at most. By default true.
    #[schema(required = false)]
    pub alerts: Option<bool>,
}

impl Input for NewSavedSearch {
    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.required("name", line(SAVED_SEARCH_NAME_MAX));
        let search = fields.nested("search");
        let search = not_empty(fields, search);
        let alerts = fields.optional("alerts", boolean);
        Some(Self { name: name?, search: search?, alerts })
    }
}

/// Fields that are left out stay as they are; `search` is replaced as a whole.
#[derive(ToSchema)]
pub struct EditSavedSearch {
    #[schema(required = false, min_length = 1, max_length = 100, example = "Pivot-Tabellen")]
    pub name: Option<String>,
    #[schema(required = false, value_type = Option<SearchCriteria>)]
    pub search: Option<Criteria>,
    #[schema(required = false)]
    pub alerts: Option<bool>,
}

impl Input for EditSavedSearch {
    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.optional("name", line(SAVED_SEARCH_NAME_MAX));
        let search = fields.maybe_nested("search");
        let search = not_empty(fields, search);
        Some(Self { name, search, alerts: fields.optional("alerts", boolean) })
    }
}
