//! Active content in PDF files: JavaScript, launched programs, embedded files, forms, media.

use crate::{
    pdf::stream::PdfFacts,
    scan::finding::{self, Findings},
};

/// Turns what was seen in the bytes into findings.
pub fn inspect(entry: &str, facts: &PdfFacts, findings: &mut Findings) {
    for (rule, names) in [
        (&finding::PDF_JAVASCRIPT, &["JavaScript"][..]),
        (&finding::PDF_LAUNCH, &["Launch"]),
        (&finding::PDF_EMBEDDED_FILE, &["EmbeddedFile", "EmbeddedFiles", "GoToE"]),
        (&finding::PDF_FORM, &["SubmitForm", "ImportData", "XFA"]),
        (&finding::PDF_MEDIA, &["RichMedia"]),
        (&finding::PDF_ENCRYPTED, &["Encrypt"]),
    ] {
        if let Some(name) = names.iter().find(|name| facts.names.contains(**name)) {
            findings.add(rule, entry, 1, Some(format!("/{name}")));
        }
    }
    if facts.excessive {
        findings.add(&finding::NOT_FULLY_SCANNED, entry, 1, None);
    }
    // In an encrypted PDF all object streams are opaque; one finding says so already.
    if facts.opaque > 0 && !facts.names.contains("Encrypt") {
        findings.add(&finding::PDF_OPAQUE, entry, facts.opaque as u32, None);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::pdf::tests::pdf_of;

    fn rules(pdf: Vec<u8>) -> Vec<String> {
        let facts = crate::pdf::stream::inspect(Cursor::new(pdf), &mut |_| {}, &|| false).unwrap();
        let mut findings = Findings::default();
        inspect("a.pdf", &facts, &mut findings);
        findings.into_sorted(99).0.into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn active_content_is_found() {
        assert_eq!(rules(pdf_of(&["Hallo"], "")), Vec::<String>::new());
        assert_eq!(
            rules(pdf_of(&["x"], "/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>")),
            ["pdf_javascript"]
        );
        assert_eq!(rules(pdf_of(&["x"], "/OpenAction << /S /Launch /F (cmd.exe) >>")), ["pdf_launch"]);
        assert_eq!(rules(pdf_of(&["x"], "/Names << /EmbeddedFiles 9 0 R >>")), ["pdf_embedded_file"]);
        assert_eq!(rules(pdf_of(&["x"], "/AA << /C << /S /SubmitForm >> >>")), ["pdf_form"]);
        assert_eq!(rules(pdf_of(&["x"], "/Encrypt 9 0 R")), ["pdf_encrypted"]);
    }
}
