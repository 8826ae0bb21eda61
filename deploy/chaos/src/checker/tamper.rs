//! A checker that finds nothing proves nothing until it has been seen to find something: each system is spoiled on
//! purpose, the evidence collected again, and the finding expected.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use servers::progress::Progress;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::{
    checker::{self, Verdict, evidence::Evidence, journal::Journal},
    faults::plan::WORKERS,
    load::{
        Accepted,
        archive::Expectation,
        steering::{REPEATED, Steered},
    },
    town::Town,
};

/// Workers start, take a job and are given it again within this time.
const HANDED_OUT_WITHIN: Duration = Duration::from_secs(40);
const LOOK: Duration = Duration::from_millis(20);

/// Spoils what is there, one thing after the other, and undoes it. `clean` is the verdict before, without a finding.
/// Workers are ended first.
pub async fn prove(
    town: &mut Town,
    accepted: &[Accepted],
    steered: &Steered,
    clean: &Verdict,
    progress: &Progress,
) -> Result<()> {
    town.stop_jobs().await?;
    let published = accepted.iter().find(|upload| upload.expect == Expectation::Published);
    let upload = published.context("nothing was published")?;
    let judged =
        async |town: &Town| anyhow::Ok(checker::judge(&Evidence::collect(town, accepted, steered).await?, accepted));

    let nano = upload.nano.simple();
    // One in the middle.
    let middle =
        "SELECT due FROM cron_ticks WHERE entry = 'expire_uploads' AND outcome = 'fired' ORDER BY due LIMIT 5, 1";
    let due = town.query(middle).await?.concat().concat();
    let tick = format!("entry = '{REPEATED}' AND due = '{due}'");
    for (what, spoil, mend, counted) in [
        (
            "a job set back",
            format!("UPDATE jobs SET state = 'retryable' WHERE id = UNHEX('{}')", upload.job.simple()),
            format!("UPDATE jobs SET state = 'completed' WHERE id = UNHEX('{}')", upload.job.simple()),
            (|verdict: &Verdict| verdict.stuck.len()) as fn(&Verdict) -> usize,
        ),
        (
            "a job in quarantine",
            format!("UPDATE jobs SET state = 'quarantined' WHERE id = UNHEX('{}')", upload.job.simple()),
            format!("UPDATE jobs SET state = 'completed' WHERE id = UNHEX('{}')", upload.job.simple()),
            |verdict| verdict.quarantined.len(),
        ),
        (
            "an attempt burnt",
            format!("UPDATE jobs SET failures = 1 WHERE id = UNHEX('{}')", upload.job.simple()),
            format!("UPDATE jobs SET failures = 0 WHERE id = UNHEX('{}')", upload.job.simple()),
            |verdict| verdict.blamed.len(),
        ),
        (
            "a nano that is not published",
            format!("UPDATE nanos SET status = 'archived' WHERE id = UNHEX('{nano}')"),
            format!("UPDATE nanos SET status = 'published' WHERE id = UNHEX('{nano}')"),
            |verdict| verdict.lost.len(),
        ),
        (
            "an event twice",
            format!(
                "INSERT INTO nano_events SELECT nano_id, seq + 1000, kind, data, created_at FROM nano_events
                 WHERE nano_id = UNHEX('{nano}') AND kind = 'published'"
            ),
            format!("DELETE FROM nano_events WHERE nano_id = UNHEX('{nano}') AND seq > 1000"),
            |verdict| verdict.duplicated.len(),
        ),
        (
            "a mail of unknown fate",
            "UPDATE email_deliveries SET state = 'ambiguous' WHERE idempotency_key LIKE '%:%' ORDER BY id LIMIT 1"
                .to_owned(),
            "UPDATE email_deliveries SET state = 'sent' WHERE state = 'ambiguous' ORDER BY id LIMIT 1".to_owned(),
            |verdict| verdict.ambiguous,
        ),
        (
            "a claim that never began",
            format!("UPDATE jobs SET runs = runs + 1 WHERE id = UNHEX('{}')", upload.job.simple()),
            format!("UPDATE jobs SET runs = runs - 1 WHERE id = UNHEX('{}')", upload.job.simple()),
            |verdict| verdict.lost.len(),
        ),
        (
            "a tick that is missing",
            format!("UPDATE cron_ticks SET entry = 'elsewhere' WHERE {tick}"),
            format!("UPDATE cron_ticks SET entry = '{REPEATED}' WHERE entry = 'elsewhere'"),
            |verdict| verdict.lost.len(),
        ),
        (
            "a tick without a job",
            format!("UPDATE cron_ticks SET reason = HEX(job_id), job_id = NULL WHERE {tick}"),
            "UPDATE cron_ticks SET job_id = UNHEX(reason), reason = NULL WHERE LENGTH(reason) = 32 AND job_id IS NULL"
                .to_owned(),
            |verdict| verdict.lost.len(),
        ),
        (
            "a limit that counts what does not run",
            "UPDATE job_limits SET running = 1 WHERE kind = 'send_email'".to_owned(),
            "UPDATE job_limits SET running = 0 WHERE kind = 'send_email'".to_owned(),
            |verdict| verdict.stuck.len(),
        ),
        (
            "a pause that nobody ended",
            "INSERT INTO queue_pauses (scope, name, reason, paused_at) VALUES ('queue', 'mail', 'x', UTC_TIMESTAMP(6))"
                .to_owned(),
            "DELETE FROM queue_pauses".to_owned(),
            |verdict| verdict.stuck.len(),
        ),
    ] {
        town.query(&spoil).await?;
        let after = counted(&judged(town).await?);
        town.query(&mend).await?;
        ensure!(after > counted(clean), "the checker does not see {what}");
        progress.say(format!("the checker sees {what}"));
    }

    let folder = town.services.bucket_dir().join(format!("thumbnails/{}", upload.nano));
    let away = folder.with_extension("away");
    std::fs::rename(&folder, &away)?;
    let verdict = judged(town).await?;
    ensure!(verdict.lost.len() >= 3, "the checker does not miss thumbnails: {verdict}");
    ensure!(!verdict.duplicated.is_empty(), "the checker does not see objects under a strange name: {verdict}");
    std::fs::rename(&away, &folder)?;
    progress.say("the checker misses objects, and sees those under strange names");

    doubled_delivery(town, upload, judged).await?;
    progress.say("the checker sees a job that two workers ran at once");
    strange_bytes(town, upload, judged).await?;
    progress.say("the checker sees other bytes than were sent");

    ensure!(town.services.mail.repeat(1)?, "there is no mail to repeat");
    let verdict = judged(town).await?;
    ensure!(!verdict.duplicated.is_empty(), "the checker does not see a mail that came twice: {verdict}");
    progress.say("the checker sees a mail that came twice");

    handed_out_again(town, upload, judged).await?;
    progress.say("the checker sees a job that is handed out while it runs");
    Ok(())
}

