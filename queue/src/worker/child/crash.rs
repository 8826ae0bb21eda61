//! The cause of a child's death: signal, exit status or kernel limit, and whether it was memory.

use std::{collections::VecDeque, os::unix::process::ExitStatusExt, process::ExitStatus};

use rustix::process::Signal;

use crate::worker::child::protocol::ChildLimits;

/// A child that died under its job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Crash {
    /// For the operator: the signal or exit status, and the last words.
    pub(crate) how: String,
    pub(crate) out_of_memory: bool,
}

impl Crash {
    /// `oom_kills`: processes of this container that the kernel has killed for memory while the child ran.
    pub(crate) fn of(status: ExitStatus, last: &VecDeque<String>, limits: &ChildLimits, oom_kills: u64) -> Self {
        let refused = last.iter().rev().find(|line| is_refused_memory(line));
        let killed_for_memory = status.signal() == Some(Signal::KILL.as_raw()) && oom_kills > 0;
        let mut how = describe(status, limits);
        if killed_for_memory {
            how.push_str(" because the machine or its container was out of memory");
        }
        // The log has been passed on already; a line that is no log line is what the runtime says at the end.
        let last_words = last.iter().rev().find(|line| !line.is_empty() && !line.starts_with('{'));
        if let Some(words) = refused.or(last_words) {
            how.push_str("; its last words: ");
            how.extend(words.chars().take(500));
        }
        Self { how, out_of_memory: refused.is_some() || killed_for_memory }
    }
}

/// What Rust's standard library writes before it aborts.
pub(super) fn is_refused_memory(line: &str) -> bool {
    line.contains("memory allocation of ") && line.contains(" bytes failed")
}

fn describe(status: ExitStatus, limits: &ChildLimits) -> String {
    let Some(number) = status.signal() else {
        return format!("the child process ended with {status} and without a result");
    };
    let because = match number {
        _ if number == Signal::XCPU.as_raw() => {
            format!(": it used more than {} s of processor time (CHILD_CPU_SECONDS)", limits.cpu.as_secs())
        }
        _ if number == Signal::XFSZ.as_raw() => format!(": it wrote a file of more than {} bytes", limits.file),
        _ => String::new(),
    };
    format!("the child process was ended by {status}{because}")
}

/// How many processes the kernel has killed for want of memory: in our container, or on this machine where that is
/// not told apart. Only a difference means something.
pub(crate) fn oom_kills() -> u64 {
    let own = std::fs::read_to_string("/proc/self/cgroup").ok().and_then(|groups| {
        let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?.to_owned();
        std::fs::read_to_string(format!("/sys/fs/cgroup{}/memory.events", path.trim_end_matches('/'))).ok()
    });
    let counters = own.or_else(|| std::fs::read_to_string("/proc/vmstat").ok()).unwrap_or_default();
    counters.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: ChildLimits = ChildLimits { memory: 1 << 29, cpu: Duration::from_secs(7), file: 1 << 20 };

    fn crash(raw: i32, log: &[&str], oom_kills: u64) -> Crash {
        Crash::of(ExitStatus::from_raw(raw), &log.iter().map(|line| (*line).to_owned()).collect(), &LIMITS, oom_kills)
    }

    #[test]
    fn memory_is_the_reason_only_when_somebody_says_so() {
        assert!(crash(6, &["memory allocation of 4096 bytes failed"], 0).out_of_memory);
        assert!(crash(9, &[], 1).out_of_memory);
        assert!(!crash(9, &[], 0).out_of_memory);
        assert!(!crash(11, &["{\"message\":\"scanning\"}"], 1).out_of_memory);
    }

    #[test]
    fn the_account_names_signal_limit_and_last_words() {
        let killed = crash(9, &["{\"message\":\"scanning\"}"], 0).how;
        assert!(killed.contains("SIGKILL") && !killed.contains("last words"), "{killed}");
        let busy = crash(24, &[], 0).how;
        assert!(busy.contains("7 s") && busy.contains("CHILD_CPU_SECONDS"), "{busy}");
        let ended = crash(3 << 8, &["thread 'main' panicked"], 0).how;
        assert!(ended.contains("exit status: 3") && ended.contains("panicked"), "{ended}");
    }
}
