//! Learning packages: SCORM, cmi5, Common Cartridge, H5P, EPUB and plain sites, recognised by their manifest in an
//! archive whose content was accepted.
//!
//! [`recognise`] is pure: it is given the entries' names and a way to read one of them. What a manifest may cost and
//! how much of it is kept stands in [`bounds`]; where its references may lead, in `reference`; that its XML has no
//! entities and refers to nothing, in `xml`.

pub mod bounds;
mod cmi5;
mod common_cartridge;
mod content_package;
mod epub;
mod files;
mod h5p;
mod lom;
pub(crate) mod needs;
mod package;
mod reference;
mod scorm;
mod search;
mod site;
mod words;
mod xml;

use crate::{
    findings::{code::Code, report::Finding},
    kinds::kind::extension,
};
use bounds::{BOOK_BYTES, EXAMPLES};
use files::Files;
use search::{Problem, Search, about, tree};

pub use package::{Package, PackageKind};

/// Gives the first bytes of an entry, at most as many as asked for; None when they cannot be read.
pub type Read<'a> = dyn FnMut(&str, usize) -> Option<Vec<u8>> + 'a;

/// What was recognised, and what is wrong with it or worth a note.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recognition {
    pub package: Option<Package>,
    pub findings: Vec<Finding>,
}

/// The files by which packages are recognised, in the order in which they are looked for. Some programs write several;
/// platforms prefer SCORM's.
const MANIFESTS: [&str; 4] = ["imsmanifest.xml", "cmi5.xml", "h5p.json", epub::CONTAINER];

/// Recognises the package in an archive of accepted entries with these names (files only), at the top or in the only
/// folder there. A package that is dangerous or cannot be started has a finding that refuses it.
pub fn recognise<'n>(names: impl IntoIterator<Item = &'n str>, read: &mut Read<'_>) -> Recognition {
    let files = Files::new(names);
    let mut out = Recognition::default();
    let mut single = files.iter();
    if let (Some(only), None) = (single.next(), single.next())
        && extension(only) == "epub"
    {
        let bytes = read(only, BOOK_BYTES + 1).unwrap_or_default();
        out.package = Some(epub::single(only, &bytes));
        return out;
    }
    let folder = files.only_folder();
    for root in ["", folder.unwrap_or_default()] {
        let mut search = Search::new(&files, root, &mut *read);
        let outcome = in_folder(&mut search);
        out.findings.append(&mut search.findings);
        match outcome {
            Ok(None) => {}
            Ok(Some(package)) => {
                if !root.is_empty() {
                    out.findings.push(Finding::new(Code::PackageInFolder).entry(root));
                }
                out.package = Some(package);
                break;
            }
            Err(problem) => {
                out.findings.push(*problem);
                return out;
            }
        }
        if root.is_empty() && folder.is_none() {
            break;
        }
    }
    deeper(&files, &mut out);
    out
}

/// The package in one folder. None when there is none; a finding when it is one and cannot be accepted.
fn in_folder(search: &mut Search<'_>) -> Result<Option<Package>, Problem> {
    for manifest in MANIFESTS {
        let entry = format!("{}{manifest}", search.root);
        if !search.files.has(&entry) {
            continue;
        }
        let package = match manifest {
            "imsmanifest.xml" => content_package(search, &entry)?,
            "cmi5.xml" => Some(cmi5::read(search, &entry)?),
            "h5p.json" => Some(h5p::read(search, &entry)?),
            _ => Some(epub::read(search, &entry)?),
        };
        if package.is_some() {
            search.note_missing(&entry);
            return Ok(package);
        }
    }
    Ok(site::read(search))
}

/// An `imsmanifest.xml`: of SCORM, of a cartridge, or of something else that IMS packs.
fn content_package(search: &mut Search<'_>, entry: &str) -> Result<Option<Package>, Problem> {
    let text = search.xml_text(entry)?;
    let document = tree(entry, &text)?;
    let manifest = document.root_element();
    if !xml::is(manifest, "manifest") {
        return Err(about(Code::PackageManifestUnreadable, entry, format!("<{}>", manifest.tag_name().name())));
    }
    if let Some(version) = common_cartridge::version(manifest) {
        return common_cartridge::read(search, entry, manifest, version).map(Some);
    }
    if let Some(kind) = scorm::kind(manifest) {
        return scorm::read(search, entry, manifest, kind).map(Some);
    }
    search.findings.push(*about(Code::PackageNotRecognised, entry, ""));
    Ok(None)
}

/// Packages in folders where they are not looked for: several leave open which one is meant.
fn deeper(files: &Files<'_>, out: &mut Recognition) {
    if out.package.as_ref().is_some_and(|package| package.kind != PackageKind::Site) {
        return;
    }
    let known = ["", files.only_folder().unwrap_or_default()];
    let lower = |name: &&str| {
        MANIFESTS[..3].iter().any(|manifest| {
            name.strip_suffix(manifest).is_some_and(|folder| folder.ends_with('/') && !known.contains(&folder))
        })
    };
    let found: Vec<&str> = files.iter().filter(lower).take(EXAMPLES).collect();
    let Some(first) = found.first() else {
        return;
    };
    let several = found.len() > 1 && out.package.is_none();
    let code = if several { Code::PackageAmbiguous } else { Code::PackageMisplaced };
    out.findings.push(*about(code, first, found[1..].join(", ")));
}
