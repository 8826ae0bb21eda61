//! `dev`: everything the marketplace needs on one machine. `make help` lists the usual ways to call it.

mod demo;
mod memory;
mod seed;
mod supervisor;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use servers::{progress::Progress, stop::Stop};

use supervisor::{command, run};

/// Runs the marketplace and its backing services on this machine.
///
/// Everything it writes is under the state folder; everything it starts ends with it. With DEV_DATABASE=mysql in the
/// environment the database is MySQL, fetched when it is first wanted, instead of MariaDB.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    /// Where databases, objects, mails, keys and logs are kept.
    #[arg(long, env = "DEV_DIR", default_value = ".dev", value_name = "FOLDER", global = true)]
    dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the backing services only and print the settings that reach them, until Ctrl-C.
    Up,
    /// Run the whole marketplace with demo accounts and nanos, and print its addresses, until Ctrl-C.
    Run {
        /// Keep the programs' log lines out of the terminal; they are in files either way.
        #[arg(long)]
        quiet: bool,
    },
    /// Carry the demo content from registration to search in a fresh installation, check every step, and end.
    Demo,
    /// Upload ARCHIVE in a fresh installation and print how much memory it cost the api and the worker above idle.
    ///
    /// Exit status 1 when it was more than 64 MiB for either. Linux only.
    Memory {
        /// By default one of noise, made for the purpose.
        archive: Option<PathBuf>,
        /// How large the one made for the purpose is.
        #[arg(long, value_name = "NUMBER", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=4000))]
        size_mib: u32,
    },
    /// Load the api of a fresh installation with reads, logins, uploads, event streams and attacks, and say whether its memory is flat.
    ///
    /// Its memory is sampled each second; exit status 1 when the last quarter of the time needed more than the second. Two minutes
    /// after the load it is looked at once more. Linux only.
    MemoryFlat {
        /// Of load.
        #[arg(long, value_name = "NUMBER", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=1440))]
        minutes: u64,
    },
    /// Break everything around real uploads and check that none is lost and nothing happens twice.
    ///
    /// Kills api, workers and schedulers, pauses workers past their lease, empties and stops the Redis servers, kills
    /// MySQL, cuts and stalls connections and restarts the workers in turn, all chosen by a seed, while creators
    /// upload. Then ledger, objects, search index and mailbox are compared with what the API had accepted. The last
    /// line is "lost 0, duplicated 0, stuck 0, quarantined 0, ambiguous N", and the exit status is 0 only with four
    /// zeros and no job blamed for what happened around it.
    Chaos(chaos::Options),
    /// One outage under load, with figures: what was promised, and what was measured against the goal.
    ///
    /// Exit status 1 when a promise is broken; a missed goal of speed is only shown.
    Drill {
        #[command(subcommand)]
        drill: chaos::drill::Drill,
    },
    /// Run COMMAND with a database and two Redis servers of its own, in a temporary folder.
    ///
    /// It finds them in TEST_DATABASE_URL (no schema named; any may be created), TEST_REDIS_QUEUE_URL and
    /// TEST_REDIS_CACHE_URL, and the keys of S3 servers that tests start in AWS_ACCESS_KEY_ID and
    /// AWS_SECRET_ACCESS_KEY. The exit status is that of the command.
    With {
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Build all programs, then run the tests of the workspace with services of their own.
    ///
    /// ARGS go to `cargo test --workspace`.
    Test {
        /// Afterwards run those that the database decides on MySQL as well.
        #[arg(long)]
        mysql_too: bool,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::new("warn,s3s=off,s3s_fs=off"))
        .without_time()
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let result = runtime.block_on(async {
        let stop = Stop::listen()?;
        let progress = Progress::start();
        match cli.command {
            Command::Up => command::up(&cli.dir, &stop, &progress).await,
            Command::Run { quiet } => run::run(&cli.dir, &stop, quiet, &progress).await,
            Command::Demo => run::demo(&cli.dir, &stop, &progress).await,
            Command::Memory { archive, size_mib } => {
                run::memory(&cli.dir, archive.as_deref(), size_mib, &stop, &progress).await
            }
            Command::MemoryFlat { minutes } => run::memory_flat(&cli.dir, minutes, &stop, &progress).await,
            Command::Chaos(options) => chaos::run(&cli.dir, &options, &stop, &progress).await,
            Command::Drill { drill } => chaos::drill::run(&cli.dir, &drill, &stop, &progress).await,
            Command::With { command } => command::with(&cli.dir, &stop, &command).await,
            Command::Test { mysql_too, args } => command::test(&cli.dir, &stop, mysql_too, &args).await,
        }
    });
    result.unwrap_or_else(|error| failed(&error))
}

/// Prints the whole chain of causes.
#[expect(clippy::print_stderr, reason = "a command line program's last word")]
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("\nfailed: {error:#}");
    ExitCode::FAILURE
}
