//! The pages that are measured: every filter alone, the usual combinations, rare and dense ones, deep pages, and the
//! pages that are no lists.

use anyhow::ensure;
use chrono::{TimeDelta, Utc};
use db::Db;
use futures::future::BoxFuture;
use queue::{
    ids::JobId,
    ledger::{
        self, State,
        controls::{limits, pauses},
        flow_members,
        history::{attempts, logs, timeline},
        list::{self, Cursor, Filter, Fingerprint},
        stats::{error_groups, queues, series},
        workers,
    },
};
use uuid::Uuid;

use super::{number, walk};

/// A page to look at; the number of the look varies what it is about.
pub struct Look {
    pub name: &'static str,
    pub at: Box<dyn Fn(Db, usize) -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>,
}

/// Of the ledger's shape: owner, nano and cause by their number.
fn tenant(number: u64) -> Uuid {
    Uuid::from_u128((0x0193_0000_0000_7000_A000 << 48) | u128::from(number))
}

fn nano(number: u64) -> Uuid {
    Uuid::from_u128((0x0193_0000_0000_7000_B000 << 48) | u128::from(number))
}

fn cause(number: u64) -> Fingerprint {
    Fingerprint(u128::from(number).to_be_bytes())
}

fn kind(name: &str) -> Filter {
    Filter { kind: Some(name.to_owned()), ..Filter::default() }
}

fn state(state: State) -> Filter {
    Filter { states: vec![state], ..Filter::default() }
}

/// The lists, by name and filter; those marked are also looked at deep inside.
fn lists(jobs: u64) -> Vec<(&'static str, bool, Filter)> {
    let days = |days| Some(Utc::now() - TimeDelta::days(days));
    let dense = Some(tenant(0));
    let unfinished =
        vec![State::Available, State::Running, State::Retryable, State::Scheduled, State::Waiting, State::Blocked];
    vec![
        ("all jobs", true, Filter::default()),
        ("state discarded", true, state(State::Discarded)),
        ("state completed", true, state(State::Completed)),
        ("state available", false, state(State::Available)),
        ("state running", false, state(State::Running)),
        ("state quarantined", false, state(State::Quarantined)),
        ("every unfinished state", false, Filter { states: unfinished, ..Filter::default() }),
        ("kind, dense", true, kind("send_email")),
        ("kind, rare", false, kind("prune_ledger")),
        ("queue, dense", true, Filter { queue: Some("uploads".into()), ..Filter::default() }),
        ("queue, rare", false, Filter { queue: Some("heavy".into()), ..Filter::default() }),
        ("tenant, dense", true, Filter { tenant: dense, ..Filter::default() }),
        ("tenant, rare", false, Filter { tenant: Some(tenant(4_999)), ..Filter::default() }),
        ("tenant: the system", true, Filter { tenant: Some(Uuid::nil()), ..Filter::default() }),
        (
            "reference to a nano",
            false,
            Filter { reference: Some(("nano".into(), nano(jobs / 12))), ..Filter::default() },
        ),
        ("reference to a busy user", true, Filter { reference: Some(("user".into(), tenant(0))), ..Filter::default() }),
        ("cause, dense", true, Filter { fingerprint: Some(cause(0)), ..Filter::default() }),
        ("cause, rare", false, Filter { fingerprint: Some(cause(39)), ..Filter::default() }),
        ("since and until", false, Filter { since: days(8), until: days(7), ..Filter::default() }),
        ("kind + discarded", true, Filter { states: vec![State::Discarded], ..kind("send_email") }),
        ("kind + completed", true, Filter { states: vec![State::Completed], ..kind("send_email") }),
        ("kind + tenant, both dense", true, Filter { tenant: dense, ..kind("send_email") }),
        ("kind + queue, nothing in common", false, Filter { queue: Some("media".into()), ..kind("send_email") }),
        ("kind + rare queue", false, Filter { queue: Some("heavy".into()), ..kind("scan_content") }),
        ("queue + discarded", true, Filter { queue: Some("uploads".into()), ..state(State::Discarded) }),
        ("tenant + discarded", false, Filter { tenant: dense, ..state(State::Discarded) }),
        (
            "tenant + queue + cancelled",
            false,
            Filter { tenant: dense, queue: Some("mail".into()), ..state(State::Cancelled) },
        ),
        (
            "busy user + discarded",
            false,
            Filter { reference: Some(("user".into(), tenant(0))), ..state(State::Discarded) },
        ),
        (
            "cause + kind + discarded",
            false,
            Filter { fingerprint: Some(cause(0)), states: vec![State::Discarded], ..kind("index_nano") },
        ),
        ("quarantined, a day long ago", false, Filter { since: days(10), until: days(9), ..state(State::Quarantined) }),
    ]
}

