//! Checks an uploaded archive and stores the canonical one made from it.
//!
//! First the directory, from the upload's end: most of what is wrong shows there, at any size, before a download. Then one
//! pass over a local copy. Both by a reader, which holds nothing but the file. Bad input is a result (a report), never an
//! error: nothing is retried for it.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    ops::Range,
    path::Path,
    time::Duration,
};

use archive::{Lang, Limits, Options, Report, Severity};
use infra::{
    db::{nano_versions, nanos},
    disk,
    storage::Key,
};
use queue::{Flow, Job, JobError, Level, Outcome, Queue, Run, reader::Supplies};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    Context, MakeThumbnails, ReviewNano, ScanContent, VersionRef, queues,
    readers::{Canonical, CheckArchive, CheckTask, Checked, Stage},
    steps::{MAILED_FINDINGS, Rejection},
};

/// Below this an upload is checked as a whole at once, in bytes: its directory alone would hardly come sooner.
const SMALL: u64 = 8 << 20;
/// What the end record and its comment can take beyond the directory.
const END: u64 = 128 << 10;

#[derive(Debug, Serialize, Deserialize)]
pub struct ValidateArchive(pub VersionRef);

impl Job<Context> for ValidateArchive {
    about_a_version!();

    const KIND: &'static str = "validate_archive";
    const QUEUE: Queue = queues::UPLOADS;
    const TIMEOUT: Duration = Duration::from_secs(30 * 60);

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let Some(version) = self.0.open(context).await? else { return Ok(Outcome::Done) };
        if version.report.is_some() {
            return Ok(Outcome::Done);
        }
        let Some(nano) = nanos::get(&context.db, self.0.nano_id).await? else { return Ok(Outcome::Done) };
        let key: Key = version.uploaded_key.parse().map_err(JobError::failed)?;
        let options =
            Options { limits: context.settings.archive_limits.clone(), scripts_allowed: nano.format.allows_script() };

        let scratch = context.scratch_dir(run)?;
        let upload = scratch.path().join("upload.zip");
        let canonical = scratch.path().join("canonical.zip");
        let desk = scratch.path().join("desk");
        std::fs::create_dir(&desk)?;
        let check = Check { run, options: &options, size: version.uploaded_size, upload: &upload, desk: &desk };

        if version.uploaded_size > SMALL {
            run.log(Level::Info, "checking the archive's directory", &[("size", version.uploaded_size.into())]);
            fetch_ends(context, &key, version.uploaded_size, &options.limits, &upload).await?;
            let checked = check.directory().await?;
            if !checked.undecided {
                return self.turn_down(context, run, &checked.report).await;
            }
        }
        // Together with the download's, all the space it may need: what does not fit waits for its turn.
        disk::reserve(&File::create(&canonical)?, version.uploaded_size)?;
        context.storage.get_to_file(&key, &upload).await?;
        let Checked { report, canonical: rebuilt, .. } = check.whole(&canonical).await?;
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
        rebuilt: &Canonical,
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

/// The calls of the reader that checks.
struct Check<'a> {
    run: &'a Run,
    options: &'a Options,
    /// Of the upload, in bytes.
    size: u64,
    upload: &'a Path,
    desk: &'a Path,
}

impl Check<'_> {
    async fn directory(&self) -> Result<Checked, JobError> {
        self.call(Stage::Directory, &[]).await?.believe(self.options, self.size, None).map_err(Into::into)
    }

    /// Writes the canonical archive of what is accepted to this path.
    async fn whole(&self, canonical: &Path) -> Result<Checked, JobError> {
        let checked = self.call(Stage::Whole, &[canonical]).await?;
        let written = std::fs::metadata(canonical)?.len();
        let checked = checked.believe(self.options, self.size, Some(written))?;
        if let Some(stated) = checked.canonical {
            let path = canonical.to_owned();
            let sha256 = self.run.blocking(move |_| hash(&path)).await??;
            // Its name is its hash: another one would let a reader overwrite what another archive is named by.
            if sha256 != stated.sha256 {
                return Err(JobError::failed_as(
                    "reader",
                    anyhow::anyhow!("the reader states another hash than its archive has"),
                ));
            }
        }
        Ok(checked)
    }

    async fn call(&self, stage: Stage, outputs: &[&Path]) -> Result<Checked, JobError> {
        let task = CheckTask { options: self.options.clone(), stage };
        let supplies = Supplies { inputs: &[self.upload], outputs, folder: self.desk };
        self.run.read::<CheckArchive>(&task, supplies).await
    }
}

/// Brings the first bytes of an upload and as much of its end as directory and end record may take into a file of the
/// upload's length, with a hole where the rest will be.
async fn fetch_ends(context: &Context, key: &Key, size: u64, limits: &Limits, path: &Path) -> Result<(), JobError> {
    let tail = size.saturating_sub(limits.directory.saturating_add(END))..size;
    let ends: [Range<u64>; 2] = [0..64.min(tail.start), tail];
    let mut file = File::create(path)?;
    file.set_len(size)?;
    for range in ends.into_iter().filter(|range| !range.is_empty()) {
        let bytes = context.storage.get_range(key, range.clone()).await?;
        file.seek(SeekFrom::Start(range.start))?;
        file.write_all(&bytes)?;
    }
    Ok(())
}

fn hash(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().into()),
            read => hash.update(&buffer[..read]),
        }
    }
}
