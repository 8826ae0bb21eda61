//! Reader: what of a canonical archive must not be published, or should be seen by a person first.

use std::path::PathBuf;

use content::scan::{Progress, ScanOptions, ScanReport, Scanner};
use domain::nano::Format;
use queue::reader::{Desk, ReadError, Reader};
use serde::{Deserialize, Serialize};

use super::{LIST, Unbelievable, believe_count, believe_text, of_content};

pub(crate) struct ScanEntries;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ScanTask {
    pub(crate) format: Format,
    /// As the nano's creator stated it.
    pub(crate) language: Option<String>,
    /// Rules of this deployment's own, beside ours.
    pub(crate) rules: Option<PathBuf>,
}

impl Reader for ScanEntries {
    const NAME: &'static str = "scan_entries";
    type Task = ScanTask;
    type Tools = Scanner;
    type Answer = ScanReport;

    fn tools(task: &ScanTask) -> Result<Scanner, ReadError> {
        // The upload is not to blame for rules that cannot be read.
        Scanner::new(task.rules.as_deref()).map_err(|error| ReadError::Machine(error.to_string()))
    }

    fn read(task: ScanTask, scanner: Scanner, desk: &Desk<'_>) -> Result<ScanReport, ReadError> {
        let options = ScanOptions { format: task.format, language: task.language, scratch: desk.folder.clone() };
        let mut progress = |at: Progress| desk.progress(at.done, Some(at.total), "scanning");
        let path = &desk.input(0)?.path;
        scanner.scan(path, &options, &mut progress, &|| desk.is_cancelled()).map_err(of_content)
    }
}

pub(crate) fn believe(report: &ScanReport) -> Result<(), Unbelievable> {
    believe_text("an engine", &report.engine)?;
    believe_text("a version of rules", &report.rules_version)?;
    believe_count("findings", report.findings.len(), LIST)?;
    for finding in &report.findings {
        for text in [&finding.rule, &finding.entry, &finding.en, &finding.de] {
            believe_text("a finding", text)?;
        }
        believe_text("an excerpt", finding.excerpt.as_deref().unwrap_or_default())?;
    }
    Ok(())
}
