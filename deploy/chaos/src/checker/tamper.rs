//! A checker that finds nothing proves nothing until it has been seen to find something: each system is spoiled on
//! purpose, the evidence collected again, and the finding expected.

use anyhow::{Context, Result, ensure};
use servers::progress::Progress;

use crate::{
    checker::{self, Verdict, evidence::Evidence},
    load::{Accepted, archive::Expectation},
    town::Town,
};

/// Spoils what is there, one thing after the other, and undoes it. `clean` is the verdict before, without a finding.
/// Workers are ended first.
pub async fn prove(town: &mut Town, accepted: &[Accepted], clean: &Verdict, progress: &Progress) -> Result<()> {
    town.stop_jobs().await?;
    let published = accepted.iter().find(|upload| upload.expect == Expectation::Published);
    let upload = published.context("nothing was published")?;
    let judged = async |town: &Town| anyhow::Ok(checker::judge(&Evidence::collect(town, accepted).await?, accepted));

    let nano = upload.nano.simple();
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

    ensure!(town.services.mail.repeat(1)?, "there is no mail to repeat");
    let verdict = judged(town).await?;
    ensure!(!verdict.duplicated.is_empty(), "the checker does not see a mail that came twice: {verdict}");
    progress.say("the checker sees a mail that came twice");
    Ok(())
}
