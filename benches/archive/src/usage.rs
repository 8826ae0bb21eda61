//! The CPU time and peak memory of a program, as the kernel counted them.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, ensure};
use serde::Serialize;

#[derive(Serialize)]
struct Usage {
    /// User and system time.
    cpu_ms: f64,
    wall_ms: f64,
    /// The most memory that was resident at one time.
    peak_kib: i64,
}

/// Runs one program; this process has no other child, so all that is counted for children is that program's.
///
/// The kernel hands a process' peak on to what it executes, so this one must be small: it is.
pub fn measure(command: &[String]) -> anyhow::Result<()> {
    let (program, arguments) = command.split_first().context("no program given")?;
    let started = Instant::now();
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .status()
        .with_context(|| format!("{program} does not start"))?;
    let wall = started.elapsed();
    ensure!(output.success(), "{}: {output}", command.join(" "));
    let used = of_children()?;
    let ms = |time: libc::timeval| time.tv_sec as f64 * 1e3 + time.tv_usec as f64 / 1e3;
    let unit = if cfg!(target_os = "macos") { 1024 } else { 1 };
    let usage = Usage {
        cpu_ms: ms(used.ru_utime) + ms(used.ru_stime),
        wall_ms: wall.as_secs_f64() * 1e3,
        peak_kib: used.ru_maxrss / unit,
    };
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&usage)?)?;
    Ok(())
}

/// What all children that have ended took.
#[expect(unsafe_code, reason = "neither the standard library nor rustix asks for it")]
fn of_children() -> std::io::Result<libc::rusage> {
    // SAFETY: all its fields are numbers, for which zeros are valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one `rusage` to where the pointer leads.
    match unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) } {
        0 => Ok(usage),
        _ => Err(std::io::Error::last_os_error()),
    }
}
