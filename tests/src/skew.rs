//! Processes whose wall clock is wrong, and database servers that live at another time.

use std::{path::PathBuf, process::Command};

use chrono::{DateTime, Utc};

/// The library that sets a process' wall clock wrong.
pub struct Skew(PathBuf);

impl Skew {
    /// Compiles it with the C compiler that links Rust programs.
    pub fn compile(folder: &std::path::Path) -> Self {
        let library = folder.join("clock_skew.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/clock_skew.c");
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-w", "-o"])
            .arg(&library)
            .args([source, "-ldl", "-lpthread"])
            .status()
            .expect("a C compiler");
        assert!(status.success(), "clock_skew.c does not compile");
        Self(library)
    }

    /// Variables for a process that is wrong by so many seconds.
    pub fn by(&self, seconds: i64) -> Vec<(String, String)> {
        vec![("LD_PRELOAD".into(), self.0.display().to_string()), ("CLOCK_SKEW_SECONDS".into(), seconds.to_string())]
    }

    /// Variables for a process that takes it to be `now`.
    pub fn to(&self, now: DateTime<Utc>) -> Vec<(String, String)> {
        self.by((now - Utc::now()).num_seconds())
    }
}
