//! Reader: whether an upload keeps the rules for archives, and the canonical archive made from it.

use std::{fs::File, io, ops::ControlFlow};

use archive::{CheckError, FileSource, Options, Report};
use queue::reader::{Desk, ReadError, Reader};
use serde::{Deserialize, Serialize};

use super::{LIST, Unbelievable, believe_count, believe_text};

pub(crate) struct CheckArchive;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CheckTask {
    pub(crate) options: Options,
    pub(crate) stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// The directory alone: most of what is wrong shows there. The input may have a hole in its middle.
    Directory,
    /// All of it; what is accepted is written to the output.
    Whole,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Checked {
    pub(crate) report: Report,
    /// Another look can tell more than this one did.
    pub(crate) undecided: bool,
    /// The canonical archive, once one was written: its size in bytes, and its hash.
    pub(crate) canonical: Option<Canonical>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Canonical {
    pub(crate) size: u64,
    pub(crate) sha256: [u8; 32],
}

impl Reader for CheckArchive {
    const NAME: &'static str = "check_archive";
    type Task = CheckTask;
    type Tools = ();
    type Answer = Checked;

    fn tools(_: &CheckTask) -> Result<(), ReadError> {
        Ok(())
    }

    fn read(task: CheckTask, (): (), desk: &Desk<'_>) -> Result<Checked, ReadError> {
        let source = FileSource::new(desk.input(0)?.file.try_clone()?)?;
        if task.stage == Stage::Directory {
            let verdict = archive::check_directory(&source, &task.options).map_err(failed)?;
            let undecided = !verdict.rejected() && verdict.readable();
            return Ok(Checked { report: verdict.report(), undecided, canonical: None });
        }
        let go_on = || if desk.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let report = archive::check(&source, &task.options, &mut |done, total| {
            desk.progress(done, Some(total), "checking");
            go_on()
        })
        .map_err(failed)?;
        if !report.accepted {
            return Ok(Checked { report, undecided: false, canonical: None });
        }
        let out = io::BufWriter::with_capacity(256 * 1024, desk.output(0)?);
        let rebuilt = archive::rebuild(&source, &report, out, &mut |done, total| {
            desk.progress(done, Some(total), "rebuilding");
            go_on()
        })
        .map_err(failed)?;
        archive::cross_check(&written(desk)?, &rebuilt).map_err(failed)?;
        let canonical = Some(Canonical { size: rebuilt.size, sha256: rebuilt.sha256 });
        Ok(Checked { report, undecided: false, canonical })
    }
}

/// The output, to be read again.
fn written(desk: &Desk<'_>) -> Result<FileSource, ReadError> {
    Ok(FileSource::new(File::try_clone(desk.output(0)?)?)?)
}

/// Reading and writing fail for reasons of this machine; the archive is not to blame.
fn failed(error: CheckError) -> ReadError {
    match error {
        CheckError::Io(error) => error.into(),
        CheckError::Cancelled => ReadError::Cancelled,
        other => ReadError::Failed(other.to_string()),
    }
}

impl Checked {
    /// Checks what a stranger says about an upload of `uploaded` bytes, and of the file it wrote, by the same limits that it
    /// was to keep.
    pub(crate) fn believe(
        mut self,
        options: &Options,
        uploaded: u64,
        written: Option<u64>,
    ) -> Result<Self, Unbelievable> {
        // Nobody wants the names in a file that is refused, and they may be anything.
        if !self.report.accepted {
            self.report.entries.clear();
        }
        let report = &self.report;
        believe_count("findings", report.findings.len(), options.limits.findings.saturating_add(LIST))?;
        for finding in &report.findings {
            believe_text("an entry's name", finding.entry.as_deref().unwrap_or_default())?;
            believe_text("a finding's detail", finding.detail.as_deref().unwrap_or_default())?;
            let texts = [&finding.message_de, &finding.message_en, &finding.hint_de, &finding.hint_en];
            let texts = texts.into_iter().map(AsRef::as_ref);
            for text in texts.chain(finding.examples.iter().map(String::as_str)) {
                believe_text("a finding", text)?;
            }
        }
        let most = usize::try_from(options.limits.entries).unwrap_or(usize::MAX);
        believe_count("entries", report.entries.len(), most)?;
        for entry in &report.entries {
            believe_text("an entry's name", &entry.name)?;
            believe_text("a media type", &entry.media_type)?;
            let safe = !entry.name.is_empty()
                && !entry.name.starts_with('/')
                && !entry.name.contains('\\')
                && entry.name.split('/').all(|part| !matches!(part, "" | "." | ".."));
            if !safe {
                return Err(Unbelievable::because("a name that leads elsewhere"));
            }
        }
        if report.upload_size != uploaded {
            return Err(Unbelievable::because("a report about another file"));
        }
        if report.accepted != self.canonical.is_some() || (report.accepted && report.rejections().next().is_some()) {
            return Err(Unbelievable::because("accepted and refused at once"));
        }
        if let Some(canonical) = self.canonical {
            let expanded: u64 = report.entries.iter().map(|entry| entry.size).sum();
            if report.entries.is_empty() || expanded > options.limits.expanded {
                return Err(Unbelievable::because(format!("{expanded} bytes in {} entries", report.entries.len())));
            }
            if Some(canonical.size) != written || canonical.size > 2 * options.limits.upload {
                return Err(Unbelievable::because(format!("an archive of {} bytes", canonical.size)));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use archive::hostile;

    use super::*;

    fn honest() -> (Checked, u64) {
        let bytes = hostile::archive(&[("a.txt", b"text"), ("b/c.txt", b"more")]);
        let report = archive::check(&bytes, &Options::default(), &mut |_, _| ControlFlow::Continue(())).unwrap();
        let canonical = Some(Canonical { size: 300, sha256: [7; 32] });
        (Checked { report, undecided: false, canonical }, bytes.len() as u64)
    }

    #[test]
    fn an_honest_answer_is_believed_and_a_forged_one_is_not() {
        let options = Options::default();
        let (checked, size) = honest();
        assert!(checked.believe(&options, size, Some(300)).is_ok());
        let forgeries: [fn(&mut Checked); 8] = [
            |c| c.report.entries[0].name = "../../etc/passwd".into(),
            |c| c.report.entries[0].name = "x".repeat(5_000),
            |c| c.report.entries[0].name = "a\u{1b}[2J.txt".into(),
            |c| c.report.entries[0].size = u64::MAX / 4,
            |c| c.report.entries = vec![c.report.entries[0].clone(); 10_000],
            |c| c.report.upload_size += 1,
            |c| c.report.accepted = false,
            |c| c.canonical = Some(Canonical { size: 1 << 40, sha256: [7; 32] }),
        ];
        for (number, forge) in forgeries.into_iter().enumerate() {
            let (mut checked, size) = honest();
            forge(&mut checked);
            assert!(checked.believe(&options, size, Some(300)).is_err(), "forgery {number}");
        }
        let (checked, size) = honest();
        assert!(checked.believe(&options, size, Some(299)).is_err(), "another file than it says");
    }
}
