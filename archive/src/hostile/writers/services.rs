//! What services let people download, and what learning platforms export.

use crate::hostile::{
    plan::EntryPlan,
    writers::{
        content::Item,
        style::{BARE, DOS, Flag, Style, UNIX, times},
    },
};

pub(crate) fn styles() -> Vec<Style> {
    vec![
        Style::new("GitHub, Download ZIP", |item| git(item.smaller()))
            .below("kurs-main/")
            .with_comment(b"9fceb02d0ae598e95dc970b74767f19372d61af8"),
        Style::new("GitLab, download", |item| git(item.smaller()))
            .below("kurs-main-9fceb02d/")
            .with_comment(b"9fceb02d0ae598e95dc970b74767f19372d61af8"),
        Style::new("Nextcloud", nextcloud),
        Style::new("Dropbox, folder", |item| dropbox(item.deflated_if_any())).with_root(),
        Style::new("Google Drive", |item| google(item.deflated())).without_folders(),
        Style::new("Google Takeout", |item| google(item.deflated()).headers(0x0314, (20, 20), UNIX)).without_folders(),
        Style::new("OneDrive and SharePoint", onedrive).without_folders(),
        Style::new("Moodle, folder and backup", |item| {
            item.smaller().headers(0x033f, (20, 10), UNIX).named(Flag::NonAscii)
        }),
        Style::new("eXeLearning", |item| item.stored().headers(20, (10, 10), BARE).named(Flag::NonAscii).streamed())
            .without_folders(),
        Style::new("ILIAS, folder", |item| {
            item.smaller().headers(0x031e, (20, 10), UNIX).named(Flag::Never).extras(&[times(3, 2)], &[times(3, 1)])
        }),
    ]
}

/// Both services run git archive.
fn git(mut entry: EntryPlan) -> EntryPlan {
    entry.central.internal = u16::from(!entry.is_folder());
    entry.headers(0, (10, 10), (0, 0x10)).named(Flag::NonAscii).extras(&[times(1, 1)], &[times(1, 1)])
}

/// deepdiver1975/php-zip-streamer: stored, sizes behind the content (src/ZipStreamer.php).
fn nextcloud(item: &Item) -> EntryPlan {
    item.stored().headers(0x033f, (20, 10), UNIX).named(Flag::Always).streamed()
}

/// A descriptor for everything, the root among it.
fn dropbox(entry: EntryPlan) -> EntryPlan {
    entry.headers(20, (20, 20), (0, 0x10)).named(Flag::Always).with_descriptor()
}

/// A streaming writer in Java or Go: no attributes.
fn google(entry: EntryPlan) -> EntryPlan {
    entry.headers(20, (20, 20), BARE).named(Flag::Always).streamed()
}

/// Streamed without compression, from FAT, with ZIP64's version.
fn onedrive(item: &Item) -> EntryPlan {
    item.stored().headers(45, (45, 45), DOS).named(Flag::Always).streamed()
}
