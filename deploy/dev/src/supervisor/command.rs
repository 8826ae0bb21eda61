//! The commands that need no API: services alone, and programs run with services of their own.

use std::{
    fmt,
    path::Path,
    process::{ExitCode, ExitStatus},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use servers::{
    lock::Lock,
    mariadb::MariaDb,
    processes::{Launch, LineSink},
    progress::Progress,
    redis::{RedisServer, Role},
    s3,
    services::{Environment, Services},
    stop::{INTERRUPTED, Stop},
};
use tempfile::TempDir;

/// How long `cargo` and what it runs may take to end when told to.
const END_WITHIN: Duration = Duration::from_secs(10);
/// Temporary folders of runs that were killed are removed when they are older.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 3600);
const TEMPORARY: &str = "tmp-";

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

pub async fn test(dir: &Path, stop: &Stop, args: &[String]) -> Result<ExitCode> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let args = test_arguments(args)?;
    // The tests start our programs, which `cargo test` alone would not build.
    match run(&words(&["cargo", "build", "--workspace", "--bins"]), &Vec::new(), None, stop).await? {
        Some(status) if status.success() => {}
        other => return Ok(exit_code(other)),
    }
    let mut command = words(&["cargo", "test", "--workspace", "--no-fail-fast"]);
    command.extend(args);
    let tally = Arc::new(Mutex::new(Tally::default()));
    let counting = tally.clone();
    let lines: LineSink = Arc::new(move |_, line| {
        Progress::line(line);
        if let Ok(mut tally) = counting.lock() {
            tally.count(line);
        }
    });
    let status = with_services(dir, stop, &command, Some(lines)).await?;
    if let (Some(_), Ok(tally)) = (status, tally.lock()) {
        Progress::line(format!("\n{tally}"));
    }
    Ok(exit_code(status))
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
#[derive(Default)]
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

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

pub async fn with(dir: &Path, stop: &Stop, command: &[String]) -> Result<ExitCode> {
    Ok(exit_code(with_services(dir, stop, command, None).await?))
}

/// None when it was stopped on request.
async fn with_services(
    dir: &Path,
    stop: &Stop,
    command: &[String],
    lines: Option<LineSink>,
) -> Result<Option<ExitStatus>> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    remove_abandoned(dir);
    let folder = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(dir)?;
    let Some(started) = stop.or(start_for_tests(&folder)).await else {
        return Ok(None);
    };
    let (database, queue, cache) = started?;
    let environment = [
        ("TEST_DATABASE_URL", database.url()),
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
    status
}

async fn start_for_tests(folder: &TempDir) -> Result<(MariaDb, RedisServer, RedisServer)> {
    let path = folder.path();
    tokio::try_join!(
        MariaDb::start(path.join("mariadb"), 0),
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
