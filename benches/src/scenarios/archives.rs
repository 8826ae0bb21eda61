//! The archive check beside the usual unzip programs, in CPU time and memory. Needs no services.
//!
//! Every measurement is a process of its own, started by the small program `bench-archive`, which reports what the
//! kernel counted for it.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};
use serde::Deserialize;

use super::figure;
use crate::{
    report::{Goal, Machine, Results, Table, progress},
    stats::median,
};

/// What is measured.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Only this corpus: text, small, media or large.
    #[arg(long)]
    only: Option<String>,
    /// Keep the archives for the next run; they take 1.3 GB.
    #[arg(long)]
    keep: bool,
}

/// Their names in `bench-archive`, and what is in them.
const CORPORA: [(&str, &str); 4] = [
    ("text", "40 texts, 89 -> 524 MB"),
    ("small", "20,000 small texts"),
    ("media", "pictures and films, stored, 100 MB"),
    ("large", "1 GB: films, pictures and texts"),
];

/// A side: its name and how it is called. `FILE` stands for the archive, `SELF` for `bench-archive`.
const SIDES: [(&str, &[&str]); 6] = [
    (CHECK, &["SELF", "check", "FILE"]),
    (REBUILD, &["SELF", "rebuild", "FILE"]),
    (BSDTAR, &["bsdtar", "-xOf", "FILE"]),
    ("unzip -t", &["unzip", "-tqq", "FILE"]),
    ("7z t", &["7z", "t", "-bd", "FILE"]),
    (INFLATE, &["SELF", "inflate", "FILE"]),
];
const CHECK: &str = "our check";
const REBUILD: &str = "our check and rebuild";
const BSDTAR: &str = "bsdtar -xO";
const INFLATE: &str = "libdeflate, inflate only";

/// The check's CPU time may be this much of another side's.
const GOALS: [(&str, &str, f64); 4] =
    [("text", BSDTAR, 0.45), ("small", BSDTAR, 0.4), ("media", BSDTAR, 0.5), ("text", INFLATE, 1.3)];
const MEMORY_MIB: f64 = 64.0;
const HOSTILE_MIB: f64 = 256.0;
const HOSTILE_MS: f64 = 2_000.0;

/// As `bench-archive measure` prints it.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Usage {
    cpu_ms: f64,
    wall_ms: f64,
    peak_kib: f64,
}

/// As `bench-archive check-all` prints it.
#[derive(Debug, Deserialize)]
struct Hostile {
    archives: usize,
    slowest_ms: Vec<(f64, String)>,
}

/// `dir` takes the archives, up to 1.3 GB, and the results.
pub fn run(dir: &Path, runs: usize, args: &Args) -> anyhow::Result<Results> {
    let known: Vec<&str> = CORPORA.iter().map(|(name, _)| *name).collect();
    let wanted = |corpus: &str| args.only.as_ref().is_none_or(|only| only == corpus);
    ensure!(known.iter().any(|corpus| wanted(corpus)), "--only takes one of {}", known.join(", "));
    let folder = dir.join("archives");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let bench = Programs { found: programs()?, folder, keep: args.keep };
    let result = bench.run(runs, &wanted);
    if !args.keep {
        fs::remove_dir_all(&bench.folder)?;
    }
    result
}

struct Programs {
    found: BTreeMap<&'static str, PathBuf>,
    folder: PathBuf,
    keep: bool,
}

