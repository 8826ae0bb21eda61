//! An operator beside the uploads: asks for jobs that run already, cancels, pauses, limits and acts on many jobs at once,
//! through the API, and keeps what was promised.

use std::{sync::Mutex, time::Duration};

use anyhow::{Result, ensure};
use chrono::{DateTime, Utc};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::browser::Browser;

/// Enqueued each second, and again by hand, under one unique key.
pub const REPEATED: &str = "expire_uploads";
/// Asked for and cancelled, one by one.
const CANCELLED: &str = "reconcile_storage";
/// The same, many at once.
const IN_BULK: &str = "remind_moderators";
/// Limits that stay to the end, so that their counters can be read. They are too wide to hold anything up.
const STAY: [(&str, u32); 2] = [("send_email", 500), ("validate_archive", 500)];
const BETWEEN: Duration = Duration::from_millis(300);
const REASON: &str = "chaos";

/// When somebody else did what was asked: between a question and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// When it was asked for the first time.
    pub first: DateTime<Utc>,
    /// When that question was asked which was answered.
    pub asked: DateTime<Utc>,
    pub answered: DateTime<Utc>,
}

/// A pause of a schedule.
#[derive(Debug, Clone)]
pub struct SchedulePause {
    pub name: String,
    pub from: Moment,
    /// None: to the end.
    pub until: Option<Moment>,
}

impl SchedulePause {
    /// Whether the schedule may have been paused at that time.
    pub fn perhaps(&self, at: DateTime<Utc>) -> bool {
        self.from.first <= at && self.until.is_none_or(|until| at <= until.answered)
    }

    /// Whether it was.
    pub fn certainly(&self, at: DateTime<Utc>) -> bool {
        self.from.answered < at && self.until.is_none_or(|until| at < until.first)
    }
}

/// What was asked for, and answered with a yes.
#[derive(Debug, Clone, Default)]
pub struct Steered {
    /// Runs of schedules beside their times, each with its job.
    pub runs: Vec<(Uuid, Moment)>,
    pub cancels: Vec<(Uuid, Moment)>,
    pub schedule_pauses: Vec<SchedulePause>,
    pub bulks: Vec<Uuid>,
    /// Kinds whose jobs a bulk action may have cancelled.
    pub bulk_kinds: Vec<String>,
    /// Pauses and limits that came and went.
    pub pauses: usize,
    pub limits: usize,
    /// Kinds that are limited at the end.
    pub limited: Vec<String>,
}

impl Steered {
    /// Whether somebody asked for the job to stop.
    pub fn touched(&self, job: Uuid) -> bool {
        self.cancels.iter().any(|(cancelled, _)| *cancelled == job)
    }
}

pub struct Steering<'a> {
    operator: Browser<'a>,
    done: Mutex<Steered>,
}

impl<'a> Steering<'a> {
    pub fn new(operator: Browser<'a>) -> Self {
        Self { operator, done: Mutex::default() }
    }

    pub fn steered(&self) -> Steered {
        self.done().clone()
    }

    fn done(&self) -> std::sync::MutexGuard<'_, Steered> {
        self.done.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// One deed after the other until `enough`; then everything is let go, and the schedules rest.
    pub async fn run(&self, seed: u64, enough: &CancellationToken) -> Result<()> {
        let mut rng = StdRng::seed_from_u64(seed ^ 0x57ee_7126);
        while !enough.is_cancelled() {
            self.deed(&mut rng).await?;
            tokio::select! {
                () = enough.cancelled() => {}
                () = tokio::time::sleep(BETWEEN) => {}
            }
        }
        self.rest().await
    }

    async fn deed(&self, rng: &mut StdRng) -> Result<()> {
        let while_it_lasts = Duration::from_millis(rng.random_range(300..2_000));
        match rng.random_range(0..7) {
            0 | 1 => {
                // Once more while it waits, or runs, or has just ended.
                for _ in 0..rng.random_range(2..5) {
                    self.run_now(REPEATED).await?;
                }
            }
            2 => self.cancel(rng).await?,
            3 => self.pause(rng, while_it_lasts).await?,
            4 => self.limit(rng, while_it_lasts).await?,
            5 => self.pause_schedule(while_it_lasts).await?,
            _ => self.bulk(rng).await?,
        }
        Ok(())
    }

    async fn run_now(&self, schedule: &str) -> Result<Uuid> {
        let path = format!("/admin/jobs/schedules/{schedule}/run");
        let (body, moment) = self.must("POST …/schedules/{name}/run", Method::POST, &path, because()).await?;
        let job = body["data"]["job_id"].as_str().and_then(|id| id.parse().ok());
        let job = job.ok_or_else(|| anyhow::anyhow!("no job in {body}"))?;
        self.done().runs.push((job, moment));
        Ok(job)
    }

