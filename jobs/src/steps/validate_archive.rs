//! Checks an uploaded archive and stores the canonical one made from it.
//!
//! First the directory, by ranged reads: most of what is wrong shows there, at any size, before a download. Then one
//! pass over a local copy. Bad input is a result (a report), never an error: nothing is retried for it.

use std::{fs::File, io, ops::ControlFlow, path::Path, time::Duration};

use archive::{self, CheckError, DirectoryVerdict, FileSource, Lang, Options, ReadAt, Rebuilt, Report, Severity};
use infra::{
    db::{nano_versions, nanos},
    disk,
    storage::{Key, Storage, StorageError},
};
use queue::{Flow, Job, JobError, Level, Outcome, Queue, Run};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::{
    Context, MakeThumbnails, ReviewNano, ScanContent, VersionRef, queues,
    steps::{MAILED_FINDINGS, Rejection},
};

#[derive(Debug, Serialize, Deserialize)]
pub struct ValidateArchive(pub VersionRef);

impl Job<Context> for ValidateArchive {
    about_a_version!();

    const KIND: &'static str = "validate_archive";
    const QUEUE: Queue = queues::UPLOADS;
    const TIMEOUT: Duration = Duration::from_secs(30 * 60);
    const ISOLATED: bool = true;

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let Some(version) = self.0.open(context).await? else { return Ok(Outcome::Done) };
        if version.report.is_some() {
            return Ok(Outcome::Done);
        }
        let Some(nano) = nanos::get(&context.db, self.0.nano_id).await? else { return Ok(Outcome::Done) };
        let key: Key = version.uploaded_key.parse().map_err(JobError::failed)?;
        let options =
            Options { limits: context.settings.archive_limits.clone(), scripts_allowed: nano.format.allows_script() };

        run.log(Level::Info, "checking the archive's directory", &[("size", version.uploaded_size.into())]);
        let directory = check_directory(context, run, key.clone(), version.uploaded_size, options.clone()).await?;
        if directory.rejected() || !directory.readable() {
            return self.turn_down(context, run, &directory.report()).await;
        }

        let scratch = context.scratch_dir(run)?;
        let upload = scratch.path().join("upload.zip");
        let canonical = scratch.path().join("canonical.zip");
        // Together with the download's, all the space it may need: what does not fit waits for its turn.
        disk::reserve(&File::create(&canonical)?, version.uploaded_size)?;
        context.storage.get_to_file(&key, &upload).await?;
        let target = canonical.clone();
        let (report, rebuilt) = run.blocking(move |run| check_content(run, &upload, &target, &options)).await??;
        let Some(rebuilt) = rebuilt else { return self.turn_down(context, run, &report).await };
        let fields = [
            ("entries", report.entries.len().into()),
            ("expanded", report.expanded_size.into()),
            ("canonical", rebuilt.size.into()),
            ("notes", report.findings.len().into()),
        ];
        run.log(Level::Info, "accepted", &fields);
        self.accept(context, &report, &rebuilt, &canonical).await
    }
}

impl ValidateArchive {
    async fn accept(
        &self,
        context: &Context,
        report: &Report,
        rebuilt: &Rebuilt,
        canonical: &Path,
    ) -> Result<Outcome, JobError> {
        let key = Key::canonical(self.0.nano_id, &rebuilt.sha256);
        context.storage.put_file(&key, canonical, "application/zip").await?;

        let now = context.clock.now();
        let mut tx = context.db.begin().await?;
        let Some((_, version)) = self.0.lock(&mut tx).await? else { return Ok(Outcome::Done) };
        let manifest: Vec<Value> = report
            .entries
            .iter()
            .map(|entry| json!({ "name": entry.name, "media_type": entry.media_type, "size": entry.size }))
            .collect();
        let stored = nano_versions::Canonical {
            key: key.as_str(),
            sha256: &rebuilt.sha256,
            size: rebuilt.size,
            manifest: &Value::Array(manifest),
        };
        let report_json = public_report(report)?;
        nano_versions::set_checked(&mut tx, version.id, &report_json, Some(&stored), now).await?;
        self.0
            .event(&mut tx, "validated", json!({ "entries": report.entries.len(), "size": rebuilt.size }), now)
            .await?;
        Flow::new()
            .child(&MakeThumbnails(self.0))?
            .child(&ScanContent(self.0))?
            .enqueue(&mut tx, &ReviewNano(self.0))
            .await?;
        Ok(Outcome::DoneIn(tx))
    }

