//! What Java packs with: java.util.zip, jar and the file system for ZIP of OpenJDK 17, and commons-compress 1.26. The
//! headers are those that they wrote, but for times.

use crate::hostile::{
    plan::{EntryPlan, field},
    writers::{
        content::Item,
        style::{BARE, Flag, Style, times, zip64_sizes},
    },
};

pub(crate) fn styles() -> Vec<Style> {
    vec![
        Style::new("java.util.zip", |item| packed(item.deflated().headers(20, (20, 20), BARE))),
        Style::new("java.util.zip, folders deflated", folders_deflated),
        Style::new("java.util.zip in IBM850", |item| packed(item.deflated()).in_code_page()).in_code_page(),
        Style::new("java.util.zip, STORED", |item| {
            item.stored().headers(10, (10, 10), BARE).named(Flag::Always).extras(&[times(1, 1)], &[times(1, 1)])
        }),
        Style::new("jar --no-manifest", jar),
        Style::new("jar, made by another version", |item| {
            let mut entry = jar(item);
            entry.central.needed = 10;
            entry
        }),
        Style::new("Java's file system for ZIP", file_system),
        Style::new("commons-compress, into a file", commons_file),
        Style::new("commons-compress, into a stream", |item| commons(everything(item)).with_descriptor()),
        Style::new("commons-compress, STORED", |item| commons(item.stored())),
    ]
}

fn packed(entry: EntryPlan) -> EntryPlan {
    entry.headers(20, (20, 10), BARE).named(Flag::Always).streamed()
}

fn folders_deflated(item: &Item) -> EntryPlan {
    everything(item).headers(20, (20, 20), BARE).named(Flag::Always).with_descriptor()
}

/// Compressed, folders too.
fn everything(item: &Item) -> EntryPlan {
    EntryPlan::deflated(item.name, item.content)
}

/// Stores what is empty; its mark stands in the first entry, here in folders.
fn jar(item: &Item) -> EntryPlan {
    let entry = item.deflated_if_any();
    let entry =
        if item.content.is_empty() { entry.headers(10, (20, 10), BARE).named(Flag::Always) } else { packed(entry) };
    let mark = if item.folder() { vec![field(0xcafe, b"")] } else { Vec::new() };
    entry.extras(&mark, &mark)
}

/// All three times in front of the content, the first one in the directory, announced alike.
fn file_system(item: &Item) -> EntryPlan {
    let entry = if item.folder() { item.stored().headers(10, (20, 10), BARE) } else { packed(item.deflated()) };
    entry.extras(&[times(7, 3)], &[times(7, 1)])
}

fn commons(entry: EntryPlan) -> EntryPlan {
    entry.headers(20, (20, 10), BARE).named(Flag::Always)
}

/// Into a file it makes room for ZIP64 sizes, and when they turn out not to be needed it fills in the true ones and takes
/// the field out of the directory (`rewriteSizesAndCrc`).
fn commons_file(item: &Item) -> EntryPlan {
    let entry = commons(everything(item));
    let sizes = zip64_sizes(&entry);
    entry.extras(&[sizes], &[])
}
