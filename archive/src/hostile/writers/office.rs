//! Office documents as programs other than Office pack them.

use crate::{
    format::FLAG_UTF8,
    hostile::{
        plan::{EntryPlan, Plan},
        sample::{self, PNG},
    },
};

/// A document in an archive that must pass.
#[derive(Clone, Debug)]
pub struct Office {
    pub writer: &'static str,
    pub bytes: Vec<u8>,
}

pub fn office() -> Vec<Office> {
    let made = |writer, name: &str, document: &[u8]| Office {
        writer,
        bytes: Plan::of([EntryPlan::deflated(name, document)]).build(),
    };
    vec![
        made("SheetJS", "tabelle.xlsx", &sheet_js()),
        made("SheetJS, names with the flag in one header", "tabelle.xlsx", &flag_in_one_header()),
        made("Apache POI SXSSF", "tabelle.xlsx", &streamed_workbook()),
        made("parts in another order", "brief.docx", &reordered()),
        made("a line end behind the document", "brief.docx", &[&sample::docx([])[..], b"\r\n"].concat()),
        made("zeros behind the document", "brief.docx", &[&sample::docx([])[..], &[0; 512]].concat()),
        made("speed of the packer in one header", "brief.docx", &speed_in_one_header()),
        made("LibreOffice", "text.odt", &sample::odt([EntryPlan::deflated("Pictures/1.png", PNG).with_descriptor()])),
    ]
}

/// The list of types that SheetJS 0.18 writes into every workbook, shortened: `bin` is listed, and no part has it.
const SHEET_JS_TYPES: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\
    <Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
    <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
    <Default Extension=\"bin\" ContentType=\"application/vnd.ms-excel.sheet.binary.macroEnabled.main\"/>\
    <Default Extension=\"vml\" ContentType=\"application/vnd.openxmlformats-officedocument.vmlDrawing\"/>\
    <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
    <Override PartName=\"/xl/workbook.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/>\
    </Types>";

fn sheet_js() -> Vec<u8> {
    let mut plan = Plan::of([
        EntryPlan::stored("xl/workbook.xml", b"<workbook/>"),
        EntryPlan::stored("xl/worksheets/sheet1.xml", b"<worksheet/>"),
        EntryPlan::stored("[Content_Types].xml", SHEET_JS_TYPES.as_bytes()),
        EntryPlan::stored("_rels/.rels", b"<Relationships/>"),
    ]);
    for entry in &mut plan.entries {
        entry.central.made_by = 0;
        entry.needed(20);
        entry.central.external = 0;
    }
    plan.build()
}

/// Sizes behind the parts, and times that differ between the headers.
fn streamed_workbook() -> Vec<u8> {
    let mut sheet = EntryPlan::deflated("xl/worksheets/sheet1.xml", b"<worksheet/>").with_descriptor();
    sheet.flags(|flags| flags | FLAG_UTF8);
    sheet.local.time = sheet.central.time.wrapping_add(3);
    sheet.local.needed = 45;
    sample::xlsx([sheet])
}

fn flag_in_one_header() -> Vec<u8> {
    let mut part = EntryPlan::deflated("xl/worksheets/sheet1.xml", b"<worksheet/>");
    part.local.flags |= FLAG_UTF8;
    sample::xlsx([part])
}

fn speed_in_one_header() -> Vec<u8> {
    let mut part = EntryPlan::deflated("word/styles.xml", b"<styles/>");
    part.local.flags |= 0b010;
    sample::docx([part])
}

/// The directory lists the parts backwards.
fn reordered() -> Vec<u8> {
    Plan {
        reversed: true,
        ..Plan::of([
            EntryPlan::deflated("[Content_Types].xml", sample::TYPES.as_bytes()),
            EntryPlan::deflated("word/document.xml", b"<document/>"),
            EntryPlan::deflated("word/media/image1.png", PNG),
        ])
    }
    .build()
}
