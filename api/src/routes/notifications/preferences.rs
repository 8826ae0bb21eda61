//! By which channels somebody is told of what.

use axum::extract::State;
use domain::notification::{Kind, Preference};
use http::header;
use infra::db::notification_preferences;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    reply::{Code, Envelope, Error, FieldError, Issue, Reply},
    request::{
        CurrentUser, Json, Name, Path,
        fields::{Fields, Input, boolean},
    },
    state::AppState,
    views::words,
    write::transaction,
};

/// By which channels you are told of a kind.
#[derive(Serialize, ToSchema)]
pub struct NotificationPreference {
    #[schema(schema_with = words::notification_kind)]
    pub kind: Kind,
    pub in_app: bool,
    pub mail: bool,
    /// Whether `in_app` cannot be switched off: it says why something of yours was refused.
    pub is_always_in_app: bool,
}

impl From<Preference> for NotificationPreference {
    fn from(preference: Preference) -> Self {
        let Preference { kind, in_app, mail } = preference;
        Self { kind, in_app, mail, is_always_in_app: kind.is_always_in_app() }
    }
}

/// By which channels you are told of what, kind by kind. Mails that guard your account are always sent.
#[utoipa::path(get, path = "/me/notification-preferences", tag = "notifications", security(("bearer" = [])),
    responses((status = 200, description = "All kinds", body = Envelope<Vec<NotificationPreference>>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([]))))]
pub async fn list(
    State(state): State<AppState>,
    user: CurrentUser,
) -> Result<Reply<Vec<NotificationPreference>>, Error> {
    let all = notification_preferences::of(&state.db, user.id).await?;
    let all = all.into_iter().map(NotificationPreference::from).collect();
    Ok(Reply::ok(all).header(header::CACHE_CONTROL, "private, no-cache").tagged())
}

/// Channels that are left out stay as they are.
#[derive(ToSchema)]
pub struct EditPreference {
    #[schema(required = false)]
    pub in_app: Option<bool>,
    #[schema(required = false, example = false)]
    pub mail: Option<bool>,
}

impl Input for EditPreference {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { in_app: fields.optional("in_app", boolean), mail: fields.optional("mail", boolean) })
    }
}

/// Switches channels of a kind on or off. It holds for what happens from now on, and for mails that were not sent yet.
#[utoipa::path(patch, path = "/me/notification-preferences/{kind}", tag = "notifications",
    params(("kind" = String, Path, description = "One of the kinds of the list", example = "rating_received")),
    request_body = EditPreference, security(("bearer" = [])),
    responses((status = 200, description = "As it is now", body = Envelope<NotificationPreference>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::NotFound])), ("x-permission" = json!("signed_in"))))]
pub async fn edit(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(kind): Path<Name>,
    Json(form): Json<EditPreference>,
) -> Result<Reply<NotificationPreference>, Error> {
    let kind: Kind = kind.parse().map_err(|_| Error::not_found())?;
    if kind.is_always_in_app() && form.in_app == Some(false) {
        return Err(Error::Fields(vec![FieldError::new("in_app", Issue::MustBe("true".to_owned()))]));
    }
    let now = state.clock.now();
    let preference = transaction!(state.db, |tx| {
        notification_preferences::set(tx, user.id, kind, (form.in_app, form.mail), now).await?;
        Ok(notification_preferences::get_in(tx, user.id, kind).await?)
    })?;
    Ok(Reply::ok(preference.into()))
}
