//! One seed: start, load under fire, calm, judgement.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use servers::progress::Progress;
use tokio_util::sync::CancellationToken;

use crate::{
    checker::{self, Verdict, evidence::Evidence, journal, schedule::EACH_SECOND, steering, tamper},
    faults::{
        inject::{Injector, Pace},
        plan,
        recovery::{self, History},
    },
    load::{Load, steering::REPEATED},
    town::Town,
};

/// Without a job that ended or was added for so long, nothing is expected to end any more: one that is run again and
/// again is stuck, too.
const STUCK_AFTER: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(500);

/// How much, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub uploads: usize,
    pub kills: usize,
    /// Faults and uploads begin within this time.
    pub within: Duration,
    /// Spoil what is there afterwards, and see the checker notice.
    pub prove_checker: bool,
}

/// How a seed ended.
pub struct Outcome {
    pub verdict: Verdict,
    pub accepted: usize,
    pub faults: usize,
    pub report: String,
}

/// Runs one seed in a fresh installation under `dir`, which is kept.
pub async fn run(dir: &Path, seed: u64, size: Size, beside: Option<&Path>, progress: &Progress) -> Result<Outcome> {
    // Its job is enqueued again while it runs, and at once.
    let schedules = format!("{REPEATED}={EACH_SECOND} jitter=0");
    let mut town = Town::start(dir, &schedules, beside, progress).await?;
    let load = Load::prepare(&town, seed, &dir.join("accepted.jsonl")).await?;
    let steps = plan::plan(seed, size.kills);
    let pace = Pace::new(size.uploads, steps.len(), Instant::now() + size.within);
    let mut injector = Injector { town: &mut town, pace: &pace, progress, happened: Vec::new() };
    let operator = load.operator().await?;
    let (loaded, rested) = (CancellationToken::new(), CancellationToken::new());
    let loading = async {
        let end = load.run(async |number| pace.upload(number).await).await;
        loaded.cancel();
        end.context("the load could not be completed")
    };
    let steering = async {
        let end = operator.run(seed, &loaded).await;
        rested.cancel();
        end.context("the fleet could not be steered")
    };
    tokio::try_join!(loading, steering, injector.run(&steps, || load.count(), &rested))?;
    let steered = operator.steered();
    let happened = injector.happened;
    let accepted = load.accepted();
    progress.say(format!("{} uploads accepted; waiting for their jobs", accepted.len()));
    settle(&mut town).await?;
    progress.say("checking ledger, journals, objects, index and mailbox");
    let evidence = Evidence::collect(&town, &accepted, &steered).await?;
    let verdict = checker::judge(&evidence, &accepted);
    let mut report = recovery::table(&happened, &History::read(&town).await?, &load.tally.requests());
    report.push_str(&ledger_line(&evidence));
    report.push_str(&journal::summary(&evidence));
    report.push_str(&steering::summary(&evidence));
    report.push_str(&requests_line(&load));
    for line in &town.ended_by_themselves {
        report.push_str(&format!("ended by itself: {line}\n"));
    }
    if size.prove_checker && verdict.is_clean() {
        tamper::prove(&mut town, &accepted, &steered, &verdict, progress).await?;
    }
    town.stop().await?;
    Ok(Outcome { verdict, accepted: accepted.len(), faults: happened.len(), report })
}

/// Waits until every job has ended, or none has for a while.
pub async fn settle(town: &mut Town) -> Result<()> {
    let mut last = (String::new(), Instant::now());
    loop {
        town.revive().await?;
        let sql = "SELECT CONCAT(SUM(state NOT IN ('completed', 'cancelled', 'discarded', 'quarantined')), ' of ',
                                 COUNT(*)) FROM jobs";
        let now = town.query(sql).await?.concat().concat();
        if now.starts_with("0 ") {
            return Ok(());
        }
        if now != last.0 {
            last = (now, Instant::now());
        } else if last.1.elapsed() > STUCK_AFTER {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

pub fn ledger_line(evidence: &Evidence) -> String {
    let sum = |number: fn(&crate::checker::evidence::JobFact) -> u32| evidence.jobs.iter().map(number).sum::<u32>();
    format!(
        "ledger: {} jobs, {} runs, {} lost with their process, {} attempts burnt, {} crashes; {} mails, {} objects, \
         {} documents\n",
        evidence.jobs.len(),
        sum(|job| job.runs),
        sum(|job| job.lost),
        sum(|job| job.failures),
        sum(|job| job.crashes),
        evidence.mails.len(),
        evidence.objects.len(),
        evidence.index.documents.len(),
    )
}

pub fn requests_line(load: &Load) -> String {
    let requests = load.tally.requests();
    let of = |wanted: fn(Option<u16>) -> bool| requests.iter().filter(|request| wanted(request.status)).count();
    format!(
        "requests: {}, of them unanswered {}, 503 {}, other 5xx {}, 429 {}; files sent again {}\n",
        requests.len(),
        of(|status| status.is_none()),
        of(|status| status == Some(503)),
        of(|status| status.is_some_and(|status| status >= 500 && status != 503)),
        of(|status| status == Some(429)),
        load.tally.sent_again.load(std::sync::atomic::Ordering::Relaxed),
    )
}

/// Everything that is wrong, for a person.
pub fn findings(verdict: &Verdict) -> String {
    let mut text = String::new();
    for (kind, findings) in verdict.findings() {
        for finding in findings {
            text.push_str(&format!("{kind}: {finding}\n"));
        }
    }
    text
}
