//! What it costs to read hostile files where nothing can be stolen: the same small program with the archive check,
//! confined as a reader and not, in turns.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Context;
use serde::Deserialize;

use super::{Bench, figure};
use crate::{
    report::{Goal, Results, Table, progress},
    stats,
};

/// Sizes of the scenario.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Processes that only start and end, of each kind.
    #[arg(long, default_value_t = 100)]
    starts: u32,
    /// Checks of the archive in a process, of each kind and run.
    #[arg(long, default_value_t = 20)]
    rounds: u32,
    /// Texts in the archive.
    #[arg(long, default_value_t = 1_500)]
    files: usize,
}

/// The goals: for a job's reader, in milliseconds and as a share of its processor time.
const CONFINE_AT_MOST: f64 = 5.0;
const DEARER_AT_MOST: f64 = 1.03;

#[derive(Deserialize)]
struct Cost {
    /// Microseconds.
    confine: f64,
    rounds: Vec<f64>,
}

pub async fn run(bench: &Bench, args: &Args) -> anyhow::Result<Results> {
    let machine = bench.stage.machine().await?;
    let scratch = tempfile::tempdir()?;
    let archive = scratch.path().join("unit.zip");
    let folder = scratch.path().join("desk");
    std::fs::create_dir(&folder)?;
    let texts: Vec<(String, String)> = (0..args.files).map(text).collect();
    let files: Vec<(&str, &[u8])> = texts.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    std::fs::write(&archive, archive::hostile::archive(&files))?;

    let (mut starts, mut confines, mut checks) = ([Vec::new(), Vec::new()], Vec::new(), [Vec::new(), Vec::new()]);
    progress(&format!("readers: {} processes of each kind", args.starts));
    for _ in 0..args.starts {
        for confined in [false, true] {
            let (took, cost) = call(&archive, &folder, confined, 0)?;
            starts[usize::from(confined)].push(took.as_secs_f64() * 1e3);
            if confined {
                confines.push(cost.confine / 1e3);
            }
        }
    }
    for run in 1..=bench.runs {
        progress(&format!("readers, run {run} of {}", bench.runs));
        for confined in [false, true] {
            let (_, cost) = call(&archive, &folder, confined, args.rounds)?;
            checks[usize::from(confined)].extend(cost.rounds.iter().map(|round| round / 1e3));
        }
    }

    let mut table = Table::new(
        format!("A reader's process, and the check of {} texts in it", args.files),
        &["", "start to end ms", "confining ms", "check, processor ms"],
    );
    let [open, closed] = &starts;
    let [plain, confined] = &checks;
    let confine = stats::median(&confines);
    table.row(["not confined".into(), figure(stats::median(open)), "–".into(), figure(stats::median(plain))]);
    table.row(["confined".into(), figure(stats::median(closed)), figure(confine), figure(stats::median(confined))]);
    let dearer = stats::median(confined) / stats::median(plain);
    let longer = stats::median(closed) - stats::median(open);
    let goals = vec![
        Goal::new(
            format!("a confined reader takes at most {CONFINE_AT_MOST:.0} ms more"),
            format!("{} ms", figure(longer)),
            longer <= CONFINE_AT_MOST,
        ),
        Goal::new(
            "a check in it at most 3 % more processor time",
            format!("{:.3} x", dearer),
            dearer <= DEARER_AT_MOST,
        ),
    ];
    let [open, closed] = starts;
    let [plain, confined] = checks;
    let samples = [
        ("start ms", open),
        ("start ms, confined", closed),
        ("confining ms", confines),
        ("check ms", plain),
        ("check ms, confined", confined),
    ];
    Ok(Results {
        command: String::new(),
        machine,
        tables: vec![table],
        goals,
        samples: samples.into_iter().map(|(name, samples)| (name.to_owned(), samples)).collect(),
    })
}

fn text(number: usize) -> (String, String) {
    let line = format!("Lektion {number}: ein Bruch ist ein Teil eines Ganzen, und {number} ist eine Zahl.\n");
    (format!("lektion-{}/text-{number}.txt", number / 100), line.repeat(1 + number % 40))
}

fn call(archive: &Path, folder: &Path, confined: bool, rounds: u32) -> anyhow::Result<(Duration, Cost)> {
    let program = std::env::current_exe()?.with_file_name("bench-reader");
    let mut command = Command::new(&program);
    command.arg("--archive").arg(archive).arg("--folder").arg(folder).args(["--rounds", &rounds.to_string()]);
    if confined {
        command.arg("--confined");
    }
    let began = Instant::now();
    let output = command.env_clear().output().with_context(|| format!("{} cannot be started", program.display()))?;
    let took = began.elapsed();
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok((took, serde_json::from_slice(&output.stdout)?))
}
