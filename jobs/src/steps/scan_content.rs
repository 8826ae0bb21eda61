//! Scans a version's content for what must not be published, and reads what search wants to know.

use std::{cmp::Reverse, time::Duration};

use infra::db::{nano_versions, nanos};
use queue::{Job, JobError, Level, Outcome, Queue, Run, reader::Supplies};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Context, VersionRef, queues,
    readers::{ReadText, ScanEntries, ScanTask, read_text, scan_entries, told},
};

#[derive(Debug, Serialize, Deserialize)]
pub struct ScanContent(pub VersionRef);

impl Job<Context> for ScanContent {
    about_a_version!();

    const KIND: &'static str = "scan_content";
    const QUEUE: Queue = queues::UPLOADS;
    const TIMEOUT: Duration = Duration::from_secs(15 * 60);

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

        let desk = scratch.path().join("desk");
        std::fs::create_dir(&desk)?;
        let supplies = Supplies { inputs: &[&archive], outputs: &[], folder: &desk };
        let task = ScanTask {
            format: nano.format,
            language: Some(nano.language.as_str().to_owned()),
            rules: context.settings.rules.clone(),
        };
        let mut scan = run.read::<ScanEntries>(&task, supplies).await?;
        scan_entries::believe(&scan)?;
        // What the public reads of a nano before its content.
        let fields = [("title", nano.title.as_str()), ("description", nano.description.as_str())];
        scan.findings.extend(content::scan::text(&fields, task.language.as_deref()));
        scan.findings.sort_by_key(|finding| Reverse((finding.action, finding.severity)));
        // Words that cannot be read cost the search something; what was not scanned is never published.
        let metadata = match run.read::<ReadText>(&(), supplies).await {
            Err(error) if run.crashed_for_good(&error) => read_text::nothing(&error.to_string()),
            read => read?,
        };
        read_text::believe(&metadata)?;

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
        let mut metadata_json = serde_json::to_value(&metadata).map_err(JobError::failed)?;
        metadata_json["notes"] = told(&metadata.notes);
        nano_versions::set_scanned(&mut tx, version.id, &scan_json, &metadata_json, now).await?;
        self.0.event(&mut tx, "scanned", json!({ "findings": scan.findings.len() }), now).await?;
        Ok(Outcome::DoneIn(tx))
    }
}
