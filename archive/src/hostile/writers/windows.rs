//! Packers of Windows.

use crate::hostile::{
    plan::{EntryPlan, field},
    writers::{
        content::Item,
        style::{BARE, DOS, Flag, Style, UNIX, ntfs_times, times, unicode_path},
    },
};

pub(crate) fn styles() -> Vec<Style> {
    vec![
        Style::new("Windows Explorer, German, until Windows 10", |item| {
            explorer(item.deflated_if_any()).in_code_page()
        })
        .in_code_page(),
        Style::new("Windows Explorer, UTF-8", |item| explorer(item.deflated_if_any()).named(Flag::NonAscii)),
        Style::new("7-Zip on Windows", |item| seven_zip(item.smaller())),
        Style::new("7-Zip on Windows, Store", |item| seven_zip(item.stored())),
        Style::new("7-Zip on Windows, names in the DOS code page", |item| seven_zip(item.smaller()).in_code_page())
            .in_code_page(),
        Style::new(".NET ZipArchive, create", |item| dotnet(item.deflated_if_any())),
        Style::new(".NET ZipArchive, create, without compression", |item| dotnet(item.stored())),
        Style::new(".NET ZipArchive, create on Linux", |item| {
            dotnet(item.deflated_if_any()).headers(0x0314, (20, 20), UNIX)
        }),
        Style::new(".NET ZipArchive, into a stream", |item| dotnet(item.deflated_if_any()).streamed()),
        Style::new(".NET ZipArchive, update", dotnet_update),
        Style::new("PowerShell 7 Compress-Archive", |item| dotnet(item.deflated_if_any())),
        Style::new("WinZip 10", winzip).in_code_page(),
        Style::new("WinRAR 5, as zip", winrar).in_code_page(),
        Style::new("Info-ZIP 3.0 on Windows", info_zip).in_code_page(),
        Style::new("UTF-8 without saying so, from FAT", |item| explorer(item.deflated_if_any()).named(Flag::Never)),
        Style::new("UTF-8 without saying so, from NTFS", |item| {
            explorer(item.deflated_if_any()).headers(0x0a14, (20, 20), DOS).named(Flag::Never)
        }),
    ]
}

/// zipfldr.dll: everything needs 2.0.
fn explorer(entry: EntryPlan) -> EntryPlan {
    entry.headers(20, (20, 20), DOS)
}

/// As on Linux, from FAT; the flag only where the DOS code page does not hold the name.
fn seven_zip(entry: EntryPlan) -> EntryPlan {
    let needed = if entry.is_folder() { (20, 20) } else { (20, 10) };
    entry.headers(63, needed, DOS).named(Flag::NonAscii).extras(&[], &[ntfs_times()])
}

/// System.IO.Compression (ZipArchiveEntry.cs): no attributes.
fn dotnet(entry: EntryPlan) -> EntryPlan {
    entry.headers(20, (20, 20), BARE).named(Flag::NonAscii)
}

/// Entries that were there before keep their local headers; the directory is written anew, with its own versions and
/// rounded times.
fn dotnet_update(item: &Item) -> EntryPlan {
    let mut entry = dotnet(item.deflated_if_any());
    entry.local.needed = 10;
    entry.local.time = entry.central.time.wrapping_add(1);
    entry
}

/// WinZip until 11 (APPNOTE 4.6.9): the name in the DOS code page, and beside it in Unicode.
fn winzip(item: &Item) -> EntryPlan {
    let entry = item.smaller().headers(20, (20, 10), DOS).in_code_page();
    let path = path_if_needed(&entry, item);
    entry.extras(&path, &path)
}

/// The same, with the times of NTFS in the directory.
fn winrar(item: &Item) -> EntryPlan {
    let entry = item.smaller().headers(0x001f, (20, 10), DOS).in_code_page();
    let path = path_if_needed(&entry, item);
    let central = [path.clone(), vec![ntfs_times()]].concat();
    entry.extras(&path, &central)
}

/// Info-ZIP's port (win32/win32zip.c): host NTFS, times, and security descriptors of which it keeps the size in the
/// directory only.
fn info_zip(item: &Item) -> EntryPlan {
    let entry = item.smaller().headers(0x0b1e, (20, 10), DOS).in_code_page();
    let path = path_if_needed(&entry, item);
    let local = [vec![times(3, 2)], path.clone()].concat();
    let central = [vec![times(3, 1), field(0x4453, &[44, 0, 0, 0])], path].concat();
    entry.extras(&local, &central)
}

fn path_if_needed(entry: &EntryPlan, item: &Item) -> Vec<Vec<u8>> {
    if item.name.is_ascii() { Vec::new() } else { vec![unicode_path(&entry.central_name, item.name)] }
}
