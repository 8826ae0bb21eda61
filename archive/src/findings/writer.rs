//! The program that probably wrote an archive, by marks that are clear: so that no hint asks a person for what their
//! program did not do.

use crate::{
    findings::code::Code,
    format::{CentralHeader, u16_at},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    MacOs,
    SevenZip,
    InfoZip,
    Bsdtar,
    PowerShell,
    Jar,
}

impl Writer {
    /// What the directory's header of one entry tells. Most programs leave no clear mark.
    pub(crate) fn of(header: &CentralHeader, raw_name: &[u8], extra: &[u8]) -> Option<Self> {
        let version = header.made_by & 0xff;
        let first = (extra.len() >= 4).then(|| (u16_at(extra, 0), u16_at(extra, 2)));
        match (header.host(), version, first) {
            _ if raw_name.starts_with(b"__MACOSX/") => Some(Self::MacOs),
            (_, _, Some((0xcafe, 0))) => Some(Self::Jar),
            (0, _, None) if raw_name.contains(&b'\\') => Some(Self::PowerShell),
            (3, 21, _) => Some(Self::MacOs),
            (3, 30, _) => Some(Self::InfoZip),
            (0 | 3, 63, Some((0x000a, 32))) => Some(Self::SevenZip),
            (3, 10 | 20, Some((0x5455, 13))) => Some(Self::Bsdtar),
            _ => None,
        }
    }

    /// What to do with this program, in German and in English, where the catalogue's advice is too general or wrong.
    pub(crate) fn cures(self, code: Code) -> Option<(&'static str, &'static str)> {
        use Code::*;
        Some(match (self, code) {
            (Self::InfoZip, Zip64 | TrailingData | DescriptorInvalid) => (
                "Vermutlich hat Info-ZIP (zip) in oder aus einer Pipe gepackt. Packen Sie aus Dateien in eine Datei: zip -r material.zip ordner.",
                "Probably Info-ZIP (zip) packed into or from a pipe. Pack files into a file: zip -r material.zip folder.",
            ),
            (Self::Bsdtar, TrailingData) => (
                "Vermutlich hat bsdtar in eine Pipe gepackt und dabei aufgefüllt. Packen Sie in eine Datei: bsdtar --format zip -cf material.zip *",
                "Probably bsdtar packed into a pipe, which it fills up. Pack into a file: bsdtar --format zip -cf material.zip *",
            ),
            (Self::Bsdtar, PathSegment) => (
                "Vermutlich hat bsdtar den Ordner \".\" gepackt. Nennen Sie die Dateien: bsdtar --format zip -cf material.zip *",
                "Probably bsdtar packed the folder \".\". Name the files: bsdtar --format zip -cf material.zip *",
            ),
            (Self::SevenZip, MethodUnsupported | VersionUnsupported | Encrypted) => (
                "Vermutlich hat 7-Zip gepackt. Wählen Sie dort das Archivformat \"zip\", das Verfahren \"Deflate\" und kein Kennwort.",
                "Probably 7-Zip packed it. Choose the archive format \"zip\", the method \"Deflate\" and no password there.",
            ),
            (Self::PowerShell, NameBackslash) => (
                "Vermutlich hat Compress-Archive der Windows PowerShell 5.1 gepackt. Nehmen Sie den Explorer (Senden an: ZIP-komprimierter Ordner) oder PowerShell 7.",
                "Probably Compress-Archive of Windows PowerShell 5.1 packed it. Use the Explorer (Send to: Compressed folder) or PowerShell 7.",
            ),
            (Self::Jar, TypeNotAllowed) => (
                "Vermutlich hat jar gepackt und sein Manifest dazugelegt. Packen Sie mit jar --create --no-manifest, und lassen Sie Dateien anderer Arten weg.",
                "Probably jar packed it and added its manifest. Pack with jar --create --no-manifest, and leave out files of other types.",
            ),
            (
                Self::MacOs,
                HeaderMismatch | HiddenData | PrependedData | TrailingData | EntriesOverlap | EntriesOutOfOrder
                | ExtraMalformed,
            ) => (
                "Das Archiv kam vermutlich vom Finder und wurde danach verändert. Komprimieren Sie den Ordner im Finder neu, und laden Sie das neue Archiv unverändert hoch.",
                "The archive probably came from the Finder and was changed afterwards. Compress the folder in the Finder again, and upload the new archive as it is.",
            ),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks() {
        let header = |made_by| CentralHeader { made_by, ..CentralHeader::default() };
        let time = b"UT\x0d\0\x07aaaabbbbcccc";
        for (made_by, name, extra, writer) in [
            (0x0315, &b"a.txt"[..], &b""[..], Some(Writer::MacOs)),
            (0x0314, b"__MACOSX/._a", b"", Some(Writer::MacOs)),
            (0x031e, b"a.txt", b"UT\x05\0\x03abcd", Some(Writer::InfoZip)),
            (0x0314, b"a.txt", time, Some(Writer::Bsdtar)),
            (0x0014, b"a\\b.txt", b"", Some(Writer::PowerShell)),
            (0x0014, b"a.txt", b"\xfe\xca\0\0", Some(Writer::Jar)),
            (0x0014, b"a.txt", b"", None),
            (0x0314, b"a.txt", b"", None),
        ] {
            assert_eq!(Writer::of(&header(made_by), name, extra), writer, "{made_by:04x} {name:?}");
        }
    }
}
