//! The example of docs/jobs.md, as it stands there, and the test kit at work on it.

use std::time::Duration;

use queue::ledger::State;
use tests::{TestApp, archives};

use domain::ids::{NanoId, UserId};
use infra::db::{nano_events, nanos};
use jobs::Context;
use queue::{Job, JobError, Level, Outcome, Priority, Queue, Reference, RetryPolicy, Run, class};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

/// Removes a nano's pictures.
#[derive(Debug, Serialize, Deserialize)]
pub struct DropPictures {
    pub nano_id: NanoId,
    pub creator_id: UserId,
}

impl Job<Context> for DropPictures {
    const KIND: &'static str = "drop_pictures";
    const QUEUE: Queue = jobs::queues::MAINTENANCE;
    const PRIORITY: Priority = Priority::Low;
    const RETRY: RetryPolicy = RetryPolicy { max_failures: 5, ..RetryPolicy::DEFAULT };
    const TIMEOUT: Duration = Duration::from_secs(60);

    fn tenant(&self) -> Option<Uuid> {
        Some(self.creator_id.0)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::new("nano", self.nano_id)]
    }

    fn unique_key(&self) -> Option<String> {
        Some(self.nano_id.to_string())
    }

    fn retry(class: &str) -> RetryPolicy {
        let max_failures = if class == class::TIMEOUT { 2 } else { Self::RETRY.max_failures };
        RetryPolicy { max_failures, ..Self::RETRY }
    }

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        // Before the last transaction: may happen twice, and must not mind.
        let pictures = context.storage.list(&format!("thumbnails/{}/", self.nano_id)).await?;
        let total = pictures.len() as u64;
        for (done, picture) in (1..).zip(&pictures) {
            context.storage.delete(&picture.key).await?;
            run.progress(done, Some(total), "removing pictures");
        }
        run.log(Level::Info, "pictures removed", &[("objects", total.into())]);

        // The last writes: they and the completed mark commit together, or not at all.
        let mut tx = context.db.begin().await?;
        if nanos::lock(&mut tx, self.nano_id).await?.is_none() {
            return Ok(Outcome::Done);
        }
        let data = json!({ "objects": total });
        nano_events::append(&mut tx, self.nano_id, "pictures_removed", &data, context.clock.now()).await?;
        Ok(Outcome::DoneIn(tx))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_the_documentation_works() {
    let app = TestApp::start().await;
    let creator = app.creator("pia").await;
    let nano = creator.submit(&app, "Pictures", archives::unit()).await;
    app.run_all_due().await;
    let pictures = async || app.objects().await.iter().filter(|key| key.starts_with("thumbnails/")).count();
    assert_eq!(pictures().await, 3);

    let job = DropPictures { nano_id: nano.parse().unwrap(), creator_id: creator.id.parse().unwrap() };
    let id = app.put(&job).await;
    assert_eq!(app.put(&job).await, id, "one at a time for a nano");
    let kit = app.kit().await.clone().with_job::<DropPictures>();
    assert_eq!(kit.run_one(id).await.state, State::Completed);
    assert_eq!(pictures().await, 0);
    let events = nano_events::since(&app.db, job.nano_id, 0, 100).await.unwrap();
    assert_eq!(events.last().unwrap().kind, "pictures_removed");
    app.finish().await;
}
