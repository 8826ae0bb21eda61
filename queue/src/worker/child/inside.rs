//! The child's side: one assignment from standard input, its handler, its outcome.

use std::{
    io::{self, BufRead, IsTerminal, Read, Write},
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    JobError, QueueContext, Registry,
    reader::{ReaderProgram, Reading},
    worker::{
        child::{
            bounds,
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
    bounds::bind_to_parent()?;
    let (sender, assignment) = oneshot::channel();
    thread::Builder::new().name("parent".into()).spawn(move || {
        let mut input = io::stdin().lock();
        let mut line = String::new();
        if input.read_line(&mut line).is_ok_and(|read| read > 0) {
            let _ = sender.send(line);
            let mut rest = [0; 64];
            while input.read(&mut rest).is_ok_and(|read| read > 0) {}
            bounds::die();
        }
    })?;
    Ok(assignment)
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
/// The line is no assignment, or no thread can be started.
pub async fn run<C: QueueContext>(
    registry: Registry<C>,
    context: C,
    relay: &Relay,
    reader: Option<ReaderProgram>,
    line: &str,
) -> anyhow::Result<()> {
    let ChildAssignment { job, limits, scratch, trace_parent } = serde_json::from_str(line)?;
    bounds::restrict(&limits);
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
    let reading = Reading::new(registry.readers().clone(), reader, lost.clone())?;
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
        reading,
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
    if matches!(error, JobError::Lost | JobError::Crashed { .. }) || !bounds::MemoryInUse::open().nearly(limits.memory)
    {
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
