//! Bodies and queries of ratings.

use domain::rating::{COMMENT_MAX, REMOVAL_REASON_MAX, REPLY_MAX, SCORE_MAX};
use infra::db::rating_lists::RatingSort;
use utoipa::{IntoParams, ToSchema};

use crate::{
    reply::Issue,
    request::{
        Page,
        fields::{self, Fields, Input, Raw, line, paragraphs, whole},
    },
    views::words,
};

fn score(raw: Raw) -> Result<u8, Issue> {
    Ok(u8::try_from(whole(1, SCORE_MAX.into())(raw)?).unwrap_or(SCORE_MAX))
}

#[derive(ToSchema)]
pub struct NewRating {
    #[schema(minimum = 1, maximum = 5, example = 4)]
    pub score: u8,
    /// Plain text. Public once it was scanned, which takes seconds, unless the scan finds something: then once a moderator has
    /// looked.
    #[schema(required = false, max_length = 500, example = "Kurz und klar.")]
    pub comment: Option<String>,
}

impl Input for NewRating {
    fn read(fields: &mut Fields) -> Option<Self> {
        let score = fields.required("score", score);
        let comment = fields.optional("comment", paragraphs(COMMENT_MAX));
        Some(Self { score: score?, comment })
    }
}

/// Fields that are left out stay as they are.
#[derive(ToSchema)]
pub struct EditRating {
    #[schema(required = false, minimum = 1, maximum = 5, example = 5)]
    pub score: Option<u8>,
    /// Empty: none any more.
    #[schema(required = false, max_length = 500)]
    pub comment: Option<String>,
}

impl Input for EditRating {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            score: fields.optional("score", score),
            comment: fields.optional("comment", paragraphs(COMMENT_MAX)),
        })
    }
}

#[derive(ToSchema)]
pub struct RatingReply {
    /// Plain text. Empty: none any more.
    #[schema(max_length = 500, example = "Danke! Das steht jetzt im zweiten Teil.")]
    pub text: String,
}

impl Input for RatingReply {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { text: fields.required("text", paragraphs(REPLY_MAX))? })
    }
}

/// Why a rating of somebody else is removed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Removal {
    /// For moderators, who must say it; told to whoever wrote the rating.
    #[param(min_length = 1, max_length = 500)]
    pub reason: Option<String>,
}

impl Input for Removal {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { reason: fields.optional("reason", line(REMOVAL_REASON_MAX)) })
    }
}

/// Which ratings, in which order.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListRatings {
    #[param(ignore)]
    pub page: Page,
    /// By default `newest`.
    #[param(schema_with = words::rating_sort)]
    pub sort: Option<RatingSort>,
    /// From `next_cursor` of the page before, instead of `page`: for deep lists.
    #[param(value_type = Option<String>, max_length = 64)]
    pub cursor: Option<String>,
}

impl Input for ListRatings {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            page: Page::read(fields),
            sort: fields.optional("sort", fields::word),
            cursor: fields.optional("cursor", fields::text),
        })
    }
}
