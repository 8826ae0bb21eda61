//! What a limit's finding says with the limit's number in it.

use crate::{findings::code::Code, limits::Limits};

/// The cause in German and in English, for the codes that are about a limit.
pub(crate) fn causes(code: Code, limits: &Limits) -> Option<(String, String)> {
    let most = |number: u64| (grouped(number, '.'), grouped(number, ','));
    let said = |(de, en): (String, String), german: &str, english: &str| {
        Some((german.replace("{}", &de), english.replace("{}", &en)))
    };
    let size = |bytes: u64| (bytes_of(bytes, ','), bytes_of(bytes, '.'));
    match code {
        Code::UploadTooLarge => said(
            size(limits.upload),
            "Die hochgeladene Datei ist größer als {}.",
            "The uploaded file is larger than {}.",
        ),
        Code::TooManyEntries => said(
            most(limits.entries),
            "Das Archiv enthält mehr als {} Einträge (Dateien, Ordner und die Teile von Office-Dokumenten).",
            "The archive holds more than {} entries (files, folders and the parts of office documents).",
        ),
        Code::EntryTooLarge => said(
            size(limits.entry),
            "Eine Datei ist entpackt größer als {}.",
            "One file is larger than {} when unpacked.",
        ),
        Code::ExpandedTooLarge => said(
            size(limits.expanded),
            "Alle Dateien zusammen sind entpackt größer als {}.",
            "All files together are larger than {} when unpacked.",
        ),
        Code::DirectoryTooLarge => said(
            size(limits.directory),
            "Das Inhaltsverzeichnis des Archivs ist größer als {}.",
            "The archive's table of contents is larger than {}.",
        ),
        Code::PathTooLong => {
            let (path, segment) = (limits.path, limits.segment);
            Some((
                format!("Der Pfad hat mehr als {path} Zeichen, oder ein Name darin mehr als {segment} Byte."),
                format!("The path has more than {path} characters, or a name in it more than {segment} bytes."),
            ))
        }
        Code::PathTooDeep => {
            let depth = limits.depth;
            Some((
                format!("Es liegen mehr als {depth} Ordner ineinander."),
                format!("More than {depth} folders lie within each other."),
            ))
        }
        Code::ZipBombRatio => {
            let (one, all) = (limits.entry_ratio, limits.ratio);
            Some((
                format!(
                    "Der Inhalt wächst beim Entpacken auf mehr als das {one}fache (alle Dateien zusammen: das {all}fache)."
                ),
                format!(
                    "The content expands to more than {one} times its packed size ({all} times for all files together)."
                ),
            ))
        }
        _ => None,
    }
}

/// Digits in groups of three.
fn grouped(number: u64, separator: char) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(digit);
    }
    out
}

/// A size in the largest unit that leaves at least one of it, with one decimal where there is one.
fn bytes_of(bytes: u64, decimal: char) -> String {
    let (unit, name) = match bytes {
        0..1_024 => return format!("{bytes} B"),
        1_024..1_048_576 => (1 << 10, "KiB"),
        1_048_576..1_073_741_824 => (1 << 20, "MiB"),
        _ => (1u64 << 30, "GiB"),
    };
    match bytes % unit * 10 / unit {
        0 => format!("{} {name}", bytes / unit),
        tenth => format!("{}{decimal}{tenth} {name}", bytes / unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(grouped(5_000, ','), "5,000");
        assert_eq!((grouped(12, ','), grouped(1_234_567, '.')), ("12".into(), "1.234.567".into()));
        assert_eq!(bytes_of(1 << 30, '.'), "1 GiB");
        assert_eq!((bytes_of(3 << 19, ','), bytes_of(100, '.')), ("1,5 MiB".into(), "100 B".into()));
        let (de, en) = causes(Code::TooManyEntries, &Limits::default()).unwrap();
        assert!(de.contains("mehr als 5.000 Einträge") && en.contains("more than 5,000 entries"));
        assert_eq!(causes(Code::Program, &Limits::default()), None);
    }
}
