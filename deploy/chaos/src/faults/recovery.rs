//! Recovery times after each fault, read from the ledger's own timestamps after the run.

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::{Context, Result};
use chrono::{DateTime, NaiveDateTime, Utc};

use crate::{
    faults::{
        inject::Happened,
        plan::{API, DISK_FULL, FROZEN, Fault, READ_ONLY, WORKERS},
    },
    load::browser::Request,
    town::Town,
};

/// A run of a job that was lost with its process.
#[derive(Debug, Clone)]
pub struct LostRun {
    /// Of the process that ran it.
    pub pid: u32,
    pub started: DateTime<Utc>,
    /// When somebody noticed.
    pub noticed: DateTime<Utc>,
    /// When the job was claimed again.
    pub claimed_again: Option<DateTime<Utc>>,
}

/// When jobs were claimed, and which runs were lost.
#[derive(Debug, Default)]
pub struct History {
    /// Sorted.
    claims: Vec<DateTime<Utc>>,
    pub lost: Vec<LostRun>,
}

impl History {
    pub async fn read(town: &Town) -> Result<Self> {
        let claims = "SELECT started_at FROM jobs WHERE started_at IS NOT NULL
                      UNION ALL SELECT started_at FROM job_attempts WHERE started_at IS NOT NULL";
        let mut history = Self::default();
        for row in town.query(claims).await? {
            history.claims.extend(row.first().map(|text| time(text)).transpose()?);
        }
        history.claims.sort_unstable();
        let lost = "SELECT SUBSTRING_INDEX(w.name, ':', -1), a.started_at, a.finished_at,
                           COALESCE((SELECT MIN(n.started_at) FROM job_attempts n
                                     WHERE n.job_id = a.job_id AND n.run = a.run + 1),
                                    IF(j.runs = a.run + 1, j.started_at, NULL))
                    FROM job_attempts a JOIN jobs j ON j.id = a.job_id JOIN workers w ON w.id = a.worker_id
                    WHERE a.outcome = 'lost' ORDER BY a.finished_at";
        for row in town.query(lost).await? {
            let [pid, started, noticed, again] =
                <[String; 4]>::try_from(row).map_err(|row| anyhow::anyhow!("{row:?} is no lost run"))?;
            history.lost.push(LostRun {
                pid: pid.parse().context("the worker's name does not end with its process id")?,
                started: time(&started)?,
                noticed: time(&noticed)?,
                claimed_again: (again != "NULL").then(|| time(&again)).transpose()?,
            });
        }
        Ok(history)
    }

    /// From `at` until the next job was claimed, when one was.
    pub fn next_claim(&self, at: DateTime<Utc>) -> Option<Duration> {
        let next = self.claims.partition_point(|claim| *claim < at);
        (*self.claims.get(next)? - at).to_std().ok()
    }

    /// The runs a process had when it was hit.
    fn hit(&self, pid: u32, at: DateTime<Utc>) -> impl Iterator<Item = &LostRun> {
        self.lost.iter().filter(move |run| run.pid == pid && run.started <= at && run.noticed > at)
    }

    /// For each job a process had when it was hit: from then until it was claimed again.
    pub fn reclaims(&self, pid: u32, at: DateTime<Utc>) -> Vec<Duration> {
        self.hit(pid, at).filter_map(|run| (run.claimed_again? - at).to_std().ok()).collect()
    }

    /// The same until somebody noticed and made the job available again.
    pub fn notices(&self, pid: u32, at: DateTime<Utc>) -> Vec<Duration> {
        self.hit(pid, at).filter_map(|run| (run.noticed - at).to_std().ok()).collect()
    }
}

/// From `at` until the first good answer to a request made after it.
fn next_answer(requests: &[Request], at: DateTime<Utc>) -> Option<Duration> {
    let good = |request: &&Request| request.at >= at && request.status.is_some_and(|status| status < 500);
    requests.iter().filter(good).filter_map(|request| Some((request.at - at).to_std().ok()? + request.took)).min()
}

/// As the ledger writes it.
pub fn time(text: &str) -> Result<DateTime<Utc>> {
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f");
    Ok(time.with_context(|| format!("{text:?} is no time"))?.and_utc())
}

/// Durations as median, 99th percentile and maximum.
#[derive(Debug, Default, Clone)]
pub struct Spread(Vec<Duration>);