    /// Asks for a job, cancels it, waiting or running, and mostly asks for it again.
    async fn cancel(&self, rng: &mut StdRng) -> Result<()> {
        let job = self.run_now(CANCELLED).await?;
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..60))).await;
        let path = format!("/jobs/{job}/cancel");
        let (status, body, moment) =
            self.operator.ask("POST /jobs/{id}/cancel", Method::POST, &path, &because()).await?;
        // It had ended.
        let refused = status == StatusCode::CONFLICT;
        ensure!(status.is_success() || refused, "cancelling job {job}: {status} {body}");
        // Before the refusal may have come a yes that was lost.
        self.done().cancels.push((job, moment));
        if rng.random_bool(0.7) {
            self.run_now(CANCELLED).await?;
        }
        Ok(())
    }

    /// A queue or a kind.
    async fn pause(&self, rng: &mut StdRng, time: Duration) -> Result<()> {
        let what = [
            "queues/media",
            "queues/maintenance",
            "kinds/scan_content",
            "kinds/make_thumbnails",
            "kinds/expire_uploads",
        ];
        let what = what.choose(rng).copied().unwrap_or("queues/media");
        let path = |verb: &str| format!("/admin/jobs/{what}/{verb}");
        self.must("POST …/pause", Method::POST, &path("pause"), because()).await?;
        tokio::time::sleep(time).await;
        self.let_go("POST …/resume", Method::POST, &path("resume"), because()).await?;
        self.done().pauses += 1;
        Ok(())
    }

    async fn pause_schedule(&self, time: Duration) -> Result<()> {
        let from = self.schedule("pause").await?;
        tokio::time::sleep(time).await;
        let until = Some(self.schedule("resume").await?);
        self.done().schedule_pauses.push(SchedulePause { name: REPEATED.to_owned(), from, until });
        Ok(())
    }

    async fn schedule(&self, verb: &str) -> Result<Moment> {
        let path = format!("/admin/jobs/schedules/{REPEATED}/{verb}");
        self.let_go("POST …/schedules/{name}/…", Method::POST, &path, because()).await
    }

    /// Limits that hold jobs up: at a time, for each creator, and by the second.
    async fn limit(&self, rng: &mut StdRng, time: Duration) -> Result<()> {
        let kind = ["make_thumbnails", "scan_content", "index_nano", "expire_uploads"]
            .choose(rng)
            .copied()
            .unwrap_or("index_nano");
        let mut limit = because();
        match rng.random_range(0..3) {
            0 => limit["max_running"] = json!(rng.random_range(1..3)),
            1 => {
                limit["max_running"] = json!(3);
                limit["max_running_per_tenant"] = json!(1);
            }
            _ => {
                limit["rate"] = json!(rng.random_range(2..20));
                limit["burst"] = json!(rng.random_range(1..4));
            }
        }
        let path = format!("/admin/jobs/limits/{kind}");
        self.must("PUT …/limits/{kind}", Method::PUT, &path, limit).await?;
        tokio::time::sleep(time).await;
        self.lift(kind).await?;
        self.done().limits += 1;
        Ok(())
    }

    async fn lift(&self, kind: &str) -> Result<()> {
        let path = format!("/admin/jobs/limits/{kind}?reason={REASON}");
        self.let_go("DELETE …/limits/{kind}", Method::DELETE, &path, Value::Null).await?;
        Ok(())
    }

    /// Cancels or retries all jobs of a kind.
    async fn bulk(&self, rng: &mut StdRng) -> Result<()> {
        self.run_now(IN_BULK).await?;
        let mut form = because();
        form["action"] = json!("cancel");
        form["filter"] = json!({ "kind": IN_BULK });
        if rng.random_bool(0.4) {
            form["action"] = json!("retry");
            form["filter"] = json!({ "kind": IN_BULK, "state": ["cancelled", "discarded"] });
        }
        self.done().bulk_kinds = vec![IN_BULK.to_owned()];
        let (body, _) = self.must("POST /admin/jobs/bulk", Method::POST, "/admin/jobs/bulk", form).await?;
        let bulk = body["data"]["bulk"]["id"].as_str().and_then(|id| id.parse().ok());
        self.done().bulks.push(bulk.ok_or_else(|| anyhow::anyhow!("no bulk action in {body}"))?);
        Ok(())
    }

    /// Nothing is paused any more, and the schedule is: no further job comes. Two wide limits stay.
    async fn rest(&self) -> Result<()> {
        let from = self.schedule("pause").await?;
        self.done().schedule_pauses.push(SchedulePause { name: REPEATED.to_owned(), from, until: None });
        for (kind, most) in STAY {
            let mut limit = because();
            limit["max_running"] = json!(most);
            limit["max_running_per_tenant"] = json!(most);
            self.must("PUT …/limits/{kind}", Method::PUT, &format!("/admin/jobs/limits/{kind}"), limit).await?;
            self.done().limited.push(kind.to_owned());
        }
        Ok(())
    }

    /// Asks until it is done.
    async fn must(&self, name: &'static str, method: Method, path: &str, body: Value) -> Result<(Value, Moment)> {
        let (status, answer, moment) = self.operator.ask(name, method, path, &body).await?;
        ensure!(status.is_success(), "{name} ({path}): {status} {answer}");
        Ok((answer, moment))
    }

    /// The same for what may have been done by a request whose answer was lost: then there is nothing left to do.
    async fn let_go(&self, name: &'static str, method: Method, path: &str, body: Value) -> Result<Moment> {
        let (status, answer, moment) = self.operator.ask(name, method, path, &body).await?;
        let gone = matches!(status, StatusCode::CONFLICT | StatusCode::NOT_FOUND);
        ensure!(status.is_success() || gone, "{name} ({path}): {status} {answer}");
        Ok(moment)
    }
}

fn because() -> Value {
    json!({ "reason": REASON })
}
