//! Outside programs (ffmpeg, ffprobe) as bounded subprocesses: no stdin, a bare environment, limited time, output,
//! CPU and address space.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use regex::Regex;

use crate::scan::links::expression;

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

/// Runs `program` and returns its standard output if it exits with 0. It never outlives this call, nor the process that makes it.
pub fn run(
    program: &OsStr,
    arguments: &[OsString],
    limits: ToolLimits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<u8>, ToolError> {
    // Its name alone: where it lies is nobody's business.
    let name = || Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned();
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("LC_ALL", "C");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(target_os = "linux")]
    end_with_us(&mut command);
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
        let complaint = without_paths(&String::from_utf8_lossy(&complaint), arguments);
        let complaint = if complaint.is_empty() { status.to_string() } else { complaint };
        return Err(ToolError::Failed { program: name(), complaint });
    }
    if output.len() as u64 > limits.output {
        return Err(ToolError::TooMuch { program: name(), limit: limits.output });
    }
    Ok(output)
}

/// A complaint in one line, without the names of files it was given and where in memory it says it was. Creators read it.
fn without_paths(complaint: &str, arguments: &[OsString]) -> String {
    static PATHS: LazyLock<Regex> =
        LazyLock::new(|| expression(r"(^|[\s'\x22=(])(?:subfile,[^\s:]*:|[a-z]{2,8}:)?(?:/[^\s:'\x22/]+)+/?"));
    static ADDRESSES: LazyLock<Regex> = LazyLock::new(|| expression(r" @ 0x[0-9a-f]+"));
    let lines: Vec<&str> = complaint.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut text = lines.join("; ");
    for given in arguments.iter().map(|argument| argument.to_string_lossy()).filter(|given| given.contains('/')) {
        text = text.replace(&*given, "the file");
    }
    let text = ADDRESSES.replace_all(&text, "");
    PATHS.replace_all(&text, "${1}the file").into_owned()
}

/// Has the kernel end the program with the thread that starts it, which waits for it: also when this process is killed and nobody
/// is left to do it.
#[cfg(target_os = "linux")]
fn end_with_us(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
    let us = getpid();
    let ask_kernel = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // We may have died between fork and the line above.
        if getppid() == Some(us) { Ok(()) } else { Err(io::Error::from(io::ErrorKind::BrokenPipe)) }
    };
    #[expect(unsafe_code, reason = "prctl has to run between fork and exec")]
    // SAFETY: the closure makes three plain system calls; it takes no lock and allocates nothing, nor does an error of this kind.
    unsafe {
        command.pre_exec(ask_kernel);
    }
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

    /// Plays the reader in a process of its own, which is then killed without a chance to clean up.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_program_ends_with_a_reader_that_is_killed() {
        const READER: &str = "TOOL_TEST_READER";
        let limits = ToolLimits { time: Duration::from_secs(120), output: 10 };
        if let Some(folder) = std::env::var_os(READER) {
            // A folder, since the program may write no file.
            let script = format!("mkdir '{}'/$$; exec sleep 120", folder.to_string_lossy());
            let _ = run("sh".as_ref(), &["-c".into(), script.into()], limits, &|| false);
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let name = "video::tool::tests::a_program_ends_with_a_reader_that_is_killed";
        let mut reader = Command::new(std::env::current_exe().unwrap());
        reader.args([name, "--exact"]).env(READER, folder.path()).stdout(Stdio::null());
        let mut reader = reader.spawn().unwrap();
        let started = Instant::now();
        let until = |what: &str, holds: &mut dyn FnMut() -> bool| {
            while !holds() {
                assert!(started.elapsed() < Duration::from_secs(60), "{what}");
                thread::sleep(POLL);
            }
        };
        let mut pid = None;
        until("the program starts", &mut || {
            pid = std::fs::read_dir(folder.path()).unwrap().next().map(|entry| entry.unwrap().file_name());
            pid.is_some()
        });
        let pid = pid.unwrap().into_string().unwrap();
        // Gone, or dead and not collected by whoever has adopted it.
        let is_dead = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
        };
        assert!(!is_dead());
        reader.kill().unwrap();
        reader.wait().unwrap();
        until("the program ends", &mut || is_dead());
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run("/opt/bin/no-such-program-here".as_ref(), &[], LIMITS, &|| false).unwrap_err();
        assert_eq!(error.to_string(), "no-such-program-here is not installed");
    }

    #[test]
    fn complaints_name_no_paths() {
        for (said, told) in [
            (
                "[mov,mp4 @ 0x55d0c8e0] moov atom not found\nsubfile,,start,61,end,90,,:/tmp/a b/x/canonical.zip: Invalid data",
                "[mov,mp4] moov atom not found; the file: Invalid data",
            ),
            ("file:/var/scratch/.tmpAbC: Invalid data found", "the file: Invalid data found"),
            ("[in#0 @ 0x7f] Error opening input: /tmp/x", "[in#0] Error opening input: the file"),
            ("frame rate 30/1, size 16/9", "frame rate 30/1, size 16/9"),
        ] {
            let given = ["-i".into(), "subfile,,start,61,end,90,,:/tmp/a b/x/canonical.zip".into()];
            assert_eq!(without_paths(said, &given), told);
        }
    }
}
