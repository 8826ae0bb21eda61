//! Child processes that cannot outlive this one.
//!
//! Each child leads a process group of its own, so a Ctrl-C in the terminal reaches only the supervisor,
//! which then stops its children in order. Should the supervisor itself be killed, the kernel kills them.

mod leftover;
mod spawner;

use std::{
    fs::{File, OpenOptions},
    future::Future,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader},
    process::{Child, Command},
    task::JoinSet,
};

use crate::programs;
use spawner::{die_with_parent, spawn};

pub use leftover::end_leftover;

/// Called with the process name and one line of its output.
pub type LineSink = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// What to start.
pub struct Launch {
    name: String,
    command: Command,
    log: Option<PathBuf>,
    pid_file: Option<PathBuf>,
    lines: Option<LineSink>,
    input: Option<String>,
}

impl Launch {
    /// Output of both streams is appended to `log`.
    pub fn new(name: &str, program: impl AsRef<Path>, log: impl Into<PathBuf>) -> Self {
        Self { log: Some(log.into()), ..Self::in_foreground(name, program) }
    }

    /// Output of both streams goes where ours goes.
    pub fn in_foreground(name: &str, program: impl AsRef<Path>) -> Self {
        let command = Command::new(program.as_ref());
        Self { name: name.to_owned(), command, log: None, pid_file: None, lines: None, input: None }
    }

    /// One of our binaries, found next to the running program (the tests run from `deps/` below it).
    pub fn sibling(name: &str, program: &str, log: impl Into<PathBuf>) -> Result<Self> {
        Ok(Self::new(name, programs::sibling(program)?, log))
    }

    pub fn arg(mut self, arg: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub fn args<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(mut self, args: I) -> Self {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn envs<K, V>(mut self, vars: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: AsRef<std::ffi::OsStr>,
        V: AsRef<std::ffi::OsStr>,
    {
        self.command.envs(vars);
        self
    }

    pub fn current_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Where the pid is kept, so that the next start can end a process a killed supervisor left behind.
    pub fn pid_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.pid_file = Some(path.into());
        self
    }

    /// Hands over every line as it comes: of both streams when they go to a log as well, else of stdout alone.
    pub fn show_lines(mut self, lines: LineSink) -> Self {
        self.lines = Some(lines);
        self
    }

    /// Text for the standard input, which is empty otherwise.
    pub fn input(mut self, text: &str) -> Self {
        self.input = Some(text.to_owned());
        self
    }

    /// Starts the process and waits for its success.
    pub async fn run(self) -> Result<()> {
        self.run_within(Duration::MAX).await
    }

    /// The same, for at most this time: then it is killed, and what it has logged is the error.
    pub async fn run_within(self, limit: Duration) -> Result<()> {
        let mut process = self.start().await?;
        let Ok(status) = tokio::time::timeout(limit, process.wait()).await else {
            process.kill().await?;
            return Err(process.failure(&format!("has not ended within {} s", limit.as_secs())));
        };
        let status = status?;
        if status.success() { Ok(()) } else { Err(process.failure(&format!("failed with {status}"))) }
    }

    pub async fn start(mut self) -> Result<Process> {
        let stdin = if self.input.is_some() { Stdio::piped() } else { Stdio::null() };
        self.command.stdin(stdin).process_group(0).kill_on_drop(true);
        let log = self.log.as_deref().map(open_log).transpose()?;
        match (&log, &self.lines) {
            (Some(_), Some(_)) => drop(self.command.stdout(Stdio::piped()).stderr(Stdio::piped())),
            (Some((log, _)), None) => drop(self.command.stdout(log.try_clone()?).stderr(log.try_clone()?)),
            (None, Some(_)) => drop(self.command.stdout(Stdio::piped())),
            (None, None) => {}
        }
        die_with_parent(&mut self.command);
        let mut child = spawn(self.command).await.with_context(|| format!("cannot start {}", self.name))?;
        let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).context("the process has no pid")?;
        if let (Some(input), Some(mut stdin)) = (self.input, child.stdin.take()) {
            stdin.write_all(input.as_bytes()).await?;
        }
        let mut readers = JoinSet::new();
        if let Some(lines) = self.lines {
            let out = child.stdout.take().map(|out| Box::new(out) as Box<dyn AsyncRead + Send + Unpin>);
            let err = child.stderr.take().map(|err| Box::new(err) as Box<dyn AsyncRead + Send + Unpin>);
            for stream in [out, err].into_iter().flatten() {
                let log = log.as_ref().map(|(log, _)| log.try_clone()).transpose()?;
                readers.spawn(tee(stream, self.name.clone(), log, lines.clone()));
            }
        }
        if let Some(path) = &self.pid_file {
            std::fs::write(path, pid.as_raw_nonzero().to_string())?;
        }
        let log_start = log.map_or(0, |(_, length)| length);
        Ok(Process {
            name: self.name,
            child,
            pid,
            log: self.log,
            log_start,
            pid_file: self.pid_file,
            exited: None,
            readers,
        })
    }
}

/// The log and the length it already has.
fn open_log(path: &Path) -> Result<(File, u64)> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    let log = OpenOptions::new().create(true).append(true).open(path);
    let log = log.with_context(|| format!("cannot write the log {}", path.display()))?;
    let length = log.metadata()?.len();
    Ok((log, length))
}

