//! Jobs a second: enqueueing in batches, draining no-op jobs, draining jobs that write.

mod sides;

use std::time::Duration;

use self::sides::{Consumers, Entry, Who};
use super::{Bench, figure, load};
use crate::{
    jobs::{Noop, Write},
    peers::{Measured, Peer},
    report::{Goal, Results, Table, progress},
    stage::WorkerSize,
    stats,
};

/// Sizes of the throughput scenarios.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Jobs a run.
    #[arg(long, default_value_t = 50_000)]
    jobs: u64,
    /// Jobs a run of those who take minutes for 50,000: BullMQ on PostgreSQL, and ours with fewer than 32 slots.
    #[arg(long, default_value_t = 10_000)]
    few_jobs: u64,
    /// Jobs a run for Celery, which takes a minute for 50,000.
    #[arg(long, default_value_t = 5_000)]
    celery_jobs: u64,
    /// Jobs that write, a run.
    #[arg(long, default_value_t = 20_000)]
    write_jobs: u64,
    /// Jobs a transaction, an addBulk or a push.
    #[arg(long, default_value_t = 1_000)]
    batch: usize,
    /// No-op jobs our worker runs at a time, once with each of these; jobs that write go by --concurrency.
    #[arg(long, value_delimiter = ',', default_value = "2048,100,2")]
    slots: Vec<usize>,
    /// Jobs BullMQ's worker runs at a time.
    #[arg(long, value_delimiter = ',', default_value = "100")]
    bullmq_slots: Vec<usize>,
    /// The same on PostgreSQL.
    #[arg(long, value_delimiter = ',', default_value = "32,100")]
    bullmq_postgres_slots: Vec<usize>,
    /// Database connections of BullMQ on PostgreSQL at most; as many as it has slots at most.
    #[arg(long, default_value_t = 32)]
    bullmq_connections: usize,
    /// Jobs awa's worker runs at a time.
    #[arg(long, value_delimiter = ',', default_value = "2048,100")]
    awa_slots: Vec<usize>,
    /// Loops in which awa's worker claims.
    #[arg(long, default_value_t = 1)]
    awa_claimers: u16,
    /// pgqrs: consumers x jobs each takes at a time.
    #[arg(long, value_delimiter = ',', default_value = "4x512,2x50")]
    pgqrs_consumers: Vec<Consumers>,
    /// Celery's pool.
    #[arg(long, default_value = "prefork")]
    celery_pool: String,
    #[arg(long, default_value_t = 2)]
    celery_concurrency: usize,
    /// Connections of the bare SQL loop.
    #[arg(long, default_value_t = 2)]
    sql_connections: u32,
    /// Leave the peers out.
    #[arg(long)]
    ours_only: bool,
    /// Only these: enqueue, drain, write.
    #[arg(long, value_delimiter = ',', default_value = "enqueue,drain,write")]
    only: Vec<String>,
}

impl Args {
    /// Who has to be installed.
    pub fn peers(&self) -> &'static [Peer] {
        match self.ours_only {
            true => &[],
            false => &[Peer::BullMq, Peer::BullMqOnPostgres, Peer::Awa, Peer::Pgqrs, Peer::Celery],
        }
    }
}

/// What one row of a comparison came to.
#[derive(Clone)]
struct Side {
    entry: Entry,
    name: String,
    note: String,
    jobs: u64,
    rates: Vec<f64>,
}

impl Side {
    fn new(entry: Entry) -> Self {
        let name = match entry.who {
            Who::Ours { .. } => "ours",
            Who::Peer { peer, .. } => peer.name(),
        };
        Self { entry, name: name.into(), note: String::new(), jobs: 0, rates: Vec::new() }
    }

    fn median(&self) -> f64 {
        stats::median(&self.rates)
    }

    fn is_ours(&self) -> bool {
        matches!(self.entry.who, Who::Ours { .. })
    }

    fn is(&self, wanted: Peer, in_scenario: &str) -> bool {
        matches!(self.entry.who, Who::Peer { peer, scenario, .. } if peer == wanted && scenario == in_scenario)
    }
}

