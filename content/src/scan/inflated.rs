//! What comes out of a PDF's compressed streams, past the rules: collected, since most streams are small, and looked at in
//! windows like everything else.

use crate::scan::{
    OVERLAP, WINDOW,
    finding::{self, Findings},
    rules::{Place, Rules},
};

pub struct Inflated<'a> {
    rules: Rules,
    place: Place<'a>,
    window: Vec<u8>,
    /// Bytes of the window that were looked at before.
    seen: usize,
    findings: Findings,
}

impl<'a> Inflated<'a> {
    /// `place`: where the PDF is; with a window other than 0, as this is not the beginning of a file.
    pub fn new(rules: Rules, place: Place<'a>) -> Self {
        Self { rules, place, window: Vec::new(), seen: 0, findings: Findings::default() }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.window.extend_from_slice(bytes);
        if self.window.len() >= WINDOW {
            self.look();
            self.window.drain(..self.window.len() - OVERLAP);
            self.seen = self.window.len();
        }
    }

    pub fn finish(mut self) -> Findings {
        if self.window.len() > self.seen {
            self.look();
        }
        self.findings
    }

    fn look(&mut self) {
        let (found, timed_out) = self.rules.scan(&self.window, self.place);
        found.into_iter().for_each(|finding| self.findings.insert(finding));
        if timed_out {
            self.findings.add(&finding::NOT_FULLY_SCANNED, self.place.entry, 1, None);
        }
    }
}
