//! The plan of faults: kinds, order and durations, all of them from the seed.

use std::{fmt, time::Duration};

use rand::{
    Rng, SeedableRng,
    rngs::StdRng,
    seq::{IndexedRandom, SliceRandom},
};
use servers::redis::Role;

/// A program that can be hit.
pub type Victim = &'static str;

pub const API: Victim = "api";
pub const WORKERS: [Victim; 2] = ["worker-1", "worker-2"];
pub const SCHEDULERS: [Victim; 2] = ["scheduler-1", "scheduler-2"];

/// Longer than a lease (7 ticks of about a second) and the rescuer's next look.
const PAST_THE_LEASE: Duration = Duration::from_secs(12);

/// A connection between our programs and a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    Mysql,
    Queue,
    Cache,
}

impl Link {
    const ALL: [Self; 3] = [Self::Mysql, Self::Queue, Self::Cache];

    pub fn of(role: Role) -> Self {
        match role {
            Role::Queue => Self::Queue,
            Role::Cache => Self::Cache,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Mysql => "MySQL",
            Self::Queue => "the queue's Redis",
            Self::Cache => "the cache's Redis",
        }
    }
}

/// Lines of the table that have a goal.
pub const FROZEN: &str = "connections to MySQL frozen";
pub const READ_ONLY: &str = "MySQL read-only";
pub const DISK_FULL: &str = "MySQL's disk full";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL; started again at once.
    Kill(Victim),
    /// SIGSTOP past the lease, then SIGCONT.
    Pause(Victim, Duration),
    /// FLUSHALL of the queue's Redis.
    Flush,
    /// SIGKILL of a Redis, started again after that time; a program is killed meanwhile.
    RedisAway(Role, Duration, Option<Victim>),
    /// The same for the database.
    MysqlAway(Duration, Option<Victim>),
    /// Every connection to the service is closed.
    Cut(Link),
    /// The service takes requests and does not answer for that time.
    Stall(Link, Duration),
    /// Every open connection to the service falls silent for good, as when a host dies; new ones work.
    Freeze(Link),
    /// The database takes no writes for that time, as the old primary after a switchover.
    ReadOnly(Duration),
    /// The database finds no space for anything new, for that time.
    DiskFull(Duration),
    /// SIGTERM to each worker in turn, started again when it has ended.
    RollingRestart,
    /// SIGKILL to all programs at once, as when their machine goes; all are started again at once.
    KillAll,
    /// The bucket's server is gone for that time.
    StorageAway(Duration),
    /// The mail server is gone for that time.
    MailAway(Duration),
}

impl Fault {
    /// The line of the table it belongs to.
    pub fn group(&self) -> &'static str {
        match self {
            Self::Kill(API) => "SIGKILL of the api",
            Self::Kill(victim) if WORKERS.contains(victim) => "SIGKILL of a worker",
            Self::Kill(_) => "SIGKILL of a scheduler",
            Self::Pause(..) => "SIGSTOP of a worker past its lease",
            Self::Flush => "FLUSHALL of the queue's Redis",
            Self::RedisAway(Role::Queue, ..) => "queue's Redis away",
            Self::RedisAway(Role::Cache, ..) => "cache's Redis away",
            Self::MysqlAway(..) => "MySQL away",
            Self::Cut(_) => "connections cut",
            Self::Stall(..) => "a service hangs",
            Self::Freeze(Link::Mysql) => FROZEN,
            Self::Freeze(_) => "connections to a Redis frozen",
            Self::ReadOnly(_) => READ_ONLY,
            Self::DiskFull(_) => DISK_FULL,
            Self::RollingRestart => "rolling restart of the workers",
            Self::KillAll => "SIGKILL of all programs at once",
            Self::StorageAway(_) => "S3 away",
            Self::MailAway(_) => "mail server away",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let also = |victim: &Option<Victim>| victim.map_or_else(String::new, |victim| format!(", {victim} killed too"));
        match self {
            Self::Kill(victim) => write!(f, "SIGKILL {victim}"),
            Self::Pause(victim, time) => write!(f, "SIGSTOP {victim} for {:.1} s", time.as_secs_f32()),
            Self::Flush => f.write_str("FLUSHALL of the queue's Redis"),
            Self::RedisAway(role, time, victim) => {
                write!(f, "{} away for {:.1} s{}", Link::of(*role).name(), time.as_secs_f32(), also(victim))
            }
            Self::MysqlAway(time, victim) => write!(f, "MySQL away for {:.1} s{}", time.as_secs_f32(), also(victim)),
            Self::Cut(link) => write!(f, "connections to {} cut", link.name()),
            Self::Stall(link, time) => write!(f, "{} hangs for {:.1} s", link.name(), time.as_secs_f32()),
            Self::Freeze(link) => write!(f, "connections to {} frozen", link.name()),
            Self::ReadOnly(time) => write!(f, "MySQL read-only for {:.1} s", time.as_secs_f32()),
            Self::RollingRestart | Self::KillAll => f.write_str(self.group()),
            Self::DiskFull(time) | Self::StorageAway(time) | Self::MailAway(time) => {
                write!(f, "{} for {:.1} s", self.group(), time.as_secs_f32())
            }
        }
    }
}