pub async fn all(db: &Db) -> anyhow::Result<Vec<Look>> {
    let ledger = number(db, "SELECT COUNT(*) FROM jobs".into()).await?;
    let mut looks = Vec::new();
    for (name, deep, filter) in lists(ledger) {
        let first = filter.clone();
        looks.push(look(name, move |db, _| {
            let filter = first.clone();
            async move {
                list::page(&db, &filter, None, 20).await?;
                Ok(())
            }
        }));
        if deep {
            let cursor = dive(db, &filter).await?;
            let name: &'static str = Box::leak(format!("{name}, page far behind").into_boxed_str());
            looks.push(look(name, move |db, _| {
                let filter = filter.clone();
                async move {
                    list::page(&db, &filter, cursor.as_ref(), 20).await?;
                    Ok(())
                }
            }));
        }
    }
    let failed = list::page(db, &state(State::Discarded), None, 100).await?.jobs;
    let failed: Vec<JobId> = failed.into_iter().map(|job| job.id).collect();
    ensure!(!failed.is_empty(), "the ledger has no failed job");
    looks.push(look("a job", move |db, round| {
        let id = failed[round % failed.len()];
        async move {
            ensure!(ledger::get(&db, id).await?.is_some(), "the job is gone");
            timeline::of(&db, id).await?;
            attempts::by_job(&db, id).await?;
            logs::by_job(&db, id).await?;
            flow_members::children_of(&db, id).await?;
            Ok(())
        }
    }));
    looks.push(look("errors", |db, _| async move {
        error_groups::page(&db, &error_groups::Filter::default(), None, 21).await?;
        Ok(())
    }));
    looks.push(look("errors of a kind and class", |db, _| async move {
        let filter = error_groups::Filter {
            kind: Some("send_email".into()),
            class: Some("timeout".into()),
            ..error_groups::Filter::default()
        };
        error_groups::page(&db, &filter, None, 21).await?;
        Ok(())
    }));
    for (name, minutes) in [("queues, an hour's figures", 60), ("queues, two hours' figures", 120)] {
        looks.push(look(name, move |db, _| async move {
            let now = Utc::now();
            let since = now - TimeDelta::minutes(minutes);
            let filter = series::Filter { since, until: now, ..series::Filter::default() };
            tokio::try_join!(
                queues::all(&db, &["uploads", "media", "search", "mail", "maintenance", "bulk", "heavy"]),
                series::durations(&db, &filter),
                series::by_queue(&db, &filter),
                pauses::list(&db),
                limits::list(&db),
            )?;
            Ok(())
        }));
    }
    looks.push(look("workers", |db, _| async move {
        tokio::try_join!(workers::list(&db), workers::running(&db))?;
        Ok(())
    }));
    for (name, hours, step) in [
        ("stats, an hour by minute", 1, series::Step::Minute),
        ("stats, six hours by minute", 6, series::Step::Minute),
        ("stats, 31 days by hour", 31 * 24, series::Step::Hour),
    ] {
        looks.push(look(name, move |db, _| async move {
            let now = Utc::now();
            let since = now - TimeDelta::hours(hours);
            let filter = series::Filter { since, until: now, ..series::Filter::default() };
            series::series(&db, &filter, step, Some(series::Split::Kind)).await?;
            Ok(())
        }));
    }
    looks.push(look("a bulk action's step", |db, _| async move {
        list::step(&db, &state(State::Discarded), JobId(Uuid::nil()), JobId(Uuid::max()), 100).await?;
        Ok(())
    }));
    Ok(looks)
}

fn look<F>(name: &'static str, at: impl Fn(Db, usize) -> F + Send + Sync + 'static) -> Look
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    Look { name, at: Box::new(move |db, round| Box::pin(at(db, round))) }
}

/// A cursor 100 pages of 100 further, or as far as the list goes.
async fn dive(db: &Db, filter: &Filter) -> anyhow::Result<Option<Cursor>> {
    let mut cursor = None;
    for _ in 0..100 {
        match list::page(db, filter, cursor.as_ref(), 100).await?.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    Ok(cursor)
}

/// Walks over all pages find what a plain count finds, also where windows end before pages are full.
pub async fn verify(db: &Db) -> anyhow::Result<()> {
    let owner = tenant(0).simple();
    for (filter, condition) in [
        (
            Filter { tenant: Some(tenant(0)), ..kind("remove_object") },
            format!("kind = 'remove_object' AND tenant = x'{owner}'"),
        ),
        (
            Filter { tenant: Some(tenant(0)), ..kind("publish_nano") },
            format!("kind = 'publish_nano' AND tenant = x'{owner}'"),
        ),
        (
            Filter { queue: Some("heavy".into()), ..kind("scan_content") },
            "kind = 'scan_content' AND queue = 'heavy'".into(),
        ),
        (
            Filter { queue: Some("mail".into()), ..state(State::Cancelled) },
            "queue = 'mail' AND state = 'cancelled'".into(),
        ),
        (
            Filter { tenant: Some(tenant(0)), states: vec![State::Completed], ..kind("send_email") },
            format!("kind = 'send_email' AND tenant = x'{owner}' AND state = 'completed'"),
        ),
    ] {
        let (found, total) = walk(db, &filter).await?;
        let expected = number(db, format!("SELECT COUNT(*) FROM jobs WHERE {condition}")).await?;
        ensure!(found == expected, "pages of {filter:?} have {found} jobs, the ledger has {expected}");
        ensure!(
            total.count <= expected && (total.capped || total.count == expected),
            "{total:?} of {expected}: {filter:?}"
        );
    }
    Ok(())
}
