//! Lines with the time since the start.

use std::{future::Future, time::Instant};

use anyhow::{Context, Result};

#[derive(Clone, Copy)]
pub struct Progress {
    started: Instant,
}

#[expect(clippy::print_stdout, reason = "a command line program talks to its person")]
impl Progress {
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// One line, with the seconds since the start.
    pub fn say(&self, line: impl AsRef<str>) {
        println!("{:>7.1}s  {}", self.started.elapsed().as_secs_f32(), line.as_ref());
    }

    /// A line without a time.
    pub fn line(line: impl AsRef<str>) {
        println!("{}", line.as_ref());
    }

    /// Says that the work is done, or gives its error a name.
    pub async fn step<T>(&self, name: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let started = Instant::now();
        let result = work.await.with_context(|| format!("{name} failed"))?;
        self.say(format!("{name} ({} ms)", started.elapsed().as_millis()));
        Ok(result)
    }
}
