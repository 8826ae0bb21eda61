//! The judgement about what an operator asked for: the second request runs too, a cancelled job has ended, and nothing
//! stays paused, blocked or counted.

use std::collections::HashMap;

use uuid::Uuid;

use super::{
    Verdict,
    evidence::{Evidence, JobFact},
};

/// What the controls' tables say when everything is over.
#[derive(Debug, Clone, Default)]
pub struct ControlFacts {
    /// `queue media`, `kind scan_content`.
    pub paused: Vec<String>,
    /// Kinds with a limit, and how many of their jobs are counted as running.
    pub limits: Vec<(String, i64)>,
    /// Tenants that are counted as running something, by kind.
    pub tenants: Vec<(String, i64)>,
    /// Jobs held back, by kind.
    pub blocked: Vec<(String, i64)>,
    /// Cancels that nobody has carried out.
    pub open_cancels: i64,
    /// Flows that wait for children which have all ended, and children of completed flows that were not counted.
    pub flows: Vec<String>,
    /// Bulk actions that have been through all their jobs.
    pub bulks: Vec<Uuid>,
}

pub fn judge(evidence: &Evidence, verdict: &mut Verdict) {
    let jobs: HashMap<Uuid, &JobFact> = evidence.jobs.iter().map(|job| (job.id, job)).collect();
    let steered = &evidence.steering;
    for (id, moment) in &steered.runs {
        let asked = moment.asked.format("%T%.6f");
        let Some(job) = jobs.get(id) else {
            verdict.lost.push(format!("a run was asked for at {asked}, and its job {id} is gone"));
            continue;
        };
        let cancelled = steered.bulk_kinds.contains(&job.kind)
            || steered.cancels.iter().any(|(cancelled, cancel)| cancelled == id && cancel.answered >= moment.asked);
        if !cancelled && !evidence.journal.begun_since(*id, moment.asked) {
            verdict.lost.push(format!("job {id} {} was asked for at {asked}, and never ran since", job.kind));
        }
    }
    for (id, _) in &steered.cancels {
        let state = jobs.get(id).map_or("gone", |job| job.state.as_str());
        if !matches!(state, "cancelled" | "completed") {
            verdict.lost.push(format!("job {id} was cancelled, and is {state}"));
        }
    }
    for bulk in steered.bulks.iter().filter(|bulk| !evidence.controls.bulks.contains(bulk)) {
        verdict.stuck.push(format!("the bulk action {bulk} has not been through its jobs"));
    }
    let ControlFacts { paused, limits, tenants, blocked, open_cancels, flows, .. } = &evidence.controls;
    verdict.stuck.extend(paused.iter().map(|what| format!("{what} is still paused")));
    verdict.stuck.extend(blocked.iter().map(|(kind, jobs)| format!("{jobs} jobs {kind} are still held back")));
    verdict.stuck.extend(flows.iter().cloned());
    if *open_cancels > 0 {
        verdict.stuck.push(format!("{open_cancels} cancels were never carried out"));
    }
    for (kind, running) in limits.iter().chain(tenants).filter(|(_, running)| *running != 0) {
        verdict.stuck.push(format!("{running} jobs {kind} are counted as running, and none runs"));
    }
    let limited: Vec<&String> = limits.iter().map(|(kind, _)| kind).collect();
    for kind in steered.limited.iter().filter(|kind| !limited.contains(kind)) {
        verdict.lost.push(format!("the limit of {kind} is gone"));
    }
    for kind in limited.iter().filter(|kind| !steered.limited.contains(kind)) {
        verdict.stuck.push(format!("the limit of {kind} was lifted, and is still there"));
    }
}

/// Whether somebody may have wanted the job not to be done.
pub fn may_be_cancelled(evidence: &Evidence, job: &JobFact) -> bool {
    evidence.steering.touched(job.id) || evidence.steering.bulk_kinds.contains(&job.kind)
}

/// How much an operator did, for the report.
pub fn summary(evidence: &Evidence) -> String {
    let steered = &evidence.steering;
    format!(
        "steering: {} runs asked for, {} cancels, {} bulk actions, {} pauses of queues and kinds, {} of a schedule, {} \
         limits; {} ticks\n",
        steered.runs.len(),
        steered.cancels.len(),
        steered.bulks.len(),
        steered.pauses,
        steered.schedule_pauses.len(),
        steered.limits,
        evidence.ticks.len(),
    )
}
