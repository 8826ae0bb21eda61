//! Carries the plan out, beside the load: neither runs ahead of the other.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::Result;
use chrono::{DateTime, Utc};
use servers::progress::Progress;
use tokio_util::sync::CancellationToken;

use crate::{
    faults::plan::{Fault, Link, Step, Victim, WORKERS},
    town::{Killed, Town},
};

/// How far the load may be ahead of the faults, in faults.
const FAULTS_AHEAD: usize = 1;
/// How far the faults may be ahead of the load, in uploads: as many as are under way.
const UPLOADS_AHEAD: usize = 4;
const LOOK: Duration = Duration::from_millis(50);
/// How long a blow waits for its worker to run something.
const BUSY_WITHIN: Duration = Duration::from_millis(1500);

/// A fault that happened.
#[derive(Debug, Clone)]
pub struct Happened {
    pub fault: Fault,
    pub began: DateTime<Utc>,
    pub ended: DateTime<Utc>,
    /// The worker process that lost its lease or its life.
    pub pid: Option<u32>,
}

/// Spreads uploads and faults evenly over each other.
pub struct Pace {
    uploads: usize,
    faults: usize,
    done: AtomicUsize,
    /// A blow waits for its worker to have something to do.
    hungry: AtomicBool,
    /// From here on nothing new begins.
    until: Instant,
}

impl Pace {
    pub fn new(uploads: usize, faults: usize, until: Instant) -> Self {
        Self { uploads, faults, done: AtomicUsize::new(0), hungry: AtomicBool::new(false), until }
    }

    pub fn over(&self) -> bool {
        Instant::now() > self.until
    }

    /// True when upload `number` may begin, false when there are enough.
    pub async fn upload(&self, number: usize) -> bool {
        loop {
            if number >= self.uploads || self.over() {
                return false;
            }
            let done = self.done.load(Ordering::Relaxed);
            let hungry = self.hungry.load(Ordering::Relaxed);
            if hungry || done >= self.faults || number * self.faults <= (done + FAULTS_AHEAD) * self.uploads {
                return true;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn fault_may_begin(&self, accepted: usize) -> bool {
        let done = self.done.load(Ordering::Relaxed);
        done * self.uploads <= (accepted + UPLOADS_AHEAD) * self.faults
    }
}

pub struct Injector<'a> {
    pub town: &'a mut Town,
    pub pace: &'a Pace,
    pub progress: &'a Progress,
    pub happened: Vec<Happened>,
}

impl Injector<'_> {
    /// All steps, then only keeps programs alive until `finished`. `accepted` says how far the load is.
    pub async fn run(
        &mut self,
        steps: &[Step],
        accepted: impl Fn() -> usize,
        finished: &CancellationToken,
    ) -> Result<()> {
        for (number, step) in steps.iter().enumerate() {
            tokio::time::sleep(step.wait).await;
            while !self.pace.fault_may_begin(accepted()) && !finished.is_cancelled() && !self.pace.over() {
                self.town.revive().await?;
                tokio::time::sleep(LOOK).await;
            }
            if self.pace.over() {
                self.progress.say(format!("time is up: {} faults are left out", steps.len() - number));
                self.pace.done.store(self.pace.faults, Ordering::Relaxed);
                break;
            }
            self.progress.say(format!("{:>3}/{} {}", number + 1, steps.len(), step.fault));
            self.inject(step.fault).await?;
            self.town.revive().await?;
            self.pace.done.fetch_add(1, Ordering::Relaxed);
        }
        while !finished.is_cancelled() {
            self.town.revive().await?;
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    pub async fn inject(&mut self, fault: Fault) -> Result<()> {
        let mut began = Utc::now();
        let mut pid = None;
        match fault {
            Fault::Kill(victim) => {
                self.wait_until_busy(victim).await?;
                self.kill(victim).await?;
                return Ok(());
            }
            Fault::Pause(victim, time) => {
                self.wait_until_busy(victim).await?;
                began = Utc::now();
                pid = Some(self.town.pause(victim, time).await?);
            }
            Fault::Flush => self.town.flush_queue().await?,
            Fault::RedisAway(role, time, victim) => self.away(Link::of(role), time, victim).await?,
            Fault::MysqlAway(time, victim) => self.away(Link::Mysql, time, victim).await?,
            Fault::Cut(link) => drop(self.town.link(link).cut()),
            Fault::Stall(link, time) => {
                self.town.link(link).stall(true);
                tokio::time::sleep(time).await;
                self.town.link(link).stall(false);
            }
            Fault::Freeze(link) => {
                self.town.link(link).freeze();
                // What was under way on the other side still arrives there.
                tokio::time::sleep(LOOK).await;
            }
            Fault::ReadOnly(time) => {
                self.town.read_only(true).await?;
                tokio::time::sleep(time).await;
                self.town.read_only(false).await?;
            }
            Fault::DiskFull(_) if !self.town.has_a_small_disk() => {
                self.progress.say("left out: a full disk takes an administrator, on Linux");
                return Ok(());
            }
            Fault::DiskFull(time) => {
                self.town.disk_full().await?;
                began = Utc::now();
                tokio::time::sleep(time).await;
                self.town.disk_has_room().await?;
            }
            Fault::KillAll => {
                self.wait_until_busy(WORKERS[0]).await?;
                for (victim, killed) in self.town.kill_all().await? {
                    self.note_kill(victim, killed);
                }
                began = Utc::now();
            }
            Fault::StorageAway(time) => {
                self.town.services.s3.stop().await;
                tokio::time::sleep(time).await;
                self.town.services.s3.resume().await?;
            }
            Fault::MailAway(time) => {
                self.town.services.mail.stop().await;
                tokio::time::sleep(time).await;
                self.town.services.mail.resume().await?;
            }
            Fault::RollingRestart => {
                for worker in WORKERS {
                    self.town.roll(worker).await?;
                }
            }
        }
        self.happened.push(Happened { fault, began, ended: Utc::now(), pid });
        Ok(())
    }

    /// A blow that hits an idle worker shows little: waits, for a while, until it runs a job.
    async fn wait_until_busy(&self, victim: Victim) -> Result<()> {
        if !WORKERS.contains(&victim) {
            return Ok(());
        }
        let started = Instant::now();
        self.pace.hungry.store(true, Ordering::Relaxed);
        while started.elapsed() < BUSY_WITHIN && self.town.running_in(victim).await? == 0 {
            tokio::task::yield_now().await;
        }
        self.pace.hungry.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn kill(&mut self, victim: Victim) -> Result<()> {
        let killed = self.town.kill(victim).await?;
        self.note_kill(victim, killed);
        Ok(())
    }

    fn note_kill(&mut self, victim: Victim, killed: Killed) {
        let fault = Fault::Kill(victim);
        self.happened.push(Happened { fault, began: killed.at, ended: Utc::now(), pid: Some(killed.pid) });
    }

    /// The service is gone for that time; half-way a program is killed as well.
    async fn away(&mut self, link: Link, time: Duration, victim: Option<Victim>) -> Result<()> {
        self.town.take_away(link).await?;
        tokio::time::sleep(time / 2).await;
        if let Some(victim) = victim {
            self.kill(victim).await?;
        }
        tokio::time::sleep(time / 2).await;
        self.town.bring_back(link).await
    }
}