/// What is left of a run that was given out a second time: both workers have written down that they began it, or it and
/// the next one.
async fn doubled_delivery(
    town: &Town,
    upload: &Accepted,
    judged: impl AsyncFn(&Town) -> Result<Verdict>,
) -> Result<()> {
    let journal = town.run_journal(WORKERS[0]);
    let before = std::fs::read_to_string(&journal)?;
    let all = before.clone() + &std::fs::read_to_string(town.run_journal(WORKERS[1]))?;
    let job = upload.job.to_string();
    let mut lines = all.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let begin = lines.rfind(|line| line["event"] == "begin" && line["job"] == job);
    let mut begin = begin.context("the journals do not know the job")?;
    // In another process, a little later than the first.
    begin["pid"] = json!(1);
    begin["at"] = json!(begin["at"].as_u64().unwrap_or_default() + 100);
    for run in [0, 1] {
        let mut again = begin.clone();
        again["run"] = json!(again["run"].as_u64().unwrap_or_default() + run);
        let mut end = again.clone();
        end["event"] = json!("end");
        std::fs::write(&journal, format!("{before}{again}\n{end}\n"))?;
        let verdict = judged(town).await?;
        ensure!(!verdict.duplicated.is_empty(), "the checker does not see that {again} was run twice: {verdict}");
    }
    std::fs::write(&journal, before)?;
    Ok(())
}

/// A byte of what was sent is another one in the store.
async fn strange_bytes(town: &Town, upload: &Accepted, judged: impl AsyncFn(&Town) -> Result<Verdict>) -> Result<()> {
    let path = town.services.bucket_dir().join(format!("uploads/{}.zip", upload.upload));
    let mut bytes = std::fs::read(&path)?;
    let last = bytes.last_mut().context("the uploaded file is empty")?;
    *last ^= 1;
    std::fs::write(&path, &bytes)?;
    let verdict = judged(town).await?;
    ensure!(verdict.lost.len() == 1, "the checker does not see a changed byte: {verdict}");
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    std::fs::write(&path, &bytes)?;
    Ok(())
}

/// A scan runs again while storage accepts its request and does not answer, and while it waits it is made available a second
/// time: as if the queue had no fence. Nothing in the ledger tells of that afterwards.
async fn handed_out_again(
    town: &mut Town,
    upload: &Accepted,
    judged: impl AsyncFn(&Town) -> Result<Verdict>,
) -> Result<()> {
    let deadline = Instant::now() + HANDED_OUT_WITHIN;
    town.start_workers().await?;
    let alive = "SELECT COUNT(*) FROM workers WHERE state = 'alive'";
    while town.query(alive).await?.concat().concat().parse::<usize>()? < WORKERS.len() {
        ensure!(Instant::now() < deadline, "the workers did not start");
        tokio::time::sleep(LOOK).await;
    }
    town.services.s3.stop().await;
    let silent = TcpListener::bind(("127.0.0.1", town.services.s3.port())).await?;

    let version = format!("upload_id = UNHEX('{}')", upload.upload.simple());
    let scan = format!(
        "SELECT HEX(j.id) FROM nano_versions v JOIN job_refs r ON r.ref_type = 'version' AND r.ref_id = v.id
         JOIN jobs j ON j.id = r.job_id WHERE v.{version} AND j.kind = 'scan_content'"
    );
    let scan: Uuid = town.query(&scan).await?.concat().concat().parse()?;
    let job = format!("id = UNHEX('{}')", scan.simple());
    for (statement, under_way) in [
        (format!("UPDATE nano_versions SET state = 'processing', scan = NULL WHERE {version}"), 0),
        (format!("UPDATE jobs SET state = 'available', finished_at = NULL WHERE {job}"), 1),
        (format!("UPDATE jobs SET state = 'available', token = NULL, worker_id = NULL WHERE {job}"), 2),
    ] {
        town.query(&statement).await?;
        let runs = |journal: &Journal| journal.runs.iter().filter(|run| run.job == scan && run.ended.is_none()).count();
        while runs(&Journal::read(town)?) < under_way {
            ensure!(Instant::now() < deadline, "the job was not handed out");
            tokio::time::sleep(LOOK).await;
        }
    }
    drop(silent);
    town.services.s3.resume().await?;
    let verdict = judged(town).await?;
    let seen = verdict.duplicated.iter().any(|finding| finding.contains("at once"));
    ensure!(seen, "the checker does not see a double delivery: {verdict}");
    town.stop_jobs().await
}
