//! Tells people of new nanos that their saved searches find: a notification for each search and one mail for all of them, on one
//! moment of a day at most, and of each nano once, however many searches find it.

use std::{collections::HashSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use db::Tx;
use domain::{
    ids::{NanoId, UserId},
    notification::Kind,
};
use infra::{
    db::{
        alerted_nanos,
        nano_lists::{self, Card},
        notification_preferences,
        notifications::{self, NewNotification},
        saved_searches::{self, SavedSearch},
        users,
    },
    search::{SearchQuery, Sort},
};
use queue::{
    EnqueueError, Job, JobError, Level, Outcome, Priority, Queue, Run,
    schedule::{Schedule, table::CatchUp},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Context, NewMail, queue_mail, queues};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct AlertSavedSearches {}

/// How far a search looks back, unless it has begun or was changed since: a nano is in the index some time after it was published,
/// and this job may have been away for some days.
const LOOKS_BACK: TimeDelta = TimeDelta::days(7);
/// The newest nanos that one search tells of.
const FOUND_MAX: u32 = 100;
/// Nanos that the mail names of each search.
const NAMED: usize = 10;
/// Between two people: those who search by hand come first.
const PAUSE: Duration = Duration::from_millis(5);

impl Job<Context> for AlertSavedSearches {
    const KIND: &'static str = "alert_saved_searches";
    const QUEUE: Queue = queues::MAINTENANCE;
    const PRIORITY: Priority = Priority::Bulk;
    const SCHEDULE: Option<Schedule> =
        Some(Schedule::new::<Self, Context>("0 30 6 * * *", "Europe/Berlin").jitter(300).catch_up(CatchUp::Skip));
    const TIMEOUT: Duration = Duration::from_secs(6 * 3_600);

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let (mut after, mut looked, mut told) = (UserId(Uuid::nil()), 0_u64, 0_u64);
        while !run.cancelled().is_cancelled() {
            let today = context.clock.now().date_naive();
            let people = saved_searches::people(&context.db, after, today).await?;
            let Some(last) = people.last() else { break };
            after = *last;
            for person in people {
                if run.cancelled().is_cancelled() {
                    break;
                }
                told += u64::from(alert(context, run, person).await?);
                looked += 1;
                tokio::time::sleep(PAUSE).await;
            }
            run.progress(looked, None, "looking for what people wait for");
        }
        if told > 0 {
            run.log(Level::Info, "saved searches have found something", &[("people", told.into())]);
        }
        Ok(Outcome::Done)
    }
}

/// What a search has found, the newest first.
struct Found {
    search: SavedSearch,
    cards: Vec<Card>,
}

/// True when this person was told of something.
async fn alert(context: &Context, run: &Run, person: UserId) -> Result<bool, JobError> {
    let now = context.clock.now();
    let mut all = Vec::new();
    // What two of them find, the older one tells of.
    for search in saved_searches::of(&context.db, person).await?.into_iter().rev() {
        if search.alerts {
            let cards = look(context, &search, now).await?;
            all.push(Found { search, cards });
        }
    }
    if all.iter().all(|found| found.cards.is_empty()) {
        return Ok(false);
    }
    let mut tx = run.transaction(context).await?;
    let there = saved_searches::lock_all(&mut tx, person).await?;
    let today = now.date_naive();
    // Another run was first.
    if there.iter().any(|search| search.alerted_on.is_some_and(|day| day >= today)) {
        return Ok(false);
    }
    // Edited or deleted meanwhile: it is looked at again tomorrow.
    all.retain(|found| {
        there.iter().any(|search| search.revision == found.search.revision && search.id == found.search.id)
    });
    let ids: Vec<NanoId> = all.iter().flat_map(|found| found.cards.iter().map(|card| card.nano.id)).collect();
    let mut known: HashSet<NanoId> = alerted_nanos::known(&mut tx, person, &ids).await?.into_iter().collect();
    for found in &mut all {
        found.cards.retain(|card| known.insert(card.nano.id));
    }
    all.retain(|found| !found.cards.is_empty());
    if all.is_empty() {
        return Ok(false);
    }
    let fresh: Vec<NanoId> = all.iter().flat_map(|found| found.cards.iter().map(|card| card.nano.id)).collect();
    alerted_nanos::add(&mut tx, person, &fresh, now).await?;
    for found in &all {
        saved_searches::set_alerted(&mut tx, found.search.id, today).await?;
    }
    tell(context, &mut tx, person, &all, now).await?;
    tx.commit().await?;
    Ok(true)
}

