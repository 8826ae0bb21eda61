//! `make demo`: real uploads from registration to search, watched live, every claim checked.

mod timeline;

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::future::try_join_all;
use serde_json::Value;
use servers::progress::Progress;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    seed::{
        accounts::{CONSUMER, CREATOR, MODERATOR},
        client::{Api, Event, Session},
        content::{Content, Unit},
        publish::{self, Outcome, Sent},
    },
    supervisor::stack::Stack,
};
use timeline::Timeline;

const FEWEST_UNITS: usize = 3;
const MAIL_WITHIN: Duration = Duration::from_secs(30);
const FOUND_WITHIN: Duration = Duration::from_secs(10);

pub async fn journey(stack: &Stack, content: &Content, progress: &Progress) -> Result<()> {
    ensure!(content.good.len() >= FEWEST_UNITS, "the demo content has only {} good units", content.good.len());
    let api = Api::new(&stack.api_url)?;
    let moderator = progress.step("moderator made on the command line", MODERATOR.open(stack, &api)).await?;
    let creator =
        progress.step("creator registered, verified by mail, terms accepted", CREATOR.open(stack, &api)).await?;
    let learner = progress.step("learner registered and verified by mail", CONSUMER.open(stack, &api)).await?;
    let tour = Tour { stack, api: &api, creator, moderator, learner, progress };

    let (first, rest) = content.good.split_first().context("no demo content")?;
    let mut sent = vec![tour.first_upload(first).await?];
    let good = try_join_all(rest.iter().map(|unit| tour.published_without_a_human(unit)));
    let bad = try_join_all(content.bad.iter().map(|unit| tour.rejected_with_a_report(unit)));
    let (good, bad) = tokio::try_join!(good, bad)?;
    sent.extend(good);
    for (unit, sent) in content.good.iter().zip(&sent) {
        tour.check_live(unit, sent).await?;
    }
    for (unit, (_, report)) in content.bad.iter().zip(&bad) {
        Progress::line(format!("\n{} was rejected, and its creator told why:\n{report}", unit.name()));
    }
    let nanos = sent.iter().chain(bad.iter().map(|(sent, _)| sent)).map(|sent| sent.nano);
    let names = nanos.zip(content.good.iter().chain(&content.bad).map(Unit::name)).collect();
    let timeline = Timeline::read(&stack.services.database, &names).await?;
    Progress::line(format!("\n{timeline}\n"));
    timeline.check()
}

struct Tour<'a> {
    stack: &'a Stack,
    api: &'a Api,
    creator: Session,
    moderator: Session,
    learner: Session,
    progress: &'a Progress,
}

