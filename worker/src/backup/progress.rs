//! Lines about how far a long command is, on standard error.

use std::{
    io::Write,
    time::{Duration, Instant},
};

/// Between two lines.
const EACH: Duration = Duration::from_secs(5);

pub(super) struct Progress(Instant);

impl Progress {
    pub(super) fn begin() -> Self {
        Self(Instant::now())
    }

    /// Says it now.
    pub(super) fn say(&mut self, text: &str) {
        // Whoever does not listen to the progress wants the work done all the same.
        let _ = writeln!(std::io::stderr(), "{text}");
        self.0 = Instant::now();
    }

    /// Says it if nothing was said for a while.
    pub(super) fn tell(&mut self, text: impl FnOnce() -> String) {
        if self.0.elapsed() >= EACH {
            self.say(&text());
        }
    }
}
