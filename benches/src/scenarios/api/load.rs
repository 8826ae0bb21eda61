//! Loads: as much as goes over a number of connections, and a steady one by the clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use tokio::task::JoinSet;

use super::client::Client;
use crate::stats;

/// What a load came to; times in milliseconds.
pub struct Measured {
    pub per_second: f64,
    pub times: Vec<f64>,
}

impl Measured {
    pub fn at(&self, percentile: f64) -> f64 {
        stats::percentile(&self.times, percentile)
    }
}

/// What is asked, and which status is right.
#[derive(Clone)]
pub struct Question {
    pub port: u16,
    /// The n-th request.
    pub request: Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>,
    pub status: u16,
}

impl Question {
    pub fn new(port: u16, request: Vec<u8>, status: u16) -> Self {
        Self { port, request: Arc::new(move |_| request.clone()), status }
    }

    async fn put(&self, client: &mut Client, number: u64) -> anyhow::Result<()> {
        let request = (self.request)(number);
        let answer = client.ask(&request).await?;
        ensure!(
            answer.status == self.status,
            "{} instead of {}: {}",
            answer.status,
            self.status,
            String::from_utf8_lossy(answer.body)
        );
        Ok(())
    }
}

/// One request after the other on each connection.
pub async fn flood(question: &Question, connections: usize, lasts: Duration) -> anyhow::Result<Measured> {
    let number = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (question, number) = (question.clone(), number.clone());
        tasks.spawn(async move {
            let mut client = Client::connect(question.port).await?;
            let mut times = Vec::new();
            while started.elapsed() < lasts {
                let began = Instant::now();
                question.put(&mut client, number.fetch_add(1, Ordering::Relaxed)).await?;
                times.push(began.elapsed().as_secs_f64() * 1e3);
            }
            anyhow::Ok(times)
        });
    }
    let mut all = Vec::new();
    while let Some(times) = tasks.join_next().await {
        all.extend(times??);
    }
    Ok(Measured { per_second: all.len() as f64 / started.elapsed().as_secs_f64(), times: all })
}

/// So many a second, each at its own time: what comes late because those before it took long counts as slow, too.
pub async fn steady(question: &Question, rate: f64, lasts: Duration) -> anyhow::Result<Measured> {
    const CONNECTIONS: usize = 32;
    let number = Arc::new(AtomicU64::new(0));
    let started = tokio::time::Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (question, number) = (question.clone(), number.clone());
        tasks.spawn(async move {
            let mut client = Client::connect(question.port).await?;
            let mut times = Vec::new();
            loop {
                let mine = number.fetch_add(1, Ordering::Relaxed);
                let after = Duration::from_secs_f64(mine as f64 / rate);
                if after > lasts {
                    return anyhow::Ok(times);
                }
                let due = started + after;
                let mut began = due;
                if tokio::time::Instant::now() < due {
                    tokio::time::sleep_until(due).await;
                    // The timer's own delay is not the server's.
                    began = tokio::time::Instant::now();
                }
                question.put(&mut client, mine).await?;
                times.push(began.elapsed().as_secs_f64() * 1e3);
            }
        });
    }
    let mut all = Vec::new();
    while let Some(times) = tasks.join_next().await {
        all.extend(times??);
    }
    Ok(Measured { per_second: all.len() as f64 / started.elapsed().as_secs_f64(), times: all })
}
