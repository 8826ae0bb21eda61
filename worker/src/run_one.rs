//! `worker run-one`: one job in a process of its own, started by `worker run`.

use std::{io::Write, process::ExitCode};

use db::Db;
use infra::cache::Cache;
use queue::child::{self, relay::Relay};
use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};

use crate::settings::RunSettings;

/// A job's transaction uses one connection; its progress, its lines and what its handler reads beside share another.
pub const CONNECTIONS: u32 = 2;
/// The call makes no sense.
const UNUSABLE: u8 = 2;

/// Exit status 0: the outcome is on standard output; 1: this process cannot run jobs; 2: unusable call.
pub async fn run(settings: RunSettings, relay: Relay) -> ExitCode {
    infra::tls::install();
    // These may go to a whole process group. They are meant for the worker, which lets its jobs finish.
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
        let _ = signal(kind);
    }
    let assignment = match child::attach() {
        Ok(assignment) => assignment,
        Err(error) => return unusable(&error.to_string()),
    };
    let reader = match crate::reader::program(&settings) {
        Ok(reader) => reader,
        Err(error) => return unusable(&error.to_string()),
    };
    let context = match context(settings).await {
        Ok(context) => context,
        Err(error) => {
            child::unready(&format!("{error:#}"));
            return ExitCode::FAILURE;
        }
    };
    let Ok(line) = assignment.await else { return unusable("standard input ended without one") };
    match child::run(jobs::registry(), context, &relay, Some(reader), &line).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => unusable(&format!("the line is none: {error:#}")),
    }
}

async fn context(settings: RunSettings) -> anyhow::Result<jobs::Context> {
    let db = Db::connect_child(settings.database.url.expose_secret(), CONNECTIONS).await?;
    let cache = Cache::connect(&settings.redis)?;
    let scratch = settings.scratch_dir.clone();
    crate::context(&settings, db, cache, scratch).await
}

fn unusable(why: &str) -> ExitCode {
    let _ = writeln!(
        std::io::stderr(),
        "worker run-one: {why}. It wants one assignment, a line of JSON, on a standard input that stays open, and is \
         started by `worker run`: see `worker run-one --help`."
    );
    UNUSABLE.into()
}
