//! `dev memory`: how much memory an upload of a given size costs the api and the worker, above idle.
//!
//! The api is one process, whose peak the kernel keeps. A worker has child processes: what they and it have written to
//! (`RssAnon`; the pages of the program itself are shared) is added up every few milliseconds.

pub mod flat;
pub mod recordings;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use servers::progress::Progress;

use crate::{
    seed::{accounts::CREATOR, client::Api, content::Unit},
    supervisor::stack::Stack,
};

/// What the design allows each program above idle, in MiB.
const GOAL_MIB: f64 = 64.0;
const CHECKED_WITHIN: Duration = Duration::from_secs(900);
/// Between two looks at a worker and its children.
const SAMPLE: Duration = Duration::from_millis(5);
/// Until a worker that has just started is idle: its spare child is ready by then.
const SETTLES: Duration = Duration::from_secs(3);

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
        Ok(report(self.name, during, self.idle, resident(self.pid, "VmHWM")?))
    }
}

/// A program and its descendants, watched by looking often.
struct WatchedTree {
    name: &'static str,
    idle: f64,
    stop: Arc<AtomicBool>,
    looking: JoinHandle<f64>,
}

impl WatchedTree {
    /// Takes what is in use now as idle.
    fn start(stack: &Stack, name: &'static str) -> Result<Self> {
        let pid = stack.pid(name).with_context(|| format!("no program is named {name}"))?;
        let idle = written_by_tree(pid);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let looking = thread::spawn(move || {
            let mut peak = idle;
            while !stopped.load(Ordering::Relaxed) {
                peak = peak.max(written_by_tree(pid));
                thread::sleep(SAMPLE);
            }
            peak
        });
        Ok(Self { name, idle, stop, looking })
    }

    fn report(self, during: &str) -> Result<bool> {
        self.stop.store(true, Ordering::Relaxed);
        let peak = self.looking.join().map_err(|_| anyhow!("nobody looked at {}", self.name))?;
        Ok(report(self.name, during, self.idle, peak))
    }
}

fn report(name: &str, during: &str, idle: f64, peak: f64) -> bool {
    let above = peak - idle;
    let verdict = if above <= GOAL_MIB { "within" } else { "ABOVE" };
    Progress::line(format!(
        "{name:<14} {during:<28} idle {idle:>6.1} MiB  peak {peak:>6.1} MiB  above idle {above:>6.1} MiB  ({verdict} {GOAL_MIB} MiB)",
    ));
    above <= GOAL_MIB
}

/// What a process and its descendants have written to, in MiB. Those that end meanwhile do not count.
fn written_by_tree(pid: u32) -> f64 {
    let children = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten().flat_map(|thread| {
        let list = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()
    });
    resident(pid, "RssAnon").unwrap_or_default() + children.map(written_by_tree).sum::<f64>()
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

    tokio::time::sleep(SETTLES).await;
    let watched = Watched::start(stack, "api")?;
    let worker = WatchedTree::start(stack, "worker-files")?;
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
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let worker_fits = worker.report("checking and rebuilding it")?;
    ensure!(api_fits && worker_fits, "more than {GOAL_MIB} MiB above idle");
    Ok(())
}
