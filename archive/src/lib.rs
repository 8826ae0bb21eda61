//! The gate of the upload pipeline: a ZIP archive passes only if it means the same to every unzip program, stays
//! within its budgets and holds nothing but the allowed types.
//!
//! - [`check_directory`] reads the end record and the central directory, also by ranged reads of an object store: a
//!   first verdict in well under a second whatever the size.
//! - [`check_content`] then reads local headers and content once, from front to back, in fixed buffers.
//! - [`check`] does both.
//! - [`rebuild`] writes the canonical archive from what was accepted, and [`cross_check`] reads it with another reader.
//!
//! Everything found is a [`Finding`] with a stable [`Code`]; a source that fails is a [`CheckError`], never a finding.
//!
//! Accepted content that is a learning package is recognised as one ([`packages`]).
//!
//! The rules are numbered as in the design's pipeline page. Where they live: `directory` and its `end` (1 to 3) and
//! `extra` (3 to 5, 8, 10 to 12), `content` (1, 4, 6, 7), `names` (9, 10), `budget` and `limits` (12), `kinds` (13).

mod budget;
mod content;
mod directory;
mod error;
mod findings;
mod format;
#[cfg(any(test, feature = "hostile"))]
pub mod hostile;
mod kinds;
mod limits;
mod names;
pub mod packages;
mod rebuild;
mod source;

#[cfg(test)]
mod tests;

use std::io::Read as _;

use budget::Budget;
use content::Run;
use directory::Directory;
use findings::report::Findings;
use kinds::scope::Scope;

pub use content::{Progress, unpack::EntryReader};
pub use error::CheckError;
pub use findings::{
    code::{Code, Lang, Severity},
    report::{Finding, ManifestEntry, Method, Report},
};
pub use kinds::kind::{Kind, extension};
pub use limits::{Limits, Options};
pub use rebuild::{Rebuilt, cross_check, rebuild};
#[cfg(unix)]
pub use source::FileSource;
pub use source::ReadAt;

/// What the directory alone tells about an archive.
#[derive(Clone, Debug)]
pub struct DirectoryVerdict {
    findings: Findings,
    budget: Budget,
    directory: Option<Directory>,
    upload_size: u64,
}

impl DirectoryVerdict {
    /// The archive is refused already.
    pub fn rejected(&self) -> bool {
        self.findings.rejected()
    }

    /// Reading the content can tell more. False when the directory cannot be followed, or would cost too much.
    pub fn readable(&self) -> bool {
        self.directory.is_some()
    }

    /// Files, folders and system files listed; 0 when the directory cannot be followed.
    pub fn entries(&self) -> usize {
        self.directory.as_ref().map_or(0, |directory| directory.entries.len())
    }

    /// The report when the content is not looked at: never an accepting one.
    pub fn report(&self) -> Report {
        report(&self.findings, &self.budget, None, self.upload_size)
    }
}

/// First stage: the last 64 KiB, the first four bytes and the central directory.
///
/// Errors only when the source fails.
pub fn check_directory(source: &dyn ReadAt, options: &Options) -> Result<DirectoryVerdict, CheckError> {
    let mut findings = Findings::new(&options.limits);
    let mut budget = Budget::default();
    let directory = directory::read(source, &Scope::default(), options, &mut budget, &mut findings)?;
    if let Some(directory) = directory.as_ref().filter(|_| !options.scripts_allowed) {
        packages::needs::explain(directory.files(), &mut findings);
    }
    Ok(DirectoryVerdict { findings, budget, directory, upload_size: source.len() })
}

/// Second stage: every local header and all content, once, in the order of the offsets.
///
/// Memory is bounded by constants (about 2 MiB, and [`Limits::document_memory`] for each level of documents).
/// `source` may be another one than the first stage's (a local copy), as long as it holds the same bytes.
pub fn check_content(
    source: &dyn ReadAt,
    verdict: DirectoryVerdict,
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<Report, CheckError> {
    read_content(source, verdict, options, progress, false)
}

/// `streaming` expands every entry as a stream. The report is the same.
fn read_content(
    source: &dyn ReadAt,
    verdict: DirectoryVerdict,
    options: &Options,
    progress: &mut Progress<'_>,
    streaming: bool,
) -> Result<Report, CheckError> {
    if source.len() != verdict.upload_size {
        let (found, checked) = (source.len(), verdict.upload_size);
        return Err(CheckError::SourceChanged(format!("{found} bytes instead of {checked}")));
    }
    let Some(directory) = &verdict.directory else {
        return Ok(verdict.report());
    };
    let mut run = Run {
        options,
        findings: verdict.findings,
        budget: verdict.budget,
        progress,
        total: verdict.upload_size,
        done: 0,
        work: 0,
        streaming,
    };
    let entries = content::read(source, directory, &Scope::default(), &mut run)?;
    run.done = run.total;
    run.tell()?;
    let package = match &entries {
        Some(entries) if !run.findings.rejected() => package(source, entries, &mut run.findings)?,
        _ => None,
    };
    let report = report(&run.findings, &run.budget, entries, verdict.upload_size);
    Ok(Report { package: package.filter(|_| report.accepted), ..report })
}

/// Both stages. An archive the directory refuses is still read where that is safe, so that its creator learns
/// everything at once.
pub fn check(source: &dyn ReadAt, options: &Options, progress: &mut Progress<'_>) -> Result<Report, CheckError> {
    let verdict = check_directory(source, options)?;
    check_content(source, verdict, options, progress)
}

/// The learning package in accepted content.
fn package(
    source: &dyn ReadAt,
    entries: &[ManifestEntry],
    findings: &mut Findings,
) -> Result<Option<packages::Package>, CheckError> {
    let mut failed = None;
    let mut read = |name: &str, most: usize| {
        let entry = entries.iter().find(|entry| entry.name == name)?;
        let mut content = Vec::new();
        match EntryReader::new(source, entry).take(most as u64).read_to_end(&mut content) {
            Ok(_) => Some(content),
            Err(error) => {
                failed = Some(error);
                None
            }
        }
    };
    let recognition = packages::recognise(entries.iter().map(|entry| entry.name.as_str()), &mut read);
    if let Some(error) = failed {
        return Err(error.into());
    }
    recognition.findings.into_iter().for_each(|finding| findings.add(finding));
    Ok(recognition.package)
}

fn report(findings: &Findings, budget: &Budget, entries: Option<Vec<ManifestEntry>>, upload_size: u64) -> Report {
    Report {
        rules: findings::report::RULES_VERSION,
        accepted: entries.is_some() && !findings.rejected(),
        content_checked: entries.is_some(),
        findings: findings.to_vec(),
        entries: entries.unwrap_or_default(),
        upload_size,
        compressed_size: budget.packed,
        expanded_size: budget.expanded,
        package: None,
    }
}