    async fn turn_down(&self, context: &Context, run: &Run, report: &Report) -> Result<Outcome, JobError> {
        let rejecting = report.findings.iter().filter(|finding| finding.severity == Severity::Reject);
        let codes: Vec<Value> = rejecting.take(MAILED_FINDINGS).map(|finding| json!(finding.code)).collect();
        let fields = [("findings", report.findings.len().into()), ("codes", codes.into())];
        run.log(Level::Warn, "turned down", &fields);
        let mut tx = context.db.begin().await?;
        let Some((nano, version)) = self.0.lock(&mut tx).await? else { return Ok(Outcome::Done) };
        let report_json = public_report(report)?;
        nano_versions::set_checked(&mut tx, version.id, &report_json, None, context.clock.now()).await?;
        super::reject(context, &mut tx, &self.0, &nano, &version, rejection(report)).await?;
        Ok(Outcome::DoneIn(tx))
    }
}

/// The report as it is stored: the entries are in the manifest already.
fn public_report(report: &Report) -> Result<Value, JobError> {
    let mut value = serde_json::to_value(report).map_err(JobError::failed)?;
    if let Some(value) = value.as_object_mut() {
        value.remove("entries");
    }
    Ok(value)
}

fn rejection(report: &Report) -> Rejection {
    let findings = |lang: Lang| -> Value {
        report
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Reject)
            .take(MAILED_FINDINGS)
            .map(|finding| {
                json!({
                    "code": finding.code, "entry": finding.entry,
                    "message": finding.message(lang), "hint": finding.hint(lang),
                })
            })
            .collect()
    };
    Rejection {
        reason_de: "Die Datei hält die Regeln für Archive nicht ein:".into(),
        reason_en: "The file does not keep the rules for archives:".into(),
        findings_de: findings(Lang::De),
        findings_en: findings(Lang::En),
    }
}

/// The first verdict, from the end record and the central directory alone.
async fn check_directory(
    context: &Context,
    run: &Run,
    key: Key,
    size: u64,
    options: Options,
) -> Result<DirectoryVerdict, JobError> {
    let remote = Remote { storage: context.storage.clone(), key, size, runtime: Handle::current() };
    run.blocking(move |_| archive::check_directory(&remote, &options)).await?.map_err(check_failed)
}

/// Reading and writing fail for reasons of this machine or of the store; the archive is not to blame.
fn check_failed(error: CheckError) -> JobError {
    match error {
        CheckError::Io(error) => JobError::Transient(error.into()),
        other => JobError::failed(other),
    }
}

/// The whole check of a local copy, and the canonical archive written next to it.
fn check_content(
    run: &Run,
    upload: &Path,
    canonical: &Path,
    options: &Options,
) -> Result<(Report, Option<Rebuilt>), JobError> {
    let source = FileSource::open(upload)?;
    let stop = run.cancelled();
    let report = archive::check(&source, options, &mut |done, total| {
        run.progress(done, Some(total), "checking");
        if stop.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .map_err(check_failed)?;
    if !report.accepted {
        return Ok((report, None));
    }
    let out = io::BufWriter::with_capacity(256 * 1024, File::options().write(true).open(canonical)?);
    let rebuilt = archive::rebuild(&source, &report, out, &mut |done, total| {
        run.progress(done, Some(total), "rebuilding");
        if stop.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .map_err(check_failed)?;
    archive::cross_check(&FileSource::open(canonical)?, &rebuilt).map_err(check_failed)?;
    Ok((report, Some(rebuilt)))
}

/// An object read by ranges, from a blocking thread.
struct Remote {
    storage: Storage,
    key: Key,
    size: u64,
    runtime: Handle,
}

impl ReadAt for Remote {
    fn len(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let range = offset..offset + buf.len() as u64;
        let bytes = self
            .runtime
            .block_on(self.storage.get_range(&self.key, range))
            .map_err(|error: StorageError| io::Error::other(error))?;
        if bytes.len() != buf.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buf.copy_from_slice(&bytes);
        Ok(())
    }
}
