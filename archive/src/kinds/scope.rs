//! The scope of a check: the upload itself, or a document inside it.

use crate::{
    findings::{code::Code, report::Finding},
    kinds::{
        kind::{ByName, Kind, by_name, extension},
        sniff::Expected,
    },
    limits::Options,
    packages,
};

/// Where an archive under check sits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// The document's name, itself with those it lies in; empty for the upload.
    path: String,
    /// The document's type; none for the upload.
    pub document: Option<Kind>,
    /// 0 for the upload.
    pub depth: u8,
}

impl Scope {
    /// The scope of a document in this one.
    pub(crate) fn document(&self, name: &str, kind: Kind) -> Self {
        Self { path: self.name(name), document: Some(kind), depth: self.depth + 1 }
    }

    fn name(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}!/{name}", self.path) }
    }

    /// Puts the document's name in front of the entry's. Nobody packs a document's parts by hand, so what is wrong with
    /// them as an archive is put right by the document's own program.
    pub(crate) fn apply(&self, mut finding: Finding) -> Finding {
        if self.path.is_empty() {
            return finding;
        }
        if finding.code <= Code::Setuid {
            finding = finding.hints(
                "Öffnen Sie das Dokument in seinem Programm, speichern Sie es neu und packen Sie das Archiv neu.",
                "Open the document in its program, save it again and pack the archive again.",
            );
        }
        let name = match &finding.entry {
            Some(entry) => self.name(entry),
            None => self.path.clone(),
        };
        finding.entry(&name)
    }

    /// What a file of this name must be, with what its name alone gives reason to say.
    /// `h5p`: it lies in an H5P package.
    pub(crate) fn expect(
        &self,
        name: &str,
        h5p: bool,
        options: &Options,
        found: &mut Vec<(Code, Option<String>)>,
    ) -> Expected {
        match self.document {
            None => self.expect_file(name, h5p, options, found),
            Some(kind) => self.expect_part(kind, name, options, found),
        }
    }

    fn expect_file(
        &self,
        name: &str,
        h5p: bool,
        options: &Options,
        found: &mut Vec<(Code, Option<String>)>,
    ) -> Expected {
        let code = match by_name(name) {
            ByName::Allowed(kind) => {
                if kind.needs_scripts() && !options.scripts_allowed {
                    found.push((Code::ScriptNotAllowed, None));
                }
                if kind.is_document() && self.depth >= options.limits.document_depth {
                    found.push((Code::NestedTooDeep, None));
                }
                return Expected::Kind(kind);
            }
            ByName::Archive => Code::NestedArchive,
            ByName::Program => Code::Program,
            ByName::Macro => Code::Macro,
            // What an unpacked e-book or an H5P package needs, in formats that allow learning packages.
            ByName::Unknown if let Some(kind) = packages::needs::kind(name, h5p) => {
                if !options.scripts_allowed {
                    found.push((Code::ScriptNotAllowed, None));
                }
                return Expected::Kind(kind);
            }
            ByName::Unknown => {
                found.push((Code::TypeNotAllowed, Some(format!(".{}", extension(name)))));
                // Its content may still tell more, such as that it is a program.
                return Expected::Part;
            }
        };
        found.push((code, None));
        Expected::Anything
    }

    fn expect_part(
        &self,
        kind: Kind,
        name: &str,
        options: &Options,
        found: &mut Vec<(Code, Option<String>)>,
    ) -> Expected {
        let lower = name.to_lowercase();
        if is_macro(&lower) {
            found.push((Code::Macro, None));
            return Expected::Anything;
        }
        if lower == "[content_types].xml" {
            return Expected::ContentTypes;
        }
        if lower == "mimetype" {
            return Expected::Mimetype(kind);
        }
        let code = match by_name(&lower) {
            ByName::Allowed(embedded) if embedded.is_document() => {
                if !lower.contains("embeddings/") {
                    Code::NestedArchive
                } else if self.depth >= options.limits.document_depth {
                    Code::NestedTooDeep
                } else {
                    return Expected::Kind(embedded);
                }
            }
            ByName::Allowed(Kind::Js | Kind::Wasm) if !options.scripts_allowed => Code::ScriptNotAllowed,
            // Program text of a lesson has no business in a document, whose parts have fixed names.
            ByName::Allowed(Kind::Source) if matches!(extension(&lower).as_str(), "py" | "sh") => Code::Program,
            ByName::Archive => Code::NestedArchive,
            // Printer settings and old embedded objects; their content is looked at.
            ByName::Program if lower.ends_with(".bin") => return Expected::Part,
            ByName::Program => Code::Program,
            ByName::Macro => Code::Macro,
            ByName::Allowed(_) | ByName::Unknown => return Expected::Part,
        };
        found.push((code, None));
        Expected::Anything
    }
}

/// Where Office keeps Visual Basic, Excel 4 macros and ActiveX, and OpenDocument its Basic and other scripts.
fn is_macro(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or_default();
    matches!(file, "vbaproject.bin" | "vbadata.xml" | "vbaprojectsignature.bin" | "attachedtoolbars.bin")
        || name.contains("/macrosheets/")
        || name.contains("/dialogsheets/")
        || (name.contains("/activex/") && file.ends_with(".bin"))
        || name.starts_with("basic/")
        || name.starts_with("scripts/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expect(scope: &Scope, name: &str) -> (Expected, Vec<Code>) {
        let mut found = Vec::new();
        let expected = scope.expect(name, false, &Options::default(), &mut found);
        (expected, found.into_iter().map(|(code, _)| code).collect())
    }

    #[test]
    fn files_and_parts() {
        let upload = Scope::default();
        assert_eq!(expect(&upload, "a.pdf"), (Expected::Kind(Kind::Pdf), vec![]));
        assert_eq!(expect(&upload, "a.js").1, [Code::ScriptNotAllowed]);
        assert_eq!(expect(&upload, "a.zip").1, [Code::NestedArchive]);
        assert_eq!(expect(&upload, "a.exe").1, [Code::Program]);
        assert_eq!(expect(&upload, "a.docm").1, [Code::Macro]);
        assert_eq!(expect(&upload, "README").1, [Code::TypeNotAllowed]);

        let deck = upload.document("deck.pptx", Kind::Pptx);
        assert_eq!(expect(&deck, "ppt/slides/slide1.xml"), (Expected::Part, vec![]));
        assert_eq!(expect(&deck, "ppt/embeddings/oleObject1.bin"), (Expected::Part, vec![]));
        let workbook = "ppt/embeddings/Microsoft_Excel_Sheet1.xlsx";
        assert_eq!(expect(&deck, workbook), (Expected::Kind(Kind::Xlsx), vec![]));
        assert_eq!(expect(&deck, "ppt/media/x.docx").1, [Code::NestedArchive]);
        assert_eq!(expect(&deck, "ppt/vbaProject.bin").1, [Code::Macro]);
        assert_eq!(expect(&deck, "ppt/embeddings/a.exe").1, [Code::Program]);

        let inner = deck.document(workbook, Kind::Xlsx);
        assert_eq!(expect(&inner, "xl/embeddings/a.xlsx").1, [Code::NestedTooDeep]);
        assert_eq!(
            inner.apply(Finding::new(Code::Macro).entry("xl/vbaProject.bin")).entry.unwrap(),
            format!("deck.pptx!/{workbook}!/xl/vbaProject.bin")
        );
    }
}
