//! Packers of macOS.

use crate::hostile::{
    plan::{EntryPlan, field},
    writers::{
        content::Item,
        style::{Flag, Style, UNIX, UNIX_ONLY, owner, times},
    },
};

pub(crate) fn styles() -> Vec<Style> {
    vec![
        Style::new("macOS Archive Utility until 10.14", |item| old(archive_utility(item))),
        Style::new("macOS Archive Utility", archive_utility),
        Style::new("macOS Archive Utility, empty files with a descriptor", |item| {
            let entry = archive_utility(item);
            if item.content.is_empty() { entry.streamed() } else { entry }
        }),
        Style::new("macOS ditto -c -k --sequesterRsrc", archive_utility),
        Style::new("macOS ditto -c -k, folders with a descriptor", |item| {
            let entry = archive_utility(item);
            if item.folder() { entry.with_descriptor() } else { entry }
        }),
        Style::new("macOS zip -r", terminal),
        Style::new("macOS zip -r -X", |item| terminal(item).extras(&[], &[])),
        Style::new("macOS bsdtar", bsdtar),
    ]
}

/// BOMArchiveHelper: decomposed names without the flag, descriptors for what is not empty.
fn archive_utility(item: &Item) -> EntryPlan {
    let extras = [times(7, 3), owner()];
    let entry = item.deflated_if_any().decomposed().headers(0x0315, (20, 20), UNIX_ONLY).named(Flag::Never);
    let entry = if item.content.is_empty() { entry } else { entry.with_descriptor() };
    entry.extras(&extras, &extras)
}

/// Info-ZIP's oldest Unix field, with the owner in front of the content only.
fn old(mut entry: EntryPlan) -> EntryPlan {
    entry.needed(if entry.local.method == 8 { 20 } else { 10 });
    entry.central.external |= 0x4000;
    entry.extras(&[field(0x5855, &[7; 12])], &[field(0x5855, &[7; 8])])
}

/// Apple ships Info-ZIP 3.0.
fn terminal(item: &Item) -> EntryPlan {
    item.smaller()
        .decomposed()
        .headers(0x031e, (20, 10), UNIX)
        .named(Flag::Never)
        .extras(&[times(3, 2), owner()], &[times(3, 1), owner()])
}

fn bsdtar(item: &Item) -> EntryPlan {
    let extras = [times(7, 3), owner()];
    let mut entry = item
        .deflated()
        .decomposed()
        .headers(0x0314, (20, 20), UNIX_ONLY)
        .named(Flag::NonAscii)
        .extras(&extras, &extras)
        .streamed();
    entry.local.size = entry.central.size;
    entry
}
