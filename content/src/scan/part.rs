//! One XML part of an office document: fields that start programs, actions of slides, relationships to the outside.
//!
//! ECMA-376: fields (17.16), DDE links (18.14.3), hyperlink actions (21.1.2.3.5), relationships (part 2, 6.5).
//! OpenDocument 1.3, part 3: DDE sources and formulas (14.6, 19.642).

use crate::{
    html::Token,
    scan::finding::{self, Findings, Rule},
};

/// A field's instruction is kept up to this many bytes.
const FIELD_MAX: usize = 4 << 10;

/// A part on its way, token by token.
#[derive(Debug)]
pub struct Part<'a> {
    entry: &'a str,
    is_relationships: bool,
    /// Text of the field that is open, over all its runs; inside an element that holds some.
    field: String,
    in_field: bool,
    in_formula: bool,
    /// Addresses of the outside.
    pub links: String,
    pub findings: Findings,
}

impl<'a> Part<'a> {
    pub fn new(entry: &'a str) -> Self {
        let is_relationships = entry.ends_with(".rels");
        Self {
            entry,
            is_relationships,
            field: String::new(),
            in_field: false,
            in_formula: false,
            links: String::new(),
            findings: Findings::default(),
        }
    }

    pub fn token(&mut self, token: &Token) {
        match token {
            Token::Start { name, attributes, .. } => self.element(local(name), attributes),
            Token::End { name } => match local(name) {
                "instrtext" => self.in_field = false,
                "p" => self.end_field(),
                "f" => {
                    self.end_formula();
                    self.in_formula = false;
                }
                _ => {}
            },
            Token::Text { text, .. } if self.in_field || self.in_formula => {
                let room = FIELD_MAX.saturating_sub(self.field.len());
                self.field.push_str(&text[..text.floor_char_boundary(room)]);
            }
            Token::Text { .. } | Token::Raw { .. } => {}
        }
    }

    fn element(&mut self, name: &str, attributes: &[(String, String)]) {
        let value = |key: &str| {
            attributes.iter().find(|(known, _)| local(known) == key).map_or("", |(_, value)| value.as_str())
        };
        match name {
            "relationship" if self.is_relationships => {
                self.relationship(value("type"), value("target"), value("targetmode"));
            }
            "instrtext" => self.in_field = true,
            "fldchar" => self.end_field(),
            "fldsimple" => {
                self.field = value("instr").to_owned();
                self.end_field();
            }
            "f" => self.in_formula = true,
            "ddelink" | "dde-source" | "dde-connection" | "dde-connection-decl" => self.add(&finding::OFFICE_DDE),
            _ => {}
        }
        for (key, value) in attributes {
            match local(key) {
                "action" if is_program_action(value) => self.add(&finding::OFFICE_PROGRAM_ACTION),
                "formula" if is_dde_formula(value) => self.add(&finding::OFFICE_DDE),
                "href" if !self.is_relationships => self.link(value),
                _ => {}
            }
        }
    }

    fn relationship(&mut self, kind: &str, target: &str, mode: &str) {
        if !mode.eq_ignore_ascii_case("external") {
            return;
        }
        self.link(target);
        let kind = kind.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        if !is_remote(target) {
            return;
        }
        match kind.as_str() {
            "attachedtemplate" => self.add(&finding::OFFICE_REMOTE_TEMPLATE),
            "oleobject" | "subdocument" | "frame" => self.add(&finding::OFFICE_REMOTE_OBJECT),
            _ => {}
        }
    }

    fn link(&mut self, target: &str) {
        self.links.push_str(target);
        self.links.push('\n');
    }

    fn end_field(&mut self) {
        self.in_field = false;
        let field = std::mem::take(&mut self.field);
        let mut words = field.split_whitespace();
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        match first.to_ascii_uppercase().as_str() {
            "DDE" | "DDEAUTO" => self.add(&finding::OFFICE_DDE),
            // The name that templates give to a button which only asks for a click.
            "MACROBUTTON" if !second.to_ascii_lowercase().starts_with("no") => self.add(&finding::OFFICE_MACRO_BUTTON),
            _ => {}
        }
    }

    fn end_formula(&mut self) {
        let formula = std::mem::take(&mut self.field);
        if is_dde_formula(&formula) {
            self.add(&finding::OFFICE_DDE);
        }
    }

