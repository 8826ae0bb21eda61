//! The outages, one by one.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use servers::progress::Progress;
use tokio::time::Instant;

use super::Findings;
use crate::{
    faults::{
        plan::{Link, Victim, WORKERS},
        recovery::{DISK_FULL_P99, FROZEN_P99, READ_ONLY_P99},
    },
    load::Load,
    town::Town,
};

/// Load before and after the outage, for comparison.
const AROUND: Duration = Duration::from_secs(20);
/// Jobs older than this when the outage ends should have run.
const AT_REST: &str = "60";

/// What happened, for the figures that are taken afterwards.
pub enum Outage {
    Away {
        link: Link,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    },
    Kills(Vec<(u32, DateTime<Utc>)>),
    /// Each from when to when, and how soon work shall go on after its end.
    Shocks {
        times: Vec<(DateTime<Utc>, DateTime<Utc>)>,
        p99: Duration,
    },
}

pub struct Exercise<'a> {
    pub town: &'a mut Town,
    pub load: &'a Load,
    pub findings: &'a mut Findings,
    pub progress: &'a Progress,
}

impl Exercise<'_> {
    pub async fn redis_down(&mut self, time: Duration) -> Result<Outage> {
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

    pub async fn mysql_down(&mut self, time: Duration) -> Result<Outage> {
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
        self.nobody_ended(&before).await?;
        Ok(Outage::Away { link: Link::Mysql, from, until })
    }

    pub async fn kill_worker(&mut self, times: usize) -> Result<Outage> {
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

    pub async fn frozen_connections(&mut self, times: usize) -> Result<Outage> {
        let before = self.town.pids();
        let mut shocks = Vec::new();
        for number in 0..times {
            tokio::time::sleep(AROUND).await;
            let frozen = self.town.link(Link::Mysql).freeze();
            self.progress.say(format!("{}/{times} {frozen} connections frozen", number + 1));
            // What was under way on the other side still arrives there.
            tokio::time::sleep(Duration::from_millis(50)).await;
            shocks.push((Utc::now(), Utc::now()));
        }
        tokio::time::sleep(AROUND).await;
        self.nobody_ended(&before).await?;
        Ok(Outage::Shocks { times: shocks, p99: FROZEN_P99 })
    }

    pub async fn read_only(&mut self, times: usize, time: Duration) -> Result<Outage> {
        let before = self.town.pids();
        let mut shocks = Vec::new();
        for number in 0..times {
            tokio::time::sleep(AROUND / 2).await;
            let sessions = self.town.sessions().await?;
            let from = Utc::now();
            self.town.read_only(true).await?;
            self.progress.say(format!("{}/{times} MySQL takes no writes", number + 1));
            tokio::time::sleep(time).await;
            let left = self.town.sessions().await?;
            let newest = sessions.iter().max().copied().unwrap_or_default();
            let stayed = sessions.iter().filter(|session| left.contains(session)).count();
            let began = left.iter().filter(|session| **session > newest).count();
            self.findings.figure(format!(
                "read-only for {:.0} s: {stayed} of {} connections were kept, {began} are new",
                time.as_secs_f64(),
                sessions.len()
            ));
            self.town.read_only(false).await?;
            shocks.push((from, Utc::now()));
        }
        tokio::time::sleep(AROUND).await;
        self.nobody_ended(&before).await?;
        Ok(Outage::Shocks { times: shocks, p99: READ_ONLY_P99 })
    }

    pub async fn disk_full(&mut self, times: usize, time: Duration) -> Result<Outage> {
        ensure!(
            self.town.has_a_small_disk(),
            "this drill mounts a file system: it takes an administrator (root), on Linux"
        );
        let before = self.town.pids();
        let mut shocks = Vec::new();
        for number in 0..times {
            tokio::time::sleep(AROUND / 2).await;
            let refused = self.town.refused_for_space()?;
            let from = Utc::now();
            self.town.disk_full().await?;
            self.progress.say(format!("{}/{times} MySQL's disk is full", number + 1));
            let filled = self.town.refused_for_space()?;
            tokio::time::sleep(time).await;
            let refused = [filled - refused, self.town.refused_for_space()? - filled];
            self.findings.figure(format!(
                "full for {:.0} s: the server's log says so {} times while it was filled, and {} times then",
                time.as_secs_f64(),
                refused[0],
                refused[1]
            ));
            let ended = self.town.disk_has_room().await?;
            if ended {
                self.findings.figure("the server ended of it, and was started again when there was space");
            }
            self.findings.promise(refused[1] > 0 || ended, "the programs met the full disk");
            shocks.push((from, Utc::now()));
        }
        tokio::time::sleep(AROUND).await;
        self.nobody_ended(&before).await?;
        Ok(Outage::Shocks { times: shocks, p99: DISK_FULL_P99 })
    }

    async fn nobody_ended(&mut self, before: &[(Victim, u32)]) -> Result<()> {
        self.town.revive().await?;
        let same = before == self.town.pids();
        self.findings.promise(same, "no api, worker or scheduler ended");
        Ok(())
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