/// What this search finds among what was published since it last could have told of it.
async fn look(context: &Context, search: &SavedSearch, now: DateTime<Utc>) -> Result<Vec<Card>, JobError> {
    let criteria = &search.criteria;
    let since = search.watched_since.max(now - LOOKS_BACK);
    let query = SearchQuery {
        text: criteria.q.clone().unwrap_or_default(),
        category: criteria.category.clone(),
        level: criteria.level,
        language: criteria.language.map(|language| language.as_str().to_owned()),
        format: criteria.format.map(|format| format.as_str().to_owned()),
        creator: criteria.creator,
        duration_min: criteria.duration_min,
        duration_max: criteria.duration_max,
        published_since: Some(since),
        sort: Sort::Newest,
        limit: FOUND_MAX,
        ..SearchQuery::default()
    };
    let found = context.search.query(&query).await?;
    // Nothing has the words as they stand: what is similar is worth a look, not a mail.
    if found.corrected {
        return Ok(Vec::new());
    }
    let ids: Vec<NanoId> = found.hits.iter().map(|hit| hit.id).collect();
    let mut cards = nano_lists::by_ids(&context.db, &ids).await?;
    // The rows decide; the index may be a moment behind. Nobody has to be told of their own.
    cards.retain(|card| {
        let nano = &card.nano;
        nano.status.is_public() && nano.creator_id != search.user_id && nano.published_at.is_some_and(|at| at >= since)
    });
    Ok(cards)
}

async fn tell(
    context: &Context,
    tx: &mut Tx,
    person: UserId,
    all: &[Found],
    now: DateTime<Utc>,
) -> Result<(), EnqueueError> {
    const KIND: Kind = Kind::SavedSearchFound;
    let today = now.date_naive();
    let Some(person) = users::get_in(tx, person).await? else { return Ok(()) };
    let wanted = notification_preferences::get_in(tx, person.id, KIND).await?;
    if wanted.in_app {
        for Found { search, cards } in all {
            let new = NewNotification {
                user_id: person.id,
                kind: KIND,
                subject: &format!("{}:{today}", search.id),
                nano_id: None,
                rating_id: None,
                found: Some((search.id, u32::try_from(cards.len()).unwrap_or(FOUND_MAX))),
                reason: None,
            };
            notifications::insert(tx, &new, now).await?;
        }
    }
    if !wanted.mail || person.email_verified_at.is_none() {
        return Ok(());
    }
    let site = context.settings.public_url.trim_end_matches('/');
    let searches: Vec<Value> = all.iter().map(|found| named(site, found)).collect();
    let count: usize = all.iter().map(|found| found.cards.len()).sum();
    let mail = NewMail {
        // The day is part of it: however often this runs, a person gets one mail a day.
        key: &format!("{KIND}:{}:{today}", person.id),
        template: KIND.as_str(),
        language: person.language,
        user_id: Some(person.id),
        recipient: &person.email,
        params: json!({ "name": person.name, "count": count, "searches": searches }),
        now,
    };
    queue_mail(tx, mail).await
}

/// A search as the mail has it.
fn named(site: &str, Found { search, cards }: &Found) -> Value {
    let nanos: Vec<Value> = cards
        .iter()
        .take(NAMED)
        .map(|card| json!({ "title": card.nano.title, "link": format!("{site}/nanos/{}", card.nano.id) }))
        .collect();
    json!({ "name": search.name, "nanos": nanos, "more": cards.len().saturating_sub(NAMED) })
}
