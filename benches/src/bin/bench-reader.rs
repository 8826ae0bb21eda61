//! The archive check in a process of its own, confined as a reader or not; `bench readers` starts it.

use std::{
    fs::File,
    io::{self, Write},
    ops::ControlFlow,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use archive::{FileSource, Options};
use clap::Parser;
use queue::{child::ChildLimits, reader};
use rustix::time::{ClockId, clock_gettime};

/// Checks an archive again and again, and says what it cost. Started by `bench`.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[arg(long)]
    archive: PathBuf,
    #[arg(long)]
    folder: PathBuf,
    #[arg(long)]
    confined: bool,
    #[arg(long, default_value_t = 0)]
    rounds: u32,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "bench-reader: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the microseconds that the confinement took, and the processor time of each round.
fn run(cli: &Cli) -> anyhow::Result<()> {
    let file = File::open(&cli.archive)?;
    let began = Instant::now();
    if cli.confined {
        let limits = ChildLimits { memory: 1 << 30, cpu: Duration::from_secs(600), file: 1 << 30 };
        let confined = reader::confine_this_process(&limits, std::slice::from_ref(&file), &cli.folder)?;
        anyhow::ensure!(confined.is_whole(), "not wholly confined: {}", confined.gaps().join("; "));
    }
    let confine = began.elapsed();
    let source = FileSource::new(file)?;
    let mut rounds = Vec::new();
    for _ in 0..cli.rounds {
        let before = processor_time();
        let report = archive::check(&source, &Options::default(), &mut |_, _| ControlFlow::Continue(()))?;
        anyhow::ensure!(report.accepted, "an honest archive is refused: {:?}", report.findings);
        rounds.push((processor_time() - before).as_micros());
    }
    writeln!(io::stdout(), "{}", serde_json::json!({ "confine": confine.as_micros(), "rounds": rounds }))?;
    Ok(())
}

/// Of this thread, which does all the work: where processor time is limited, Linux tells that of the process by its last
/// tick only, 4 ms late or more.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