pub async fn run(bench: &Bench, args: &Args) -> anyhow::Result<Results> {
    let mut machine = bench.stage.machine().await?;
    machine.postgres = bench.installed.postgres_settings().await?;
    let wanted = |name: &str| args.only.iter().any(|only| only == name);
    let mut results = Results { command: String::new(), machine, tables: vec![], goals: vec![], samples: [].into() };
    if wanted("enqueue") {
        let sides = compare(bench, args, "enqueue", sides::enqueue(args)).await?;
        results.tables.push(table(&format!("Enqueue, batches of {}", args.batch), &sides));
        for peer in [Peer::BullMq, Peer::BullMqOnPostgres] {
            let goal = format!("batched enqueue >= 1.5 x addBulk of {}", peer.name());
            results.goals.extend(at_least(1.5, &goal, ratio(&sides, peer, "enqueue")));
        }
        keep(&mut results, "enqueue", &sides);
    }
    if wanted("drain") {
        let sides = compare(bench, args, "drain", sides::drain(args)).await?;
        results.tables.push(table("Drain of no-op jobs, one worker process", &sides));
        if let Some(ratio) = ratio(&sides, Peer::Sql, "drain") {
            let measured = format!("{:.0} %", ratio * 100.0);
            results.goals.push(Goal::new("drain >= 80 % of bare SQL doing the same writes", measured, ratio >= 0.8));
        }
        for (least, peer) in [(1.0, Peer::BullMq), (1.5, Peer::BullMqOnPostgres), (1.0, Peer::Awa), (1.0, Peer::Pgqrs)]
        {
            let goal = format!("drain, each at best: >= {least:.1} x {}", peer.name());
            results.goals.extend(at_least(least, &goal, ratio(&sides, peer, "drain")));
        }
        keep(&mut results, "drain", &sides);
    }
    if wanted("write") {
        let sides = compare(bench, args, "write", sides::write(args, bench.size.concurrency)).await?;
        results.tables.push(table("Drain of jobs with one writing transaction each, one worker process", &sides));
        let goal = "one writing transaction a job >= 3 x Celery";
        results.goals.extend(at_least(3.0, goal, ratio(&sides, Peer::Celery, "write")));
        keep(&mut results, "write", &sides);
    }
    Ok(results)
}

/// Every side once, as often as asked: what slows the machine for a while slows all of them.
async fn compare(bench: &Bench, args: &Args, scenario: &str, entries: Vec<Entry>) -> anyhow::Result<Vec<Side>> {
    let mut sides: Vec<Side> = entries.into_iter().map(Side::new).collect();
    sides.retain(|side| side.is_ours() || !args.ours_only);
    for run in 1..=bench.runs {
        progress(&format!("{scenario}, run {run} of {}", bench.runs));
        for side in &mut sides {
            let measured = match &side.entry.who {
                Who::Ours { jobs } => ours(bench, args, scenario, *jobs, side.entry.slots).await,
                Who::Peer { peer, scenario, args } => bench.peer(*peer, scenario, args).await,
            };
            match (measured, &side.entry.who) {
                (Ok(measured), _) => {
                    let rate = measured.jobs_per_second();
                    progress(&format!("    {}: {} jobs/s ({})", measured.peer, figure(rate), measured.note));
                    side.rates.push(rate);
                    (side.name, side.note, side.jobs) = (measured.peer, measured.note, measured.jobs);
                }
                (Err(error), Who::Peer { peer, .. }) if std::env::var_os("CI").is_none() => {
                    progress(&format!("    {}: {error:#}", peer.name()));
                    side.note = reason(&error);
                }
                (Err(error), _) => return Err(error),
            }
        }
    }
    Ok(sides)
}

/// What fits into a table: the beginning, and not where the log is on this machine.
fn reason(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("log: "));
    lines.take(2).collect::<Vec<_>>().join(" ").replace('|', "/")
}

async fn ours(bench: &Bench, args: &Args, scenario: &str, jobs: u64, slots: Option<usize>) -> anyhow::Result<Measured> {
    let stage = &bench.stage;
    stage.clear().await?;
    let mut measured = Measured { peer: "ours".into(), scenario: scenario.into(), jobs, ..Measured::default() };
    progress(&format!("  ours {scenario}"));
    let enqueued = if scenario == "write" {
        load::bulk(&stage.db, jobs, args.batch, |n| Write { n, ms: 0, first_ms: None }).await?
    } else {
        load::bulk(&stage.db, jobs, args.batch, |n| Noop { n }).await?
    };
    let Some(concurrency) = slots else {
        measured.seconds = Some(enqueued);
        measured.note = "one connection".into();
        return Ok(measured);
    };
    let size = WorkerSize { concurrency, ..bench.size };
    let mut worker = stage.worker(size, false).await?;
    let limit = Duration::from_secs(300);
    let journal = worker.journal.clone();
    // The ledger is not asked before the last handler has begun: counting rows would slow what is measured.
    worker.process.wait_until(limit, || async { journal.begun() >= jobs }).await?;
    stage.wait_completed(limit).await?;
    measured.seconds = Some(stage.seconds_of_work().await?);
    measured.note = format!("concurrency {concurrency}, {} connections at most", size.pool);
    worker.process.terminate(Duration::from_secs(20)).await?;
    if scenario == "write" {
        let rows = stage.count("SELECT COUNT(*) FROM bench_writes").await?;
        anyhow::ensure!(rows == i64::try_from(jobs)?, "{jobs} jobs left {rows} rows");
    }
    Ok(measured)
}

