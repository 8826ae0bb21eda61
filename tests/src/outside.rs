//! Programs of other projects that tests run: whether they are here, and what they say.

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, anyhow};
use tokio::process::Command;

/// Of the repository.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// With CI=true a missing program is a failure; elsewhere the test says what it left out.
pub fn or_left_out(found: Result<PathBuf>) -> Option<PathBuf> {
    match found {
        Ok(program) => Some(program),
        Err(error) if std::env::var("CI").is_ok_and(|ci| ci == "true") => panic!("{error}"),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "left out: {error}");
            None
        }
    }
}

/// A program that `deploy/install.sh --test-tools` puts under `.dev/tools`.
pub fn tool(path: &str) -> Option<PathBuf> {
    let program = Path::new(ROOT).join(".dev/tools").join(path);
    let found = if program.is_file() {
        Ok(program)
    } else {
        Err(anyhow!(".dev/tools/{path} is not there; run: deploy/install.sh --test-tools"))
    };
    or_left_out(found)
}

/// How a program ended.
pub struct Ended {
    pub succeeded: bool,
    /// What it wrote to both of its outputs.
    pub said: String,
}

/// Runs a program to its end, which must come within this time.
pub async fn run(command: &mut Command, within: Duration) -> Ended {
    let started = command.kill_on_drop(true).output();
    let output = tokio::time::timeout(within, started).await;
    let output = output.unwrap_or_else(|_| panic!("{command:?} takes longer than {within:?}")).expect("it starts");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Ended { succeeded: output.status.success(), said }
}

/// Runs a program to its end, which must be a good one.
pub async fn succeed(command: &mut Command, within: Duration) -> String {
    let ended = run(command, within).await;
    assert!(ended.succeeded, "{command:?} failed:\n{}", ended.said);
    ended.said
}
