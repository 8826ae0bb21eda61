//! The figures of a drill, held against its goals and promises.

use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};

use super::{Findings, exercise::Outage};
use crate::{
    checker::{self, evidence::Evidence, journal},
    faults::{
        plan::Link,
        recovery::{History, Spread},
    },
    load::{Load, browser::Request, steering::Steered},
    town::Town,
    trial::{self, ledger_line, requests_line},
};

const FINISH: &str = "POST /uploads/{id}/finish";
const FINISH_P99: Duration = Duration::from_millis(100);
/// After a shock, requests are shown apart from the others for that long.
const AFTER: TimeDelta = TimeDelta::seconds(10);
const RECLAIM_P99: Duration = Duration::from_secs(15);

pub async fn conclude(town: &mut Town, load: &Load, outage: &Outage, findings: &mut Findings) -> Result<()> {
    let accepted = load.accepted();
    let evidence = Evidence::collect(town, &accepted, &Steered::default()).await?;
    let verdict = checker::judge(&evidence, &accepted);
    let history = History::read(town).await?;
    match outage {
        Outage::Away { link, from, until } => {
            let away = (*until - *from).to_std().unwrap_or_default();
            findings.figure(format!("{} was away for {:.1} s", link.name(), away.as_secs_f64()));
            let requests = load.tally.requests();
            answers("before", &requests, |request| request.at < *from, findings);
            let during = |request: &Request| (*from..*until).contains(&request.at);
            answers("during", &requests, during, findings);
            if *link == Link::Queue {
                let unanswered = requests.iter().filter(|request| during(request)).filter(|request| is_bad(request));
                findings.promise(unanswered.count() == 0, "every request was answered well meanwhile");
                let finish = spread(&requests, |request| request.name == FINISH && during(request));
                let p99 = finish.quantile(0.99).unwrap_or_default();
                let text = format!("{FINISH} p99 {} ms meanwhile (<= {} ms)", p99.as_millis(), FINISH_P99.as_millis());
                findings.goal(p99 <= FINISH_P99, text);
            }
            jobs_between(town, *from, *until, findings).await?;
            let next = history.next_claim(*until);
            let text = next.map_or("none".to_owned(), |time| format!("{} ms", time.as_millis()));
            findings.figure(format!("from its return to the next claim: {text}"));
        }
        Outage::Shocks { times, p99 } => {
            let requests = load.tally.requests();
            let meanwhile =
                |request: &Request| times.iter().any(|(from, until)| (*from..*until + AFTER).contains(&request.at));
            answers("quiet", &requests, |request| !meanwhile(request), findings);
            answers("then", &requests, meanwhile, findings);
            let claims = Spread::of(times.iter().filter_map(|(_, until)| history.next_claim(*until)).collect());
            findings.figure(format!("                                 {:>8} {:>8} {:>8}", "median", "p99", "max"));
            findings.figure(format!("until the next claim             {claims}"));
            let due = due_then(town, times).await?;
            findings.figure(format!("until each of {:>4} jobs due then {due}", due.len()));
            let worst = due.quantile(0.99).unwrap_or(Duration::MAX);
            findings.goal(worst <= *p99, format!("p99 <= {} s", p99.as_secs()));
            findings.promise(claims.len() == times.len(), "jobs are claimed again each time");
        }
        Outage::Kills(kills) => {
            let again = kills.iter().flat_map(|(pid, at)| history.reclaims(*pid, *at)).collect();
            let again = Spread::of(again);
            findings.figure(format!("                                 {:>8} {:>8} {:>8}", "median", "p99", "max"));
            findings.figure(format!("{} kills, {} jobs claimed again {again}", kills.len(), again.len()));
            let noticed = Spread::of(kills.iter().flat_map(|(pid, at)| history.notices(*pid, *at)).collect());
            findings.figure(format!("        of it until they were available {noticed}"));
            let p99 = again.quantile(0.99).unwrap_or(Duration::MAX);
            findings.goal(p99 <= RECLAIM_P99, format!("p99 <= {} s", RECLAIM_P99.as_secs()));
            findings.promise(again.len() > 0, "the kills hit jobs");
        }
    }
    findings.figure(ledger_line(&evidence));
    findings.figure(journal::summary(&evidence));
    findings.figure(requests_line(load));
    for line in &town.ended_by_themselves {
        findings.figure(format!("ended by itself: {line}"));
    }
    for line in trial::findings(&verdict).lines() {
        findings.figure(line);
    }
    findings.promise(verdict.blamed.is_empty(), "no attempt burnt and no crash counted");
    findings.promise(verdict.is_clean(), verdict.to_string());
    Ok(())
}

