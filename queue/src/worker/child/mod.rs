//! Jobs in child processes: `worker run-one`, one process for one run of one job.
//!
//! The child runs the handler and writes its outcome itself, fenced like any other. What it cannot write is its own
//! death: a child that ends without naming an outcome while its worker lives has crashed, and the worker says so in
//! the ledger. One more child is kept started and waiting, because starting takes longer than many a job.

pub(crate) mod bounds;
pub(crate) mod crash;
mod inside;
pub(crate) mod process;
mod protocol;
pub mod relay;

use std::{borrow::Cow, io, sync::Arc, time::Duration};

use db::Db;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{
    JobError, Queue, QueueContext, class,
    ledger::{Claimed, Ending, Next, history::attempts, stats::cause::fingerprint, workers},
    ready::{Available, Ticket},
    registry::Handler,
    trace,
    worker::{
        child::{
            crash::{Crash, oom_kills},
            process::{Process, Starter},
            protocol::Message,
        },
        executor::{Executor, Finished},
        journal::JournalEntry,
        metrics::meters::Meters,
    },
};

pub use crate::worker::child::{
    inside::{SpanPipe, attach, run, span_pipe, unready},
    process::ChildProgram,
    protocol::{ChildAssignment, ChildLimits},
};

/// A job lost this often with its worker runs in a child from then on: it may have been the reason.
const LOST_BEFORE_ISOLATION: u32 = 2;
/// The handler's own time limit acts in the child; this much later the worker acts, should the child not answer.
const GRACE: Duration = Duration::from_secs(2);
/// How long a child that has named its outcome, a reader that has answered, or one that has closed its output, may take to end.
pub(crate) const ENDS_WITHIN: Duration = Duration::from_secs(2);
/// Between a child's death and the verdict. Whatever kills a whole container or process group has killed the worker
/// too by then, and the job is not blamed.
pub(crate) const SETTLES_WITHIN: Duration = Duration::from_millis(100);

/// The child processes of one registration.
pub(super) struct Children {
    program: ChildProgram,
    /// Where jobs get more memory.
    heavy: Option<Queue>,
    starter: Starter,
    spare: Mutex<Option<Process>>,
    stop: CancellationToken,
}

/// What a worker does with what its children tell it.
struct Parent<'a> {
    db: &'a Db,
    meters: &'a Meters,
    entry: &'a JournalEntry<'a>,
}

/// How a run in a child ended.
enum Ended {
    /// The child has written this outcome.
    Settled(String),
    Crashed(Crash),
    TimedOut,
    Interrupted,
    /// It did not begin, through no fault of the job.
    Unready(String),
}

impl Children {
    /// `keep_spare`: jobs that need a child are expected. With `stop` the spare one ends.
    pub(super) fn new(
        program: ChildProgram,
        heavy: Option<Queue>,
        keep_spare: bool,
        stop: CancellationToken,
    ) -> io::Result<Arc<Self>> {
        let children = Arc::new(Self { program, heavy, starter: Starter::new()?, spare: Mutex::default(), stop });
        if keep_spare {
            children.refill();
        }
        let (stop, weak) = (children.stop.clone(), Arc::downgrade(&children));
        tokio::spawn(async move {
            stop.cancelled().await;
            if let Some(children) = weak.upgrade() {
                children.spare.lock().await.take();
            }
        });
        Ok(children)
    }

    /// Starts the spare child, in the background.
    fn refill(self: &Arc<Self>) {
        let children = self.clone();
        tokio::spawn(async move {
            let mut spare = children.spare.lock().await;
            if children.stop.is_cancelled() || spare.as_mut().is_some_and(|spare| spare.child.is_running()) {
                return;
            }
            match Process::start(&children.starter, &children.program).await {
                Ok(process) => *spare = Some(process),
                Err(error) => tracing::warn!(%error, "no child process can be started"),
            }
        });
    }

