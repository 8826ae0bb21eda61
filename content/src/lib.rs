//! Readers of a canonical archive's content: thumbnails, scan findings, and text for search.
//!
//! Everything here is synchronous and bound to the CPU: no async, no database, no network. Callers run it on a
//! blocking thread, or better in a child process with limits of its own. The input is the canonical ZIP on the local
//! disk, so names are UTF-8 and entries are stored or deflated; the *content* of the entries stays hostile.
//!
//! | module | does |
//! | --- | --- |
//! | [`thumbnail`] | three WebP pictures from the cover, an image, a PDF page or a video frame |
//! | [`scan`] | findings: YARA rules, active content in PDF and HTML, text rules |
//! | [`text`] | words for the search index, language, page count, duration, dimensions |
//!
//! Memory: entries are read in windows, texts and pages in pieces; what has to be held whole (an encoded image, a PDF, one
//! tag of an XML file) is at most 32 MiB, decoded pictures obey [`ImageLimits`](thumbnail::ImageLimits), and a PDF page is
//! weighed before it is drawn. Disk: at most one entry at a time, and one document embedded in it, lies unpacked in the
//! scratch folder, without a name, so a crash leaves nothing behind.

mod entries;
mod error;
mod guard;
mod html;
mod image;
mod kind;
mod note;
mod office;
mod pdf;
pub mod scan;
pub mod text;
pub mod thumbnail;
mod video;

pub use entries::ArchiveError;
pub use error::ContentError;
pub use note::{HINTS, Hint, Note, ShownNote, hint};
