//! Outside programs (ffmpeg, ffprobe) as bounded subprocesses: no stdin, a bare environment, limited time, output,
//! CPU and address space.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How often a running program is looked at.
const POLL: Duration = Duration::from_millis(20);
/// Address space for one program, in bytes. Decoding 4K video needs a few hundred MiB.
#[cfg(target_os = "linux")]
const ADDRESS_SPACE: u64 = 2 << 30;
/// How much of a program's complaint is kept, in bytes.
const COMPLAINT: u64 = 4096;

/// Why a program gave no result.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    #[error("{program} is not installed")]
    Missing { program: String },
    #[error("{program} could not be started: {source}")]
    Start { program: String, source: io::Error },
    #[error("{program} was stopped after {limit:?}")]
    TimedOut { program: String, limit: Duration },
    #[error("{program} failed: {complaint}")]
    Failed { program: String, complaint: String },
    #[error("{program} wrote more than {limit} bytes")]
    TooMuch { program: String, limit: u64 },
    #[error("cancelled")]
    Cancelled,
}

/// Bounds of one run.
#[derive(Clone, Copy, Debug)]
pub struct ToolLimits {
    /// Wall-clock time.
    pub time: Duration,
    /// Bytes of standard output.
    pub output: u64,
}

/// Runs `program` and returns its standard output if it exits with 0. It never outlives this call.
pub fn run(
    program: &OsStr,
    arguments: &[OsString],
    limits: ToolLimits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<u8>, ToolError> {
    let name = || program.to_string_lossy().into_owned();
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("LC_ALL", "C");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Running(command.spawn().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ToolError::Missing { program: name() },
        _ => ToolError::Start { program: name(), source },
    })?);
    restrict(&child.0, limits.time);
    // One byte more than allowed tells "too much" from "just enough"; the rest is drained so that the pipe never
    // blocks the program.
    let output = child.0.stdout.take().map(|pipe| thread::spawn(move || drain(pipe, limits.output + 1)));
    let complaint = child.0.stderr.take().map(|pipe| thread::spawn(move || drain(pipe, COMPLAINT)));
    let started = Instant::now();
    let status = loop {
        match child.0.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if cancelled() => return Err(ToolError::Cancelled),
            Ok(None) if started.elapsed() >= limits.time => {
                return Err(ToolError::TimedOut { program: name(), limit: limits.time });
            }
            Ok(None) => thread::sleep(POLL),
            Err(source) => return Err(ToolError::Start { program: name(), source }),
        }
    };
    let collect = |reader: Option<thread::JoinHandle<Vec<u8>>>| reader.and_then(|it| it.join().ok());
    let output = collect(output).unwrap_or_default();
    if !status.success() {
        let complaint = collect(complaint).unwrap_or_default();
        let complaint = String::from_utf8_lossy(&complaint).trim().to_owned();
        let complaint = if complaint.is_empty() { status.to_string() } else { complaint };
        return Err(ToolError::Failed { program: name(), complaint });
    }
    if output.len() as u64 > limits.output {
        return Err(ToolError::TooMuch { program: name(), limit: limits.output });
    }
    Ok(output)
}

/// Kills and reaps the program however the call ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn drain(mut pipe: impl Read, keep: u64) -> Vec<u8> {
    let mut kept = Vec::new();
    // A broken pipe ends the reading; what came before it counts.
    let _ = pipe.by_ref().take(keep).read_to_end(&mut kept);
    let _ = io::copy(&mut pipe, &mut io::sink());
    kept
}

/// Limits of the kernel, in case the program ignores everything else. Set right after the start: there is no safe way
/// to run code between fork and exec.
#[cfg(target_os = "linux")]
fn restrict(child: &Child, time: Duration) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    let limit = |value| Rlimit { current: Some(value), maximum: Some(value) };
    for (resource, value) in
        [(Resource::As, ADDRESS_SPACE), (Resource::Cpu, time.as_secs() + 1), (Resource::Core, 0), (Resource::Fsize, 0)]
    {
        // Fails if the program has ended already, or stricter limits are inherited.
        let _ = prlimit(Some(pid), resource, limit(value));
    }
}

#[cfg(not(target_os = "linux"))]
fn restrict(_child: &Child, _time: Duration) {}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ToolLimits = ToolLimits { time: Duration::from_millis(300), output: 10 };

    fn sh(script: &str, cancelled: bool) -> Result<Vec<u8>, ToolError> {
        run("sh".as_ref(), &["-c".into(), script.into()], LIMITS, &|| cancelled)
    }

    #[test]
    fn bounds_what_a_program_does() {
        assert_eq!(sh("printf hello", false).unwrap(), b"hello");
        assert!(matches!(sh("printf 0123456789X", false), Err(ToolError::TooMuch { limit: 10, .. })));
        let failed = sh("echo no good >&2; exit 3", false);
        assert!(matches!(failed, Err(ToolError::Failed { complaint, .. }) if complaint == "no good"));
        assert!(matches!(sh("exec sleep 5", false), Err(ToolError::TimedOut { .. })));
        assert!(matches!(sh("exec sleep 5", true), Err(ToolError::Cancelled)));
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run("no-such-program-here".as_ref(), &[], LIMITS, &|| false).unwrap_err();
        assert!(matches!(error, ToolError::Missing { .. }));
    }
}
