//! The readers of hostile bytes that the steps call: each in a process of its own that holds nothing worth stealing.
//!
//! What they answer is checked here before a step believes it: a reader that was taken over can say anything.

mod check_archive;
mod make_pictures;
pub(crate) mod read_text;
pub(crate) mod scan_entries;

use content::{ArchiveError, ContentError, Note};
use queue::reader::{ReadError, Readers};
use serde_json::{Value, json};

pub(crate) use check_archive::{Canonical, CheckArchive, CheckTask, Checked, Stage};
pub(crate) use make_pictures::{MakePictures, Pictures};
pub(crate) use read_text::ReadText;
pub(crate) use scan_entries::{ScanEntries, ScanTask};

/// All of them.
pub fn readers() -> Readers {
    Readers::default().with::<CheckArchive>().with::<MakePictures>().with::<ReadText>().with::<ScanEntries>()
}

/// Longest name of an entry, code or message that is taken from a reader, in bytes. The rules of the archive allow names
/// of 240 UTF-16 units, and findings in documents have two of them.
const TEXT: usize = 2_048;
/// Notes and findings that are taken, at most.
const LIST: usize = 5_000;

/// Why an answer is not believed.
#[derive(Debug, thiserror::Error)]
#[error("the reader's answer is not one that it can have: {0}")]
pub(crate) struct Unbelievable(String);

impl Unbelievable {
    fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl From<Unbelievable> for queue::JobError {
    fn from(error: Unbelievable) -> Self {
        Self::failed_as("reader", error)
    }
}

/// Short enough, and without what could write over a terminal or break a line of a log.
fn believe_text(what: &str, text: &str) -> Result<(), Unbelievable> {
    if text.len() > TEXT {
        return Err(Unbelievable::because(format!("{what} of {} bytes", text.len())));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Unbelievable::because(format!("{what} with control characters")));
    }
    Ok(())
}

fn believe_count(what: &str, count: usize, most: usize) -> Result<(), Unbelievable> {
    if count > most {
        return Err(Unbelievable::because(format!("{count} {what}")));
    }
    Ok(())
}

fn believe_notes(notes: &[Note]) -> Result<(), Unbelievable> {
    believe_count("notes", notes.len(), LIST)?;
    for note in notes {
        believe_text("an entry's name", &note.entry)?;
        believe_text("a note's code", &note.code)?;
        believe_text("a note", &note.message)?;
    }
    Ok(())
}

/// Notes as a creator reads them: what a decoder said in detail is for the log.
pub(crate) fn told(notes: &[Note]) -> Value {
    let told = notes.iter().filter_map(|note| {
        let hint = content::hint(&note.code)?;
        Some(json!({ "entry": note.entry, "code": note.code, "hint": hint }))
    });
    told.collect()
}

/// Errors of the content readers: a fault of this machine is worth another try, anything else is a failure.
fn of_content(error: ContentError) -> ReadError {
    match error {
        ContentError::Archive(ArchiveError::Io(_)) | ContentError::Thread(_) => ReadError::Machine(error.to_string()),
        ContentError::Cancelled => ReadError::Cancelled,
        ContentError::Archive(_) => ReadError::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_reader_can_say_is_not_believed() {
        assert!(believe_text("a name", "Übung\n1.txt").is_ok());
        assert!(believe_text("a name", "a\u{1b}[2J").is_err());
        assert!(believe_text("a name", &"x".repeat(3_000)).is_err());
        let note = Note::new("a.pdf", "pdf_broken", "cut");
        assert!(believe_notes(std::slice::from_ref(&note)).is_ok());
        assert!(believe_notes(&vec![note; 5_001]).is_err());
    }
}
