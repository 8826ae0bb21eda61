//! The journal of a bench worker: how many handlers began, and when. The harness reads it.
//!
//! Handlers only touch a channel and a counter; a thread of its own does the writing.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use metrics_exporter_prometheus::PrometheusHandle;

use crate::stats::now_micros;

/// How often a worker's journal is written.
pub const EVERY: Duration = Duration::from_millis(50);

static BEGUN: AtomicU64 = AtomicU64::new(0);
/// Set when the scenario asks for every handler's start: (the job's number, its run, microseconds).
static STARTS: OnceLock<Mutex<Vec<(u64, u32, u64)>>> = OnceLock::new();

/// Called by each handler first thing. A job's `run` reaches nothing but the product's context, so this is global.
pub fn begun(n: u64, run: u32) {
    if let Some(starts) = STARTS.get() {
        let at = now_micros();
        starts.lock().unwrap_or_else(PoisonError::into_inner).push((n, run, at));
    }
    BEGUN.fetch_add(1, Ordering::Relaxed);
}

/// Starts the writing thread, for `folder`. `starts` also keeps every handler's start.
pub fn keep(folder: &Path, starts: bool, metrics: PrometheusHandle) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    if starts {
        STARTS.get_or_init(Mutex::default);
    }
    let folder = folder.to_owned();
    let mut lines = BufWriter::new(File::create(folder.join("starts"))?);
    std::thread::Builder::new().name("journal".into()).spawn(move || {
        let mut last = u64::MAX;
        for round in 0_u32.. {
            let begun = BEGUN.load(Ordering::Relaxed);
            if let Some(starts) = STARTS.get() {
                let new = std::mem::take(&mut *starts.lock().unwrap_or_else(PoisonError::into_inner));
                for (n, run, at) in new {
                    let _ = writeln!(lines, "{n} {run} {at}");
                }
                let _ = lines.flush();
            }
            if begun != last {
                last = begun;
                let _ = replace(&folder.join("begun"), &begun.to_string());
            }
            if round.is_multiple_of(10) {
                metrics.run_upkeep();
                let _ = replace(&folder.join("metrics"), &metrics.render());
            }
            std::thread::sleep(EVERY);
        }
    })?;
    Ok(())
}

/// A reader never sees half a file.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(&new, path)
}

/// A worker's notes, as the harness reads them.
#[derive(Clone, Debug)]
pub struct Journal {
    pub folder: PathBuf,
}

impl Journal {
    /// Handlers begun so far; 0 while the worker has written nothing.
    pub fn begun(&self) -> u64 {
        fs::read_to_string(self.folder.join("begun")).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    /// By job number and run, the microsecond its handler began.
    pub fn starts(&self) -> HashMap<(u64, u32), u64> {
        let text = fs::read_to_string(self.folder.join("starts")).unwrap_or_default();
        text.lines().filter_map(start).collect()
    }

    /// The sum of a counter over its labels; 0 when it was never touched.
    pub fn counter(&self, name: &str) -> u64 {
        sum(&fs::read_to_string(self.folder.join("metrics")).unwrap_or_default(), name)
    }
}

fn start(line: &str) -> Option<((u64, u32), u64)> {
    let mut words = line.split(' ');
    let (n, run, at) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(((n, run), at))
}

/// Adds up a counter in the text form of Prometheus.
fn sum(text: &str, name: &str) -> u64 {
    text.lines()
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_summed_over_its_labels() {
        let text = "# TYPE a_total counter\na_total{queue=\"x\"} 3\na_total{queue=\"y z\"} 4\na_total_more 9\n";
        assert_eq!(sum(text, "a_total"), 7);
        assert_eq!(sum("a_total 5\n", "a_total"), 5);
        assert_eq!(sum(text, "b_total"), 0);
    }

    #[test]
    fn a_start_line_has_three_numbers() {
        assert_eq!(start("12 1 1700000000000000"), Some(((12, 1), 1_700_000_000_000_000)));
        assert_eq!(start("12 1"), None);
    }
}
