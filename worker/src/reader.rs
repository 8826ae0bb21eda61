//! `worker read`: reads one file from outside in a process that holds nothing, started by `worker run`.

use std::{ffi::OsString, io::Write, process::ExitCode, sync::Arc};

use infra::{
    env::{ChildTelemetry, TelemetrySettings},
    telemetry,
};
use queue::{
    child::relay::Relay,
    reader::{self, ReaderProgram},
};
use signal_hook::{
    consts::signal::{SIGHUP, SIGINT, SIGTERM},
    flag,
};

use crate::settings::RunSettings;

/// The call makes no sense.
const UNUSABLE: u8 = 2;

/// How readers' processes are started.
pub fn program(settings: &RunSettings) -> anyhow::Result<ReaderProgram> {
    Ok(ReaderProgram {
        program: crate::own_program()?,
        args: arguments(&settings.telemetry)?,
        limits: settings.child_limits,
        heavy_memory: settings.heavy_memory,
        known_metric: telemetry::metrics::is_ours,
        pass_spans: telemetry::pass_on,
    })
}

/// No environment, no flags of the worker: what a log and a trace need, and no secret among it.
pub fn arguments(settings: &TelemetrySettings) -> anyhow::Result<Vec<OsString>> {
    Ok(vec!["read".into(), serde_json::to_string(&ChildTelemetry::of(settings))?.into()])
}

/// Exit status 0: the answer is on standard output; 2: unusable call.
pub fn run(telemetry: &str) -> ExitCode {
    let settings = match serde_json::from_str::<ChildTelemetry>(telemetry) {
        Ok(settings) => settings,
        Err(error) => return unusable(&format!("the argument is not one of its own ({error})")),
    };
    // These may go to a whole process group. They are meant for the worker, which lets its jobs finish.
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        let _ = flag::register(signal, Arc::default());
    }
    let relay = Relay::install();
    if let Err(error) = telemetry::init_child(&settings.into(), "nano-worker", reader::span_pipe()) {
        return unusable(&error.to_string());
    }
    match reader::serve(&jobs::readers(), &relay) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => unusable(&error.to_string()),
    }
}

fn unusable(why: &str) -> ExitCode {
    let _ = writeln!(
        std::io::stderr(),
        "worker read: {why}. It wants one assignment and its files on a socket that is its standard input, and is started \
         by `worker run`: see `worker read --help`."
    );
    UNUSABLE.into()
}
