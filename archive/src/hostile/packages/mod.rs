//! Learning packages: honest ones as authoring tools write them, and manifests made to mislead whoever opens them.
//! All are checked with scripts allowed, as in the formats `interactive` and `quiz`.

mod books;
mod cartridges;
mod cmi5;
mod h5p;
mod launches;
mod manifests;
mod scorm_1_2;
mod scorm_2004;
mod sites;

use crate::{
    findings::code::Code,
    hostile::{Case, archive, case, sample},
    packages::{Package, PackageKind},
};

/// One honest package and what must be recognised of it.
#[derive(Clone, Debug)]
pub struct Honest {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub expected: Package,
    /// The notes it gives reason for.
    pub notes: Vec<Code>,
}

/// Packages that must be accepted and named right.
pub fn honest() -> Vec<Honest> {
    [
        scorm_1_2::packages(),
        scorm_2004::packages(),
        cmi5::packages(),
        cartridges::packages(),
        h5p::packages(),
        books::packages(),
        sites::packages(),
    ]
    .concat()
}

/// Packages that must be refused with their code.
pub fn hostile() -> Vec<Case> {
    [manifests::cases(), launches::cases()].concat()
}

/// Packages in a nano whose format does not allow scripts: refused under the default options.
pub(crate) fn in_other_formats() -> Vec<Case> {
    let needs = |name, files: Files| case(name, files.pack(), Code::PackageNeedsScripts);
    vec![
        needs("a SCORM package in another format", scorm_1_2::golf("start.html")),
        needs("a cmi5 package in a folder, in another format", cmi5::in_folder()),
        needs("an H5P package in another format", h5p::multi_choice()),
        needs("an unpacked e-book in another format", books::sigil()),
    ]
}

/// The files of a package in the making.
#[derive(Clone, Default)]
pub(crate) struct Files(Vec<(String, Vec<u8>)>);

impl Files {
    pub(crate) fn with(mut self, name: impl Into<String>, content: impl AsRef<[u8]>) -> Self {
        self.0.push((name.into(), content.as_ref().to_vec()));
        self
    }

    /// A page for each of these names.
    pub(crate) fn pages(self, names: &[&str]) -> Self {
        names.iter().fold(self, |files, name| files.with(*name, sample::HTML))
    }

    /// Scripts, styles, pictures, fonts and data with content that fits their ending.
    pub(crate) fn parts(self, names: &[&str]) -> Self {
        names.iter().fold(self, |files, name| {
            let content: &[u8] = match name.rsplit('.').next().unwrap_or_default() {
                "js" => b"\"use strict\";\nvar API = null;\n",
                "css" => b"body { margin: 0 }\n",
                "json" => b"{\"a\": [1]}",
                "png" => sample::PNG,
                "bmp" => sample::BMP,
                "tif" | "tiff" => b"II*\0\x08\0\0\0\0\0\0\0\0\0",
                "glb" => b"glTF\x02\0\0\0\x1c\0\0\0\x08\0\0\0JSON{}      ",
                "gltf" => b"{\"asset\": {\"version\": \"2.0\"}}",
                "webvtt" => b"WEBVTT\n\n00:00.000 --> 00:01.000\nHallo\n",
                "jpg" => sample::JPEG,
                "svg" => b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
                "xml" => b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<data/>",
                "xsd" => b"<?xml version=\"1.0\"?>\n<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"/>",
                "dtd" => b"<!ELEMENT schema ANY>\n<!ATTLIST schema version CDATA #IMPLIED>\n",
                "woff" => b"wOFF\0\x01\0\0\0\0\0\0",
                "woff2" => b"wOF2\0\x01\0\0",
                "ttf" => b"\0\x01\0\0\0\x0a\0\x80",
                "otf" => b"OTTO\0\x0a\0\x80",
                "eot" => b"\x20\0\0\0\x10\0\0\0\x01\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0LP\0\0",
                "mp3" => b"ID3\x04\0\0\0\0\0\0\xff\xfb\x90\0",
                "mp4" => b"\0\0\0\x14ftypisom\0\0\x02\0isom\0\0\0\x08mdat",
                _ => sample::TEXT.as_bytes(),
            };
            files.with(*name, content)
        })
    }

    /// The same files in a folder.
    pub(crate) fn below(self, folder: &str) -> Self {
        Self(self.0.into_iter().map(|(name, content)| (format!("{folder}/{name}"), content)).collect())
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(other, _)| other != name);
        self
    }

    pub(crate) fn pack(&self) -> Vec<u8> {
        let files: Vec<(&str, &[u8])> = self.0.iter().map(|(name, content)| (name.as_str(), &content[..])).collect();
        archive(&files)
    }
}

/// What every package has: kind, edition, manifest, start page and title.
pub(crate) fn is(kind: PackageKind, version: &str, manifest: &str, start: &str, title: &str) -> Package {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Package {
        version: some(version),
        manifest: some(manifest),
        start_page: some(start),
        title: some(title),
        ..Package::new(kind)
    }
}

pub(crate) fn package(name: &'static str, files: Files, expected: Package) -> Honest {
    Honest { name, bytes: files.pack(), expected, notes: Vec::new() }
}

pub(crate) fn noted(name: &'static str, files: Files, expected: Package, notes: &[Code]) -> Honest {
    Honest { notes: notes.to_vec(), ..package(name, files, expected) }
}

pub(crate) fn refused(name: &'static str, files: Files, code: Code) -> Case {
    case(name, files.pack(), code)
}
