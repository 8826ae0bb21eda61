//! What steering costs: draining the same no-op jobs with limits that never bite, and for many tenants instead of one.

use std::time::Duration;

use queue::ledger::controls::limits::{self, Limit};
use uuid::Uuid;

use super::{Bench, figure, load};
use crate::{
    jobs::Owned,
    report::{Goal, Results, Table, progress},
    stage::WorkerSize,
    stats,
};

/// Sizes of the scenario.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Jobs a run.
    #[arg(long, default_value_t = 40_000)]
    jobs: u64,
    /// Jobs at a time.
    #[arg(long, default_value_t = 2_048)]
    slots: usize,
    /// Only the cases whose names contain one of these.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// One way to drain the same jobs.
struct Case {
    name: &'static str,
    tenants: u64,
    limit: Option<Limit>,
}

/// More than can ever run at a time, or start in a second.
const NEVER: u32 = 100_000;

fn cases() -> Vec<Case> {
    let limit = Limit::of("bench_owned", "a benchmark");
    let running = Limit { max_running: Some(NEVER), ..limit.clone() };
    let by_tenant = Limit { max_running_per_tenant: Some(NEVER), ..limit.clone() };
    let rate = Limit { rate: Some(NEVER), rate_seconds: Some(1), burst: Some(NEVER), ..limit };
    let case = |name, tenants, limit| Case { name, tenants, limit };
    vec![
        case("one tenant, no limit", 1, None),
        case("a limit of running jobs", 1, Some(running)),
        case("a limit for each tenant, 100 tenants", 100, Some(by_tenant)),
        case("a rate", 1, Some(rate)),
        case("60 tenants", 60, None),
        case("100 tenants", 100, None),
        case("20,000 tenants", 20_000, None),
    ]
}

pub async fn run(bench: &Bench, args: &Args) -> anyhow::Result<Results> {
    let machine = bench.stage.machine().await?;
    let cases: Vec<Case> = cases()
        .into_iter()
        .enumerate()
        .filter(|(place, case)| {
            *place == 0 || args.only.is_empty() || args.only.iter().any(|only| case.name.contains(only.as_str()))
        })
        .map(|(_, case)| case)
        .collect();
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); cases.len()];
    for run in 1..=bench.runs {
        progress(&format!("steered, run {run} of {}", bench.runs));
        for (case, rates) in cases.iter().zip(&mut rates) {
            let rate = drain(bench, args, case).await?;
            progress(&format!("    {}: {} jobs/s", case.name, figure(rate)));
            rates.push(rate);
        }
    }
    let mut table = Table::new(
        format!("Drain of {} no-op jobs, one worker process, {} slots", figure(args.jobs as f64), args.slots),
        &["case", "jobs/s (median)", "lowest–highest", "of the first"],
    );
    let first = stats::median(&rates[0]);
    let (mut goals, mut samples) = (Vec::new(), std::collections::BTreeMap::new());
    for (place, (case, rates)) in cases.iter().zip(rates).enumerate() {
        let median = stats::median(&rates);
        let share = median / first;
        table.row([
            case.name.to_owned(),
            figure(median),
            format!("{}–{}", figure(stats::percentile(&rates, 0.0)), figure(stats::percentile(&rates, 100.0))),
            format!("{:.0} %", share * 100.0),
        ]);
        if place > 0 {
            let what = format!("{}: at least 70 % of the drain without", case.name);
            goals.push(Goal::new(&what, format!("{:.0} %", share * 100.0), share >= 0.7));
        }
        samples.insert(case.name.to_owned(), rates);
    }
    Ok(Results { command: String::new(), machine, tables: vec![table], goals, samples })
}

async fn drain(bench: &Bench, args: &Args, case: &Case) -> anyhow::Result<f64> {
    let stage = &bench.stage;
    stage.clear().await?;
    let mut tx = stage.db.begin().await?;
    match &case.limit {
        Some(limit) => limits::set(&mut tx, limit).await?,
        None => drop(limits::remove(&mut tx, "bench_owned").await?),
    }
    tx.commit().await?;
    // Spread over the whole range of ids, like real ones.
    let tenants: Vec<Uuid> = (0..case.tenants).map(|_| Uuid::new_v4()).collect();
    let owner = |n: u64| tenants[usize::try_from(n).unwrap_or(0) % tenants.len()];
    load::bulk(&stage.db, args.jobs, 1_000, |n| Owned { n, ms: 0, tenant: owner(n) }).await?;
    let mut worker = stage.worker(WorkerSize { concurrency: args.slots, ..bench.size }, false).await?;
    let limit = Duration::from_secs(600);
    let (journal, jobs) = (worker.journal.clone(), args.jobs);
    worker.process.wait_until(limit, || async { journal.begun() >= jobs }).await?;
    stage.wait_completed(limit).await?;
    let seconds = stage.seconds_of_work().await?;
    worker.process.terminate(Duration::from_secs(20)).await?;
    Ok(args.jobs as f64 / seconds)
}
