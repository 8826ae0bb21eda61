//! A child process as its worker sees it.

use std::{
    collections::VecDeque,
    ffi::OsString,
    io::{self, Write},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    sync::oneshot,
    task::JoinHandle,
};

use crate::worker::child::{
    crash::is_refused_memory,
    protocol::{ChildLimits, Message},
};

/// Longest line taken from a child, in bytes; what is longer counts as several.
const LINE_MAX: u64 = 64 * 1024;
/// Bytes of a child's log that are passed on, and lines that are kept for the account of its end.
const LOG_MAX: usize = 1 << 20;
const LAST_LINES: usize = 20;
const LOG_ENDS_WITHIN: Duration = Duration::from_secs(1);

/// How children are started and what they may use.
#[derive(Clone, Debug)]
pub struct ChildProgram {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// Beside the environment of this process.
    pub envs: Vec<(OsString, OsString)>,
    pub limits: ChildLimits,
    /// The memory limit in the queue `heavy`, in bytes.
    pub heavy_memory: u64,
    /// Where runs get folders for their files.
    pub scratch: PathBuf,
    /// Whether a series that a child has measured is one of this program's.
    pub known_metric: fn(&str) -> bool,
    /// Takes spans that a child has ended on to where this program's own go: an OTLP request.
    pub pass_spans: fn(Vec<u8>),
}

/// A running child. Dropping it kills it and everything it started.
pub(crate) struct ChildProcess {
    child: Child,
    pid: Pid,
    log: Option<JoinHandle<VecDeque<String>>>,
}

impl ChildProcess {
    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Its standard output, once.
    pub(crate) fn output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits for its end, then ends what it may have left running.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.kill_group();
        Ok(status)
    }

    pub(crate) async fn kill(&mut self) -> io::Result<ExitStatus> {
        if self.is_running() {
            self.kill_group();
        }
        self.wait().await
    }

    /// The last lines of its log, once it has ended.
    pub(crate) async fn last_lines(&mut self) -> VecDeque<String> {
        match self.log.take() {
            // A process that left the group may hold the other end open.
            Some(log) => tokio::time::timeout(LOG_ENDS_WITHIN, log).await.ok().and_then(Result::ok).unwrap_or_default(),
            None => VecDeque::new(),
        }
    }

    fn kill_group(&self) {
        // Fails when nobody of the group is left.
        let _ = kill_process_group(self.pid, Signal::KILL);
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        if self.is_running() {
            self.kill_group();
        }
    }
}

/// A child that runs a whole job, and the lines between it and us.
pub(super) struct Process {
    pub(super) child: ChildProcess,
    /// Open as long as we live: its end tells the child that we are gone.
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    pub(super) async fn start(starter: &Starter, program: &ChildProgram) -> io::Result<Self> {
        let mut command = Command::new(&program.program);
        command.args(&program.args).envs(program.envs.iter().cloned());
        let mut child = starter.start(command, Stdio::piped()).await?;
        match (child.child.stdin.take(), child.output()) {
            (Some(stdin), Some(stdout)) => Ok(Self { child, stdin, stdout: BufReader::new(stdout) }),
            _ => Err(io::Error::other("the process ended as it began")),
        }
    }

    pub(super) async fn send(&mut self, line: &[u8]) -> io::Result<()> {
        self.stdin.write_all(line).await?;
        self.stdin.write_all(b"\n").await?;
        self.stdin.flush().await
    }

    /// The next message; `None` at the end of its output. What is no message is skipped.
    pub(super) async fn next(&mut self) -> Option<Message> {
        let mut line = Vec::new();
        loop {
            line.clear();
            match read_line(&mut self.stdout, &mut line).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {
                    if let Ok(message) = serde_json::from_slice(&line) {
                        return Some(message);
                    }
                }
            }
        }
    }
}

async fn read_line(reader: &mut (impl AsyncRead + AsyncBufReadExt + Unpin), line: &mut Vec<u8>) -> io::Result<usize> {
    reader.take(LINE_MAX).read_until(b'\n', line).await
}

/// Passes a child's log lines on to where this process' own go, up to a bound, and keeps the last.
async fn pass_log(stderr: ChildStderr) -> VecDeque<String> {
    let mut stderr = BufReader::new(stderr);
    let (mut line, mut passed, mut last) = (Vec::new(), 0, VecDeque::new());
    while read_line(&mut stderr, &mut line).await.is_ok_and(|read| read > 0) {
        if !line.ends_with(b"\n") {
            line.push(b'\n');
        }
        if passed < LOG_MAX {
            let _ = io::stdout().lock().write_all(&line);
            passed += line.len();
            if passed >= LOG_MAX {
                tracing::warn!("a child process logs more than {LOG_MAX} bytes; the rest is dropped");
            }
        }
        keep(&mut last, String::from_utf8_lossy(&line).trim().to_owned());
        line.clear();
    }
    last
}

/// Keeps the last lines, and whatever says that memory was refused: a backtrace may follow it.
fn keep(last: &mut VecDeque<String>, line: String) {
    if last.len() == LAST_LINES {
        let oldest = last.iter().position(|line| !is_refused_memory(line)).unwrap_or(0);
        last.remove(oldest);
    }
    last.push_back(line);
}

/// Starts processes from a thread that lives as long as this value: Linux sends the parent-death signal when the
/// *thread* that forked ends, and the threads of a tokio runtime come and go.
pub(crate) struct Starter {
    requests: mpsc::Sender<SpawnRequest>,
}

struct SpawnRequest {
    command: Command,
    runtime: tokio::runtime::Handle,
    reply: oneshot::Sender<io::Result<Child>>,
}

impl Starter {
    pub(crate) fn new() -> io::Result<Self> {
        let (requests, queue) = mpsc::channel::<SpawnRequest>();
        thread::Builder::new().name("children".into()).spawn(move || {
            for mut request in queue {
                let _runtime = request.runtime.enter();
                let _ = request.reply.send(request.command.spawn());
            }
        })?;
        Ok(Self { requests })
    }

    /// Starts it in a group of its own: a Ctrl-C in the terminal is for the worker, and a kill reaches what the child
    /// started.
    pub(crate) async fn start(&self, mut command: Command, stdin: Stdio) -> io::Result<ChildProcess> {
        let gone = || io::Error::other("the thread that starts processes is gone");
        command.process_group(0).kill_on_drop(true);
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(target_os = "linux")]
        command.arg0("worker");
        let (reply, started) = oneshot::channel();
        let request = SpawnRequest { command, runtime: tokio::runtime::Handle::current(), reply };
        self.requests.send(request).map_err(|_| gone())?;
        let mut child = started.await.map_err(|_| gone())??;
        let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        match (pid, child.stderr.take()) {
            (Some(pid), Some(stderr)) => Ok(ChildProcess { child, pid, log: Some(tokio::spawn(pass_log(stderr))) }),
            _ => Err(io::Error::other("the process ended as it began")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_of_memory_outlasts_a_backtrace() {
        let mut last = VecDeque::new();
        keep(&mut last, "memory allocation of 4096 bytes failed".into());
        for frame in 0..10 * LAST_LINES {
            keep(&mut last, format!("{frame}: std::backtrace"));
        }
        assert_eq!(last.len(), LAST_LINES);
        assert!(is_refused_memory(&last[0]) && last[LAST_LINES - 1].starts_with("199:"));
    }
}
