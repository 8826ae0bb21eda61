//! Brings the search index in line with a nano as it is now: there when published, gone otherwise.

use db::DbError;
use domain::ids::{NanoId, UserId};
use infra::{
    db::{
        categories, nano_events, nano_totals, nano_versions,
        nanos::{self, Nano},
        users,
    },
    search::{Change, Document},
};
use queue::{Job, JobError, Outcome, Queue, Reference, RetryPolicy, Run};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{Context, queues};

#[derive(Debug, Serialize, Deserialize)]
pub struct IndexNano {
    pub nano_id: NanoId,
    pub creator_id: UserId,
}

impl Job<Context> for IndexNano {
    const KIND: &'static str = "index_nano";
    const QUEUE: Queue = queues::SEARCH;
    const OWNER_MAY_RETRY: bool = true;
    const RETRY: RetryPolicy = RetryPolicy { max_failures: 20, ..RetryPolicy::DEFAULT };

    fn tenant(&self) -> Option<Uuid> {
        Some(self.creator_id.0)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::new("nano", self.nano_id)]
    }

    async fn run(&self, context: &Context, _run: &Run) -> Result<Outcome, JobError> {
        let Some(nano) = nanos::get(&context.db, self.nano_id).await? else { return Ok(Outcome::Done) };
        let (document, version) = match index_change(context, nano).await? {
            Change::Upsert { document, version } => (document, version),
            Change::Delete { id, version } => {
                context.search.delete(id, version).await?;
                context.cache.is_indexed(id).await;
                return Ok(Outcome::Done);
            }
        };
        context.search.upsert(&document, version).await?;
        context.cache.is_indexed(self.nano_id).await;
        let mut tx = context.db.begin().await?;
        if nanos::lock(&mut tx, self.nano_id).await?.is_some() {
            let data = json!({ "index_version": version });
            nano_events::append(&mut tx, self.nano_id, "indexed", &data, context.clock.now()).await?;
        }
        Ok(Outcome::DoneIn(tx))
    }
}

/// What the search index is to know of a nano: everything when it is published, and otherwise nothing any more. The row's
/// version was read with the content it stands for: a later change has a higher one and its own job.
pub(crate) async fn index_change(context: &Context, nano: Nano) -> Result<Change, DbError> {
    let Some(version) = nano.current_version_id.filter(|_| nano.status.is_public()) else {
        return Ok(Change::Delete { id: nano.id, version: nano.index_version });
    };
    let version = nano_versions::get(&context.db, version).await?;
    let metadata = version.and_then(|version| version.metadata);
    let words = metadata.as_ref().and_then(|metadata| metadata.get("text")?.as_str());
    let creator = users::get(&context.db, nano.creator_id).await?;
    let totals = nano_totals::get(&context.db, nano.id).await?;
    let document = Document {
        id: nano.id,
        title: nano.title,
        description: nano.description,
        body: words.unwrap_or_default().to_owned(),
        categories: categories_with_parents(context, nano.id).await?,
        creator_id: nano.creator_id,
        creator_name: creator.map(|creator| creator.name).unwrap_or_default(),
        level: nano.level,
        language: nano.language.as_str().to_owned(),
        format: nano.format.as_str().to_owned(),
        duration_minutes: nano.duration_minutes,
        average_rating: totals.scores.average(),
        download_count: nano.download_count.into(),
        status: nano.status.as_str().to_owned(),
        published_at: nano.published_at,
        created_at: nano.created_at,
    };
    Ok(Change::Upsert { document: Box::new(document), version: nano.index_version })
}

/// The slugs of a nano's categories and of all above them: who looks into a category looks into those below it, too.
async fn categories_with_parents(context: &Context, nano: NanoId) -> Result<Vec<String>, DbError> {
    let mut slugs = nanos::category_slugs(&context.db, nano).await?;
    let tree = categories::list(&context.db).await?;
    let mut next = 0;
    while let Some(slug) = slugs.get(next) {
        let parent = tree.iter().find(|category| category.slug == *slug).and_then(|category| category.parent_id);
        let above = tree.iter().find(|category| Some(category.id) == parent);
        if let Some(above) = above.filter(|above| !slugs.contains(&above.slug)) {
            slugs.push(above.slug.clone());
        }
        next += 1;
    }
    Ok(slugs)
}
