//! Counts anew what people have given each nano, mends what is wrong, and says so: it should never be.

use std::time::Duration;

use domain::ids::NanoId;
use infra::db::{nano_totals, nanos, rating_votes, ratings};
use queue::{Job, JobError, Level, Outcome, Priority, Queue, Run, schedule::Schedule};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{Context, index_ratings, queues};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct RecheckTotals {}

/// Between two nanos: those who serve people come first.
const PAUSE: Duration = Duration::from_millis(2);

impl Job<Context> for RecheckTotals {
    const KIND: &'static str = "recheck_totals";
    const QUEUE: Queue = queues::MAINTENANCE;
    const PRIORITY: Priority = Priority::Bulk;
    const SCHEDULE: Option<Schedule> =
        Some(Schedule::new::<Self, Context>("0 15 3 * * *", "Europe/Berlin").jitter(300));
    const TIMEOUT: Duration = Duration::from_secs(6 * 3_600);

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let (mut after, mut checked, mut mended) = (NanoId(Uuid::nil()), 0_u64, 0_u64);
        while !run.cancelled().is_cancelled() {
            let batch = nano_totals::batch(&context.db, after).await?;
            let Some(last) = batch.last() else { break };
            after = *last;
            for nano in batch {
                mended += mend(context, run, nano).await?;
                checked += 1;
                tokio::time::sleep(PAUSE).await;
            }
            run.progress(checked, None, "counting what nanos were given");
        }
        if mended > 0 {
            metrics::counter!("totals_mended_total").increment(mended);
        }
        run.log(Level::Info, "counted what nanos were given", &[("nanos", json!(checked)), ("mended", json!(mended))]);
        Ok(Outcome::Done)
    }
}

/// How many counts of the nano were wrong.
async fn mend(context: &Context, run: &Run, id: NanoId) -> Result<u64, JobError> {
    let mut mended = 0;
    for rating in rating_votes::miscounted(&context.db, id).await? {
        let mut tx = run.transaction(context).await?;
        // Deleted meanwhile: there is nothing to count.
        if ratings::lock(&mut tx, rating).await?.is_some() {
            rating_votes::mend(&mut tx, rating).await?;
            mended += 1;
        }
        tx.commit().await?;
        run.log(Level::Warn, "a rating's votes were miscounted", &[("rating_id", json!(rating))]);
    }
    let mut tx = run.transaction(context).await?;
    if let Some((stood, right)) = nano_totals::mend(&mut tx, id).await? {
        if let Some(nano) = nanos::get(&context.db, id).await? {
            index_ratings(&mut tx, id, nano.creator_id).await?;
        }
        let fields = [
            ("nano_id", json!(id)),
            ("scores_stood", json!(stood.scores.0)),
            ("scores", json!(right.scores.0)),
            ("favorites_stood", json!(stood.favorites)),
            ("favorites", json!(right.favorites)),
        ];
        run.log(Level::Warn, "what a nano was given was miscounted", &fields);
        mended += 1;
    }
    tx.commit().await?;
    Ok(mended)
}
