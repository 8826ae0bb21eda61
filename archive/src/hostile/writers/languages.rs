//! What programs in Python, Go, PHP, Ruby and Perl pack with. The headers of Python 3.11 and Go 1.26 are those that they
//! wrote, but for times.

use crate::hostile::{
    plan::{EntryPlan, field},
    writers::{
        content::Item,
        style::{BARE, Flag, Style, UNIX, owner, times},
    },
};

pub(crate) fn styles() -> Vec<Style> {
    vec![
        Style::new("Python zipfile, deflated", |item| python(item.deflated())),
        Style::new("Python zipfile, stored", |item| python(item.stored())),
        Style::new("Python zipfile, deflated into a stream", |item| python(item.deflated()).streamed()),
        Style::new("Python zipfile, stored into a stream", |item| python(item.stored()).streamed()),
        Style::new("Python zipfile, writestr", |item| {
            python(item.deflated()).headers(0x0314, (20, 20), (0o600 << 16, (0o040_775 << 16) | 0x10))
        }),
        Style::new("Go archive/zip, Create", |item| go(item.deflated())),
        Style::new("Go archive/zip, Store", |item| go(item.stored()).extras(&[times(1, 1)], &[times(1, 1)])),
        Style::new("Go archive/zip, AddFS", |item| {
            go(item.deflated()).headers(0x0314, (20, 20), UNIX).extras(&[times(1, 1)], &[times(1, 1)])
        }),
        Style::new("PHP ZipArchive", |item| libzip(item.smaller())),
        Style::new("PHP ZipArchive, CM_STORE", |item| libzip(item.stored())),
        Style::new("ZipStream-PHP, exact sizes", |item| zipstream(item.deflated())),
        Style::new("ZipStream-PHP, ZIP64 off", |item| zipstream(item.deflated()).streamed()),
        Style::new("Ruby rubyzip", rubyzip),
        Style::new("Perl Archive::Zip", |item| item.smaller().headers(0x0314, (20, 20), UNIX).named(Flag::NonAscii)),
    ]
}

fn python(entry: EntryPlan) -> EntryPlan {
    entry.headers(0x0314, (20, 20), UNIX).named(Flag::NonAscii)
}

fn go(entry: EntryPlan) -> EntryPlan {
    entry.headers(20, (20, 20), BARE).named(Flag::NonAscii).streamed()
}

/// libzip's zip_dirent.c: made by 6.3 on Unix.
fn libzip(entry: EntryPlan) -> EntryPlan {
    entry.headers(0x033f, (20, 10), UNIX).named(Flag::NonAscii)
}

/// maennchen/ZipStream-PHP (src/File.php): made by 6.3 of OS/2, a field that says nothing. With ZIP64 on and sizes unknown,
/// its default, it writes ZIP64's markers, and is refused.
fn zipstream(entry: EntryPlan) -> EntryPlan {
    let mark = field(0x5653, b"");
    entry
        .headers(0x0603, (20, 10), (32, 32 | 0x10))
        .named(Flag::Always)
        .extras(std::slice::from_ref(&mark), std::slice::from_ref(&mark))
}

/// A placeholder for ZIP64 of its own number in front of the content (rubyzip, zip/extra_field/zip64_placeholder.rb).
fn rubyzip(item: &Item) -> EntryPlan {
    let entry = item.deflated().headers(0x0334, (20, 20), UNIX).named(Flag::NonAscii);
    entry.extras(&[field(0x9999, &[0; 16]), times(1, 1), owner()], &[times(1, 1), owner()])
}
