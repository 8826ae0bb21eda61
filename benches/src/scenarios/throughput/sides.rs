//! Who takes part in which comparison, with how many jobs, slots and what else decides its rate.

use super::Args;
use crate::peers::Peer;

const INNODB: &str = "InnoDB, fsync at each commit";
const POSTGRES: &str = "PostgreSQL, fsync at each commit";
const AOF: &str = "Redis AOF, fsync each second";
const AOF_AND_INNODB: &str = "Redis AOF each second; its write InnoDB, fsync";

/// Fewer slots than this are too slow for as many jobs as the others get.
const FEW_SLOTS: usize = 32;

/// One row of a comparison: a side with its settings.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) who: Who,
    /// Jobs it has in hand at a time; none where it does not take any in hand.
    pub(super) slots: Option<usize>,
    pub(super) durability: &'static str,
}

#[derive(Clone, Debug)]
pub(super) enum Who {
    Ours { jobs: u64 },
    Peer { peer: Peer, scenario: &'static str, args: Vec<String> },
}

impl Entry {
    fn ours(jobs: u64, slots: Option<usize>) -> Self {
        Self { who: Who::Ours { jobs }, slots, durability: INNODB }
    }

    /// Without slots, `args` being words with spaces between them.
    fn of(peer: Peer, scenario: &'static str, args: &str) -> Self {
        let durability = match peer {
            Peer::Sql => INNODB,
            Peer::BullMqOnPostgres | Peer::Awa | Peer::Pgqrs => POSTGRES,
            Peer::Celery if scenario == "write" => AOF_AND_INNODB,
            Peer::BullMq | Peer::Celery | Peer::Apalis => AOF,
        };
        let args = args.split_whitespace().map(str::to_owned).collect();
        Self { who: Who::Peer { peer, scenario, args }, slots: None, durability }
    }

    fn with_slots(self, slots: usize) -> Self {
        Self { slots: Some(slots), ..self }
    }
}

pub(super) fn enqueue(args: &Args) -> Vec<Entry> {
    let sized = format!("--jobs {} --batch {}", args.jobs, args.batch);
    vec![
        Entry::ours(args.jobs, None),
        Entry::of(Peer::Sql, "enqueue", &sized),
        Entry::of(Peer::BullMq, "enqueue", &sized),
        Entry::of(Peer::BullMqOnPostgres, "enqueue", &sized),
        Entry::of(Peer::Awa, "enqueue", &sized),
        Entry::of(Peer::Pgqrs, "enqueue", &sized),
        Entry::of(Peer::Apalis, "enqueue", &sized),
        Entry::of(Peer::Celery, "enqueue", &format!("--jobs {}", args.celery_jobs)),
    ]
}

pub(super) fn drain(args: &Args) -> Vec<Entry> {
    let (jobs, few) = (args.jobs, args.few_jobs);
    let mut entries: Vec<Entry> = args
        .slots
        .iter()
        .map(|&slots| Entry::ours(if slots < FEW_SLOTS { few.min(jobs) } else { jobs }, Some(slots)))
        .collect();
    let sql = format!("--jobs {jobs} --connections {} --batch 500", args.sql_connections);
    entries.push(Entry::of(Peer::Sql, "drain", &sql));
    entries.push(Entry::of(Peer::Sql, "find-and-drain", &sql));
    for &slots in &args.bullmq_slots {
        let with = format!("--jobs {jobs} --concurrency {slots}");
        entries.push(Entry::of(Peer::BullMq, "drain", &with).with_slots(slots));
    }
    for &slots in &args.bullmq_postgres_slots {
        let connections = slots.clamp(2, args.bullmq_connections);
        let with = format!("--jobs {} --concurrency {slots} --connections {connections}", few.min(jobs));
        entries.push(Entry::of(Peer::BullMqOnPostgres, "drain", &with).with_slots(slots));
    }
    for &slots in &args.awa_slots {
        let with = format!("--jobs {jobs} --concurrency {slots} --claimers {}", args.awa_claimers);
        entries.push(Entry::of(Peer::Awa, "drain", &with).with_slots(slots));
    }
    for &Consumers { consumers, batch } in &args.pgqrs_consumers {
        let with = format!("--jobs {jobs} --consumers {consumers} --dequeue {batch}");
        entries.push(Entry::of(Peer::Pgqrs, "drain", &with).with_slots(consumers * batch));
    }
    entries.push(Entry::of(Peer::Apalis, "drain", &format!("--jobs {jobs}")));
    entries.push(celery(args, "drain"));
    entries
}

pub(super) fn write(args: &Args, concurrency: usize) -> Vec<Entry> {
    vec![Entry::ours(args.write_jobs, Some(concurrency)), celery(args, "write")]
}

fn celery(args: &Args, scenario: &'static str) -> Entry {
    let Args { celery_jobs, celery_pool, celery_concurrency, .. } = args;
    let with = format!("--jobs {celery_jobs} --pool {celery_pool} --concurrency {celery_concurrency}");
    Entry::of(Peer::Celery, scenario, &with).with_slots(*celery_concurrency)
}

/// How many consumers of pgqrs take how many jobs at a time, as in `4x500`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consumers {
    consumers: usize,
    batch: usize,
}

impl std::str::FromStr for Consumers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split_once('x').and_then(|(many, each)| Some((many.parse().ok()?, each.parse().ok()?)));
        match numbers {
            Some((consumers @ 1.., batch @ 1..)) => Ok(Self { consumers, batch }),
            _ => Err(format!("{text:?} is not like 4x500: consumers, x, jobs each takes at a time")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumers_are_two_numbers_above_zero() {
        assert_eq!("4x500".parse(), Ok(Consumers { consumers: 4, batch: 500 }));
        for wrong in ["4", "x", "0x5", "5x0", "4x5x6"] {
            assert!(wrong.parse::<Consumers>().is_err(), "{wrong}");
        }
    }
}
