//! `dev memory`: how much memory an upload of a given size costs the api and the worker, above idle.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::accounts::CREATOR;
use crate::client::Api;
use crate::content::Unit;
use crate::progress::Progress;
use crate::stack::Stack;

/// What the design allows each program above idle, in MiB.
const GOAL_MIB: f64 = 64.0;
const CHECKED_WITHIN: Duration = Duration::from_secs(900);

/// A program whose peak is watched through `/proc`.
struct Watched {
    name: &'static str,
    pid: u32,
    idle: f64,
}

impl Watched {
    /// Forgets the peak so far and takes what is resident now as idle.
    fn start(stack: &Stack, name: &'static str) -> Result<Self> {
        let pid = stack.pid(name).with_context(|| format!("no program is named {name}"))?;
        std::fs::write(format!("/proc/{pid}/clear_refs"), "5").context("the peak cannot be reset; this needs Linux")?;
        Ok(Self { name, pid, idle: resident(pid, "VmRSS")? })
    }

    fn report(&self, during: &str) -> Result<bool> {
        let peak = resident(self.pid, "VmHWM")?;
        let above = peak - self.idle;
        let verdict = if above <= GOAL_MIB { "within" } else { "ABOVE" };
        Progress::line(format!(
            "{:<14} {during:<28} idle {:>6.1} MiB  peak {peak:>6.1} MiB  above idle {above:>6.1} MiB  ({verdict} {GOAL_MIB} MiB)",
            self.name, self.idle
        ));
        Ok(above <= GOAL_MIB)
    }
}

/// A field of `/proc/PID/status` in MiB.
fn resident(pid: u32, field: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with(field)).with_context(|| format!("{field} is missing"))?;
    let kib: f64 = line.split_whitespace().nth(1).unwrap_or_default().parse()?;
    Ok(kib / 1024.0)
}

/// Uploads `archive` and prints both peaks; an error when one is above the goal.
pub async fn measure(stack: &Stack, archive: &Path, progress: &Progress) -> Result<()> {
    let api = Api::new(&stack.api_url)?;
    let creator = CREATOR.open(stack, &api).await?;
    let unit = Unit::measured(archive);
    let nano = creator.create_nano(&unit).await?.id;
    let size = std::fs::metadata(archive)?.len();

    let watched = Watched::start(stack, "api")?;
    let worker = Watched::start(stack, "worker-files")?;
    let job = progress.step("upload", creator.upload(nano, archive)).await?;
    Progress::line(format!("\nan upload of {:.1} MiB:", size as f64 / 1048576.0));
    let api_fits = watched.report("receiving the upload")?;
    let started = Instant::now();
    loop {
        match creator.job(job).await?.state.as_str() {
            "completed" => break,
            "discarded" | "cancelled" | "quarantined" => bail!("the archive check was given up"),
            _ => ensure!(started.elapsed() < CHECKED_WITHIN, "the archive check takes too long"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let worker_fits = worker.report("checking and rebuilding it")?;
    ensure!(api_fits && worker_fits, "more than {GOAL_MIB} MiB above idle");
    Ok(())
}