/// Copies lines to the log and to the sink until the process closes its end.
async fn tee(stream: Box<dyn AsyncRead + Send + Unpin>, name: String, mut log: Option<File>, show: LineSink) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(log) = &mut log {
            let _ = writeln!(log, "{line}");
        }
        show(&name, &line);
    }
}

/// A running child. Dropping it kills its whole process group.
pub struct Process {
    name: String,
    child: Child,
    pid: Pid,
    log: Option<PathBuf>,
    log_start: u64,
    pid_file: Option<PathBuf>,
    exited: Option<ExitStatus>,
    readers: JoinSet<()>,
}

impl Process {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    pub fn log(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// How it ended, when it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        if self.exited.is_none() {
            let exited = self.child.try_wait().ok().flatten();
            self.exited = exited.inspect(|_| self.end_group());
        }
        self.exited
    }

    /// Cancel safe.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.exited {
            return Ok(status);
        }
        let status = self.child.wait().await?;
        self.end_group();
        self.exited = Some(status);
        // Nobody holds the other end of the pipes any more: what is left in them is read to the end.
        while self.readers.join_next().await.is_some() {}
        Ok(status)
    }

    /// What the process started and left running.
    fn end_group(&self) {
        let _ = kill_process_group(self.pid, Signal::KILL);
    }

    /// SIGKILL to the process and everything it started.
    pub async fn kill(&mut self) -> io::Result<ExitStatus> {
        if self.exited().is_none() {
            self.end_group();
        }
        self.wait().await
    }

    /// SIGTERM, then SIGKILL when it has not ended within `grace`.
    pub async fn terminate(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        match tokio::time::timeout(grace, self.wait()).await {
            Ok(status) => status,
            Err(_) => self.kill().await,
        }
    }

    /// Sends a signal, such as `Signal::STOP`, to the process alone. No effect once it has ended.
    pub fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if self.exited().is_none() {
            kill_process(self.pid, signal)?;
        }
        Ok(())
    }

    /// The last lines this start has written to its log.
    pub fn log_tail(&self, lines: usize) -> String {
        self.log.as_deref().and_then(|log| tail(log, self.log_start, lines).ok()).unwrap_or_default()
    }

    /// Asks `probe` until it answers true. Fails when the process ends first or the time is over, naming the log.
    pub async fn wait_until<F, Fut>(&mut self, limit: Duration, mut probe: F) -> Result<()>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = bool>,
    {
        let started = Instant::now();
        loop {
            if let Some(status) = self.exited() {
                return Err(self.failure(&format!("ended with {status} instead of becoming ready")));
            }
            if let Ok(true) = tokio::time::timeout(Duration::from_secs(2), probe()).await {
                return Ok(());
            }
            if started.elapsed() > limit {
                return Err(self.failure(&format!("was not ready within {} s", limit.as_secs())));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ready as soon as `url` answers with a success status.
    pub async fn wait_http(&mut self, url: &str, limit: Duration) -> Result<()> {
        let client = reqwest::Client::new();
        self.wait_until(limit, || {
            let request = client.get(url).send();
            async move { request.await.is_ok_and(|response| response.status().is_success()) }
        })
        .await
    }

    /// An error that names the process, the log and its last lines.
    pub fn failure(&self, what: &str) -> anyhow::Error {
        let log = self.log.as_deref().map(|log| format!("\n  log: {}\n", log.display())).unwrap_or_default();
        anyhow!("{} {what}.{log}{}", self.name, indent(&self.log_tail(15)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.exited().is_none() {
            self.end_group();
        }
        if let Some(path) = &self.pid_file {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn tail(log: &Path, from: u64, lines: usize) -> io::Result<String> {
    const LONGEST: u64 = 16 * 1024;
    let mut file = File::open(log)?;
    let end = file.metadata()?.len();
    file.seek(SeekFrom::Start(from.max(end.saturating_sub(LONGEST)).min(end)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    Ok(all[all.len().saturating_sub(lines)..].join("\n"))
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  | {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::leftover::command_line;
    use super::*;

    fn shell(script: &str, log: &Path) -> Launch {
        Launch::new("sh", "/bin/sh", log).args(["-c", script])
    }

    #[tokio::test]
    async fn kill_reaches_grandchildren_and_the_log_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("sh.log");
        let mut process = shell("sleep 300 & echo grandchild $!; wait", &log).start().await.unwrap();
        let text = || std::fs::read_to_string(&log).unwrap_or_default();
        process.wait_until(Duration::from_secs(5), || async { text().contains("grandchild") }).await.unwrap();
        let grandchild: i32 = text().split_whitespace().last().unwrap().parse().unwrap();
        process.kill().await.unwrap();
        let gone = || !command_line(Pid::from_raw(grandchild).unwrap()).contains("sleep");
        let started = Instant::now();
        while !gone() && started.elapsed() < Duration::from_secs(5) {
            tokio::task::yield_now().await;
        }
        assert!(gone());
    }

    #[tokio::test]
    async fn an_early_end_is_an_error_that_shows_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = shell("echo no such table; exit 3", &dir.path().join("sh.log")).start().await.unwrap();
        let error = process.wait_until(Duration::from_secs(5), || async { false }).await.unwrap_err().to_string();
        assert!(
            error.contains("exit status: 3") && error.contains("no such table") && error.contains("sh.log"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn what_takes_too_long_is_killed_and_the_log_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("sh.log");
        let script = "echo waiting for space; sleep 300";
        let error = shell(script, &log).run_within(Duration::from_secs(1)).await.unwrap_err().to_string();
        assert!(error.contains("not ended within 1 s") && error.contains("waiting for space"), "{error}");
        shell("exit 0", &log).run_within(Duration::from_secs(60)).await.unwrap();
    }

    #[tokio::test]
    async fn a_leftover_is_ended_by_its_pid_file_but_a_stranger_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = shell("exec sleep 301", &dir.path().join("log")).start().await.unwrap();
        let pid = process.pid;
        // Between the two programs the command line is empty for a moment.
        process
            .wait_until(Duration::from_secs(5), || async move { command_line(pid).starts_with("sleep 301") })
            .await
            .unwrap();
        let pid_file = dir.path().join("pid");
        std::fs::write(&pid_file, process.pid().to_string()).unwrap();
        end_leftover(&pid_file, "some other program").await.unwrap();
        assert!(process.exited().is_none());
        std::fs::write(&pid_file, process.pid().to_string()).unwrap();
        // The child stays a zombie until it is waited for; its command line is empty by then.
        end_leftover(&pid_file, "301").await.unwrap();
        assert!(!process.wait().await.unwrap().success());
    }
}
