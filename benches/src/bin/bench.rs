//! The harness: starts the services, runs the scenarios, prints the tables.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use benches::{
    peers::{self, Installed, Peer},
    report::{self, Results},
    scenarios::{
        Bench, admin, api, archives, backlog, cancel, chat, fairness, idle, killed, paused, pickup, prune, readers,
        rolling, soak, steered, throughput,
    },
    stage::{Stage, WorkerSize},
};
use clap::{Parser, Subcommand};

/// Benchmarks of the queue, each beside its peers in the same run.
///
/// Everything it writes is under the folder; everything it starts ends with it. Method and results: docs/benchmarks.md.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    /// Where services, peers and results are kept.
    #[arg(long, default_value = ".dev/bench", value_name = "FOLDER", global = true)]
    dir: PathBuf,
    /// Repetitions of each measurement; medians are quoted.
    #[arg(long, default_value_t = 3, global = true)]
    runs: usize,
    /// Jobs our worker runs at a time.
    #[arg(long, default_value_t = 256, global = true)]
    concurrency: usize,
    /// Database connections of our worker.
    #[arg(long, default_value_t = 100, global = true)]
    pool: u32,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Every command below, in this order. The default.
    All,
    /// Jobs a second: enqueue, drain, drain with a writing transaction; beside all peers.
    Throughput(throughput::Args),
    /// Commit to start of the handler: idle and under load; beside BullMQ and apalis-redis.
    Pickup(pickup::Args),
    /// Claims while 150,000 old rows are pruned.
    Prune(prune::Args),
    /// Redis memory with a backlog of a million jobs.
    Backlog(backlog::Args),
    /// 50 rolling restarts (SIGTERM) at 500 jobs/s.
    Rolling(rolling::Args),
    /// SIGSTOP past the lease, SIGCONT: late writes.
    Paused(paused::Args),
    /// SIGKILL: until the jobs run again.
    Killed(killed::Args),
    /// One job of a tenant beside 100,000 of another.
    Fairness(fairness::Args),
    /// What limits that never bite and many tenants cost the drain.
    Steered(steered::Args),
    /// What the confinement of readers of hostile files costs
    Readers(readers::Args),
    /// Cancelling running jobs.
    Cancel(cancel::Args),
    /// What 100 workers without jobs ask of the database and of Redis.
    Idle(idle::Args),
    /// An hour at half the peak, with a long transaction and snapshots in it. Not among all.
    Soak(soak::Args),
    /// The operators' pages on a ledger of a million jobs, under load and pruning.
    Admin(admin::Args),
    /// The API: lists beside a static answer and SELECT 1, others' requests beside logins, uploads and slow connections.
    Api(api::Args),
    /// 1,000 chat sockets on two API processes, one of which is killed.
    Chat(chat::Args),
    /// The archive check beside bsdtar, unzip, 7z and raw inflate: CPU time and memory. Needs no services.
    Archives(archives::Args),
    /// Put the latest results into the document.
    Report {
        #[arg(long, default_value = "docs/benchmarks.md")]
        write: PathBuf,
    },
    #[command(hide = true)]
    PeerApalis(peers::apalis::Args),
    #[command(hide = true)]
    PeerSql(peers::sql::Args),
}

/// A command with its arguments at their defaults.
macro_rules! defaults {
    ($name:literal, $variant:ident) => {
        match Cli::try_parse_from(["bench", $name])?.command {
            Some(Command::$variant(args)) => args,
            _ => unreachable!("parsed from its own name"),
        }
    };
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(cli)));
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(3),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// False when a goal was missed.
async fn run(cli: Cli) -> anyhow::Result<bool> {
    let command = match cli.command {
        Some(Command::PeerApalis(args)) => return peers::apalis::run(args).await.map(|()| true),
        Some(Command::PeerSql(args)) => return peers::sql::run(args).await.map(|()| true),
        Some(Command::Report { write }) => return report::write_document(&cli.dir, &write).map(|()| true),
        command => command.unwrap_or(Command::All),
    };
    std::fs::create_dir_all(&cli.dir)?;
    let dir = cli.dir.canonicalize()?;
    if let Command::Archives(args) = &command {
        return publish(&dir, "archives", archives::run(&dir, cli.runs.max(1), args)?);
    }
    if let Command::Api(args) = &command {
        return publish(&dir, "api", api::run(&dir, cli.runs.max(1), args).await?);
    }
    if let Command::Chat(args) = &command {
        return publish(&dir, "chat", chat::run(&dir, args).await?);
    }
    let sources = Path::new("benches/peers");
    anyhow::ensure!(
        sources.is_dir(),
        "{} is not here; run from the top of the repository: make bench",
        sources.display()
    );
    let peers: &[Peer] = match &command {
        Command::All => defaults!("throughput", Throughput).peers(),
        Command::Throughput(args) => args.peers(),
        Command::Pickup(_) => &[Peer::BullMq],
        _ => &[],
    };
    let stage = Stage::set(&dir.join("services")).await?;
    let installed = Installed::ready(&dir.join("peers"), sources, peers, std::env::var_os("CI").is_some()).await?;
    let size = WorkerSize { concurrency: cli.concurrency, pool: cli.pool };
    let bench = Bench { stage, installed, runs: cli.runs.max(1), size };
    let met = measure(&bench, &dir, &command).await;
    bench.installed.stop().await?;
    bench.stage.strike().await?;
    met
}