    async fn run(
        self: &Arc<Self>,
        job: &Claimed,
        timeout: Duration,
        cancel: &CancellationToken,
        parent: &Parent<'_>,
    ) -> Ended {
        let folder = self.program.scratch.join(format!("run-{}-{}", job.id, job.fence.run));
        if let Err(error) = tokio::fs::create_dir_all(&folder).await {
            return Ended::Unready(format!("{} cannot be made: {error}", folder.display()));
        }
        let mut limits = self.program.limits;
        if self.heavy.is_some_and(|heavy| heavy.as_str() == job.queue) {
            limits.memory = self.program.heavy_memory;
        }
        let trace_parent = trace::trace_parent();
        let assignment = ChildAssignment { job: job.clone(), limits, scratch: folder.clone(), trace_parent };
        let ended = match serde_json::to_vec(&assignment) {
            Ok(line) => self.supervise(&line, &assignment.limits, timeout, cancel, parent).await,
            Err(error) => Ended::Unready(error.to_string()),
        };
        if let Err(error) = tokio::fs::remove_dir_all(&folder).await {
            tracing::warn!(%error, folder = %folder.display(), "a run's folder is left over");
        }
        ended
    }

    async fn supervise(
        self: &Arc<Self>,
        line: &[u8],
        limits: &ChildLimits,
        timeout: Duration,
        cancel: &CancellationToken,
        parent: &Parent<'_>,
    ) -> Ended {
        let oom_kills_before = oom_kills();
        let mut child = match self.hand_over(line).await {
            Ok(child) => child,
            Err(error) => return Ended::Unready(format!("no child process can be started: {error}")),
        };
        self.refill();
        tracing::debug!(child = child.child.pid(), "runs in a child process");
        let deadline = tokio::time::sleep(timeout + GRACE);
        tokio::pin!(deadline);
        let mut settling = false;
        let said = loop {
            let message = tokio::select! {
                biased;
                () = cancel.cancelled() => break Some(Ended::Interrupted),
                message = child.next() => message,
                () = &mut deadline, if !settling => break Some(Ended::TimedOut),
            };
            match message {
                Some(Message::Notices(telegrams)) => parent.db.receive(telegrams),
                Some(Message::Measured(measured)) => relay::add(&measured, self.program.known_metric),
                Some(Message::Spans(spans)) => (self.program.pass_spans)(hex::decode(spans).unwrap_or_default()),
                Some(Message::Failed(causes)) => parent.meters.add_causes(causes),
                Some(Message::Settling(at)) => {
                    settling = true;
                    parent.entry.end_at(at);
                }
                Some(Message::Outcome(outcome)) => break Some(Ended::Settled(outcome)),
                Some(Message::Unready(why)) => break Some(Ended::Unready(why)),
                Some(Message::OutOfMemory(how)) => break Some(Ended::Crashed(Crash { how, out_of_memory: true })),
                None => break None,
            }
        };
        let status = match &said {
            Some(Ended::Interrupted | Ended::TimedOut) => child.child.kill().await,
            _ => match tokio::time::timeout(ENDS_WITHIN, child.child.wait()).await {
                Ok(status) => status,
                Err(_) => child.child.kill().await,
            },
        };
        match (said, status) {
            (Some(ended), _) => ended,
            (None, Ok(status)) => {
                tokio::time::sleep(SETTLES_WITHIN).await;
                let last = child.child.last_lines().await;
                Ended::Crashed(Crash::of(status, &last, limits, oom_kills().saturating_sub(oom_kills_before)))
            }
            (None, Err(error)) => Ended::Unready(format!("nobody knows how the child process ended: {error}")),
        }
    }

    /// Gives the job to the spare child, or to a new one.
    async fn hand_over(&self, line: &[u8]) -> io::Result<Process> {
        if let Some(mut spare) = self.spare.lock().await.take()
            && spare.child.is_running()
            && spare.send(line).await.is_ok()
        {
            return Ok(spare);
        }
        let mut fresh = Process::start(&self.starter, &self.program).await?;
        // A child that cannot take it has said why, or is found dead in a moment.
        let _ = fresh.send(line).await;
        Ok(fresh)
    }
}