/// Where the programs of [`SIDES`] are. A missing one is left out, or an error with `CI` set.
fn programs() -> anyhow::Result<BTreeMap<&'static str, PathBuf>> {
    let own = std::env::current_exe()?.with_file_name("bench-archive");
    ensure!(own.is_file(), "{} is not built; run: make bench ARGS=archives", own.display());
    let mut found = BTreeMap::from([("SELF", own)]);
    let peers: [(&str, &[&str], &str); 3] = [
        ("bsdtar", &["bsdtar"], "libarchive-tools"),
        ("unzip", &["unzip"], "unzip"),
        ("7z", &["7z", "7zz"], "p7zip-full"),
    ];
    for (name, names, package) in peers {
        match servers::programs::installed(names, package) {
            Ok(path) => {
                found.insert(name, path);
            }
            Err(error) if std::env::var_os("CI").is_none() => progress(&format!("left out: {error} --test-tools")),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

impl Programs {
    fn run(&self, runs: usize, wanted: &dyn Fn(&str) -> bool) -> anyhow::Result<Results> {
        let machine = Machine::without_services();
        let mut results = Results {
            command: String::new(),
            machine,
            tables: Vec::new(),
            goals: Vec::new(),
            samples: BTreeMap::new(),
        };
        let tiny = self.corpus("tiny")?;
        let idle =
            (0..runs).map(|_| Ok(self.measure(SIDES[0].1, &tiny)?.peak_kib)).collect::<anyhow::Result<Vec<_>>>()?;
        let idle = median(&idle);
        results.samples.insert("idle peak KiB".into(), vec![idle]);
        let mut memory: f64 = 0.0;
        for (corpus, what) in CORPORA.into_iter().filter(|(corpus, _)| wanted(corpus)) {
            progress(&format!("{corpus}: {what}"));
            let file = self.corpus(corpus)?;
            let mut usages: BTreeMap<&str, Vec<Usage>> = BTreeMap::new();
            // Side by side, so that what slows the machine for a while slows all of them.
            for run in 0..runs {
                for (side, words) in SIDES.into_iter().filter(|(_, words)| self.found.contains_key(words[0])) {
                    // Raw inflate reads whole entries; what is stored has none.
                    if side == INFLATE && corpus == "media" {
                        continue;
                    }
                    let usage = self.measure(words, &file)?;
                    progress(&format!("  run {} {side}: {:.0} ms", run + 1, usage.cpu_ms));
                    usages.entry(side).or_default().push(usage);
                }
            }
            let of = |side: &str, get: fn(&Usage) -> f64| {
                usages.get(side).map_or(f64::NAN, |found| median(&found.iter().map(get).collect::<Vec<_>>()))
            };
            let ours = of(CHECK, |usage| usage.cpu_ms);
            let mut table = Table::new(
                format!("{what} (file of {} MB)", figure(fs::metadata(&file)?.len() as f64 / 1e6)),
                &["program", "CPU ms", "elapsed ms", "our check takes", "peak memory MiB"],
            );
            for (side, _) in SIDES.into_iter().filter(|(side, _)| usages.contains_key(side)) {
                let cpu = of(side, |usage| usage.cpu_ms);
                table.row([
                    side.to_owned(),
                    figure(cpu),
                    figure(of(side, |usage| usage.wall_ms)),
                    format!("{:.2} x", ours / cpu),
                    format!("{:.1}", of(side, |usage| usage.peak_kib) / 1024.0),
                ]);
                let samples = usages[side].iter().map(|usage| usage.cpu_ms).collect();
                results.samples.insert(format!("{corpus} {side} CPU ms"), samples);
            }
            results.tables.push(table);
            for (_, side, most) in GOALS.into_iter().filter(|(of, side, _)| *of == corpus && usages.contains_key(side))
            {
                let ratio = ours / of(side, |usage| usage.cpu_ms);
                results.goals.push(Goal::new(
                    format!("check of {what}: CPU time <= {most} x {side}"),
                    format!("{ratio:.2} x"),
                    ratio <= most,
                ));
            }
            let above = of(REBUILD, |usage| usage.peak_kib).max(of(CHECK, |usage| usage.peak_kib)) - idle;
            memory = memory.max(above / 1024.0);
            if !self.keep {
                fs::remove_file(&file)?;
            }
        }
        results.goals.push(Goal::new(
            format!("check and rebuild at any size: <= {MEMORY_MIB} MiB above a tiny archive's check"),
            format!("{memory:.1} MiB"),
            memory <= MEMORY_MIB,
        ));
        self.hostile(runs, idle, &mut results)?;
        Ok(results)
    }

    fn hostile(&self, runs: usize, idle: f64, results: &mut Results) -> anyhow::Result<()> {
        progress("the hostile corpus, two at a time");
        let folder = self.folder.join("hostile");
        self.call(&["make-hostile".as_ref(), folder.as_os_str()])?;
        let (mut peaks, mut times, mut table) = (Vec::new(), Vec::new(), None);
        for _ in 0..runs {
            peaks.push(self.measure(&["SELF", "check-all", "FILE"], &folder)?.peak_kib / 1024.0);
            let found: Hostile = serde_json::from_slice(&self.call(&["check-all".as_ref(), folder.as_os_str()])?)?;
            let title = format!("{} hostile archives, two at a time: the slowest", found.archives);
            let mut slowest = Table::new(title, &["refused for, and name", "ms"]);
            for (ms, name) in &found.slowest_ms {
                slowest.row([name.clone(), figure(*ms)]);
            }
            times.push(found.slowest_ms.first().map_or(f64::NAN, |(ms, _)| *ms));
            table = Some(slowest);
        }
        results.tables.extend(table);
        let (peak, slowest) = (median(&peaks), median(&times));
        results.goals.push(Goal::new(
            format!("whole hostile corpus, two at a time: < {HOSTILE_MIB} MiB"),
            format!("{peak:.1} MiB, {:.1} of them above a tiny archive's check", peak - idle / 1024.0),
            peak < HOSTILE_MIB,
        ));
        results.goals.push(Goal::new(
            "any bomb refused in less than 2 s",
            format!("the slowest hostile archive in {} ms", figure(slowest)),
            slowest < HOSTILE_MS,
        ));
        results.samples.insert("hostile peak MiB".into(), peaks);
        results.samples.insert("hostile slowest ms".into(), times);
        Ok(())
    }

    /// An archive, made when it is not there.
    fn corpus(&self, name: &str) -> anyhow::Result<PathBuf> {
        let file = self.folder.join(format!("{name}.zip"));
        if !file.exists() {
            let draft = file.with_extension("part");
            self.call(&["make".as_ref(), name.as_ref(), draft.as_os_str()])?;
            fs::rename(&draft, &file)?;
        }
        Ok(file)
    }

    fn measure(&self, words: &[&str], file: &Path) -> anyhow::Result<Usage> {
        let mut arguments: Vec<&OsStr> = vec!["measure".as_ref(), "--".as_ref()];
        for &word in words {
            arguments.push(match self.found.get(word) {
                Some(path) => path.as_os_str(),
                None if word == "FILE" => file.as_os_str(),
                None => word.as_ref(),
            });
        }
        Ok(serde_json::from_slice(&self.call(&arguments)?)?)
    }

    fn call(&self, arguments: &[&OsStr]) -> anyhow::Result<Vec<u8>> {
        let own = &self.found["SELF"];
        let mut command = Command::new(own);
        command.args(arguments).env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).stderr(Stdio::inherit());
        let output = command.output().with_context(|| format!("{} does not start", own.display()))?;
        ensure!(output.status.success(), "{command:?}: {}", output.status);
        Ok(output.stdout)
    }
}