async fn measure(bench: &Bench, dir: &Path, command: &Command) -> anyhow::Result<bool> {
    let (name, results) = match command {
        Command::All => {
            let all = [
                Command::Throughput(defaults!("throughput", Throughput)),
                Command::Pickup(defaults!("pickup", Pickup)),
                Command::Prune(defaults!("prune", Prune)),
                Command::Backlog(defaults!("backlog", Backlog)),
                Command::Rolling(defaults!("rolling", Rolling)),
                Command::Paused(defaults!("paused", Paused)),
                Command::Killed(defaults!("killed", Killed)),
                Command::Fairness(defaults!("fairness", Fairness)),
                Command::Steered(defaults!("steered", Steered)),
                Command::Readers(defaults!("readers", Readers)),
                Command::Cancel(defaults!("cancel", Cancel)),
                Command::Idle(defaults!("idle", Idle)),
                Command::Admin(defaults!("admin", Admin)),
            ];
            let mut met = publish(dir, "archives", archives::run(dir, bench.runs, &defaults!("archives", Archives))?)?;
            met &= publish(dir, "api", api::run(dir, bench.runs, &defaults!("api", Api)).await?)?;
            met &= publish(dir, "chat", chat::run(dir, &defaults!("chat", Chat)).await?)?;
            for command in &all {
                met &= Box::pin(measure(bench, dir, command)).await?;
            }
            return Ok(met);
        }
        Command::Throughput(args) => ("throughput", throughput::run(bench, args).await?),
        Command::Pickup(args) => ("pickup", pickup::run(bench, args).await?),
        Command::Prune(args) => ("prune", prune::run(bench, args).await?),
        Command::Backlog(args) => ("backlog", backlog::run(bench, args).await?),
        Command::Rolling(args) => ("rolling", rolling::run(bench, args).await?),
        Command::Paused(args) => ("paused", paused::run(bench, args).await?),
        Command::Killed(args) => ("killed", killed::run(bench, args).await?),
        Command::Fairness(args) => ("fairness", fairness::run(bench, args).await?),
        Command::Steered(args) => ("steered", steered::run(bench, args).await?),
        Command::Readers(args) => ("readers", readers::run(bench, args).await?),
        Command::Cancel(args) => ("cancel", cancel::run(bench, args).await?),
        Command::Idle(args) => ("idle", idle::run(bench, args).await?),
        Command::Soak(args) => ("soak", soak::run(bench, args).await?),
        Command::Admin(args) => ("admin", admin::run(&bench.stage, args).await?),
        Command::Api(_)
        | Command::Chat(_)
        | Command::Archives(_)
        | Command::Report { .. }
        | Command::PeerApalis(_)
        | Command::PeerSql(_) => {
            return Ok(true);
        }
    };
    publish(dir, name, results)
}

/// Prints and keeps the results; false when a goal was missed.
fn publish(dir: &Path, name: &str, results: Results) -> anyhow::Result<bool> {
    // As typed, but for where it was kept; from `all` the command that does the same alone.
    let mut typed: Vec<String> = std::env::args().skip(1).collect();
    typed.retain(|word| !word.starts_with("--dir="));
    if let Some(at) = typed.iter().position(|word| word == "--dir") {
        typed.drain(at..(at + 2).min(typed.len()));
    }
    let typed = if typed.iter().any(|word| word == name) { typed.join(" ") } else { name.to_owned() };
    let results = Results { command: format!("make bench ARGS='{typed}'"), ..results };
    results.publish(dir, name)?;
    Ok(results.goals.iter().all(|goal| goal.met))
}
