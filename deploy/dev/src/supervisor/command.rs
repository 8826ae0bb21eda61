//! The commands that need no API: services alone, and programs run with services of their own.

use std::{
    fmt,
    ops::Add,
    path::Path,
    process::{ExitCode, ExitStatus},
    sync::{Arc, Mutex},
    thread::available_parallelism,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result};
use servers::{
    database::{DatabaseServer, Make, VARIABLE, fetch_mysql},
    lock::Lock,
    processes::{Launch, LineSink},
    progress::Progress,
    redis::{RedisServer, Role},
    room, s3,
    services::{Environment, Services},
    stop::{INTERRUPTED, Stop},
};
use tempfile::TempDir;

/// How long `cargo` and what it runs may take to end when told to.
const END_WITHIN: Duration = Duration::from_secs(10);
/// Temporary folders of runs that were killed are removed when they are older.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 3600);
const TEMPORARY: &str = "tmp-";
/// How many tests run at a time.
const THREADS: &str = "RUST_TEST_THREADS";
/// A test that waits for ever would hold a pipeline until somebody ends it. The slowest ones say something each minute or two.
const SILENT_FOR: Duration = Duration::from_secs(15 * 60);
/// What the services of tests and the tests themselves write.
const ROOM: u64 = 4_000_000_000;

pub async fn up(dir: &Path, stop: &Stop, progress: &Progress) -> Result<ExitCode> {
    let _lock = Lock::take(dir)?;
    let Some(services) = stop.or(progress.step("services ready", Services::start(&dir.join("run")))).await else {
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let services = services?;
    Progress::line("");
    for (name, value) in services.environment() {
        Progress::line(format!("export {name}={}", quoted(&value)));
    }
    Progress::line(format!("\nmails: {}\nCtrl-C stops everything.", services.mail.page_url()));
    stop.requested().await;
    progress.step("stopped", services.stop()).await?;
    Ok(ExitCode::SUCCESS)
}

/// What the database decides: the ledger with its controls and schedules, what operators do to it, and the marketplace.
const DECIDED_BY_THE_DATABASE: [&str; 3] = ["ledger::", "operators::", "nanos::"];
/// What takes minutes there, or asks nothing of the database. On MySQL alone (`MYSQL=1`) they run as well.
const LEFT_OUT: [&str; 4] = ["--skip", "ten_thousand_failures", "--skip", "nanos::unpackers"];

/// The tests on the make of database that was chosen; with `mysql_too` those that the database decides on MySQL as well, by
/// the programs that are built by then.
pub async fn test(dir: &Path, stop: &Stop, mysql_too: bool, args: &[String]) -> Result<ExitCode> {
    let args = test_arguments(args)?;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    for folder in [dir, &std::env::temp_dir()] {
        room::require(folder, ROOM, "a run of the tests")?;
    }
    // The tests start our programs, which `cargo test` alone would not build.
    match run(&words(&["cargo", "build", "--workspace", "--bins"]), &Vec::new(), None, stop).await? {
        Some(status) if status.success() => {}
        other => return Ok(exit_code(other)),
    }
    let Some(first) = counted(dir, stop, Make::chosen()?, args).await? else {
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let nothing_ran = first.tally.passed + first.tally.failed == 0;
    if !mysql_too || nothing_ran {
        return Ok(first.end());
    }
    if let Err(reason) = fetch_mysql().await {
        Progress::line(format!(
            "\n{0}\nNOTHING WAS TESTED ON MYSQL. {reason}\n{0}\n\n{1}",
            "!".repeat(80),
            first.tally
        ));
        // Whoever looks at a pipeline sees its colour alone.
        let must = std::env::var("CI").is_ok_and(|ci| ci == "true");
        return Ok(if must { ExitCode::FAILURE } else { exit_code(Some(first.status)) });
    }
    let mut args = words(&["--test", "it", "--"]);
    args.extend(words(&DECIDED_BY_THE_DATABASE));
    args.extend(words(&LEFT_OUT));
    let Some(second) = counted(dir, stop, Make::MySql, args).await? else {
        return Ok(ExitCode::from(INTERRUPTED));
    };
    Progress::line(format!("\n{first}\n{second} ({})", DECIDED_BY_THE_DATABASE.join(" ")));
    let failed = if first.status.success() { second.status } else { first.status };
    Ok(Tests { status: failed, tally: first.tally + second.tally, ..second }.end())
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// One run of tests, and what it came to.
struct Tests {
    database: String,
    took: Duration,
    status: ExitStatus,
    tally: Tally,
}

impl Tests {
    /// The tally is the last line.
    fn end(&self) -> ExitCode {
        Progress::line(format!("\n{}", self.tally));
        exit_code(Some(self.status))
    }
}

impl fmt::Display for Tests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "on {}, in {} s: {}", self.database, self.took.as_secs(), self.tally)
    }
}

