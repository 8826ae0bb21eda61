//! The child's side: one assignment from standard input, its handler, its outcome.

use std::{
    io::{self, BufRead, IsTerminal, Read, Write},
    sync::Arc,
    thread,
    time::Duration,
};

use rustix::process::{
    Resource, Rlimit, Signal, getpgrp, getpid, getrlimit, kill_process, kill_process_group, setrlimit,
};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    JobError, QueueContext, Registry,
    worker::{
        child::{
            protocol::{ChildAssignment, ChildLimits, Message},
            relay::Relay,
        },
        completer::Completer,
        executor::{Executor, Finished},
        journal::{self, RunJournal},
        metrics::meters::Meters,
        running::RunningJobs,
        span::{child_span, ended},
    },
};

/// A failure with less than this left below the memory limit counts as running out of it, in bytes: the largest single
/// request is a decoder's thread, whose stack of 64 MiB counts whether it is used or not.
const NEARLY_ALL: u64 = 72 << 20;
/// Between two reports of what was counted and timed.
const REPORTS: Duration = Duration::from_secs(1);
/// Encoded spans in one line, in bytes: twice as many digits, and still a line.
const SPANS_MAX: usize = 30 * 1024;

/// Binds this process' life to its worker's and begins to wait for the assignment: `Err` when the input ends without
/// one.
///
/// # Errors
/// Standard input is a terminal: this was started by hand.
pub fn attach() -> io::Result<oneshot::Receiver<String>> {
    if io::stdin().is_terminal() {
        return Err(io::Error::other("standard input is a terminal"));
    }
    // The kernel ends us with our parent. Where it cannot, or when the parent died before this line, the end of the
    // input does, see below.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // When memory runs short on the machine, this process is the one to end, not the worker.
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
    let (sender, assignment) = oneshot::channel();
    thread::Builder::new().name("parent".into()).spawn(move || {
        let mut input = io::stdin().lock();
        let mut line = String::new();
        if input.read_line(&mut line).is_ok_and(|read| read > 0) {
            let _ = sender.send(line);
            let mut rest = [0; 64];
            while input.read(&mut rest).is_ok_and(|read| read > 0) {}
            die();
        }
    })?;
    Ok(assignment)
}

/// Ends this process and what it has started, now.
fn die() {
    if getpgrp() == getpid() {
        let _ = kill_process_group(getpid(), Signal::KILL);
    }
    let _ = kill_process(getpid(), Signal::KILL);
}

/// Tells the worker that this process cannot run any job, and why.
pub fn unready(why: &str) {
    say(&Message::Unready(why.to_owned()));
}

/// Takes a child's encoded spans to its worker.
pub type SpanPipe = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// The pipe of this child process. What does not fit into a line is lost.
pub fn span_pipe() -> SpanPipe {
    Arc::new(|spans| {
        if spans.len() <= SPANS_MAX {
            say(&Message::Spans(hex::encode(spans)));
        }
    })
}

/// Tells the worker what was counted and timed, a series a line.
fn report(relay: &Relay) {
    for series in relay.take() {
        say(&Message::Measured(vec![series]));
    }
}

/// Runs the assigned job and writes its outcome. What `relay` has collected goes to the worker.
///
/// # Errors
/// The line is no assignment.
pub async fn run<C: QueueContext>(
    registry: Registry<C>,
    context: C,
    relay: &Relay,
    line: &str,
) -> Result<(), serde_json::Error> {
    let ChildAssignment { job, limits, scratch, trace_parent } = serde_json::from_str(line)?;
    restrict(&limits);
    context.db().send_notices_to_parent(|telegrams| say(&Message::Notices(telegrams)));
    let measured = relay.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(REPORTS).await;
            report(&measured);
        }
    });
    let span = child_span(&job, trace_parent.as_deref());
    // Whoever takes the job away kills this process.
    let lost = CancellationToken::new();
    let (completer, completing) = Completer::start(context.db().clone(), Arc::default(), lost.clone());
    tokio::spawn(completing);
    let executor = Executor {
        registry: Arc::new(registry),
        context,
        running: Arc::new(RunningJobs::default()),
        completer,
        meters: Meters::new(env!("CARGO_PKG_VERSION")),
        // The worker writes it.
        journal: RunJournal::default(),
        lost,
        children: None,
        scratch: Some(scratch.into()),
    };
    let work = async {
        let Some(handler) = executor.registry.find(&job.kind, job.args_version, &job.args) else {
            return Message::Unready("the child process does not know this kind of job".into());
        };
        let mut out_of_memory = None;
        let returned = |finished| {
            out_of_memory = ran_out_of_memory(&finished, &limits);
            out_of_memory.is_none().then(|| {
                say(&Message::Settling(journal::now()));
                finished
            })
        };
        let outcome = executor.run_here(handler.as_ref(), &job, returned).await;
        ended(&tracing::Span::current(), if out_of_memory.is_some() { "crashed" } else { outcome });
        out_of_memory.unwrap_or_else(|| Message::Outcome(outcome.to_owned()))
    };
    // The span ends here and is sent, like all the rest, before the outcome: nobody listens after that.
    let last = work.instrument(span).await;
    let causes: Vec<_> = executor.meters.take_causes().into_iter().collect();
    if !causes.is_empty() {
        say(&Message::Failed(causes));
    }
    report(relay);
    say(&last);
    Ok(())
}

/// A failure at the memory limit is reported to the worker instead of being written.
fn ran_out_of_memory(finished: &Finished, limits: &ChildLimits) -> Option<Message> {
    let Finished::Error(error) = finished else { return None };
    if matches!(error, JobError::Lost) || memory_in_use()? + NEARLY_ALL <= limits.memory {
        return None;
    }
    let limit = limits.memory >> 20;
    Some(Message::OutOfMemory(format!("failed at the memory limit of {limit} MiB: {error}")))
}

/// Standard output is the worker's end of a pipe; when it is gone, so is the worker.
fn say(message: &Message) {
    if let Ok(line) = serde_json::to_string(message) {
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// Asks the kernel to hold us to the limits. Memory is what we write to (`RLIMIT_DATA`): address space would also count
/// what allocators only reserve.
fn restrict(limits: &ChildLimits) {
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

/// What `RLIMIT_DATA` counts, in bytes; unknown outside Linux.
fn memory_in_use() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}
