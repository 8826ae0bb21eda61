//! `dev chaos`: real uploads while everything around them is killed, paused, emptied and cut off; then an independent
//! check that nothing was lost and nothing happened twice. docs/chaos.md says how to read it.

mod checker;
pub mod drill;
mod faults;
mod load;
mod state;
mod town;
mod trial;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use servers::{
    lock::Lock,
    programs,
    progress::Progress,
    stop::{INTERRUPTED, Stop},
};

use state::{Finished, State};
use trial::Size;

/// The short form: everything included it takes less than 5 minutes, also where other tests keep the machine busy.
const SHORT_UPLOADS: usize = 60;
const SHORT_KILLS: usize = 8;
const SHORT_SEED: u64 = 1;
/// No fault and no upload begins later than this after the start.
const SHORT_WITHIN: Duration = Duration::from_secs(150);
const FULL_WITHIN: Duration = Duration::from_secs(6 * 3600);

#[derive(clap::Args)]
pub struct Options {
    /// Uploads for each seed.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    uploads: u32,
    /// SIGKILLs of programs for each seed; the other faults come in proportion, each at least once.
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = clap::value_parser!(u32).range(0..=20_000))]
    kills: u32,
    /// A seed decides which faults happen, in which order and how long they last, and what is uploaded. One after the
    /// other, each in a fresh installation.
    #[arg(
        long = "seeds",
        visible_alias = "seed",
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "1,2,3,4,5"
    )]
    seeds: Vec<u64>,
    /// 60 uploads, 8 kills and each of the other faults for the first seed, within 5 minutes. What `make test` runs.
    #[arg(long)]
    short: bool,
    /// Where the seeds that ended well are noted. An interrupted run that is started again with the same numbers and
    /// the same build shows those and goes on with the next seed; the one under way is begun anew. The file goes when
    /// all seeds are done. By default chaos/state.json in the state folder; --short keeps none.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Afterwards delete an object, repeat a mail, set a job back and more, and see that the checker notices.
    #[arg(long)]
    prove_checker: bool,
    /// A folder with the programs of another build, as those of the release before: with each start of a program the two
    /// builds take turns, so that both are there all the time, as in a rollout. It has to know the newest migration's
    /// needs and WORKER_RUN_JOURNAL.
    #[arg(long, value_name = "FOLDER")]
    beside: Option<PathBuf>,
    /// Keep the folders of seeds that ended well, too.
    #[arg(long)]
    keep: bool,
}

impl Options {
    fn size(&self) -> Size {
        let (uploads, kills) = (self.uploads as usize, self.kills as usize);
        match self.short {
            true => Size {
                uploads: SHORT_UPLOADS,
                kills: SHORT_KILLS,
                within: SHORT_WITHIN,
                prove_checker: self.prove_checker,
            },
            false => Size { uploads, kills, within: FULL_WITHIN, prove_checker: self.prove_checker },
        }
    }

    fn seeds(&self) -> Vec<u64> {
        match self.short {
            true => vec![self.seeds.first().copied().unwrap_or(SHORT_SEED)],
            false => self.seeds.clone(),
        }
    }
}

/// Exit status 0 only when no seed has a finding.
pub async fn run(dir: &Path, options: &Options, stop: &Stop, progress: &Progress) -> Result<ExitCode> {
    let _lock = Lock::take(dir)?;
    let size = options.size();
    let path = options.state.clone().unwrap_or_else(|| dir.join("chaos/state.json"));
    let mut state = match options.short {
        true => None,
        false => Some(State::open(&path, &format!("{}/{} {}", size.uploads, size.kills, build()?))?),
    };
    if let Some(seed) = state.as_ref().and_then(State::interrupted) {
        progress.say(format!("an earlier run was interrupted in seed {seed}; {}", path.display()));
    }
    let mut total = checker::Verdict::default();
    for seed in options.seeds() {
        if let Some(done) = state.as_ref().and_then(|state| state.finished(seed)) {
            Progress::line(format!("\nseed {seed} is done ({} uploads, {} faults):", done.uploads, done.faults));
            Progress::line(&done.report);
            total.ambiguous += done.ambiguous;
            continue;
        }
        let folder = dir.join(format!("chaos/seed-{seed}"));
        if let Some(state) = &mut state {
            state.begin(seed, &folder.join("accepted.jsonl"))?;
        }
        progress.say(format!("seed {seed}: {} uploads, {} kills", size.uploads, size.kills));
        let started = Instant::now();
        let beside = options.beside.as_deref();
        let Some(outcome) = stop.or(trial::run(&folder, seed, size, beside, progress)).await else {
            Progress::line("interrupted; the same command goes on with this seed");
            return Ok(ExitCode::from(INTERRUPTED));
        };
        let outcome = outcome.with_context(|| format!("seed {seed}; its folder: {}", folder.display()))?;
        let trial::Outcome { verdict, accepted, faults, report } = outcome;
        let seconds = started.elapsed().as_secs();
        Progress::line(format!("\nseed {seed}: {accepted} uploads, {faults} faults, {seconds} s\n{report}"));
        total.ambiguous += verdict.ambiguous;
        if verdict.is_clean() {
            if let Some(state) = &mut state {
                let ambiguous = verdict.ambiguous;
                state.finish(seed, Finished { uploads: accepted, faults, ambiguous, seconds, report })?;
            }
            if !options.keep {
                let _ = std::fs::remove_dir_all(&folder);
            }
        } else {
            Progress::line(trial::findings(&verdict));
            Progress::line(format!("kept for a look, with all logs: {}\n", folder.display()));
            total.lost.extend(verdict.lost);
            total.duplicated.extend(verdict.duplicated);
            total.stuck.extend(verdict.stuck);
            total.quarantined.extend(verdict.quarantined);
            total.blamed.extend(verdict.blamed);
        }
    }
    let clean = total.is_clean();
    if let Some(state) = state.filter(|_| clean) {
        state.remove()?;
    }
    if !total.blamed.is_empty() {
        Progress::line(format!("{} jobs were blamed for what happened around them", total.blamed.len()));
    }
    Progress::line(total.to_string());
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Tells builds apart: sizes and times of change of the programs.
fn build() -> Result<String> {
    let of = |name| {
        let file = programs::sibling(name)?.metadata()?;
        let changed = file.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        anyhow::Ok(format!("{name} {} {changed}", file.len()))
    };
    Ok([of("api")?, of("worker")?, of("scheduler")?].join(", "))
}
