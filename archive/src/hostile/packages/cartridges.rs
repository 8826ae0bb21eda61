//! IMS Common Cartridge 1.1 to 1.3, after the sample cartridges of IMS and the exports of Moodle, Canvas and Sakai.

use crate::{
    findings::code::Code,
    hostile::packages::{Files, Honest, is, noted, package},
    packages::{Package, PackageKind},
};

pub(crate) fn manifest(minor: u8, metadata: &str, items: &str, resources: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<manifest identifier=\"cctd0015\" \
         xmlns=\"http://www.imsglobal.org/xsd/imsccv1p{minor}/imscp_v1p1\" \
         xmlns:lom=\"http://ltsc.ieee.org/xsd/imsccv1p{minor}/LOM/resource\" \
         xmlns:lomimscc=\"http://ltsc.ieee.org/xsd/imsccv1p{minor}/LOM/manifest\">\n\
         <metadata><schema>IMS Common Cartridge</schema><schemaversion>1.{minor}.0</schemaversion>{metadata}</metadata>\n\
         <organizations><organization identifier=\"O_1\" structure=\"rooted-hierarchy\"><item identifier=\"root\">{items}</item>\
         </organization></organizations>\n<resources>{resources}</resources></manifest>"
    )
}

fn lom(title: &str, language: &str) -> String {
    format!(
        "<lomimscc:lom><lomimscc:general><lomimscc:title><lomimscc:string language=\"en-US\">{title}</lomimscc:string></lomimscc:title>\
         <lomimscc:language>{language}</lomimscc:language></lomimscc:general><lomimscc:rights><lomimscc:copyrightAndOtherRestrictions>\
         <lomimscc:value>yes</lomimscc:value></lomimscc:copyrightAndOtherRestrictions><lomimscc:description><lomimscc:string>\
         CC BY-NC 4.0</lomimscc:string></lomimscc:description></lomimscc:rights></lomimscc:lom>"
    )
}

pub(crate) fn web(id: &str, href: &str) -> String {
    format!("<resource identifier=\"{id}\" type=\"webcontent\" href=\"{href}\"><file href=\"{href}\"/></resource>")
}

pub(crate) fn of(manifest: String) -> Files {
    Files::default().with("imsmanifest.xml", manifest)
}

fn cartridge(version: &str, start: &str, title: &str, language: &str) -> Package {
    Package {
        language: (!language.is_empty()).then(|| language.to_owned()),
        licence: (!language.is_empty()).then(|| "CC BY-NC 4.0".to_owned()),
        ..is(PackageKind::CommonCartridge, version, "imsmanifest.xml", start, title)
    }
}

pub(crate) fn packages() -> Vec<Honest> {
    let item = |id: &str| format!("<item identifier=\"I_{id}\" identifierref=\"{id}\"><title>Teil {id}</title></item>");
    let topic = "<resource identifier=\"d1\" type=\"imsdt_xmlv1p1\"><file href=\"d1/topic.xml\"/></resource>";
    let link = "<resource identifier=\"l1\" type=\"imswl_xmlv1p1\"><file href=\"l1/weblink.xml\"/></resource>";
    let quiz = "<resource identifier=\"q1\" type=\"imsqti_xmlv1p2/imscc_xmlv1p1/assessment\"><file href=\"q1/qti.xml\"/><dependency identifierref=\"r1\"/></resource>";
    let lti = "<resource identifier=\"t1\" type=\"imsbasiclti_xmlv1p0\"><file href=\"t1.xml\"/></resource>";
    let assets = "<resource identifier=\"a1\" type=\"associatedcontent/imscc_xmlv1p3/learning-application-resource\" href=\"non_cc_assets/a.html\">\
        <file href=\"non_cc_assets/a.html\"/></resource>";
    vec![
        package(
            "Common Cartridge 1.1 (IMS sample: Psychology)",
            of(manifest(
                1,
                &lom("Psychology", "en-US"),
                &[item("d1"), item("r1"), item("q1")].concat(),
                &(web("r1", "I_00001_R/I_00001.html") + topic + quiz),
            ))
            .pages(&["I_00001_R/I_00001.html"])
            .parts(&["d1/topic.xml", "q1/qti.xml"]),
            cartridge("1.1", "I_00001_R/I_00001.html", "Psychology", "en-US"),
        ),
        package(
            "Common Cartridge 1.1 of Moodle",
            of(manifest(
                1,
                &lom("Kurs Deutsch", "de"),
                &[item("l1"), item("r1")].concat(),
                &(web("r1", "i_1/seite.html") + link + &web("img", "i_1/bild.png")),
            ))
            .pages(&["i_1/seite.html"])
            .parts(&["l1/weblink.xml", "i_1/bild.png"]),
            cartridge("1.1", "i_1/seite.html", "Kurs Deutsch", "de"),
        ),
        package(
            "Common Cartridge 1.2 of Sakai",
            of(manifest(2, "", &[item("r1")].concat(), &web("r1", "attachments/syllabus.html"))
                .replace("<item identifier=\"root\">", "<item identifier=\"root\"><title>Biology 101</title>"))
            .pages(&["attachments/syllabus.html"]),
            cartridge("1.2", "attachments/syllabus.html", "Biology 101", ""),
        ),
        package(
            "Common Cartridge 1.3 with tools and associated content (Canvas)",
            of(manifest(
                3,
                &lom("World History", "en"),
                &[item("t1"), item("a1")].concat(),
                &(lti.to_owned() + assets + &web("w1", "wiki_content/welcome.html")),
            ))
            .pages(&["non_cc_assets/a.html", "wiki_content/welcome.html"])
            .parts(&["t1.xml", "course_settings/canvas_export.txt", "course_settings/syllabus.xml"]),
            cartridge("1.3", "non_cc_assets/a.html", "World History", "en"),
        ),
        package(
            "Common Cartridge 1.2 without a page",
            of(manifest(2, &lom("Links", "en"), &item("l1"), link)).parts(&["l1/weblink.xml"]),
            cartridge("1.2", "", "Links", "en"),
        ),
        package(
            "Common Cartridge 1.3 by its namespace alone",
            of(manifest(3, "", &item("r1"), &web("r1", "a.html"))
                .replace("<schema>IMS Common Cartridge</schema><schemaversion>1.3.0</schemaversion>", ""))
            .pages(&["a.html"]),
            cartridge("1.3", "a.html", "", ""),
        ),
        noted(
            "Common Cartridge 1.1, a page missing",
            of(manifest(
                1,
                &lom("Lücken", "de"),
                &[item("r0"), item("r1")].concat(),
                &(web("r0", "weg.html") + &web("r1", "da.html")),
            ))
            .pages(&["da.html"]),
            cartridge("1.1", "da.html", "Lücken", "de"),
            &[Code::PackageFileMissing],
        ),
    ]
}