impl Spread {
    pub fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self(durations)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The smallest value that at least `share` of all do not exceed.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let rank = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).copied()
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |share| match self.quantile(share) {
            Some(time) if time < Duration::from_secs(1) => format!("{} ms", time.as_millis()),
            Some(time) => format!("{:.1} s", time.as_secs_f64()),
            None => "-".to_owned(),
        };
        write!(f, "{:>8} {:>8} {:>8}", number(0.5), number(0.99), number(1.0))
    }
}

/// How soon jobs shall be claimed again after some of the faults, in 99 of 100 cases.
const GOALS: [(&str, Duration); 3] = [(FROZEN, FROZEN_P99), (READ_ONLY, READ_ONLY_P99), (DISK_FULL, DISK_FULL_P99)];
pub const FROZEN_P99: Duration = Duration::from_secs(15);
pub const DISK_FULL_P99: Duration = Duration::from_secs(10);
pub const READ_ONLY_P99: Duration = Duration::from_secs(10);

/// A line of the table.
#[derive(Default)]
struct Group {
    times: usize,
    recoveries: Vec<Duration>,
    notices: Vec<Duration>,
    what: &'static str,
}

/// The table of faults and recovery times.
pub fn table(happened: &[Happened], history: &History, requests: &[Request]) -> String {
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    for it in happened {
        let group = groups.entry(it.fault.group()).or_default();
        group.times += 1;
        match it.fault {
            Fault::Kill(victim) | Fault::Pause(victim, _) if WORKERS.contains(&victim) => {
                group.what = "until a job it ran was claimed again";
                if let Some(pid) = it.pid {
                    group.recoveries.extend(history.reclaims(pid, it.began));
                    group.notices.extend(history.notices(pid, it.began));
                }
            }
            Fault::Kill(API) => {
                group.what = "until a request was answered again";
                group.recoveries.extend(next_answer(requests, it.began));
            }
            Fault::Kill(_) => {}
            _ => {
                group.what = "from its end to the next claim";
                group.recoveries.extend(history.next_claim(it.ended));
            }
        }
    }
    let mut table =
        format!("{:<36} {:>5} {:>6} {:>8} {:>8} {:>8}  recovery\n", "fault", "times", "seen", "median", "p99", "max");
    let mut goals = String::new();
    for (name, group) in groups {
        let spread = Spread::of(group.recoveries);
        table.push_str(&format!("{name:<36} {:>5} {:>6} {spread}  {}\n", group.times, spread.len(), group.what));
        if let Some((_, goal)) = GOALS.iter().find(|(known, _)| *known == name)
            && let Some(p99) = spread.quantile(0.99)
        {
            let met = if p99 <= *goal { "met" } else { "MISSED" };
            goals.push_str(&format!("goal {met:<7} {name}: p99 <= {} s\n", goal.as_secs()));
        }
        let noticed = Spread::of(group.notices);
        if noticed.len() > 0 {
            table.push_str(&format!("{:<42} {:>6} {noticed}  of it until it was available again\n", "", noticed.len()));
        }
    }
    table + &goals
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    #[test]
    fn a_lost_run_counts_for_the_hit_that_lost_it() {
        let run = |started, noticed, again| LostRun {
            pid: 7,
            started: at(started),
            noticed: at(noticed),
            claimed_again: Some(at(again)),
        };
        let history = History { claims: vec![at(0), at(21)], lost: vec![run(9, 19, 21), run(30, 40, 41)] };
        assert_eq!(history.reclaims(7, at(10)), [Duration::from_secs(11)]);
        assert!(history.reclaims(8, at(10)).is_empty());
        assert_eq!(history.next_claim(at(10)), Some(Duration::from_secs(11)));
        assert_eq!(history.next_claim(at(22)), None);
    }

    #[test]
    fn quantiles_are_values_that_occurred() {
        let spread = Spread::of((1..=100).rev().map(Duration::from_secs).collect());
        assert_eq!(spread.quantile(0.5), Some(Duration::from_secs(50)));
        assert_eq!(spread.quantile(0.99), Some(Duration::from_secs(99)));
        assert_eq!(spread.quantile(1.0), Some(Duration::from_secs(100)));
        assert_eq!(Spread::default().quantile(0.5), None);
    }
}