impl Tour<'_> {
    fn show(&self, unit: &Unit, event: &Event) {
        let mut facts = event.data.clone();
        if let Some(facts) = facts.as_object_mut() {
            facts.remove("version_id");
        }
        let facts = match facts {
            Value::Object(facts) if !facts.is_empty() => Value::Object(facts).to_string(),
            _ => String::new(),
        };
        self.progress.say(format!("{:<28} {:<16} {facts}", unit.name(), event.kind));
    }

    async fn until(&self, unit: &Unit, nano: Uuid, end: Outcome, seen: &mut Option<String>) -> Result<()> {
        let all = [Outcome::Live, Outcome::PendingReview, Outcome::Rejected];
        // After a decision the stream is read again from its start; what was shown is not shown twice, and the
        // earlier outcome does not end it.
        let ends: &[Outcome] = if seen.is_some() { &[Outcome::Live, Outcome::Rejected] } else { &all };
        let mut passed = seen.clone();
        let outcome = publish::follow(&self.creator, nano, ends, |event| match &passed {
            Some(last) if *last == event.id => passed = None,
            Some(_) => {}
            None => {
                self.show(unit, event);
                *seen = Some(event.id.clone());
            }
        });
        let outcome = outcome.await.with_context(|| format!("{:?}", unit.title))?;
        if outcome == end {
            return Ok(());
        }
        let report = self.creator.version(nano, 1).await?.report.unwrap_or_default();
        let findings = findings(&report).join("\n");
        bail!("{:?} ended as {outcome:?}, not as {end:?}\n{findings}", unit.title)
    }

    /// The default policy sends a creator's first nano to a human.
    async fn first_upload(&self, unit: &Unit) -> Result<Sent> {
        let sent = publish::upload(&self.creator, unit).await?;
        let mut seen = None;
        self.until(unit, sent.nano, Outcome::PendingReview, &mut seen).await?;
        publish::approve(&self.moderator, sent.nano).await?;
        self.until(unit, sent.nano, Outcome::Live, &mut seen).await?;
        Ok(sent)
    }

    async fn published_without_a_human(&self, unit: &Unit) -> Result<Sent> {
        let sent = publish::upload(&self.creator, unit).await?;
        self.until(unit, sent.nano, Outcome::Live, &mut None).await?;
        Ok(sent)
    }

    async fn rejected_with_a_report(&self, unit: &Unit) -> Result<(Sent, String)> {
        let sent = publish::upload(&self.creator, unit).await?;
        self.until(unit, sent.nano, Outcome::Rejected, &mut None).await?;
        let status = self.creator.nano(sent.nano).await?.status;
        ensure!(status == "rejected", "{:?} is {status}", unit.title);
        let report = self.creator.version(sent.nano, 1).await?.report.context("a rejected version has no report")?;
        let shown = findings(&report);
        ensure!(!shown.is_empty(), "the report of {:?} has no finding", unit.title);
        self.mail_about(unit).await?;
        Ok((sent, shown.join("\n")))
    }

    async fn mail_about(&self, unit: &Unit) -> Result<()> {
        let email = CREATOR.email();
        let about = |mail: &servers::mail::Mail| {
            let text = mail.text.as_deref().unwrap_or_default();
            mail.to.contains(&email) && (mail.subject.contains(&unit.title) || text.contains(&unit.title))
        };
        self.stack
            .services
            .mail
            .wait_for(about, MAIL_WITHIN)
            .await
            .with_context(|| format!("mail about {:?}", unit.title))?;
        Ok(())
    }

    /// In the catalogue, found by its title, announced, and downloaded as the very bytes that were checked.
    async fn check_live(&self, unit: &Unit, sent: &Sent) -> Result<()> {
        let nano = sent.nano;
        let job = self.creator.job(sent.job).await?.state;
        ensure!(job == "completed", "the job that finishing the upload named is {job}");
        let shown = self.creator.nano(nano).await?;
        ensure!(shown.status == "published", "{:?} is {}", shown.title, shown.status);
        let found = async {
            while !self.api.search(&unit.title).await?.contains(&nano) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            anyhow::Ok(())
        };
        let found = tokio::time::timeout(FOUND_WITHIN, found).await;
        found.with_context(|| format!("search does not find {:?}", unit.title))??;
        self.mail_about(unit).await?;
        let version = self.creator.version(nano, 1).await?;
        let (bytes, announced) =
            self.learner.download(nano).await.with_context(|| format!("download of {:?}", unit.title))?;
        let hash = hex::encode(Sha256::digest(&bytes));
        ensure!(
            hash == announced && Some(hash.as_str()) == version.sha256.as_deref(),
            "{:?} has another SHA-256",
            unit.title
        );
        let line = format!(
            "{:<28} found by search, announced by mail, downloaded: {} bytes, SHA-256 matches",
            unit.name(),
            bytes.len()
        );
        self.progress.say(line);
        Ok(())
    }
}

/// Code, entry, what is wrong and how to mend it.
fn findings(report: &Value) -> Vec<String> {
    let one = |finding: &Value| {
        let text = |name: &str| finding[name].as_str().unwrap_or_default();
        format!("  {} {}\n    {}\n    {}", text("code"), text("entry"), text("message_en"), text("hint_en"))
    };
    report["findings"].as_array().into_iter().flatten().map(one).collect()
}
