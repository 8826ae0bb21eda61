//! Kinds of jobs that can be named.

use std::collections::BTreeMap;

use axum::extract::State;
use http::header;
use queue::ledger::{
    controls::{
        limits,
        pauses::{self, Scope},
    },
    kinds,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    reply::{Code, Envelope, Error, Reply},
    request::{JobsRead, RequirePermission},
    state::AppState,
    views::{LimitView, PauseView},
};

/// A kind of job.
#[derive(Serialize, ToSchema)]
pub struct KindView {
    #[schema(example = "send_email")]
    pub name: String,
    /// This release knows it. Others are in the ledger from the release before, or from the next one.
    pub known: bool,
    /// Where its jobs go; null where this release does not know it.
    pub queue: Option<&'static str>,
    /// Each run gets a child process of its own.
    pub isolated: bool,
    /// Owners may try it again themselves when it failed.
    pub owner_may_retry: bool,
    /// A schedule enqueues it.
    pub scheduled: bool,
    /// Nothing of it starts.
    pub paused: Option<PauseView>,
    pub limit: Option<LimitView>,
}

impl KindView {
    fn named(name: String) -> Self {
        let known = jobs::KINDS.find(&name).copied();
        Self {
            known: known.is_some(),
            queue: known.map(|kind| kind.queue.as_str()),
            isolated: known.is_some_and(|kind| kind.isolated),
            owner_may_retry: known.is_some_and(|kind| kind.owner_may_retry),
            scheduled: known.is_some_and(|kind| kind.schedule.is_some()),
            paused: None,
            limit: None,
            name,
        }
    }
}

/// The kinds of jobs that this release knows or the ledger has jobs of, by name, with what holds each up.
#[utoipa::path(get, path = "/admin/jobs/kinds", tag = "admin jobs", security(("bearer" = [])),
    responses((status = 200, description = "The kinds", body = Envelope<Vec<KindView>>)),
    extensions(("x-errors" = json!([Code::Forbidden])), ("x-permission" = json!("jobs:read"))))]
pub async fn list(
    State(state): State<AppState>,
    _: RequirePermission<JobsRead>,
) -> Result<Reply<Vec<KindView>>, Error> {
    let names = jobs::KINDS.names().into_iter().map(str::to_owned).chain(kinds::all(&state.db).await?);
    let mut views: BTreeMap<String, KindView> = names.map(|name| (name.clone(), KindView::named(name))).collect();
    for pause in pauses::list(&state.db).await?.into_iter().filter(|pause| pause.scope == Scope::Kind) {
        if let Some(view) = views.get_mut(&pause.name) {
            view.paused = Some(pause.into());
        }
    }
    for limit in limits::list(&state.db).await? {
        if let Some(view) = views.get_mut(&limit.kind) {
            view.limit = Some(limit.into());
        }
    }
    Ok(Reply::ok(views.into_values().collect()).header(header::CACHE_CONTROL, "private, no-store"))
}

/// A kind of this build, or one the ledger has jobs of: those of the build before and after during a deployment.
/// Anything else is a slip of the pen, and 404 names the known ones.
pub(super) async fn known(state: &AppState, kind: &str) -> Result<(), Error> {
    if jobs::KINDS.contains(kind) || kinds::exists(&state.db, kind).await? {
        Ok(())
    } else {
        Err(Error::with(Code::NotFound, json!({ "kinds": jobs::KINDS.names() })))
    }
}