    fn add(&mut self, rule: &Rule) {
        self.findings.add(rule, self.entry, 1, None);
    }
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn is_program_action(action: &str) -> bool {
    let action = action.trim().to_ascii_lowercase();
    action.starts_with("ppaction://program") || action.starts_with("ppaction://macro")
}

/// `DDE("soffice"; …)` in OpenDocument; `cmd|'/c calc'!A1` in workbooks.
fn is_dde_formula(formula: &str) -> bool {
    let formula = formula.to_ascii_lowercase();
    let calls = formula.match_indices("dde(").any(|(at, _)| !formula[..at].ends_with(|c: char| c.is_alphanumeric()));
    let program = formula.trim_start_matches(['=', '+', '-', '@', ' ']);
    let names_program = ["cmd", "powershell", "mshta", "rundll32", "wscript", "cscript", "regsvr32"]
        .iter()
        .any(|name| program.strip_prefix(name).is_some_and(|rest| rest.trim_start_matches(".exe").starts_with('|')));
    calls || names_program
}

/// An address on another machine.
fn is_remote(target: &str) -> bool {
    let target = target.trim().to_ascii_lowercase().replace('\\', "/");
    let target = target.strip_prefix("mhtml:").unwrap_or(&target);
    match target.strip_prefix("file:") {
        // `file:///C:/x` is on this machine, `file://host/x` and `file://///host/x` are not.
        Some(rest) => {
            let slashes = rest.len() - rest.trim_start_matches('/').len();
            slashes == 2 && !rest.starts_with("//localhost/") || slashes > 3
        }
        None => ["http:", "https:", "ftp:", "//"].iter().any(|scheme| target.starts_with(scheme)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::{Syntax, tokens};

    fn read(entry: &str, xml: &str) -> (Vec<String>, String) {
        let mut part = Part::new(entry);
        tokens(xml, Syntax::Xml).for_each(|token| part.token(&token));
        (part.findings.into_sorted(9).0.into_iter().map(|finding| finding.rule).collect(), part.links)
    }

    fn rules(xml: &str) -> Vec<String> {
        read("a.docx!word/document.xml", xml).0
    }

    #[test]
    fn fields_are_read_over_all_their_runs() {
        for xml in [
            "<w:instrText xml:space='preserve'> DDEAUTO c:\\\\x </w:instrText><w:fldChar w:fldCharType='end'/>",
            "<w:fldChar/><w:instrText>DD</w:instrText><w:r/><w:instrText>E excel x</w:instrText><w:fldChar/>",
            "<w:p><w:instrText>dde excel</w:instrText></w:p>",
            "<w:fldSimple w:instr=' DDE cmd \"/c calc\" '/>",
            "<x:ddeLink ddeService='cmd'/>",
            "<f>cmd|'/C calc'!A0</f>",
            "<table:table-cell table:formula='of:=DDE(\"soffice\";\"x\")'/>",
            "<text:dde-connection-decl office:dde-topic='x'/>",
        ] {
            assert_eq!(rules(xml), ["office_dde"], "{xml}");
        }
        assert_eq!(rules("<w:fldSimple w:instr='MACROBUTTON Start Hier'/>"), ["office_macro_button"]);
        for honest in [
            "<w:instrText>PAGE \\* MERGEFORMAT</w:instrText><w:fldChar/>",
            "<w:instrText>HYPERLINK \"https://a.b\"</w:instrText><w:fldChar/>",
            "<w:fldSimple w:instr='MACROBUTTON NoMacro [Name]'/>",
            "<w:t>DDE ist alt. DDEAUTO auch.</w:t>",
            "<f>SUM(A1:A3)</f>",
            "<c table:formula='of:=ADDE(1)'/>",
        ] {
            assert_eq!(rules(honest), Vec::<String>::new(), "{honest}");
        }
    }

    #[test]
    fn actions_that_start_something() {
        for action in ["ppaction://program", "PPACTION://Program?x", "ppaction://macro?name=x"] {
            assert_eq!(rules(&format!("<a:hlinkClick r:id='' action='{action}'/>")), ["office_program_action"]);
        }
        assert_eq!(rules("<a:hlinkClick action='ppaction://hlinksldjump'/>"), Vec::<String>::new());
    }

    #[test]
    fn relationships_to_the_outside() {
        let read = |kind: &str, target: &str, mode: &str| {
            let xml = format!(
                "<Relationships><Relationship Id='r1' Type='http://s/relationships/{kind}' Target='{target}' TargetMode='{mode}'/></Relationships>"
            );
            read("a.docx!word/_rels/settings.xml.rels", &xml)
        };
        for target in
            ["https://a.net/x.dotm", "\\\\host\\x.dotm", "file://host/x", "file:///\\host\\x", "ftp://a.net/x"]
        {
            assert_eq!(read("attachedTemplate", target, "External").0, ["office_remote_template"], "{target}");
        }
        assert_eq!(read("oleObject", "https://a.net/x", "External").0, ["office_remote_object"]);
        for (kind, target) in [
            ("attachedTemplate", "file:///C:\\Vorlagen\\Normal.dotm"),
            ("attachedTemplate", "Normal.dotm"),
            ("hyperlink", "https://de.wikipedia.org/"),
            ("image", "https://a.net/x.png"),
        ] {
            assert_eq!(read(kind, target, "External"), (Vec::new(), format!("{target}\n")));
        }
        assert_eq!(read("slide", "slides/slide1.xml", "Internal"), (Vec::new(), String::new()));
    }
}