fn is_bad(request: &Request) -> bool {
    request.status.is_none_or(|status| status >= 500)
}

fn spread(requests: &[Request], wanted: impl Fn(&Request) -> bool) -> Spread {
    Spread::of(requests.iter().filter(|request| wanted(request)).map(|request| request.took).collect())
}

/// A line for each kind of request.
fn answers(when: &str, requests: &[Request], wanted: impl Fn(&Request) -> bool, findings: &mut Findings) {
    let mut names: Vec<&str> = requests.iter().map(|request| request.name).collect();
    names.sort_unstable();
    names.dedup();
    findings
        .figure(format!("{when:<8} {:<28} {:>6} {:>6} {:>8} {:>8} {:>8}", "", "asked", "bad", "median", "p99", "max"));
    for name in names {
        let of_name = |request: &Request| request.name == name && wanted(request);
        let spread = spread(requests, of_name);
        let bad = requests.iter().filter(|request| of_name(request) && is_bad(request)).count();
        if spread.len() > 0 {
            findings.figure(format!("         {name:<28} {:>6} {bad:>6} {spread}", spread.len()));
        }
    }
}

/// For each job that was enqueued shortly before a shock, during it or shortly after it, and claimed after it: from its end,
/// or the job's creation when that was later, until the last claim. Parents of flows wait for their children, and jobs of
/// schedules for their jitter.
async fn due_then(town: &Town, shocks: &[(DateTime<Utc>, DateTime<Utc>)]) -> Result<Spread> {
    let mut waits = Vec::new();
    for (from, until) in shocks {
        let [from, until] = [from, until].map(|time| time.format("%F %T%.6f").to_string());
        let sql = format!(
            "SELECT TIMESTAMPDIFF(MICROSECOND, GREATEST(created_at, '{until}'), started_at) FROM jobs j
             WHERE created_at BETWEEN '{from}' - INTERVAL 5 SECOND AND '{until}' + INTERVAL 5 SECOND
               AND started_at > '{until}' AND kind NOT IN (SELECT kind FROM cron_entries)
               AND NOT EXISTS (SELECT 1 FROM flows f WHERE f.parent_id = j.id)"
        );
        let micros = town.query(&sql).await?.concat();
        waits.extend(micros.iter().filter_map(|micros| Some(Duration::from_micros(micros.parse().ok()?))));
    }
    Ok(Spread::of(waits))
}

/// Jobs that ended meanwhile, and how long those enqueued meanwhile waited for their claim.
async fn jobs_between(town: &Town, from: DateTime<Utc>, until: DateTime<Utc>, findings: &mut Findings) -> Result<()> {
    let [from, until] = [from, until].map(|time| time.format("%F %T%.6f").to_string());
    let ended = format!("SELECT COUNT(*) FROM jobs WHERE finished_at BETWEEN '{from}' AND '{until}'");
    let ended = town.query(&ended).await?.concat().concat();
    let waits = format!(
        "SELECT GREATEST(0, TIMESTAMPDIFF(MICROSECOND, run_at, started_at)) FROM jobs
         WHERE runs = 1 AND flow_id IS NULL AND created_at BETWEEN '{from}' AND '{until}' AND kind <> 'review_nano'"
    );
    let waits = town.query(&waits).await?.concat();
    let waits = waits.iter().filter_map(|micros| Some(Duration::from_micros(micros.parse().ok()?)));
    let waits = Spread::of(waits.collect());
    findings.figure(format!("jobs that ended meanwhile: {ended}"));
    if waits.len() > 0 {
        findings.figure(format!(
            "wait of the {:>5} jobs enqueued      {:>8} {:>8} {:>8}",
            waits.len(),
            "median",
            "p99",
            "max"
        ));
        findings.figure(format!("                                    {waits}"));
    }
    Ok(())
}
