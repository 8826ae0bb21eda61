//! Bodies and filters of nanos.

use domain::{
    nano::{CATEGORIES_MAX, DESCRIPTION_MAX, DURATION_MAX_MINUTES, Format, License, Status, TITLE_MAX},
    user::Language,
};
use infra::db::{
    nano_lists::{Filter, Sort},
    nanos::Nano,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    reply::Issue,
    request::{
        Page,
        fields::{self, Fields, Input, Raw, line, list, paragraphs, whole},
    },
    views::words,
};

/// Longest words of a search, in characters.
pub const QUERY_MAX: usize = 200;

#[derive(ToSchema)]
pub struct CreateNano {
    #[schema(min_length = 1, max_length = 255)]
    pub title: String,
    #[schema(min_length = 1, max_length = 1000)]
    pub description: String,
    #[schema(minimum = 1, maximum = 1440)]
    pub duration_minutes: u32,
    /// 1 foundation, 2 intermediate, 3 advanced.
    #[schema(minimum = 1, maximum = 3)]
    pub level: u8,
    #[schema(schema_with = words::language)]
    pub language: Language,
    #[schema(schema_with = words::format)]
    pub format: Format,
    #[schema(schema_with = words::license)]
    pub license: License,
    /// Slugs of `/categories`.
    #[schema(min_items = 1, max_items = 5)]
    pub categories: Vec<String>,
}

fn description(raw: Raw) -> Result<String, Issue> {
    let text = paragraphs(DESCRIPTION_MAX)(raw)?;
    if text.is_empty() { Err(Issue::Empty) } else { Ok(text) }
}

fn duration(raw: Raw) -> Result<u32, Issue> {
    Ok(u32::try_from(whole(1, DURATION_MAX_MINUTES.into())(raw)?).unwrap_or(DURATION_MAX_MINUTES))
}

fn level(raw: Raw) -> Result<u8, Issue> {
    Ok(u8::try_from(whole(1, 3)(raw)?).unwrap_or(3))
}

pub fn slug(raw: Raw) -> Result<String, Issue> {
    line(64)(raw)
}

impl Input for CreateNano {
    fn read(fields: &mut Fields) -> Option<Self> {
        let title = fields.required("title", line(TITLE_MAX));
        let description = fields.required("description", description);
        let duration_minutes = fields.required("duration_minutes", duration);
        let level = fields.required("level", level);
        let language = fields.required("language", fields::word);
        let format = fields.required("format", fields::word);
        let license = fields.required("license", fields::word);
        let categories = fields.required("categories", list(CATEGORIES_MAX, slug));
        Some(Self {
            title: title?,
            description: description?,
            duration_minutes: duration_minutes?,
            level: level?,
            language: language?,
            format: format?,
            license: license?,
            categories: categories?,
        })
    }
}

/// Fields that are left out stay as they are.
#[derive(ToSchema)]
pub struct EditNano {
    #[schema(required = false, min_length = 1, max_length = 255)]
    pub title: Option<String>,
    #[schema(required = false, min_length = 1, max_length = 1000)]
    pub description: Option<String>,
    #[schema(required = false, minimum = 1, maximum = 1440)]
    pub duration_minutes: Option<u32>,
    #[schema(required = false, minimum = 1, maximum = 3)]
    pub level: Option<u8>,
    #[schema(required = false, schema_with = words::language)]
    pub language: Option<Language>,
    #[schema(required = false, schema_with = words::format)]
    pub format: Option<Format>,
    #[schema(required = false, schema_with = words::license)]
    pub license: Option<License>,
    #[schema(required = false, min_items = 1, max_items = 5)]
    pub categories: Option<Vec<String>>,
}

impl Input for EditNano {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            title: fields.optional("title", line(TITLE_MAX)),
            description: fields.optional("description", description),
            duration_minutes: fields.optional("duration_minutes", duration),
            level: fields.optional("level", level),
            language: fields.optional("language", fields::word),
            format: fields.optional("format", fields::word),
            license: fields.optional("license", fields::word),
            categories: fields.optional("categories", list(CATEGORIES_MAX, slug)),
        })
    }
}

impl EditNano {
    /// Puts the given fields into the row; categories are rows of their own.
    pub fn apply(&self, nano: &mut Nano) {
        fn set<T: Clone>(field: &mut T, value: &Option<T>) {
            if let Some(value) = value {
                field.clone_from(value);
            }
        }
        set(&mut nano.title, &self.title);
        set(&mut nano.description, &self.description);
        set(&mut nano.duration_minutes, &self.duration_minutes);
        set(&mut nano.level, &self.level);
        set(&mut nano.language, &self.language);
        set(&mut nano.format, &self.format);
        set(&mut nano.license, &self.license);
    }

    /// Names of the given fields, for the audit log.
    pub fn changed(&self) -> Vec<&'static str> {
        let given = [
            ("title", self.title.is_some()),
            ("description", self.description.is_some()),
            ("duration_minutes", self.duration_minutes.is_some()),
            ("level", self.level.is_some()),
            ("language", self.language.is_some()),
            ("format", self.format.is_some()),
            ("license", self.license.is_some()),
            ("categories", self.categories.is_some()),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }
}

/// Filters and order of the catalogue.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only its shape is used, in the OpenAPI document")]
pub struct ListNanosParams {
    #[param(minimum = 1, maximum = 10_000, default = 1)]
    page: Option<u64>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// A slug; nanos in its child categories are found too.
    category: Option<String>,
    #[param(minimum = 1, maximum = 3)]
    level: Option<u8>,
    #[param(schema_with = words::language)]
    language: Option<Language>,
    #[param(schema_with = words::format)]
    format: Option<Format>,
    creator: Option<Uuid>,
    #[param(minimum = 1, maximum = 1440)]
    duration_min: Option<u32>,
    #[param(minimum = 1, maximum = 1440)]
    duration_max: Option<u32>,
    /// By default `newest`.
    #[param(schema_with = words::sort)]
    sort: Option<Sort>,
}

pub struct ListNanos {
    pub filter: Filter,
    pub sort: Option<Sort>,
    pub page: Page,
}

impl Input for ListNanos {
    fn read(fields: &mut Fields) -> Option<Self> {
        let filter = catalogue_filter(fields);
        Some(Self { filter, sort: fields.optional("sort", fields::word), page: Page::read(fields) })
    }
}

/// The filters that lists and search share.
pub fn catalogue_filter(fields: &mut Fields) -> Filter {
    Filter {
        category: fields.optional("category", slug),
        level: fields.optional("level", level),
        language: fields.optional("language", fields::word),
        format: fields.optional("format", fields::word),
        creator: fields.optional("creator", fields::parsed("01930000-0000-7000-8000-000000000001")),
        duration_min: fields.optional("duration_min", duration),
        duration_max: fields.optional("duration_max", duration),
        ..Filter::default()
    }
}

/// Which of your nanos to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MyNanos {
    #[param(ignore)]
    pub page: Page,
    #[param(schema_with = words::status)]
    pub status: Option<Status>,
}

impl Input for MyNanos {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { status: fields.optional("status", fields::word), page: Page::read(fields) })
    }
}
