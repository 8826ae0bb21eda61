//! What the readers of all package kinds share: the files, reading one of them, and the findings.

use roxmltree::Document;

use crate::{
    findings::{code::Code, report::Finding},
    packages::{
        Read,
        bounds::{EXAMPLES, MANIFEST_BYTES, REFERENCES},
        files::Files,
        package::Package,
        reference::{Base, Reference, Target, resolve},
        xml,
    },
};

/// The search for a package in one folder of the archive.
pub(crate) struct Search<'a> {
    pub files: &'a Files<'a>,
    /// The folder, empty or with its `/`.
    pub root: &'a str,
    pub read: &'a mut Read<'a>,
    pub findings: Vec<Finding>,
    missing: Vec<String>,
    missing_count: usize,
    listed: usize,
}

/// A finding that ends the reading of a package; in a box, since it is much larger than what is read.
pub(crate) type Problem = Box<Finding>;

/// A finding about an entry.
pub(crate) fn about(code: Code, entry: &str, detail: impl Into<String>) -> Problem {
    let detail = detail.into();
    let finding = Finding::new(code).entry(entry);
    Box::new(if detail.is_empty() { finding } else { finding.detail(detail) })
}

impl<'a> Search<'a> {
    pub(crate) fn new(files: &'a Files<'a>, root: &'a str, read: &'a mut Read<'a>) -> Self {
        Self { files, root, read, findings: Vec::new(), missing: Vec::new(), missing_count: 0, listed: 0 }
    }

    /// The first `most` bytes of an entry.
    pub(crate) fn content(&mut self, entry: &str, most: usize) -> Option<Vec<u8>> {
        let mut bytes = (self.read)(entry, most)?;
        bytes.truncate(most);
        Some(bytes)
    }

    /// The text of an XML file.
    pub(crate) fn xml_text(&mut self, entry: &str) -> Result<String, Problem> {
        let bytes = self
            .content(entry, MANIFEST_BYTES + 1)
            .ok_or_else(|| about(Code::PackageManifestUnreadable, entry, "content"))?;
        let text = xml::decode(&bytes).map_err(|(code, detail)| about(code, entry, detail))?;
        Ok(text.into_owned())
    }

    /// Follows a reference from the package's folder.
    pub(crate) fn resolve(&self, base: &Base, href: &str) -> Reference {
        resolve(self.files, self.root, base, href)
    }

    /// The start page, or why there is none.
    pub(crate) fn start(&self, manifest: &str, reference: Reference, href: &str) -> Result<Target, Problem> {
        let missing = |detail: String| Err(about(Code::PackageStartMissing, manifest, detail));
        match reference {
            Reference::Found(target) => Ok(target),
            Reference::Missing(name) => missing(match self.files.other_case(&name) {
                Some(there) => format!("{name}; there is {there}"),
                None => name,
            }),
            Reference::Folder(name) => missing(format!("{name}: a folder")),
            Reference::Empty => Err(about(Code::PackageNoStart, manifest, "")),
            reference => Err(self
                .launch_problem(manifest, &reference, href)
                .unwrap_or_else(|| about(Code::PackageNoStart, manifest, href))),
        }
    }

    /// Why this page must not be launched from a package.
    pub(crate) fn launch_problem(&self, manifest: &str, reference: &Reference, href: &str) -> Option<Problem> {
        let code = match reference {
            Reference::Outside => Code::PackageStartOutside,
            Reference::Remote => Code::PackageStartRemote,
            _ => return None,
        };
        Some(about(code, manifest, href))
    }

    /// A file that the manifest lists. One outside refuses the package; a missing one is noted with all others.
    pub(crate) fn listed(&mut self, manifest: &str, reference: Reference, href: &str) -> Result<(), Problem> {
        self.listed += 1;
        if self.listed > REFERENCES {
            return Err(about(Code::PackageManifestTooLarge, manifest, format!("more than {REFERENCES} files listed")));
        }
        match reference {
            Reference::Outside => Err(about(Code::PackageFileOutside, manifest, href)),
            Reference::Missing(name) => {
                if self.missing_count < EXAMPLES {
                    self.missing.push(name);
                }
                self.missing_count += 1;
                Ok(())
            }
            // What lies elsewhere is not the archive's, and a folder or nothing is no file.
            Reference::Found(_) | Reference::Folder(_) | Reference::Remote | Reference::Empty => Ok(()),
        }
    }

    /// Notes the files that are listed and missing.
    pub(crate) fn note_missing(&mut self, manifest: &str) {
        if self.missing_count > 0 {
            let detail = format!("{}: {}", self.missing_count, self.missing.join(", "));
            self.findings.push(*about(Code::PackageFileMissing, manifest, detail));
        }
    }
}

impl Package {
    pub(crate) fn starts_at(&mut self, target: Target) {
        self.start_page = Some(target.entry);
        self.start_query = target.query;
        self.start_fragment = target.fragment;
    }
}

/// The tree of an XML file; `text` is what [`Search::xml_text`] gave.
pub(crate) fn tree<'t>(entry: &str, text: &'t str) -> Result<Document<'t>, Problem> {
    xml::parse(text).map_err(|(code, detail)| about(code, entry, detail))
}
