//! Copies new rows of the audit log to the object store, hourly, and seals each copy.
//!
//! A copy is a file of JSON lines and a manifest: first and last row, their chain hashes, the file's SHA-256, and the
//! SHA-256 of the manifest before. Which rows go into one is committed before anything is written, so a run that died
//! is repeated with the same bytes under the same names. `worker audit verify` checks all of it.

use std::time::Duration;

use domain::{
    audit::Verifier,
    audit_export::{self, Manifest},
};
use infra::{
    db::{
        audit_exports::{self, Export, Seal},
        audit_log,
    },
    storage::{Key, Lock},
};
use queue::{Job, JobError, Level, Outcome, Queue, RetryPolicy, Run, schedule::Schedule};
use serde::{Deserialize, Serialize};

use crate::{Context, queues};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ExportAuditLog {}

/// Rows in a file: about 5 MiB, all of it in memory.
const MOST_ROWS: u64 = 10_000;
/// The class of failure when rows do not follow each other: somebody changed the log.
const BROKEN: &str = "audit_chain";

impl Job<Context> for ExportAuditLog {
    const KIND: &'static str = "export_audit_log";
    const QUEUE: Queue = queues::MAINTENANCE;
    const SCHEDULE: Option<Schedule> = Some(Schedule::new::<Self, Context>("0 5 * * * *", "UTC").jitter(60));
    const RETRY: RetryPolicy = RetryPolicy { max_failures: 5, ..RetryPolicy::DEFAULT };
    const TIMEOUT: Duration = Duration::from_secs(3_600);

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let mut rows = 0;
        while !run.cancelled().is_cancelled() {
            let mut tx = run.transaction(context).await?;
            let keys =
                |first, last| (Key::audit_file(first, last).to_string(), Key::audit_manifest(first, last).to_string());
            let export = audit_exports::next(&mut tx, MOST_ROWS, context.clock.now(), keys).await?;
            tx.commit().await?;
            let Some(export) = export else { break };

            let seal = write(context, run, &export).await?;
            let mut tx = run.transaction(context).await?;
            audit_exports::seal(&mut tx, export.first_seq, &seal).await?;
            tx.commit().await?;
            let fields = [
                ("first", export.first_seq.into()),
                ("last", export.last_seq.into()),
                ("bytes", seal.file_bytes.into()),
                ("sha256", hex::encode(seal.file_sha256).into()),
            ];
            run.log(Level::Info, "exported and sealed", &fields);
            rows += export.last_seq - export.first_seq + 1;
            run.progress(rows, None, "rows exported");
        }
        metrics::counter!("audit_rows_exported_total").increment(rows);
        Ok(Outcome::Done)
    }
}

/// File first, manifest last: a manifest in the store speaks of a file that is there.
async fn write(context: &Context, run: &Run, export: &Export) -> Result<Seal, JobError> {
    let file = lines(context, run, export).await?;
    let file_sha256 = audit_export::sha256(&file);
    let manifest = Manifest {
        version: Manifest::VERSION,
        first_seq: export.first_seq,
        last_seq: export.last_seq,
        rows: export.last_seq - export.first_seq + 1,
        previous_hash: hex::encode(export.previous_hash),
        last_hash: hex::encode(export.last_hash),
        file: export.file_key.clone(),
        file_bytes: file.len() as u64,
        file_sha256: hex::encode(file_sha256),
        previous_manifest_sha256: hex::encode(export.previous_manifest),
        planned_at: export.planned_at,
    }
    .to_bytes();
    // From the plan's time: a repeat asks for the same.
    let lock = context
        .settings
        .periodic
        .audit_lock
        .map(|lock| Lock { mode: lock.mode, until: export.planned_at + chrono::TimeDelta::days(lock.days.into()) });
    let key = |text: &str| text.parse::<Key>().map_err(JobError::failed);
    let seal = Seal {
        file_sha256,
        file_bytes: file.len() as u64,
        manifest_sha256: audit_export::sha256(&manifest),
        sealed_at: context.clock.now(),
    };
    context.storage.put_locked(&key(&export.file_key)?, file.into(), "application/x-ndjson", lock).await?;
    context.storage.put_locked(&key(&export.manifest_key)?, manifest.into(), "application/json", lock).await?;
    Ok(seal)
}

/// The rows as they are now, each checked against the one before: what was tampered with is not sealed.
async fn lines(context: &Context, run: &Run, export: &Export) -> Result<Vec<u8>, JobError> {
    let mut verifier = Verifier::behind(export.first_seq - 1, export.previous_hash);
    let mut file = Vec::new();
    while verifier.head().0 < export.last_seq {
        let links = audit_log::rows(&context.db, verifier.head().0, export.last_seq).await?;
        if links.is_empty() {
            break;
        }
        for link in links {
            if let Err(broken) = verifier.push(&link) {
                return Err(tampered(run, &broken.to_string()));
            }
            file.extend_from_slice(audit_export::line(&link).as_bytes());
        }
    }
    if verifier.head() != (export.last_seq, export.last_hash) {
        return Err(tampered(run, &format!("rows up to {} are missing or changed", export.last_seq)));
    }
    Ok(file)
}

fn tampered(run: &Run, what: &str) -> JobError {
    metrics::counter!("audit_chain_broken_total").increment(1);
    run.log(Level::Error, "the audit log was tampered with; nothing is sealed", &[("what", what.into())]);
    JobError::failed_as(BROKEN, anyhow::anyhow!("the audit log is broken: {what}; run `worker audit verify`"))
}