/// None when it was stopped on request.
async fn counted(dir: &Path, stop: &Stop, make: Make, args: Vec<String>) -> Result<Option<Tests>> {
    let mut command = words(&["cargo", "test", "--workspace", "--no-fail-fast"]);
    command.extend(args);
    let started = Instant::now();
    let tally = Arc::new(Mutex::new(Tally::default()));
    let heard_at = Arc::new(Mutex::new(None));
    let (counting, hearing) = (tally.clone(), heard_at.clone());
    let lines: LineSink = Arc::new(move |_, line| {
        Progress::line(line);
        if let Ok(mut heard_at) = hearing.lock() {
            *heard_at = Some(Instant::now());
        }
        if let Ok(mut tally) = counting.lock() {
            tally.count(line);
        }
    });
    let done = tokio::select! {
        done = with_services(dir, stop, make, &command, Some(lines)) => done?,
        () = silence(&heard_at) => anyhow::bail!(
            "the tests have said nothing for {} minutes and were ended; those that ran for long are named above",
            SILENT_FOR.as_secs() / 60
        ),
    };
    let Some((status, database)) = done else { return Ok(None) };
    let tally = tally.lock().map(|tally| *tally).unwrap_or_default();
    Ok(Some(Tests { database, took: started.elapsed(), status, tally }))
}

