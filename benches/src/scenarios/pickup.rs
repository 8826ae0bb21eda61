//! The wait of a job: from the commit that enqueued it to the start of its handler, on one clock.

use std::time::Duration;

use rand::Rng;

use super::{Bench, figure, load};
use crate::{
    jobs::Sleep,
    peers::Peer,
    report::{Goal, Results, Table, progress},
    stage::BenchWorker,
    stats,
};

/// Sizes of the pickup scenarios.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Single jobs, with pauses.
    #[arg(long, default_value_t = 400)]
    jobs: u64,
    /// Mean pause between them.
    #[arg(long, default_value_t = 30)]
    pause_ms: u64,
    /// Jobs a second under load, of 1 ms each.
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    /// How long the load lasts.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Leave the peers out.
    #[arg(long)]
    ours_only: bool,
}

pub async fn run(bench: &Bench, args: &Args) -> anyhow::Result<Results> {
    let machine = bench.stage.machine().await?;
    let mut results = Results { command: String::new(), machine, tables: vec![], goals: vec![], samples: [].into() };
    let columns = ["who", "p50 ms", "p99 ms", "worst ms", "jobs", "durability", "settings"];
    let &Args { jobs, pause_ms, rate, seconds, .. } = args;
    let options = |first, value: u64, second, other: u64| {
        [first, value.to_string().as_str(), second, other.to_string().as_str()].map(str::to_owned)
    };
    let scenarios = [
        (
            "idle",
            format!("Idle pickup: single jobs, {pause_ms} ms apart"),
            options("--jobs", jobs, "--pause-ms", pause_ms),
        ),
        (
            "loaded",
            format!("Pickup at {rate} jobs/s of 1 ms, generator on the same machine"),
            options("--rate", rate, "--seconds", seconds),
        ),
    ];
    for (scenario, title, peer_args) in scenarios {
        let idle = scenario == "idle";
        let mut table = Table::new(title, &columns);
        let mut ours = [Vec::new(), Vec::new()];
        let mut slowest = f64::INFINITY;
        let peers: &[Peer] = if idle { &[Peer::BullMq, Peer::Apalis] } else { &[Peer::BullMq] };
        let mut rows: Vec<Vec<Vec<String>>> = vec![Vec::new(); peers.len()];
        for run in 1..=bench.runs {
            progress(&format!("{scenario} pickup, run {run} of {}", bench.runs));
            let mut note = format!("run {run}: concurrency {}", bench.size.concurrency);
            let waits = if idle {
                idle_waits(bench, args).await?
            } else {
                let (waits, reached) = loaded_waits(bench, args).await?;
                slowest = slowest.min(reached);
                note += &format!(", {} jobs/s reached", figure(reached));
                waits
            };
            table.row(row("ours", &waits, "InnoDB, fsync at each commit", &note));
            for (samples, p) in ours.iter_mut().zip([50.0, 99.0]) {
                samples.push(stats::percentile(&waits, p) / 1e3);
            }
            if args.ours_only {
                continue;
            }
            for (peer, rows) in peers.iter().zip(&mut rows) {
                match bench.peer(*peer, scenario, &peer_args).await {
                    Ok(measured) => {
                        let note = format!("run {run}: {}", measured.note);
                        rows.push(row(&measured.peer, &measured.micros, "Redis AOF, fsync each second", &note));
                    }
                    Err(error) if std::env::var_os("CI").is_none() => {
                        progress(&format!("    {}: {error:#}", peer.name()));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        for row in rows.into_iter().flatten() {
            table.row(row);
        }
        let [p50, p99] = ours.map(|samples| stats::median(&samples));
        let measured = format!("p50 {p50:.2} ms, p99 {p99:.2} ms (medians)");
        results.goals.push(if idle {
            Goal::new("idle pickup p50 <= 3 ms, p99 <= 15 ms", measured, p50 <= 3.0 && p99 <= 15.0)
        } else {
            // A generator that cannot keep up has measured something else.
            let loaded = slowest >= args.rate as f64 * 0.95;
            let measured =
                if loaded { measured } else { format!("{measured}; only {} jobs/s reached", figure(slowest)) };
            Goal::new("loaded pickup p99 <= 10 ms", measured, loaded && p99 <= 10.0)
        });
        results.samples.insert(format!("{scenario} p50, p99 ms"), vec![p50, p99]);
        results.tables.push(table);
    }
    Ok(results)
}

fn row(who: &str, micros: &[f64], durability: &str, note: &str) -> Vec<String> {
    let ms = |p| figure(stats::percentile(micros, p) / 1e3);
    let cells = [who, &ms(50.0), &ms(99.0), &ms(100.0), &figure(micros.len() as f64), durability, note];
    cells.iter().map(|&cell| cell.to_owned()).collect()
}

async fn idle_waits(bench: &Bench, args: &Args) -> anyhow::Result<Vec<f64>> {
    bench.stage.clear().await?;
    let worker = bench.stage.worker(bench.size, true).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut committed = Vec::new();
    for n in 0..args.jobs {
        let at = load::one(&bench.stage.db, &Sleep { n, ms: 0, first_ms: None }).await?;
        committed.push((n, at));
        // Spread, so that no rhythm of either side shows.
        let pause = rand::rng().random_range(args.pause_ms / 2..=args.pause_ms * 3 / 2);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    waits(bench, worker, committed).await
}

/// The waits, and the rate the generator reached.
async fn loaded_waits(bench: &Bench, args: &Args) -> anyhow::Result<(Vec<f64>, f64)> {
    bench.stage.clear().await?;
    let worker = bench.stage.worker(bench.size, true).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let started = std::time::Instant::now();
    let count = args.rate * args.seconds;
    let job = |n| Sleep { n, ms: 1, first_ms: None };
    let committed = load::steady(&bench.stage.db, args.rate as f64, 0, count, job).await?;
    let reached = count as f64 / started.elapsed().as_secs_f64();
    Ok((waits(bench, worker, committed).await?, reached))
}

/// Commit to handler, in microseconds; a handler that began before the commit's answer came back waited 0.
async fn waits(
    bench: &Bench,
    mut worker: BenchWorker,
    committed: impl IntoIterator<Item = (u64, u64)>,
) -> anyhow::Result<Vec<f64>> {
    bench.stage.wait_completed(Duration::from_secs(60)).await?;
    worker.stop().await?;
    let starts = worker.journal.starts();
    committed
        .into_iter()
        .map(|(n, at)| match starts.get(&(n, 1)) {
            Some(start) => Ok(start.saturating_sub(at) as f64),
            None => anyhow::bail!("job {n} completed, but its start is not in the journal"),
        })
        .collect()
}