/// With the slots of each side only where somebody was measured with several numbers of them.
fn table(title: &str, sides: &[Side]) -> Table {
    let by_slots = sides.iter().filter(|side| side.is_ours()).count() > 1;
    let mut columns = vec!["who", "jobs/s (median)", "lowest–highest", "ours is", "jobs", "durability", "settings"];
    if by_slots {
        columns.splice(
            1..4,
            ["slots", "jobs/s (median)", "lowest–highest", "ours at best is", "ours at as many slots is"],
        );
    }
    let mut table = Table::new(title, &columns);
    let best = best(sides.iter().filter(|side| side.is_ours())).unwrap_or(f64::NAN);
    let times = |ours: f64, side: &Side| {
        let ratio = ours / side.median();
        if ratio.is_nan() { "–".into() } else { format!("{ratio:.2} x") }
    };
    for side in sides {
        let (low, high) = (stats::percentile(&side.rates, 0.0), stats::percentile(&side.rates, 100.0));
        let (spread, jobs) = match side.rates.is_empty() {
            true => ("–".into(), "–".into()),
            false => (format!("{}–{}", figure(low), figure(high)), whole(side.jobs)),
        };
        let mut row = vec![side.name.clone()];
        if by_slots {
            row.push(side.entry.slots.map_or_else(|| "–".into(), |slots| whole(slots as u64)));
        }
        row.extend([figure(side.median()), spread, times(best, side)]);
        if by_slots {
            let equal = sides.iter().find(|ours| ours.is_ours() && ours.entry.slots == side.entry.slots);
            row.push(equal.map_or_else(|| "–".into(), |ours| times(ours.median(), side)));
        }
        row.extend([jobs, side.entry.durability.into(), side.note.clone()]);
        table.row(row);
    }
    table
}

/// A number without decimals.
fn whole(number: u64) -> String {
    if number < 100 { number.to_string() } else { figure(number as f64) }
}

/// The highest median.
fn best<'a>(sides: impl Iterator<Item = &'a Side>) -> Option<f64> {
    sides.filter(|side| !side.rates.is_empty()).map(Side::median).max_by(f64::total_cmp)
}

/// Ours to the peer's in one scenario, each at best.
fn ratio(sides: &[Side], peer: Peer, scenario: &str) -> Option<f64> {
    let theirs = best(sides.iter().filter(|side| side.is(peer, scenario)))?;
    Some(best(sides.iter().filter(|side| side.is_ours()))? / theirs)
}

/// None for a peer that was not measured.
fn at_least(least: f64, goal: &str, ratio: Option<f64>) -> Option<Goal> {
    let ratio = ratio?;
    Some(Goal::new(goal, format!("{ratio:.2} x"), ratio >= least))
}

fn keep(results: &mut Results, scenario: &str, sides: &[Side]) {
    for side in sides.iter().filter(|side| !side.rates.is_empty()) {
        let slots = side.entry.slots.map_or_else(String::new, |slots| format!(", {slots} slots"));
        results.samples.insert(format!("{scenario}: {}{slots}", side.name), side.rates.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(who: Who, slots: usize, rates: &[f64]) -> Side {
        let entry = Entry { who, slots: Some(slots), durability: "none" };
        Side { jobs: 10, rates: rates.to_vec(), ..Side::new(entry) }
    }

    fn sides() -> Vec<Side> {
        let peer = |peer| Who::Peer { peer, scenario: "drain", args: Vec::new() };
        vec![
            side(Who::Ours { jobs: 10 }, 2_048, &[300.0, 200.0, 400.0]),
            side(Who::Ours { jobs: 10 }, 2, &[30.0]),
            side(peer(Peer::Awa), 2, &[60.0]),
            side(peer(Peer::Awa), 100, &[150.0]),
            side(peer(Peer::Pgqrs), 100, &[]),
        ]
    }

    #[test]
    fn each_side_is_taken_at_its_best() {
        assert_eq!(ratio(&sides(), Peer::Awa, "drain"), Some(2.0));
        assert_eq!(ratio(&sides(), Peer::Awa, "enqueue"), None);
        assert_eq!(ratio(&sides(), Peer::Pgqrs, "drain"), None);
    }

    #[test]
    fn a_row_is_compared_with_ours_at_best_and_with_as_many_slots() {
        let rows = table("T", &sides()).rows;
        assert_eq!(rows[0][1..6], ["2,048", "300", "200–400", "1.00 x", "1.00 x"]);
        assert_eq!(rows[2][1..6], ["2", "60.00", "60.00–60.00", "5.00 x", "0.50 x"]);
        assert_eq!(rows[3][4..6], ["2.00 x", "–"]);
        assert_eq!(rows[4][1..7], ["100", "–", "–", "–", "–", "–"]);
    }

    #[test]
    fn a_reason_has_no_path_of_this_machine() {
        let error = anyhow::anyhow!("not run: it failed\n  log: /some/where\n  | missing\n  more");
        assert_eq!(reason(&error), "not run: it failed / missing");
    }
}
