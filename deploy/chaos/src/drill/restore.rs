//! Database and bucket are lost, and come back from a backup: how long that takes, and how much is lost.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use chrono::Utc;
use serde_json::Value;
use servers::progress::Progress;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Findings, SEED};
use crate::{checker::evidence, load::Load, town::Town, trial::settle};

/// The seed's, 8.2: back within an hour, at most 15 minutes lost.
const RTO: Duration = Duration::from_secs(3_600);
/// Between two looks at how many uploads were accepted.
const LOOK: Duration = Duration::from_millis(100);

/// Loads `nanos` uploads, takes a backup, loads `after` more, loses everything, and brings it back.
pub async fn carry_out(folder: &Path, nanos: usize, after: usize, progress: &Progress) -> Result<Findings> {
    let mut town = Town::start(folder, "", None, progress).await?;
    let load = Load::prepare(&town, SEED, &folder.join("accepted.jsonl")).await?;
    let mut findings = Findings::default();
    let backed_up = CancellationToken::new();
    let gate = async |number: usize| {
        if number >= nanos {
            backed_up.cancelled().await;
        }
        number < nanos + after
    };
    let exercise = async {
        let mut exercise = Exercise {
            town: &mut town,
            load: &load,
            findings: &mut findings,
            progress,
            backups: folder.join("backups"),
        };
        exercise.run(nanos, after, &backed_up).await
    };
    tokio::try_join!(exercise, load.run(gate))?;
    town.stop().await?;
    Ok(findings)
}

struct Exercise<'a> {
    town: &'a mut Town,
    load: &'a Load,
    findings: &'a mut Findings,
    progress: &'a Progress,
    backups: PathBuf,
}

impl Exercise<'_> {
    async fn run(&mut self, nanos: usize, after: usize, backed_up: &CancellationToken) -> Result<()> {
        self.progress.say(format!("{nanos} uploads"));
        self.accepted(nanos).await?;
        let (rows, objects) = (self.rows().await?, self.objects().await?);
        let bytes: u64 = objects.values().map(|(size, _)| size).sum();
        let kept_at = Utc::now();
        let made = self.command("a backup", &["run", "--to"]).await?;
        let read = self.command("reading it", &["verify", "--from"]).await?;
        self.findings.figure(format!(
            "backup of {} published nanos, {} objects with {:.1} MB: made in {:.1} s, read in {:.1} s",
            rows.published,
            objects.len(),
            bytes as f64 / 1e6,
            made.as_secs_f64(),
            read.as_secs_f64()
        ));

        self.progress.say(format!("{after} more uploads"));
        backed_up.cancel();
        self.accepted(nanos + after).await?;
        let later = self.rows().await?;

        self.progress.say("database, bucket, search index and both Redis are lost");
        self.town.lose_everything().await?;
        let (lost_at, clock) = (Utc::now(), Instant::now());
        let restored = self.command("restoring", &["restore", "--from"]).await?;
        self.progress.step("api, workers and schedulers", self.town.start_programs()).await?;
        let ready = clock.elapsed();
        self.progress.say("the search index");
        self.town.worker_command(&["reindex", "--reason", "the drill", "--wait"], None).await?;
        let whole = clock.elapsed();

        let back = self.rows().await?;
        let found = self.found_by_searches().await?;
        self.findings.promise(back == rows, format!("rows are as they were at the backup: {back:?}"));
        let same = self.objects().await? == objects;
        self.findings.promise(same, format!("{} objects are as they were, byte for byte", objects.len()));
        self.findings.promise(
            found == rows.published,
            format!("searches find {found} nanos of {} that are published", rows.published),
        );
        let lost = (lost_at - kept_at).to_std().unwrap_or_default();
        self.findings.figure(format!("restored in {:.1} s", restored.as_secs_f64()));
        self.findings.figure(format!(
            "RTO: {:.1} s until the api was ready, {:.1} s until searches found everything",
            ready.as_secs_f64(),
            whole.as_secs_f64()
        ));
        self.findings.figure(format!(
            "RPO: {:.1} s, from the backup to the loss: {} published nanos of that time are gone, as has to be",
            lost.as_secs_f64(),
            later.published.saturating_sub(back.published)
        ));
        self.findings.goal(whole <= RTO, format!("back within {} s", RTO.as_secs()));
        Ok(())
    }

    /// Waits until so many uploads are accepted and their jobs have ended.
    async fn accepted(&mut self, number: usize) -> Result<()> {
        while self.load.count() < number {
            tokio::time::sleep(LOOK).await;
        }
        settle(self.town).await
    }

    /// Runs a command on the folder of backups; says how long it took.
    async fn command(&self, what: &str, args: &[&str]) -> Result<Duration> {
        let folder = self.backups.display().to_string();
        let args = [&["backup"][..], args, &[folder.as_str()]].concat();
        let began = Instant::now();
        self.progress.step(what, self.town.worker_command(&args, None)).await?;
        Ok(began.elapsed())
    }

    async fn rows(&self) -> Result<Rows> {
        let sql = "SELECT (SELECT COUNT(*) FROM nanos WHERE status = 'published'), (SELECT COUNT(*) FROM nanos),
                     (SELECT COUNT(*) FROM nano_versions), (SELECT COUNT(*) FROM users)";
        let numbers: Vec<u64> =
            self.town.query(sql).await?.concat().iter().map(|number| Ok(number.parse()?)).collect::<Result<_>>()?;
        let [published, nanos, versions, users] = numbers[..] else { anyhow::bail!("no counts: {numbers:?}") };
        Ok(Rows { published, nanos, versions, users })
    }

    /// Size and hash of each object, by key.
    async fn objects(&self) -> Result<BTreeMap<String, (u64, String)>> {
        let bucket = self.town.services.bucket_dir();
        let objects = tokio::task::spawn_blocking(move || evidence::objects(&bucket)).await??;
        Ok(objects.into_iter().map(|(key, object)| (key, (object.size, object.sha256))).collect())
    }

    async fn found_by_searches(&self) -> Result<u64> {
        let url = format!("{}/api/v1/search?limit=1", self.town.api_url);
        let answer: Value = reqwest::get(url).await?.error_for_status()?.json().await?;
        answer["meta"]["total"].as_u64().with_context(|| format!("no total in {answer}"))
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Rows {
    published: u64,
    nanos: u64,
    versions: u64,
    users: u64,
}
