//! The hostile archives: how much memory all of them cost, and how long the slowest keeps a worker busy.

use std::{
    fs,
    io::Write,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Mutex,
    time::{Duration, Instant},
};

use anyhow::ensure;
use archive::{FileSource, Options, hostile};

/// As many as a worker checks at a time.
const AT_A_TIME: usize = 2;

pub fn write(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    for (number, case) in hostile::corpus().into_iter().enumerate() {
        let name: String = case.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        fs::write(folder.join(format!("{number:04} {} {name}.zip", case.expected.as_str())), case.bytes)?;
    }
    Ok(())
}

/// Fails when one is accepted.
pub fn check(folder: &Path) -> anyhow::Result<()> {
    let files: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    ensure!(!files.is_empty(), "{} is empty; run: bench-archive make-hostile FOLDER", folder.display());
    let left = Mutex::new(files.iter());
    let work = || -> anyhow::Result<Vec<(Duration, String)>> {
        let mut times = Vec::new();
        loop {
            let next = left.lock().map_err(|_| anyhow::anyhow!("the other thread panicked"))?.next();
            let Some(file) = next else { return Ok(times) };
            let started = Instant::now();
            let report =
                archive::check(&FileSource::open(file)?, &Options::default(), &mut |_, _| ControlFlow::Continue(()))?;
            times.push((started.elapsed(), file.file_stem().unwrap_or_default().to_string_lossy().into_owned()));
            ensure!(!report.accepted, "{} is accepted", file.display());
        }
    };
    let mut times = Vec::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            times.extend(thread.join().map_err(|_| anyhow::anyhow!("a check panicked"))??);
        }
        anyhow::Ok(())
    })?;
    times.sort();
    let slowest: Vec<(f64, &String)> =
        times.iter().rev().take(5).map(|(time, name)| (time.as_secs_f64() * 1e3, name)).collect();
    writeln!(std::io::stdout(), "{}", serde_json::json!({ "archives": times.len(), "slowest_ms": slowest }))?;
    Ok(())
}
