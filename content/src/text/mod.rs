//! Words for the search index, and what else a nano's files say about themselves: language, pages, running time, size.

pub(crate) mod language;
mod notebook;
pub(crate) mod plain;

use std::{ffi::OsString, path::Path, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    entries::{Entry, FileArchive, reading_order},
    error::{ContentError, Miss},
    guard::{self, Stopped},
    html::{self, Syntax},
    kind::Kind,
    note::Note,
    office, pdf,
    video::{self, Media, Tools},
};

/// PDFs and media files looked at, at most; a nano is a short unit.
const DOCUMENTS_MAX: usize = 50;

/// Bounds of the work; the defaults are the ones in production.
#[derive(Clone, Debug)]
pub struct TextLimits {
    /// Text of the whole nano, in bytes.
    pub text: usize,
    /// One text file is read up to this size, in bytes.
    pub file: u64,
    /// Size of a PDF, in bytes.
    pub pdf: u64,
    /// Time for one entry.
    pub time: Duration,
    /// The programs for media, by name or path.
    pub ffmpeg: OsString,
    pub ffprobe: OsString,
}

impl Default for TextLimits {
    fn default() -> Self {
        Self {
            text: 100_000,
            file: 4 << 20,
            pdf: pdf::PDF_MAX,
            time: Duration::from_secs(10),
            ffmpeg: "ffmpeg".into(),
            ffprobe: "ffprobe".into(),
        }
    }
}

/// What was read; stored with the version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Text of all files in reading order, one blank line between them, cut at the limit.
    pub text: String,
    /// ISO 639-1 code of the text's language, if it can be told.
    pub language: Option<String>,
    /// Pages of all PDFs together.
    pub pages: Option<u32>,
    /// Running time of all videos and recordings together, in seconds.
    pub duration_seconds: Option<f64>,
    /// Of the video with the most pixels.
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub notes: Vec<Note>,
}

/// Reads the nano in `archive`. `scratch` is a folder for unpacked files; nothing stays in it.
pub fn extract(
    archive: &Path,
    scratch: &Path,
    limits: &TextLimits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Metadata, ContentError> {
    let mut reader = Reader {
        archive: FileArchive::open(archive)?,
        path: archive,
        scratch,
        limits,
        cancelled,
        metadata: Metadata::default(),
    };
    let mut entries = reader.archive.entries().to_vec();
    entries.sort_by(reading_order);
    let (mut pdfs, mut media) = (0, 0);
    for entry in &entries {
        if cancelled() {
            return Err(ContentError::Cancelled);
        }
        let outcome = match entry.kind {
            Kind::Pdf if pdfs < DOCUMENTS_MAX => {
                pdfs += 1;
                reader.pdf(entry)
            }
            Kind::Mp4 | Kind::WebM | Kind::Audio if media < DOCUMENTS_MAX => {
                media += 1;
                reader.media(entry)
            }
            Kind::Text | Kind::Markdown | Kind::Html | Kind::Subtitles | Kind::Notebook | Kind::Office => {
                reader.words(entry)
            }
            _ => Ok(()),
        };
        match outcome {
            Ok(()) => {}
            Err(Miss::Note(code, message)) => reader.metadata.notes.push(Note::new(&entry.name, code, message)),
            Err(Miss::Fault(error)) => return Err(error),
        }
    }
    let mut metadata = reader.metadata;
    metadata.language = language::detect(&metadata.text).map(str::to_owned);
    Ok(metadata)
}

struct Reader<'a> {
    archive: FileArchive,
    path: &'a Path,
    scratch: &'a Path,
    limits: &'a TextLimits,
    cancelled: &'a dyn Fn() -> bool,
    metadata: Metadata,
}

impl Reader<'_> {
    fn room(&self) -> usize {
        self.limits.text.saturating_sub(self.metadata.text.len())
    }

    fn words(&mut self, entry: &Entry) -> Result<(), Miss> {
        let room = self.room();
        if room == 0 {
            return Ok(());
        }
        if entry.kind == Kind::Office {
            let document = office::open(&mut self.archive, entry, self.scratch, self.cancelled);
            let text = document.and_then(|mut document| document.text(room));
            self.add(&text.map_err(Miss::of_document)?);
            return Ok(());
        }
        // Of a notebook all is read: its pictures may stand before the last words.
        let bytes = match entry.kind {
            Kind::Notebook => self.archive.head(entry, self.limits.pdf)?,
            _ => self.archive.head(entry, self.limits.file)?,
        };
        let text = plain::decode(&bytes);
        match entry.kind {
            Kind::Html => self.add(&html::text::text(&text, Syntax::Html)),
            Kind::Subtitles => self.add(&plain::subtitles(&text)),
            // One that is none is text all the same.
            Kind::Notebook => self.add(&notebook::cells(&text).unwrap_or(text)),
            _ => self.add(&text),
        }
        Ok(())
    }

    fn pdf(&mut self, entry: &Entry) -> Result<(), Miss> {
        let bytes = self.archive.read(entry, self.limits.pdf)?;
        let (room, time) = (self.room(), self.limits.time);
        let read = guard::run(time * 2, self.cancelled, move || pdf::read(bytes, room, time))
            .map_err(|stopped| match stopped {
                Stopped::Panicked(_) => Miss::Note("text_unreadable", stopped.to_string()),
                other => other.into(),
            })?
            .map_err(|error| Miss::Note(error.code(), error.to_string()))?;
        *self.metadata.pages.get_or_insert(0) += read.pages;
        self.add(&read.text);
        Ok(())
    }

    fn media(&mut self, entry: &Entry) -> Result<(), Miss> {
        let tools = Tools { ffmpeg: &self.limits.ffmpeg, ffprobe: &self.limits.ffprobe, time: self.limits.time };
        let media = video::probe(&mut self.archive, self.path, entry, self.scratch, tools, self.cancelled)?;
        let Media { duration_seconds, width, height } = media;
        if let Some(seconds) = duration_seconds {
            *self.metadata.duration_seconds.get_or_insert(0.0) += seconds;
        }
        // Recordings may carry a cover image, which is no video.
        if let (Some(width), Some(height)) = (width, height)
            && entry.kind != Kind::Audio
        {
            let known = u64::from(self.metadata.width.unwrap_or(0)) * u64::from(self.metadata.height.unwrap_or(0));
            if u64::from(width) * u64::from(height) > known {
                (self.metadata.width, self.metadata.height) = (Some(width), Some(height));
            }
        }
        Ok(())
    }

    /// Appends a text as far as there is room, without invisible characters, white space collapsed.
    fn add(&mut self, text: &str) {
        let limit = self.limits.text;
        let out = &mut self.metadata.text;
        if !text.contains(|c: char| !c.is_whitespace()) {
            return;
        }
        if !out.is_empty() {
            if out.len() + 2 >= limit {
                return;
            }
            out.push_str("\n\n");
        }
        for char in text.chars() {
            let char = match char {
                '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => continue,
                '\n' => '\n',
                _ if char.is_whitespace() || char.is_control() => ' ',
                _ => char,
            };
            if out.len() + char.len_utf8() > limit {
                break;
            }
            let at_break = out.is_empty() || out.ends_with([' ', '\n']);
            match char {
                ' ' if at_break => {}
                '\n' if out.is_empty() || out.ends_with("\n\n") => {}
                _ => out.push(char),
            }
        }
        out.truncate(out.trim_end().len());
    }
}

#[cfg(test)]
mod tests;
