//! `dev drill`: one outage at a time, under load, with figures held against their goals.

use std::{path::Path, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use servers::{
    lock::Lock,
    progress::Progress,
    stop::{INTERRUPTED, Stop},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    checker::{self, evidence::Evidence},
    faults::{
        plan::{Link, Victim, WORKERS},
        recovery::{History, Spread},
    },
    load::{Load, browser::Request},
    town::Town,
    trial::{self, ledger_line, requests_line, settle},
};

/// Load before and after the outage, for comparison.
const AROUND: Duration = Duration::from_secs(20);
/// What an upload is made of; the same for every drill.
const SEED: u64 = 1;
/// Jobs older than this when the outage ends should have run.
const AT_REST: &str = "60";
const FINISH: &str = "POST /uploads/{id}/finish";
const FINISH_P99: Duration = Duration::from_millis(100);
const RECLAIM_P99: Duration = Duration::from_secs(15);

#[derive(clap::Subcommand)]
pub enum Drill {
    /// The queue's Redis is away for that long: uploads are accepted as quickly as before, and jobs still run.
    RedisDown {
        /// How long it is away.
        #[arg(long, default_value_t = 10.0, value_name = "NUMBER")]
        minutes: f64,
        /// Uploads begun in a second.
        #[arg(long, default_value_t = 1.0, value_name = "NUMBER")]
        rate: f64,
    },
    /// MySQL is killed and comes back after that long: no program ends, no job is lost or blamed.
    MysqlDown {
        /// How long it is away.
        #[arg(long, default_value_t = 30.0, value_name = "NUMBER")]
        seconds: f64,
        /// Uploads begun in a second.
        #[arg(long, default_value_t = 1.0, value_name = "NUMBER")]
        rate: f64,
    },
    /// A worker that runs jobs is killed: how long until each of its jobs is claimed again.
    KillWorker {
        /// How often.
        #[arg(long, default_value_t = 20, value_name = "NUMBER")]
        times: usize,
        /// Uploads begun in a second.
        #[arg(long, default_value_t = 2.0, value_name = "NUMBER")]
        rate: f64,
    },
}

impl Drill {
    fn name(&self) -> &'static str {
        match self {
            Self::RedisDown { .. } => "redis-down",
            Self::MysqlDown { .. } => "mysql-down",
            Self::KillWorker { .. } => "kill-worker",
        }
    }
}

/// What a drill has to say: figures, and promises that were kept or not.
#[derive(Default)]
struct Findings {
    lines: Vec<String>,
    broken: usize,
}

impl Findings {
    fn figure(&mut self, text: impl Into<String>) {
        self.lines.push(text.into());
    }

    /// A goal missed is a figure, not a failure.
    fn goal(&mut self, met: bool, text: impl AsRef<str>) {
        self.lines.push(format!("goal {:<7} {}", if met { "met" } else { "MISSED" }, text.as_ref()));
    }

    fn promise(&mut self, kept: bool, text: impl AsRef<str>) {
        self.broken += usize::from(!kept);
        self.lines.push(format!("promise {:<6} {}", if kept { "kept" } else { "BROKEN" }, text.as_ref()));
    }
}

