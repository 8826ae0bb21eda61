//! Processes that an earlier, killed supervisor left behind.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// Ends a process that an earlier, killed supervisor left behind: the pid file names it and its command line
/// still contains `mark` (a pid may have been given to a stranger meanwhile).
pub async fn end_leftover(pid_file: &Path, mark: &str) -> Result<()> {
    let Ok(text) = std::fs::read_to_string(pid_file) else { return Ok(()) };
    let leftover = text.trim().parse().ok().and_then(Pid::from_raw).filter(|pid| command_line(*pid).contains(mark));
    if let Some(pid) = leftover {
        tracing::info!(pid = pid.as_raw_nonzero(), "ending a process left by an earlier run");
        let _ = kill_process(pid, Signal::TERM);
        let started = Instant::now();
        while test_kill_process(pid).is_ok() && command_line(pid).contains(mark) {
            match started.elapsed().as_secs() {
                0..10 => {}
                10..15 => drop(kill_process(pid, Signal::KILL)),
                _ => {
                    bail!("process {pid:?} from an earlier run does not end; stop it by hand: kill -9 {}", text.trim())
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let _ = std::fs::remove_file(pid_file);
    Ok(())
}

/// Empty when there is no such process.
pub fn command_line(pid: Pid) -> String {
    let pid = pid.as_raw_nonzero();
    if let Ok(words) = std::fs::read(format!("/proc/{pid}/cmdline")) {
        return String::from_utf8_lossy(&words).replace('\0', " ");
    }
    let listed = std::process::Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output();
    listed.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default()
}
