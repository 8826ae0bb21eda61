//! The steps of an upload, and what they share: which version they are about, and how it is rejected.
//!
//! `ValidateArchive` -> (`MakeThumbnails` beside `ScanContent`) -> `ReviewNano` -> `PublishNano` -> `IndexNano`,
//! `SendEmail`; `ScanEdit` for words that change later, `ScanProfile` for those of people, `ScanRating` and `IndexRated` for what
//! others say of a nano. Locks are taken in the order nano, version.

/// What the steps that work on a version have in common, `self.0` being the [`VersionRef`]: they are its creator's, who may
/// retry them without another upload, is told when one is given up, and finds them by nano and version.
macro_rules! about_a_version {
    () => {
        const OWNER_MAY_RETRY: bool = true;
        const GIVEN_UP: Option<queue::GivenUp<Self, Context>> =
            Some(|step, context, tx, _| Box::pin(step.0.step_failed(tx, Self::KIND, context.clock.now())));

        fn tenant(&self) -> Option<uuid::Uuid> {
            Some(self.0.creator_id.0)
        }

        fn references(&self) -> Vec<queue::Reference> {
            self.0.references()
        }
    };
}

mod index_nano;
mod index_rated;
mod make_thumbnails;
mod publish_nano;
mod review_nano;
mod scan_content;
mod scan_edit;
mod scan_profile;
mod scan_rating;
mod validate_archive;

use chrono::{DateTime, Utc};
use db::{DbError, Tx};
use domain::{
    ids::{NanoId, UserId, VersionId},
    nano::VersionState,
    notification::Kind,
};
use infra::db::{
    nano_events,
    nano_versions::{self, VersionRow},
    nanos::{self, Nano},
    users,
};
use queue::{JobError, Reference, enqueue};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Announcement, Context, News, RemoveObject, announce, notify};

pub use index_nano::IndexNano;
pub(crate) use index_nano::index_change;
pub use index_rated::{IndexRated, index_ratings};
pub use make_thumbnails::MakeThumbnails;
pub use publish_nano::PublishNano;
pub use review_nano::ReviewNano;
pub use scan_content::ScanContent;
pub use scan_edit::{ScanEdit, publish_edit};
pub use scan_profile::ScanProfile;
pub use scan_rating::{ScanRating, tell_of_reply};
pub use validate_archive::ValidateArchive;

/// Findings named in the mail; the report has all of them.
pub(crate) const MAILED_FINDINGS: usize = 5;

/// The version a step works on.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct VersionRef {
    pub nano_id: NanoId,
    pub version_id: VersionId,
    pub creator_id: UserId,
}

impl VersionRef {
    pub(crate) fn references(&self) -> Vec<Reference> {
        vec![Reference::new("nano", self.nano_id), Reference::new("version", self.version_id)]
    }

    /// Reads the version, unless its fate is decided already or the nano is gone: then there is nothing to do.
    pub(crate) async fn open(&self, context: &Context) -> Result<Option<VersionRow>, DbError> {
        let version = nano_versions::get(&context.db, self.version_id).await?;
        Ok(version.filter(|version| version.state == VersionState::Processing))
    }

    /// The same under lock, with its nano.
    pub(crate) async fn lock(&self, tx: &mut Tx) -> Result<Option<(Nano, VersionRow)>, DbError> {
        let Some(nano) = nanos::lock(tx, self.nano_id).await? else { return Ok(None) };
        let version = nano_versions::lock(tx, self.version_id).await?;
        Ok(version.filter(|version| version.state.is_open()).map(|version| (nano, version)))
    }

    /// Appends an event to the nano's stream.
    pub(crate) async fn event(
        &self,
        tx: &mut Tx,
        kind: &str,
        mut data: Value,
        now: DateTime<Utc>,
    ) -> Result<(), DbError> {
        if let Some(data) = data.as_object_mut() {
            data.insert("version_id".into(), json!(self.version_id));
        }
        nano_events::append(tx, self.nano_id, kind, &data, now).await?;
        Ok(())
    }

    /// Tells the creator that a step was given up; it can be retried without another upload. Nothing is said of a version
    /// that nobody waits for any more.
    pub(crate) async fn step_failed(&self, tx: &mut Tx, step: &str, now: DateTime<Utc>) -> Result<(), DbError> {
        if self.lock(tx).await?.is_none() {
            return Ok(());
        }
        self.event(tx, "step_failed", json!({ "step": step }), now).await
    }

    /// Tells the creator what became of the version; once, however often the step runs.
    pub(crate) async fn tell_creator(
        &self,
        context: &Context,
        tx: &mut Tx,
        kind: Kind,
        nano: &Nano,
        (reason, details): (Option<&str>, Value),
    ) -> Result<(), JobError> {
        let subject = self.version_id.to_string();
        let news = News { kind, to: self.creator_id, subject: &subject, nano, rating_id: None, reason, details };
        Ok(notify(tx, news, &context.settings.public_url, context.clock.now()).await?)
    }
}

/// Why a version is turned down, as the creator reads it.
pub(crate) struct Rejection {
    pub(crate) reason_de: String,
    pub(crate) reason_en: String,
    /// `{code, entry, message, hint}` in the creator's language, at most a handful.
    pub(crate) findings_de: Value,
    pub(crate) findings_en: Value,
}

/// Turns a version down: the nano's status, the event, the mail, and the uploaded bytes go.
pub(crate) async fn reject(
    context: &Context,
    tx: &mut Tx,
    subject: &VersionRef,
    nano: &Nano,
    version: &VersionRow,
    rejection: Rejection,
) -> Result<(), JobError> {
    let now = context.clock.now();
    let status = nano.status.reject().map_err(JobError::failed)?;
    let state = version.state.reject().map_err(JobError::failed)?;
    nanos::set_status(tx, nano.id, status, now).await?;
    nano_versions::set_state(tx, version.id, state, now).await?;
    subject.event(tx, "rejected", json!({ "reason": rejection.reason_en, "status": status.as_str() }), now).await?;
    enqueue(tx, &RemoveObject { key: version.uploaded_key.clone() }).await?;
    announce(tx, &Announcement::Rejected { nano, version, reason: &rejection.reason_en }, now).await?;
    let german = users::get_in(tx, subject.creator_id).await?.is_none_or(|user| user.language.as_str() == "de");
    let (reason, findings) = if german {
        (rejection.reason_de, rejection.findings_de)
    } else {
        (rejection.reason_en, rejection.findings_en)
    };
    let told = (Some(reason.as_str()), json!({ "findings": findings }));
    subject.tell_creator(context, tx, Kind::NanoRejected, nano, told).await
}
