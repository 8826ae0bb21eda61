//! What web pages and Node programs pack with: the authoring tools for H5P, eXeLearning and many others. The headers are
//! those that the programs wrote, but for times (JSZip 3.10, fflate 0.8, client-zip 2.5, archiver 8, yazl 3.3, zip.js 2.24,
//! adm-zip 0.6).

use crate::hostile::{
    plan::EntryPlan,
    writers::{
        content::Item,
        style::{BARE, Flag, Style, UNIX, times, unicode_path},
    },
};

pub(crate) fn styles() -> Vec<Style> {
    vec![
        Style::new("JSZip", |item| jszip(item, item.stored())),
        Style::new("JSZip, DEFLATE", |item| jszip(item, item.deflated_if_any())),
        Style::new("JSZip, platform UNIX", |item| {
            jszip(item, item.stored()).headers(0x031e, (10, 10), (0o100_664 << 16, (0o040_775 << 16) | 0x10))
        }),
        Style::new("JSZip, streamFiles", |item| jszip(item, item.stored()).streamed()),
        Style::new("JSZip, streamFiles, DEFLATE", |item| jszip(item, item.deflated_if_any()).streamed()),
        Style::new("fflate zipSync", |item| fflate(item.deflated())).without_folders(),
        Style::new("fflate zipSync, level 0", |item| fflate(item.stored())).without_folders(),
        Style::new("fflate Zip, ZipDeflate", |item| other_time(fflate(item.deflated()).streamed())).without_folders(),
        Style::new("fflate Zip, ZipPassThrough", |item| other_time(fflate(item.stored()).streamed())).without_folders(),
        Style::new("client-zip", client_zip),
        Style::new("archiver", |item| archiver(item.deflated_if_any(), 20).streamed()),
        Style::new("archiver, store", |item| archiver(item.stored(), 10)),
        Style::new("archiver, store, from streams", |item| archiver(item.stored(), 20).streamed()),
        Style::new("yazl, buffers", |item| yazl(item.deflated())),
        Style::new("yazl, streams", |item| yazl(item.deflated()).streamed()),
        Style::new("yazl, streams without compression", |item| yazl(item.stored()).streamed()),
        Style::new("zip.js", |item| zip_js(item.deflated()).streamed()),
        Style::new("zip.js, level 0", |item| {
            let entry = zip_js(item.stored());
            if item.content.is_empty() { entry } else { entry.streamed() }
        }),
        Style::new("zip.js, dataDescriptor off", |item| zip_js(item.deflated())),
        Style::new("zip.js, extendedTimestamp off", |item| zip_js(item.deflated()).extras(&[], &[]).streamed()),
        Style::new("adm-zip", |item| item.smaller().headers(0x0314, (20, 10), UNIX).named(Flag::Always)),
    ]
}

/// The flag and the Unicode path, both.
fn jszip(item: &Item, entry: EntryPlan) -> EntryPlan {
    let entry = entry.headers(20, (10, 10), (0, 0x10)).named(Flag::NonAscii);
    if item.name.is_ascii() {
        return entry;
    }
    let path = [unicode_path(&entry.central_name, item.name)];
    entry.extras(&path, &path)
}

fn fflate(entry: EntryPlan) -> EntryPlan {
    entry.headers(20, (20, 20), BARE).named(Flag::NonAscii)
}

/// Each header asks the clock anew.
fn other_time(mut entry: EntryPlan) -> EntryPlan {
    entry.central.time = entry.local.time.wrapping_add(1);
    entry
}

/// Version 4.5 and a descriptor for everything, folders too; ZIP64 only where it is needed.
fn client_zip(item: &Item) -> EntryPlan {
    let external = (0o100_664 << 16, 0o040_775 << 16);
    item.stored().headers(0x032d, (45, 45), external).named(Flag::Always).with_descriptor()
}

/// compress-commons: what comes from a stream needs 2.0, also when it is stored.
fn archiver(entry: EntryPlan, stored: u16) -> EntryPlan {
    let stored = if entry.is_folder() { 10 } else { stored };
    entry.headers(0x032d, (20, stored), (UNIX.0 | 0x20, UNIX.1)).named(Flag::NonAscii)
}

/// Times in the directory only.
fn yazl(entry: EntryPlan) -> EntryPlan {
    let external = (0o100_664 << 16, 0o040_775 << 16);
    entry.headers(0x033f, (20, 20), external).named(Flag::Always).extras(&[], &[times(3, 1)])
}

fn zip_js(entry: EntryPlan) -> EntryPlan {
    let stored = if entry.is_folder() { 20 } else { 10 };
    entry.headers(0x0300, (20, stored), UNIX).named(Flag::NonAscii).extras(&[times(1, 1)], &[times(1, 1)])
}
