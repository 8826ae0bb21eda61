//! What learning packages need beyond the types of every nano, and telling a creator so who chose another format.

use crate::{
    findings::{
        code::Code,
        report::{Finding, Findings},
    },
    kinds::kind::{Kind, extension},
    packages::{epub, files::Files},
};

/// Types that only learning packages have: the parts of an unpacked e-book and, when the package is one of H5P, what its
/// core lets it hold (`H5PCore::$defaultContentWhitelist`), but for what some program could run: `doc xls ppt rtf swf`.
pub(crate) fn kind(name: &str, h5p: bool) -> Option<Kind> {
    if name.rsplit('/').next() == Some("mimetype") {
        return Some(Kind::Txt);
    }
    match extension(name).as_str() {
        "xhtml" => Some(Kind::Html),
        "opf" | "ncx" | "smil" => Some(Kind::Xml),
        _ if !h5p => None,
        "bmp" => Some(Kind::Bmp),
        "tif" | "tiff" => Some(Kind::Tiff),
        "glb" => Some(Kind::Glb),
        "gltf" => Some(Kind::Json),
        "webvtt" => Some(Kind::Vtt),
        "diff" | "patch" | "textile" => Some(Kind::Txt),
        _ => None,
    }
}

/// A name that is the manifest of an H5P package, at the top or in a folder there.
pub(crate) fn is_h5p(raw_name: &[u8]) -> bool {
    let folder = raw_name.strip_suffix(H5P.as_bytes());
    folder.is_some_and(|folder| folder.is_empty() || memchr::memchr(b'/', folder) == Some(folder.len() - 1))
}

pub(crate) const H5P: &str = "h5p.json";

/// The files by which packages are recognised, and the names their makers know them by.
const PACKAGES: [(&str, &str); 4] =
    [("imsmanifest.xml", "SCORM, Common Cartridge"), ("cmi5.xml", "cmi5"), (H5P, "H5P"), (epub::CONTAINER, "EPUB")];

/// Instead of one finding for each script of a package: one that names the format it needs. `names` are those of the
/// directory; nothing has been read yet.
pub(crate) fn explain<'n>(names: impl IntoIterator<Item = &'n str>, findings: &mut Findings) {
    let files = Files::new(names);
    let roots = ["", files.only_folder().unwrap_or_default()];
    let found = PACKAGES.iter().find_map(|(file, standard)| {
        let name = roots.iter().map(|root| format!("{root}{file}")).find(|name| files.has(name))?;
        Some((name, *standard))
    });
    if let Some((name, standard)) = found {
        findings.replace(Code::ScriptNotAllowed, Finding::new(Code::PackageNeedsScripts).entry(&name).detail(standard));
    }
}
