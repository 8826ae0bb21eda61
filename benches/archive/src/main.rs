//! The measurements of `bench archives`, one process each: the product's archive check, raw inflate as its limit, and
//! any other program's use of CPU and memory. It also writes the archives they are measured on.
//!
//! A crate of its own, with few dependencies: its processes start small, which their peak memory shows, and it is
//! built in optimised form within a minute.

mod corpora;
mod hostile;
mod inflate;
mod usage;

use std::{fs::File, io::Write, ops::ControlFlow, path::PathBuf, process::ExitCode};

use anyhow::ensure;
use archive::{FileSource, Limits, Options, Report};
use clap::{Parser, Subcommand};

/// Parts of `make bench ARGS=archives`, which calls it.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a corpus; equal bytes on every machine.
    Make { corpus: corpora::Corpus, file: PathBuf },
    /// The whole check, as an upload gets it.
    Check { file: PathBuf },
    /// The check, and the canonical archive written into nothing.
    Rebuild { file: PathBuf },
    /// libdeflate's raw inflate of every deflated entry, and nothing else.
    Inflate { file: PathBuf },
    /// Write the hostile archives into a folder, one file each.
    MakeHostile { folder: PathBuf },
    /// Check every file of a folder, two at a time; the slowest ones on standard output as JSON.
    CheckAll { folder: PathBuf },
    /// Run PROGRAM and print, as JSON, what CPU and memory it took.
    Measure {
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "bench-archive: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Make { corpus, file } => corpora::write(*corpus, file),
        Command::Check { file } => check(file).map(|_| ()),
        Command::Rebuild { file } => {
            let (source, report) = check(file)?;
            let nowhere = File::options().write(true).open("/dev/null")?;
            archive::rebuild(&source, &report, nowhere, &mut |_, _| ControlFlow::Continue(()))?;
            Ok(())
        }
        Command::Inflate { file } => inflate::all(file),
        Command::MakeHostile { folder } => hostile::write(folder),
        Command::CheckAll { folder } => hostile::check(folder),
        Command::Measure { command } => usage::measure(command),
    }
}

/// One of the corpora has more entries than an upload may have.
fn options() -> Options {
    Options { limits: Limits { entries: 50_000, ..Limits::default() }, ..Options::default() }
}

fn check(file: &PathBuf) -> anyhow::Result<(FileSource, Report)> {
    let source = FileSource::open(file)?;
    let report = archive::check(&source, &options(), &mut |_, _| ControlFlow::Continue(()))?;
    ensure!(report.accepted, "{} is refused: {:#?}", file.display(), report.findings);
    Ok((source, report))
}
