//! What holds a process that was started for one job or one file: its parent's life, and limits of the kernel.

use std::{fs::File, io, os::unix::fs::FileExt};

use rustix::process::{
    Resource, Rlimit, Signal, getpgrp, getpid, getrlimit, kill_process, kill_process_group, setrlimit,
};

use crate::worker::child::ChildLimits;

/// A failure with less than this left below the memory limit counts as running out of it, in bytes: the largest single
/// request is a decoder's thread, whose stack of 64 MiB counts whether it is used or not.
const NEARLY_ALL: u64 = 72 << 20;

/// Binds this process' life to its worker's.
pub(crate) fn bind_to_parent() -> io::Result<()> {
    // The kernel ends us with our parent. Where it cannot, or when the parent died before this line, the end of standard
    // input does.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // When memory runs short on the machine, this process is the one to end, not the worker.
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
    Ok(())
}

/// Ends this process and what it has started, now.
pub(crate) fn die() {
    if getpgrp() == getpid() {
        let _ = kill_process_group(getpid(), Signal::KILL);
    }
    let _ = kill_process(getpid(), Signal::KILL);
    // A confined process may signal nobody, but end itself.
    std::process::abort();
}

/// Asks the kernel to hold us to the limits. Memory is what we write to (`RLIMIT_DATA`): address space would also count
/// what allocators only reserve.
pub(crate) fn restrict(limits: &ChildLimits) {
    let cpu = limits.cpu.as_secs();
    for (resource, soft, hard) in [
        (Resource::Data, limits.memory, limits.memory),
        // First a signal that can be told from others, then SIGKILL.
        (Resource::Cpu, cpu, cpu + 5),
        (Resource::Fsize, limits.file, limits.file),
        (Resource::Core, 0, 0),
    ] {
        // A stricter limit that was inherited stays.
        let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let limit = Rlimit { current: Some(soft.min(most)), maximum: Some(hard.min(most)) };
        if let Err(error) = setrlimit(resource, limit) {
            tracing::warn!(%error, ?resource, "a limit cannot be set");
        }
    }
}

/// What `RLIMIT_DATA` counts; unknown outside Linux.
pub(crate) struct MemoryInUse(Option<File>);

impl MemoryInUse {
    /// Opened before it is forbidden.
    pub(crate) fn open() -> Self {
        Self(File::open("/proc/self/status").ok())
    }

    /// True when less than a decoder's thread needs is left below the limit.
    pub(crate) fn nearly(&self, limit: u64) -> bool {
        self.bytes().is_some_and(|bytes| bytes + NEARLY_ALL > limit)
    }

    fn bytes(&self) -> Option<u64> {
        let mut status = [0; 4096];
        let read = self.0.as_ref()?.read_at(&mut status, 0).ok()?;
        let line = std::str::from_utf8(&status[..read]).ok()?.lines().find_map(|line| line.strip_prefix("VmData:"))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
    }
}
