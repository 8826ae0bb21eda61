//! Looks at a new comment, and at a creator's reply to one, which become public when nothing speaks against them.

use chrono::{DateTime, Utc};
use content::scan;
use db::Tx;
use domain::{
    ids::{NanoId, RatingId, UserId},
    notification::Kind,
    rating::{Part, RatingStatus},
    review::{self, Verdict},
};
use infra::db::{
    moderation_cases,
    nanos::{self, Nano},
    rating_words::{self, Words},
    ratings::{self, Rating},
};
use queue::{EnqueueError, Job, JobError, Level, Outcome, Queue, Reference, Run};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Context, News, notify, queues};

#[derive(Debug, Serialize, Deserialize)]
pub struct ScanRating {
    pub rating_id: RatingId,
    pub nano_id: NanoId,
    /// Whoever wrote what is looked at.
    pub user_id: UserId,
}

impl Job<Context> for ScanRating {
    const KIND: &'static str = "scan_rating";
    const QUEUE: Queue = queues::UPLOADS;
    const OWNER_MAY_RETRY: bool = true;

    fn tenant(&self) -> Option<Uuid> {
        Some(self.user_id.0)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::new("rating", self.rating_id), Reference::new("nano", self.nano_id)]
    }

    fn unique_key(&self) -> Option<String> {
        Some(self.rating_id.to_string())
    }

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let Some(nano) = nanos::get(&context.db, self.nano_id).await? else { return Ok(Outcome::Done) };
        let mut looked_at = Vec::new();
        for words in rating_words::of(&context.db, self.rating_id).await? {
            if words.findings.is_none() {
                let parts = [(words.part.as_str(), words.text.as_str())];
                let findings = scan::text(&parts, Some(nano.language.as_str()));
                let rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
                let level = if rules.is_empty() { Level::Info } else { Level::Warn };
                run.log(level, "scanned", &[("part", json!(words.part)), ("rules", json!(rules))]);
                let gravest = findings.iter().map(|finding| finding.action).max();
                let findings = serde_json::to_value(&findings).map_err(JobError::failed)?;
                // Whoever made the nano has one on the shelf, this one; whoever rates it is asked for none.
                looked_at.push((words, review::judge(context.settings.review_policy, true, gravest), findings));
            }
        }
        let mut tx = context.db.begin().await?;
        let Some(rating) = ratings::lock(&mut tx, self.rating_id).await? else { return Ok(Outcome::Done) };
        for (words, verdict, findings) in looked_at {
            settle(&mut tx, context, (&nano, &rating), &words, verdict, &findings).await?;
        }
        Ok(Outcome::DoneIn(tx))
    }
}

async fn settle(
    tx: &mut Tx,
    context: &Context,
    (nano, rating): (&Nano, &Rating),
    words: &Words,
    verdict: Verdict,
    findings: &Value,
) -> Result<(), JobError> {
    // Written anew meanwhile: this job runs once more for it. Removed: nobody waits for it.
    let same = rating_words::get_in(tx, rating.id, words.part).await?.is_some_and(|now| now == *words);
    if !same || rating.status == RatingStatus::Removed {
        return Ok(());
    }
    let now = context.clock.now();
    if verdict == Verdict::Publish {
        moderation_cases::dismiss_words(tx, rating.id, Some(words.part), now).await?;
        ratings::set_words(tx, rating.id, words.part, &words.text, now).await?;
        rating_words::remove(tx, rating.id, words.part).await?;
        if words.part == Part::Reply {
            tell_of_reply(tx, nano, rating, &context.settings.public_url, now).await?;
        }
    } else {
        rating_words::hold(tx, rating.id, words.part, findings).await?;
        moderation_cases::open_about_words(tx, (rating.nano_id, rating.id), words.part, now).await?;
    }
    Ok(())
}

/// Tells whoever wrote a rating that its nano's creator has replied; of the first reply, not of each change of it.
pub async fn tell_of_reply(
    tx: &mut Tx,
    nano: &Nano,
    rating: &Rating,
    site: &str,
    now: DateTime<Utc>,
) -> Result<(), EnqueueError> {
    let news = News {
        kind: Kind::RatingReplied,
        to: rating.user_id,
        subject: &rating.id.to_string(),
        nano,
        rating_id: Some(rating.id),
        reason: None,
        details: json!({}),
    };
    notify(tx, news, site, now).await
}
