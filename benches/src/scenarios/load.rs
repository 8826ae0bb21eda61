//! A load of jobs, each enqueued in a transaction of its own as the api does it, with the moment its commit returned.

use std::{collections::HashMap, sync::Arc, time::Duration};

use db::Db;
use queue::Job;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{stats::now_micros, worker::Bench};

/// Transactions under way at a time; the pool refuses more.
const AT_ONCE: usize = 20;

/// Enqueues `job`; returns the microsecond its commit came back.
pub async fn one<J: Job<Bench>>(db: &Db, job: &J) -> anyhow::Result<u64> {
    let mut tx = db.begin().await?;
    queue::enqueue(&mut tx, job).await?;
    tx.commit().await?;
    Ok(now_micros())
}

/// Enqueues `count` jobs at `rate` a second, numbered from `first`; each one's moment of commit.
pub async fn steady<J: Job<Bench>>(
    db: &Db,
    rate: f64,
    first: u64,
    count: u64,
    job: impl Fn(u64) -> J,
) -> anyhow::Result<HashMap<u64, u64>> {
    let started = Instant::now();
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut pushes = JoinSet::new();
    let mut committed = HashMap::new();
    for n in 0..count {
        sleep_until(started + Duration::from_secs_f64(n as f64 / rate)).await;
        let permit = permits.clone().acquire_owned().await?;
        let (db, job) = (db.clone(), job(first + n));
        pushes.spawn(async move {
            let at = one(&db, &job).await?;
            drop(permit);
            anyhow::Ok((first + n, at))
        });
        while let Some(done) = pushes.try_join_next() {
            let (n, at) = done??;
            committed.insert(n, at);
        }
    }
    while let Some(done) = pushes.join_next().await {
        let (n, at) = done??;
        committed.insert(n, at);
    }
    Ok(committed)
}

/// Enqueues `count` jobs in transactions of `batch`; returns the seconds it took.
pub async fn bulk<J: Job<Bench>>(db: &Db, count: u64, batch: usize, job: impl Fn(u64) -> J) -> anyhow::Result<f64> {
    let jobs: Vec<J> = (0..count).map(job).collect();
    let started = std::time::Instant::now();
    for batch in jobs.chunks(batch) {
        let mut tx = db.begin().await?;
        queue::enqueue_all(&mut tx, batch).await?;
        tx.commit().await?;
    }
    Ok(started.elapsed().as_secs_f64())
}
