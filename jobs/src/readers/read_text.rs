//! Reader: the words of a canonical archive for the search index, and what else its files say about themselves.

use content::{
    Note,
    text::{self, Metadata, TextLimits},
};
use queue::reader::{Desk, ReadError, Reader};

use super::{Unbelievable, believe_notes, believe_text, of_content};

/// Seconds that recordings may last together, and pages that there may be: beyond it, somebody is lying.
const SECONDS: f64 = 1e7;
const PAGES: u32 = 10_000_000;

pub(crate) struct ReadText;

impl Reader for ReadText {
    const NAME: &'static str = "read_text";
    const PROGRAMS: &'static [&'static str] = &["ffprobe"];
    type Task = ();
    type Tools = ();
    type Answer = Metadata;

    fn tools((): &()) -> Result<(), ReadError> {
        Ok(())
    }

    fn read((): (), (): (), desk: &Desk<'_>) -> Result<Metadata, ReadError> {
        let mut limits = TextLimits::default();
        if let Some(program) = desk.program("ffprobe") {
            limits.ffprobe = program.into();
        }
        text::extract(&desk.input(0)?.path, &desk.folder, &limits, &|| desk.is_cancelled()).map_err(of_content)
    }
}

/// No words, because the process that was to read them died.
pub(crate) fn nothing(how: &str) -> Metadata {
    let how: String = how.chars().take(300).collect();
    Metadata { notes: vec![Note::new("", "text_unreadable", how)], ..Metadata::default() }
}

pub(crate) fn believe(metadata: &Metadata) -> Result<(), Unbelievable> {
    believe_notes(&metadata.notes)?;
    believe_text("a language", metadata.language.as_deref().unwrap_or_default())?;
    // The limit counts words; blank lines come between files.
    if metadata.text.len() > 2 * TextLimits::default().text {
        return Err(Unbelievable::because(format!("a text of {} bytes", metadata.text.len())));
    }
    let seconds = metadata.duration_seconds.unwrap_or_default();
    if !(0.0..=SECONDS).contains(&seconds) || metadata.pages.is_some_and(|pages| pages > PAGES) {
        return Err(Unbelievable::because(format!("{seconds} s and {:?} pages", metadata.pages)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_file_can_say_of_itself_is_not_believed() {
        assert!(believe(&nothing("killed")).is_ok());
        let long = Metadata { text: "x".repeat(1 << 20), ..Metadata::default() };
        let endless = Metadata { duration_seconds: Some(f64::NAN), ..Metadata::default() };
        let thick = Metadata { pages: Some(u32::MAX), ..Metadata::default() };
        for lie in [long, endless, thick] {
            assert!(believe(&lie).is_err());
        }
    }
}