/// Returns when nothing was heard for too long. Until the first line the compiler is at work, which may take longer.
async fn silence(heard_at: &Mutex<Option<Instant>>) {
    let silent = || heard_at.lock().is_ok_and(|at| at.is_some_and(|at: Instant| at.elapsed() > SILENT_FOR));
    while !silent() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// What `cargo test` gets of what was asked for: names of tests alone go behind its `--`, where there may be several.
fn test_arguments(args: &[String]) -> Result<Vec<String>> {
    let before_dashes = args.iter().take_while(|arg| *arg != "--");
    let package = |arg: &&String| arg.starts_with("-p") || arg.starts_with("--package");
    if let Some(package) = before_dashes.clone().find(package) {
        anyhow::bail!(
            "{package}: all crates are built together, since one alone would be built with other features; name tests \
             instead (ARGS='ledger:: cron::'), or leave out those that need services (ARGS='--lib')"
        );
    }
    let names_alone = !args.is_empty() && args.iter().all(|arg| !arg.starts_with('-'));
    let dashes = names_alone.then(|| "--".to_owned());
    Ok(dashes.into_iter().chain(args.iter().cloned()).collect())
}

/// Sum of the result lines of all test programs.
#[derive(Clone, Copy, Default)]
struct Tally {
    passed: u32,
    failed: u32,
}

impl Tally {
    /// `test result: ok. 4 passed; 0 failed; 0 ignored; …`
    fn count(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let words: Vec<&str> = result.split([' ', ';']).collect();
        let before = |word: &str| {
            let at = words.iter().position(|candidate| *candidate == word)?;
            words.get(at.checked_sub(1)?)?.parse::<u32>().ok()
        };
        self.passed += before("passed").unwrap_or(0);
        self.failed += before("failed").unwrap_or(0);
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

pub async fn with(dir: &Path, stop: &Stop, command: &[String]) -> Result<ExitCode> {
    let done = with_services(dir, stop, Make::chosen()?, command, None).await?;
    Ok(exit_code(done.map(|(status, _)| status)))
}

/// How it ended, and make and version of the database. None when it was stopped on request.
async fn with_services(
    dir: &Path,
    stop: &Stop,
    make: Make,
    command: &[String],
    lines: Option<LineSink>,
) -> Result<Option<(ExitStatus, String)>> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    remove_abandoned(dir);
    let folder = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(dir)?;
    let Some(started) = stop.or(start_for_tests(make, &folder)).await else {
        return Ok(None);
    };
    let (database, queue, cache) = started?;
    let version = database.version().await?;
    if lines.is_some() {
        Progress::line(format!("The database is {version}."));
    }
    // Tests wait for leases, ticks and programs most of the time.
    let threads =
        std::env::var(THREADS).unwrap_or_else(|_| (2 * available_parallelism().map_or(1, usize::from)).to_string());
    let environment = [
        (THREADS, threads),
        ("TEST_DATABASE_URL", database.url()),
        // For servers that tests start for themselves.
        (VARIABLE, make.folder().to_owned()),
        ("TEST_REDIS_QUEUE_URL", queue.url()),
        ("TEST_REDIS_CACHE_URL", cache.url()),
        // Each test starts an S3 server of its own; they all take these keys, which the AWS library finds by itself.
        ("AWS_ACCESS_KEY_ID", s3::ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", s3::SECRET_KEY.to_owned()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let status = run(command, &environment, lines, stop).await;
    // Nobody needs their data: a kill is a faster end than a shutdown, and dropping them kills.
    drop((database, queue, cache));
    folder.close().context("cannot remove the temporary folder")?;
    Ok(status?.map(|status| (status, version)))
}

async fn start_for_tests(make: Make, folder: &TempDir) -> Result<(DatabaseServer, RedisServer, RedisServer)> {
    let path = folder.path();
    tokio::try_join!(
        DatabaseServer::start_make(make, path, 0, Vec::new()),
        RedisServer::start(path.join("redis-queue"), Role::Queue, 0),
        RedisServer::start(path.join("redis-cache"), Role::Cache, 0),
    )
}

/// None when it was stopped on request.
async fn run(
    command: &[String],
    environment: &Environment,
    lines: Option<LineSink>,
    stop: &Stop,
) -> Result<Option<ExitStatus>> {
    let (program, args) = command.split_first().context("no command given")?;
    let mut launch = Launch::in_foreground(program, program).args(args).envs(environment.iter().cloned());
    if let Some(lines) = lines {
        launch = launch.show_lines(lines);
    }
    let mut process = launch.start().await?;
    match stop.or(process.wait()).await {
        Some(status) => Ok(Some(status?)),
        None => {
            process.terminate(END_WITHIN).await?;
            Ok(None)
        }
    }
}

fn exit_code(status: Option<ExitStatus>) -> ExitCode {
    match status.map(|status| status.code()) {
        None => ExitCode::from(INTERRUPTED),
        Some(Some(code)) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Some(None) => ExitCode::FAILURE,
    }
}

fn remove_abandoned(dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
        let ours = entry.file_name().to_string_lossy().starts_with(TEMPORARY);
        if ours && age.is_some_and(|age| age > ABANDONED_AFTER) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// For a shell.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:._-=@".contains(c);
    if value.chars().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_all_test_programs_are_added_up() {
        let mut tally = Tally::default();
        tally.count("test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.05s");
        tally.count("test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        tally.count("test some::name ... ok");
        assert_eq!(tally.to_string(), "14 passed, 2 failed");
    }

    #[test]
    fn values_survive_a_shell() {
        assert_eq!(quoted("redis://127.0.0.1:1/"), "redis://127.0.0.1:1/");
        assert_eq!(quoted("it's <a>"), r"'it'\''s <a>'");
    }
}
