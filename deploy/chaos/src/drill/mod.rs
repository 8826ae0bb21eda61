//! `dev drill`: one outage at a time, under load, with figures held against their goals.

mod conclusion;
mod exercise;
mod restore;

use std::{path::Path, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use servers::{
    lock::Lock,
    progress::Progress,
    stop::{INTERRUPTED, Stop},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{load::Load, town::Town, trial::settle};

use conclusion::conclude;
use exercise::Exercise;

/// What an upload is made of; the same for every drill.
const SEED: u64 = 1;

#[derive(clap::Subcommand)]
pub enum Drill {
    #[command(flatten)]
    UnderLoad(UnderLoad),
    /// Database, bucket, search index and both Redis are lost some uploads after a backup, and come back from it: how long that
    /// takes (RTO), and how much is lost (RPO).
    Restore {
        /// Uploads before the backup.
        #[arg(long, default_value_t = 60, value_name = "NUMBER")]
        nanos: usize,
        /// Uploads between the backup and the loss.
        #[arg(long, default_value_t = 20, value_name = "NUMBER")]
        after: usize,
    },
}

/// What goes away, and comes back as it was, while people upload.
#[derive(clap::Subcommand)]
pub enum UnderLoad {
    /// The queue's Redis is away for that long: uploads are accepted as quickly as before, and jobs still run.
    RedisDown {
        /// How long it is away.
        #[arg(long, default_value_t = 10.0, value_name = "NUMBER")]
        minutes: f64,
        /// Uploads begun in a second.
        #[arg(long, default_value_t = 1.0, value_name = "NUMBER")]
        rate: f64,
    },
    /// MySQL is killed and comes back after that long: no program ends, no job is lost or blamed.
    MysqlDown {
        /// How long it is away.
        #[arg(long, default_value_t = 30.0, value_name = "NUMBER")]
        seconds: f64,
        /// Uploads begun in a second.
        #[arg(long, default_value_t = 1.0, value_name = "NUMBER")]
        rate: f64,
    },
    /// Every connection to MySQL falls silent for good, as when a host dies, and new ones work: how long until jobs are
    /// claimed again.
    FrozenConnections {
        /// How often.
        #[arg(long, default_value_t = 5, value_name = "NUMBER")]
        times: usize,
        /// Uploads begun in a second.
        #[arg(long, default_value_t = 1.0, value_name = "NUMBER")]
        rate: f64,
    },
    /// MySQL takes no writes for that long, as the old primary after a switchover: how long until jobs are claimed again.
    ReadOnly {
        /// How often.
        #[arg(long, default_value_t = 3, value_name = "NUMBER")]
        times: usize,
        /// How long each time.
        #[arg(long, default_value_t = 15.0, value_name = "NUMBER")]
        seconds: f64,
        /// Uploads begun in a second.
        #[arg(long, default_value_t = 1.0, value_name = "NUMBER")]
        rate: f64,
    },
    /// The database's disk is full for that long, which takes an administrator and Linux: how long until jobs are claimed
    /// again.
    DiskFull {
        /// How often.
        #[arg(long, default_value_t = 3, value_name = "NUMBER")]
        times: usize,
        /// How long each time.
        #[arg(long, default_value_t = 15.0, value_name = "NUMBER")]
        seconds: f64,
        /// Uploads begun in a second.
        #[arg(long, default_value_t = 1.0, value_name = "NUMBER")]
        rate: f64,
    },
    /// A worker that runs jobs is killed: how long until each of its jobs is claimed again.
    KillWorker {
        /// How often.
        #[arg(long, default_value_t = 20, value_name = "NUMBER")]
        times: usize,
        /// Uploads begun in a second.
        #[arg(long, default_value_t = 2.0, value_name = "NUMBER")]
        rate: f64,
    },
}

impl Drill {
    fn name(&self) -> &'static str {
        match self {
            Self::UnderLoad(drill) => drill.name(),
            Self::Restore { .. } => "restore",
        }
    }
}

impl UnderLoad {
    fn name(&self) -> &'static str {
        match self {
            Self::RedisDown { .. } => "redis-down",
            Self::MysqlDown { .. } => "mysql-down",
            Self::KillWorker { .. } => "kill-worker",
            Self::FrozenConnections { .. } => "frozen-connections",
            Self::ReadOnly { .. } => "read-only",
            Self::DiskFull { .. } => "disk-full",
        }
    }
}

