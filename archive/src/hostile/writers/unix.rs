//! Info-ZIP, 7-Zip, bsdtar and git, on Linux. Where nothing else is named, the headers are those that the program wrote on
//! Debian 12, but for times and owners.

use crate::hostile::{
    plan::{EntryPlan, field},
    writers::{
        content::Item,
        style::{Flag, Style, UNIX, UNIX_ONLY, ntfs_times, owner, times},
    },
};

pub(crate) fn styles() -> Vec<Style> {
    vec![
        Style::new("Info-ZIP 3.0: zip -r", |item| info_zip(item.smaller())),
        Style::new("Info-ZIP 3.0: zip -rX", |item| info_zip(item.smaller()).extras(&[], &[])),
        Style::new("Info-ZIP 3.0: zip -r0", |item| as_binary(info_zip(item.stored()))),
        Style::new("Info-ZIP 3.0: zip -rD", |item| info_zip(item.smaller())).without_folders(),
        Style::new("Info-ZIP 3.0: zip -r -fd", piped),
        Style::new("Info-ZIP 3.0: zip -r - | cat", piped),
        Style::new("Info-ZIP 2.32: zip -r", info_zip_2),
        Style::new("Info-ZIP 3.0: zip -r, with a comment", |item| info_zip(item.smaller()))
            .with_comment("Kurs für Anfänger, 3. Fassung".as_bytes()),
        Style::new("7-Zip 26 on Linux: 7z a", |item| seven_zip(item.smaller())),
        Style::new("7-Zip 26 on Linux: 7z a -mm=Copy", |item| seven_zip(item.stored())),
        Style::new("p7zip 16.02: 7z a", p7zip),
        Style::new("bsdtar 3.6", |item| bsdtar(item.deflated())),
        Style::new("bsdtar 3.6, stored", bsdtar_stored),
        Style::new("git archive", |item| git(item.smaller())).with_comment(b"6a88fe06762bba566cd353b2a75eda8fcc754477"),
        Style::new("git archive without a commit", |item| git(item.smaller())),
    ]
}

/// UTF-8 without the flag, times and owners.
fn info_zip(mut entry: EntryPlan) -> EntryPlan {
    entry.central.internal = u16::from(!entry.packed.is_empty());
    entry.headers(0x031e, (20, 10), UNIX).named(Flag::Never).extras(&[times(3, 2), owner()], &[times(3, 1), owner()])
}

fn as_binary(mut entry: EntryPlan) -> EntryPlan {
    entry.central.internal = 0;
    entry
}

/// Into a pipe it knows a file's size before, only not the packed one, and compresses whatever is not empty.
fn piped(item: &Item) -> EntryPlan {
    let mut entry = info_zip(item.deflated_if_any()).streamed();
    entry.local.size = entry.central.size;
    entry
}

/// `Ux`, the owner before version 3 (Info-ZIP's proginfo/extrafld.txt): empty in the directory.
fn info_zip_2(item: &Item) -> EntryPlan {
    let mut entry = info_zip(item.smaller());
    entry.central.made_by = 0x0317;
    let (local, central) = (field(0x7855, &[0xe8, 3, 0xe8, 3]), field(0x7855, b""));
    entry.extras(&[times(3, 2), local], &[times(3, 1), central])
}

fn seven_zip(entry: EntryPlan) -> EntryPlan {
    let needed = if entry.is_folder() { (20, 20) } else { (20, 10) };
    entry.headers(0x033f, needed, (UNIX.0 | 0x8020, UNIX.1 | 0x8000)).named(Flag::NonAscii).extras(&[], &[ntfs_times()])
}

/// Its port to Unix put the system into the upper byte of the version needed, too
/// (CPP/7zip/Archive/Zip/ZipOut.cpp, `WriteLocalHeader`).
fn p7zip(item: &Item) -> EntryPlan {
    let mut entry = seven_zip(item.smaller());
    let needed = entry.local.needed | 0x0300;
    entry.needed(needed);
    entry
}

fn bsdtar(entry: EntryPlan) -> EntryPlan {
    let extras = [times(7, 3), owner()];
    let mut entry =
        entry.headers(0x0314, (20, 20), UNIX_ONLY).named(Flag::NonAscii).extras(&extras, &extras).streamed();
    entry.local.size = entry.central.size;
    entry
}

fn bsdtar_stored(item: &Item) -> EntryPlan {
    let mut entry = bsdtar(item.stored());
    if !item.folder() {
        entry = entry.headers(0x030a, (20, 10), UNIX_ONLY);
        entry.local.compressed = entry.central.compressed;
    }
    entry
}

fn git(mut entry: EntryPlan) -> EntryPlan {
    entry.central.internal = u16::from(!entry.is_folder());
    entry.headers(0, (10, 10), (0, 0x10)).named(Flag::NonAscii).extras(&[times(1, 1)], &[times(1, 1)])
}
