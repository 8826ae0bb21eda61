//! Runs as spans: each is a child of the span that enqueued its job, so that a request, its jobs, their retries and
//! what they enqueue are one trace.

use tracing::Span;

use crate::{ledger::Claimed, trace};

/// A run in this process; what every line about it carries.
pub(super) fn run_span(job: &Claimed) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "job",
        otel.kind = "consumer",
        job.id = %job.id,
        job.kind = %job.kind,
        job.run = job.fence.run,
        queue = %job.queue,
    );
    trace::continue_from(&span, job.trace_parent.as_deref());
    describe(&span, job, job.kind.clone());
    span
}

/// The same run in a child process: a child, too, of the worker's span, which `trace_parent` names.
pub(super) fn child_span(job: &Claimed, trace_parent: Option<&str>) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "job",
        job.id = %job.id,
        job.kind = %job.kind,
        job.run = job.fence.run,
        queue = %job.queue,
        child = std::process::id(),
    );
    trace::continue_from(&span, trace_parent);
    describe(&span, job, format!("{} in a child process", job.kind));
    span
}

fn describe(span: &Span, job: &Claimed, name: String) {
    trace::describe(span, || {
        let waited = i64::try_from(job.waited.as_millis()).unwrap_or(i64::MAX);
        let attributes = [
            ("messaging.system", "nano".into()),
            ("messaging.destination.name", job.queue.clone().into()),
            ("messaging.operation.type", "process".into()),
            ("messaging.message.id", job.id.to_string().into()),
            ("job.failures", i64::from(job.failures).into()),
            ("job.waited_ms", waited.into()),
            ("worker.id", job.fence.worker.to_string().into()),
        ];
        (name.into(), attributes)
    });
}

/// How the run ended.
pub(super) fn ended(span: &Span, outcome: &str) {
    trace::set(span, "job.outcome", outcome.to_owned());
    if matches!(outcome, "retry" | "discarded" | "crashed" | "lost") {
        trace::fail(span, outcome.to_owned());
    }
}