/// Exit status 0 when every promise was kept.
pub async fn run(dir: &Path, drill: &Drill, stop: &Stop, progress: &Progress) -> Result<ExitCode> {
    let _lock = Lock::take(dir)?;
    let folder = dir.join(format!("drill/{}", drill.name()));
    let Some(findings) = stop.or(carry_out(&folder, drill, progress)).await else {
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let findings = findings.with_context(|| format!("the drill {}; its folder: {}", drill.name(), folder.display()))?;
    Progress::line(format!("\ndrill {}", drill.name()));
    for line in &findings.lines {
        Progress::line(line.trim_end());
    }
    if findings.broken > 0 {
        Progress::line(format!(
            "{} promises broken; kept for a look, with all logs: {}",
            findings.broken,
            folder.display()
        ));
        return Ok(ExitCode::FAILURE);
    }
    let _ = std::fs::remove_dir_all(&folder);
    Ok(ExitCode::SUCCESS)
}

async fn carry_out(folder: &Path, drill: &Drill, progress: &Progress) -> Result<Findings> {
    let mut town = Town::start(folder, progress).await?;
    let load = Load::prepare(&town, SEED, &folder.join("accepted.jsonl")).await?;
    let mut findings = Findings::default();
    let rate = match drill {
        Drill::RedisDown { rate, .. } | Drill::MysqlDown { rate, .. } | Drill::KillWorker { rate, .. } => *rate,
    };
    let enough = CancellationToken::new();
    let began = Instant::now();
    let gate = async |number: usize| {
        let turn = began + Duration::from_secs_f64(number as f64 / rate.max(0.01));
        tokio::select! {
            () = tokio::time::sleep_until(turn) => !enough.is_cancelled(),
            () = enough.cancelled() => false,
        }
    };
    let exercise = async {
        let mut exercise = Exercise { town: &mut town, load: &load, findings: &mut findings, progress };
        let end = match drill {
            Drill::RedisDown { minutes, .. } => exercise.redis_down(Duration::from_secs_f64(minutes * 60.0)).await,
            Drill::MysqlDown { seconds, .. } => exercise.mysql_down(Duration::from_secs_f64(*seconds)).await,
            Drill::KillWorker { times, .. } => exercise.kill_worker(*times).await,
        };
        enough.cancel();
        end
    };
    let (outage, ()) = tokio::try_join!(exercise, load.run(gate))?;
    progress.say("waiting for the jobs");
    settle(&mut town).await?;
    conclude(&mut town, &load, &outage, &mut findings).await?;
    town.stop().await?;
    Ok(findings)
}

/// What happened, for the figures that are taken afterwards.
enum Outage {
    Away { link: Link, from: DateTime<Utc>, until: DateTime<Utc> },
    Kills(Vec<(u32, DateTime<Utc>)>),
}

struct Exercise<'a> {
    town: &'a mut Town,
    load: &'a Load,
    findings: &'a mut Findings,
    progress: &'a Progress,
}

impl Exercise<'_> {
    async fn redis_down(&mut self, time: Duration) -> Result<Outage> {
        tokio::time::sleep(AROUND).await;
        let from = Utc::now();
        self.town.take_away(Link::Queue).await?;
        let began = Instant::now();
        while began.elapsed() < time {
            tokio::time::sleep(Duration::from_secs(30).min(time - began.elapsed())).await;
            self.progress.say(format!("the queue's Redis is away; {} uploads accepted", self.load.count()));
        }
        let unfinished = format!(
            "SELECT COUNT(*) FROM jobs WHERE state NOT IN ('completed', 'cancelled', 'discarded', 'quarantined')
             AND created_at < UTC_TIMESTAMP(6) - INTERVAL {AT_REST} SECOND"
        );
        let left = self.town.query(&unfinished).await?.concat().concat();
        self.findings.promise(left == "0", format!("jobs older than {AT_REST} s that did not run meanwhile: {left}"));
        let until = Utc::now();
        self.town.bring_back(Link::Queue).await?;
        tokio::time::sleep(AROUND).await;
        Ok(Outage::Away { link: Link::Queue, from, until })
    }

    async fn mysql_down(&mut self, time: Duration) -> Result<Outage> {
        tokio::time::sleep(AROUND / 2).await;
        let before = self.town.pids();
        let from = Utc::now();
        self.town.take_away(Link::Mysql).await?;
        self.progress.say("MySQL is away");
        tokio::time::sleep(time).await;
        self.town.bring_back(Link::Mysql).await?;
        let until = Utc::now();
        self.progress.say("MySQL is back");
        tokio::time::sleep(AROUND).await;
        self.town.revive().await?;
        let same = before == self.town.pids();
        self.findings.promise(same, "no api, worker or scheduler ended");
        Ok(Outage::Away { link: Link::Mysql, from, until })
    }

    async fn kill_worker(&mut self, times: usize) -> Result<Outage> {
        tokio::time::sleep(AROUND / 4).await;
        let mut kills = Vec::new();
        for number in 0..times {
            let victim = WORKERS[number % WORKERS.len()];
            self.until_busy(victim).await?;
            let killed = self.town.kill(victim).await?;
            kills.push((killed.pid, killed.at));
            self.progress.say(format!("{}/{times} killed {victim}", number + 1));
            // The other one needs the time to take over, and to be busy itself.
            tokio::time::sleep(Duration::from_secs(4)).await;
        }
        Ok(Outage::Kills(kills))
    }

    async fn until_busy(&self, victim: Victim) -> Result<()> {
        let busy = async {
            while self.town.running_in(victim).await? == 0 {
                tokio::task::yield_now().await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(Duration::from_secs(60), busy).await.context("the worker never runs a job")?
    }
}

async fn conclude(town: &mut Town, load: &Load, outage: &Outage, findings: &mut Findings) -> Result<()> {
    let accepted = load.accepted();
    let evidence = Evidence::collect(town, &accepted).await?;
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
