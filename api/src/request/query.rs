//! Queries, ids and names of paths, and the page of a list.

use axum::extract::FromRequestParts;
use domain::ids::{
    CaseId, CategoryId, ChatId, DeliveryId, ListId, NanoId, NotificationId, PasskeyId, RatingId, ReportId,
    SavedSearchId, TokenId, UploadId, UserId, VersionId, WebhookDeliveryId, WebhookId,
};
use http::request::Parts;
use infra::db::nano_lists::COUNT_CAP;
use queue::ids::{FlowId, JobId, WorkerId};
use serde::de::DeserializeOwned;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{
    Name,
    fields::{Fields, Input, whole},
};
use crate::reply::{Error, Meta};

/// The query string, read and checked field by field.
pub struct Query<T>(pub T);

impl<T: Input, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Fields::query(parts.uri.query().unwrap_or_default()).finish().map(Self).map_err(Error::Fields)
    }
}

/// The same, and nothing in it may be overlooked: unknown names are refused. For pages where a mistyped filter would
/// mean everything.
pub struct StrictQuery<T>(pub T);

impl<T: Input, S: Send + Sync> FromRequestParts<S> for StrictQuery<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Fields::strict_query(parts.uri.query().unwrap_or_default()).finish().map(Self).map_err(Error::Fields)
    }
}

/// What a path may name: ids, numbers, and [`Name`]s. Text as it came is none of them, so that none reaches a query.
#[diagnostic::on_unimplemented(message = "`{Self}` is not read from a path", note = "take an id, a number or a `Name`")]
pub trait Part: DeserializeOwned + Send {}

macro_rules! parts {
    ($($part:ty),*) => {$( impl Part for $part {} )*};
}
parts!(
    Uuid,
    UserId,
    TokenId,
    PasskeyId,
    NanoId,
    VersionId,
    UploadId,
    CaseId,
    CategoryId,
    ChatId,
    ReportId,
    DeliveryId,
    RatingId,
    ListId,
    NotificationId,
    SavedSearchId,
    WebhookId,
    WebhookDeliveryId,
    JobId,
    FlowId,
    WorkerId,
    u32,
    Name
);

impl<A: Part, B: Part> Part for (A, B) {}

/// Ids and names from the path. What does not even look like one is not found.
pub struct Path<T>(pub T);

impl<T: Part, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match <axum::extract::Path<T> as FromRequestParts<S>>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => Err(Error::not_found()),
        }
    }
}

/// `page` (from 1) and `limit` (1–100, by default 20) of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    #[param(value_type = Option<u64>, minimum = 1, maximum = 10_000, default = 1)]
    pub page: u64,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    pub limit: u32,
}

impl Page {
    /// Reads both from a query.
    pub fn read(fields: &mut Fields) -> Self {
        let page = fields.optional("page", whole(1, COUNT_CAP)).unwrap_or(1);
        let limit = fields.optional("limit", whole(1, 100)).and_then(|limit| u32::try_from(limit).ok());
        Self { page, limit: limit.unwrap_or(20) }
    }

    pub const fn offset(self) -> u64 {
        (self.page - 1) * self.limit as u64
    }

    /// What the answer says about its place in the list. `total` beyond [`COUNT_CAP`] was not counted.
    pub fn meta(self, total: u64) -> Meta {
        Meta {
            page: Some(self.page),
            total: Some(total.min(COUNT_CAP)),
            per_page: Some(self.limit.into()),
            total_capped: total > COUNT_CAP,
            ..Meta::default()
        }
    }
}

impl Input for Page {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self::read(fields))
    }
}