impl<C: QueueContext> Executor<C> {
    /// The children, when this run belongs in one.
    pub(super) fn child_for(&self, handler: &dyn Handler<C>, job: &Claimed) -> Option<&Arc<Children>> {
        let wanted = handler.isolated() || job.lost >= LOST_BEFORE_ISOLATION;
        self.children.as_ref().filter(|_| wanted)
    }

    /// Runs the job in a child; returns the outcome's name for the metrics.
    pub(super) async fn run_in_child(
        &self,
        children: &Arc<Children>,
        handler: &dyn Handler<C>,
        job: &Claimed,
        entry: &JournalEntry<'_>,
    ) -> Cow<'static, str> {
        let cancel = self.lost.child_token();
        self.running.insert(&job.fence, cancel.clone());
        let parent = Parent { db: self.context.db(), meters: &self.meters, entry };
        let ended = children.run(job, handler.timeout(), &cancel, &parent).await;
        entry.end();
        let finished = match ended {
            Ended::Settled(outcome) => return outcome.into(),
            Ended::TimedOut => {
                let text = format!("took longer than {:?}; the child process was killed", handler.timeout());
                Finished::Error(JobError::failed_as(class::TIMEOUT, anyhow::anyhow!(text)))
            }
            Ended::Interrupted => Finished::Interrupted,
            Ended::Unready(why) => Finished::Error(JobError::Transient(anyhow::anyhow!(why))),
            Ended::Crashed(crash) => Finished::Crashed(self.crashed(handler, job, crash).await),
        };
        self.settle(handler, job, finished).await.into()
    }

    /// What a crash means: more memory first, if that was the reason; else another try, and the last one quarantines.
    pub(super) async fn crashed(&self, handler: &dyn Handler<C>, job: &Claimed, crash: Crash) -> Ending {
        let class = if crash.out_of_memory { class::OUT_OF_MEMORY } else { class::CRASHED };
        let labels = [("queue", job.queue.clone()), ("kind", job.kind.clone()), ("class", class.to_owned())];
        metrics::counter!("job_crashes_total", &labels).increment(1);
        // Nobody may take that queue; then the job must not wait there for ever.
        let heavier = match self.registry.queues().heavy.map(Queue::as_str) {
            Some(heavy) if crash.out_of_memory && job.queue != heavy => {
                workers::takes(self.context.db(), heavy).await.unwrap_or(true).then_some(heavy)
            }
            _ => None,
        };
        let quarantined = job.crashes + 1 >= handler.max_crashes();
        let (how, crashes) = (crash.how, job.crashes + 1);
        let next = if let Some(heavy) = heavier {
            tracing::warn!(how, "the job ran out of memory; it goes to the queue heavy");
            Next::MovedTo(heavy)
        } else if quarantined {
            tracing::error!(how, crashes, "the job crashed too often and is quarantined");
            Next::Crashed { quarantined }
        } else {
            tracing::warn!(how, crashes, "the job crashed; it runs again at once");
            Next::Crashed { quarantined }
        };
        Ending {
            outcome: attempts::Outcome::Crashed,
            class: Some(class),
            fingerprint: Some(fingerprint(&job.kind, class, &how)),
            error: Some(how),
            next,
        }
    }
}

/// A ticket for a job that crashed, so that it need not wait for the dispatcher.
pub(super) fn ticket_again(job: &Claimed, next: Next) -> Option<Available> {
    let queue = match next {
        Next::Crashed { quarantined: false } => job.queue.clone(),
        Next::MovedTo(queue) => queue.to_owned(),
        _ => return None,
    };
    let ticket = Ticket { job: job.id, priority: job.priority, rank: 0 };
    Some(Available { queue, ticket, tenant: job.tenant })
}