/// A fault and how long to wait before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub wait: Duration,
    pub fault: Fault,
}

/// `kills` SIGKILLs of programs and, in proportion, each of the other faults at least once.
pub fn plan(seed: u64, kills: usize) -> Vec<Step> {
    let mut rng = StdRng::seed_from_u64(seed);
    let rng = &mut rng;
    let mut faults: Vec<Fault> = (0..kills).map(|_| Fault::Kill(victim(rng))).collect();
    let share = |of: usize| (kills / of).max(1);
    for _ in 0..share(25) {
        faults.push(Fault::Pause(worker(rng), PAST_THE_LEASE));
        faults.push(Fault::MysqlAway(seconds(rng, 1.0, 5.0), maybe_victim(rng)));
        faults.push(Fault::RollingRestart);
        faults.push(Fault::KillAll);
        faults.push(Fault::StorageAway(seconds(rng, 1.0, 4.0)));
        faults.push(Fault::MailAway(seconds(rng, 1.0, 4.0)));
        faults.push(Fault::Stall(Link::ALL.choose(rng).copied().unwrap_or(Link::Mysql), seconds(rng, 1.0, 4.0)));
        faults.push(Fault::Freeze(Link::Mysql));
        faults.push(Fault::Freeze(if rng.random_bool(0.7) { Link::Queue } else { Link::Cache }));
        faults.push(Fault::ReadOnly(seconds(rng, 2.0, 6.0)));
        faults.push(Fault::DiskFull(seconds(rng, 4.0, 8.0)));
        faults.push(Fault::RedisAway(Role::Cache, seconds(rng, 1.0, 4.0), maybe_victim(rng)));
    }
    for _ in 0..share(15) {
        faults.push(Fault::RedisAway(Role::Queue, seconds(rng, 1.0, 6.0), maybe_victim(rng)));
        faults.push(Fault::Cut(Link::ALL.choose(rng).copied().unwrap_or(Link::Mysql)));
    }
    for _ in 0..share(10).max(3) {
        faults.push(Fault::Flush);
    }
    faults.shuffle(rng);
    faults.into_iter().map(|fault| Step { wait: seconds(rng, 0.2, 2.5), fault }).collect()
}

fn seconds(rng: &mut StdRng, from: f32, to: f32) -> Duration {
    Duration::from_millis((rng.random_range(from..to) * 1000.0) as u64)
}

fn worker(rng: &mut StdRng) -> Victim {
    WORKERS.choose(rng).copied().unwrap_or(WORKERS[0])
}

/// Mostly a worker: there the jobs are.
fn victim(rng: &mut StdRng) -> Victim {
    match rng.random_range(0..10) {
        0..6 => worker(rng),
        6..8 => API,
        _ => SCHEDULERS.choose(rng).copied().unwrap_or(SCHEDULERS[0]),
    }
}

fn maybe_victim(rng: &mut StdRng) -> Option<Victim> {
    rng.random_bool(0.4).then(|| victim(rng))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_everything_and_every_kind_of_fault_happens() {
        assert_eq!(plan(7, 20), plan(7, 20));
        assert_ne!(plan(7, 20), plan(8, 20));
        for seed in 0..20 {
            let steps = plan(seed, 10);
            let kills = steps.iter().filter(|step| matches!(step.fault, Fault::Kill(_))).count();
            assert_eq!(kills, 10);
            let groups: std::collections::BTreeSet<_> = steps
                .iter()
                .map(|step| step.fault.group())
                .filter(|group| !group.starts_with("SIGKILL of a "))
                .filter(|group| *group != "SIGKILL of the api")
                .collect();
            assert_eq!(groups.len(), 15, "{groups:?}");
            assert!(steps.iter().filter(|step| step.fault == Fault::Flush).count() >= 3);
        }
    }
}