/// What a drill has to say: figures, and promises that were kept or not.
#[derive(Default)]
struct Findings {
    lines: Vec<String>,
    broken: usize,
}

impl Findings {
    fn figure(&mut self, text: impl Into<String>) {
        self.lines.push(text.into());
    }

    /// A goal missed is a figure, not a failure.
    fn goal(&mut self, met: bool, text: impl AsRef<str>) {
        self.lines.push(format!("goal {:<7} {}", if met { "met" } else { "MISSED" }, text.as_ref()));
    }

    fn promise(&mut self, kept: bool, text: impl AsRef<str>) {
        self.broken += usize::from(!kept);
        self.lines.push(format!("promise {:<6} {}", if kept { "kept" } else { "BROKEN" }, text.as_ref()));
    }
}

/// Exit status 0 when every promise was kept.
pub async fn run(dir: &Path, drill: &Drill, stop: &Stop, progress: &Progress) -> Result<ExitCode> {
    let _lock = Lock::take(dir)?;
    let folder = dir.join(format!("drill/{}", drill.name()));
    let course = async {
        match drill {
            Drill::UnderLoad(drill) => carry_out(&folder, drill, progress).await,
            Drill::Restore { nanos, after } => restore::carry_out(&folder, *nanos, *after, progress).await,
        }
    };
    let Some(findings) = stop.or(course).await else {
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let findings = findings.with_context(|| format!("the drill {}; its folder: {}", drill.name(), folder.display()))?;
    Progress::line(format!("\ndrill {}", drill.name()));
    for line in &findings.lines {
        Progress::line(line.trim_end());
    }
    if findings.broken > 0 {
        Progress::line(format!(
            "{} promises broken; kept for a look, with all logs: {}",
            findings.broken,
            folder.display()
        ));
        return Ok(ExitCode::FAILURE);
    }
    let _ = std::fs::remove_dir_all(&folder);
    Ok(ExitCode::SUCCESS)
}

async fn carry_out(folder: &Path, drill: &UnderLoad, progress: &Progress) -> Result<Findings> {
    let mut town = Town::start(folder, "", None, progress).await?;
    let load = Load::prepare(&town, SEED, &folder.join("accepted.jsonl")).await?;
    let mut findings = Findings::default();
    let rate = match drill {
        UnderLoad::RedisDown { rate, .. }
        | UnderLoad::MysqlDown { rate, .. }
        | UnderLoad::KillWorker { rate, .. }
        | UnderLoad::FrozenConnections { rate, .. }
        | UnderLoad::ReadOnly { rate, .. }
        | UnderLoad::DiskFull { rate, .. } => *rate,
    };
    let enough = CancellationToken::new();
    let began = Instant::now();
    let gate = async |number: usize| {
        let turn = began + Duration::from_secs_f64(number as f64 / rate.max(0.01));
        tokio::select! {
            () = tokio::time::sleep_until(turn) => !enough.is_cancelled(),
            () = enough.cancelled() => false,
        }
    };
    let exercise = async {
        let mut exercise = Exercise { town: &mut town, load: &load, findings: &mut findings, progress };
        let end = match drill {
            UnderLoad::RedisDown { minutes, .. } => exercise.redis_down(Duration::from_secs_f64(minutes * 60.0)).await,
            UnderLoad::MysqlDown { seconds, .. } => exercise.mysql_down(Duration::from_secs_f64(*seconds)).await,
            UnderLoad::KillWorker { times, .. } => exercise.kill_worker(*times).await,
            UnderLoad::FrozenConnections { times, .. } => exercise.frozen_connections(*times).await,
            UnderLoad::ReadOnly { times, seconds, .. } => {
                exercise.read_only(*times, Duration::from_secs_f64(*seconds)).await
            }
            UnderLoad::DiskFull { times, seconds, .. } => {
                exercise.disk_full(*times, Duration::from_secs_f64(*seconds)).await
            }
        };
        enough.cancel();
        end
    };
    let (outage, ()) = tokio::try_join!(exercise, load.run(gate))?;
    progress.say("waiting for the jobs");
    settle(&mut town).await?;
    conclude(&mut town, &load, &outage, &mut findings).await?;
    town.stop().await?;
    Ok(findings)
}
