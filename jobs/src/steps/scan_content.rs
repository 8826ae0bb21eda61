//! Scans a version's content for what must not be published, and reads what search wants to know.

use std::time::Duration;

use content::{
    scan::{Progress, ScanOptions},
    text::{self, TextLimits},
};
use infra::db::{nano_versions, nanos};
use queue::{Job, JobError, Level, Outcome, Queue, Run};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Context, VersionRef, content_errors, queues};

#[derive(Debug, Serialize, Deserialize)]
pub struct ScanContent(pub VersionRef);

impl Job<Context> for ScanContent {
    about_a_version!();

    const KIND: &'static str = "scan_content";
    const QUEUE: Queue = queues::UPLOADS;
    const TIMEOUT: Duration = Duration::from_secs(15 * 60);
    const ISOLATED: bool = true;

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let Some(version) = self.0.open(context).await? else { return Ok(Outcome::Done) };
        if version.scan.is_some() {
            return Ok(Outcome::Done);
        }
        let Some(nano) = nanos::get(&context.db, self.0.nano_id).await? else { return Ok(Outcome::Done) };
        let (key, _) = version.canonical().map_err(JobError::Discard)?;
        let scratch = context.scratch_dir(run)?;
        let archive = scratch.path().join("canonical.zip");
        context.storage.get_to_file(&key, &archive).await?;

        let scanner = context.scanner.clone();
        let folder = scratch.path().to_owned();
        let language = Some(nano.language.as_str().to_owned());
        let options = ScanOptions { format: nano.format, language, scratch: folder.clone() };
        let (scan, metadata) = run
            .blocking(move |run| {
                let cancelled = || run.cancelled().is_cancelled();
                let mut progress = |at: Progress| run.progress(at.done, Some(at.total), "scanning");
                let scanner = scanner.get().map_err(content_errors::of_rules)?;
                let scan =
                    scanner.scan(&archive, &options, &mut progress, &cancelled).map_err(content_errors::of_content)?;
                let metadata = text::extract(&archive, &folder, &TextLimits::default(), &cancelled)
                    .map_err(content_errors::of_content)?;
                Ok::<_, JobError>((scan, metadata))
            })
            .await??;

        let mut rules: Vec<&str> = scan.findings.iter().map(|finding| finding.rule.as_str()).collect();
        rules.dedup();
        let fields = [
            ("entries", scan.entries.into()),
            ("bytes", scan.bytes.into()),
            ("findings", scan.findings.len().into()),
            ("left_out", scan.left_out.into()),
            ("rules", json!(rules)),
        ];
        run.log(if rules.is_empty() { Level::Info } else { Level::Warn }, "scanned", &fields);

        let now = context.clock.now();
        let mut tx = context.db.begin().await?;
        let Some((_, version)) = self.0.lock(&mut tx).await? else { return Ok(Outcome::Done) };
        let scan_json = serde_json::to_value(&scan).map_err(JobError::failed)?;
        let metadata_json = serde_json::to_value(&metadata).map_err(JobError::failed)?;
        nano_versions::set_scanned(&mut tx, version.id, &scan_json, &metadata_json, now).await?;
        self.0.event(&mut tx, "scanned", json!({ "findings": scan.findings.len() }), now).await?;
        Ok(Outcome::DoneIn(tx))
    }
}
