//! Makes a checked version the one the public sees.

use domain::notification::Kind;
use infra::db::{nano_versions, nanos};
use queue::{Job, JobError, Outcome, Queue, Run, enqueue};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Announcement, Context, IndexNano, VersionRef, announce, queues};

#[derive(Debug, Serialize, Deserialize)]
pub struct PublishNano(pub VersionRef);

impl Job<Context> for PublishNano {
    about_a_version!();

    const KIND: &'static str = "publish_nano";
    const QUEUE: Queue = queues::UPLOADS;

    async fn run(&self, context: &Context, _run: &Run) -> Result<Outcome, JobError> {
        let now = context.clock.now();
        let mut tx = context.db.begin().await?;
        // Published, withdrawn or turned down meanwhile: nothing to do.
        let Some((nano, version)) = self.0.lock(&mut tx).await? else { return Ok(Outcome::Done) };
        let Ok(status) = nano.status.publish() else {
            return Ok(Outcome::Cancel(format!("the nano is {}", nano.status.as_str())));
        };
        nanos::set_status(&mut tx, nano.id, status, now).await?;
        nano_versions::publish(&mut tx, &version, now).await?;
        self.0.event(&mut tx, "published", json!({ "number": version.number, "semver": version.semver }), now).await?;
        enqueue(&mut tx, &IndexNano { nano_id: nano.id, creator_id: nano.creator_id }).await?;
        announce(&mut tx, &Announcement::Published { nano: &nano, version: &version }, now).await?;
        self.0.tell_creator(context, &mut tx, Kind::NanoPublished, &nano, (None, json!({}))).await?;
        Ok(Outcome::DoneIn(tx))
    }
}
