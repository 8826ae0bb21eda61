//! SCORM 1.2, after ADL's Content Aggregation Model 1.2 and the golf examples of scorm.com (CC BY 3.0), laid out as
//! the usual authoring tools export it.

use crate::{
    findings::code::Code,
    hostile::packages::{Files, Honest, is, noted, package},
    packages::{Package, PackageKind},
};

const SCHEMAS: [&str; 4] = ["imscp_rootv1p1p2.xsd", "adlcp_rootv1p2.xsd", "imsmd_rootv1p2p1.xsd", "ims_xml.xsd"];

/// A manifest of items (identifier, title, attributes) and of resources as they are written.
pub(crate) fn manifest(metadata: &str, title: &str, items: &[(&str, &str, &str)], resources: &str) -> String {
    let items: String = items
        .iter()
        .map(|(resource, title, more)| {
            format!("<item identifier=\"item_{resource}\" identifierref=\"{resource}\" {more}><title>{title}</title></item>\n")
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" standalone=\"no\" ?>\n\
         <manifest identifier=\"com.scorm.golfsamples\" version=\"1\"\n\
         xmlns=\"http://www.imsproject.org/xsd/imscp_rootv1p1p2\"\n\
         xmlns:adlcp=\"http://www.adlnet.org/xsd/adlcp_rootv1p2\"\n\
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"\n\
         xsi:schemaLocation=\"http://www.imsproject.org/xsd/imscp_rootv1p1p2 imscp_rootv1p1p2.xsd\n\
         http://www.adlnet.org/xsd/adlcp_rootv1p2 adlcp_rootv1p2.xsd\">\n\
         <metadata><schema>ADL SCORM</schema><schemaversion>1.2</schemaversion>{metadata}</metadata>\n\
         <organizations default=\"org\"><organization identifier=\"org\"><title>{title}</title>\n{items}\
         </organization></organizations>\n<resources>\n{resources}</resources>\n</manifest>\n"
    )
}

pub(crate) fn sco(id: &str, href: &str) -> String {
    format!(
        "<resource identifier=\"{id}\" type=\"webcontent\" adlcp:scormtype=\"sco\" href=\"{href}\">\
         <file href=\"{href}\"/></resource>\n"
    )
}

/// The smallest package, of one page whose reference reads `href`.
pub(crate) fn golf(href: &str) -> Files {
    of(manifest("", "Golf Explained", &[("r1", "Golf", "")], &sco("r1", href)))
        .pages(&["start.html"])
        .parts(&["api.js"])
}

/// A package with this manifest and the schemas.
pub(crate) fn of(manifest: impl AsRef<[u8]>) -> Files {
    Files::default().with("imsmanifest.xml", manifest).parts(&SCHEMAS)
}

fn scorm(start: &str, title: &str) -> Package {
    is(PackageKind::Scorm12, "1.2", "imsmanifest.xml", start, title)
}

pub(crate) fn packages() -> Vec<Honest> {
    [examples(), tools(), spellings()].concat()
}

/// The examples of ADL and of scorm.com.
fn examples() -> Vec<Honest> {
    let pages = ["Playing/Playing.html", "Etiquette/Course.html", "Handicapping/Overview.html"];
    let scos: String = pages.iter().enumerate().map(|(at, page)| sco(&format!("r{at}"), page)).collect();
    let shared = "<resource identifier=\"common\" type=\"webcontent\" adlcp:scormtype=\"asset\">\
        <file href=\"shared/scormfunctions.js\"/><file href=\"shared/style.css\"/></resource>\n";
    let several = manifest(
        "",
        "Golf Explained",
        &[("r0", "Playing", ""), ("r1", "Etiquette", ""), ("r2", "Handicap", "")],
        &(scos + shared),
    );
    let one_file = manifest(
        "",
        "Golf Explained - One File Per SCO",
        &[
            ("r0", "Playing", "parameters=\"?content=playing\""),
            ("r1", "Etiquette", "parameters=\"?content=etiquette\""),
        ],
        &(sco("r0", "shared/launchpage.html") + &sco("r1", "shared/assessmenttemplate.html?questions=Etiquette")),
    );
    let metadata = manifest(
        "<adlcp:location>metadata/course.xml</adlcp:location>",
        "Course 01",
        &[("r1", "Lesson", "")],
        &sco("r1", "Course01/Lesson01/sco01.htm"),
    );
    let lom = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<lom xmlns=\"http://www.imsglobal.org/xsd/imsmd_rootv1p2p1\">\
        <general><title><langstring xml:lang=\"en-US\">Maritime Navigation</langstring></title>\
        <language>en-US</language><description><langstring>How ships give way.</langstring></description></general>\
        <educational><typicallearningtime><datetime>0000-00-00T00:45</datetime></typicallearningtime></educational>\
        <rights><copyrightandotherrestrictions><value><langstring>no</langstring></value></copyrightandotherrestrictions>\
        <description><langstring xml:lang=\"en\">CC BY 3.0</langstring></description></rights>\
        <classification><purpose><value><langstring>Educational Objective</langstring></value></purpose>\
        <description><langstring>Name the inland rules of the road</langstring></description></classification></lom>";
    vec![
        package("SCORM 1.2, single SCO (golf)", golf("start.html"), scorm("start.html", "Golf Explained")),
        package(
            "SCORM 1.2, several SCOs (golf)",
            of(several).pages(&pages).parts(&["shared/scormfunctions.js", "shared/style.css"]),
            scorm("Playing/Playing.html", "Golf Explained"),
        ),
        package(
            "SCORM 1.2, one file for several SCOs (golf)",
            of(one_file).pages(&["shared/launchpage.html", "shared/assessmenttemplate.html"]),
            Package {
                start_query: Some("content=playing".into()),
                ..scorm("shared/launchpage.html", "Golf Explained - One File Per SCO")
            },
        ),
        package(
            "SCORM 1.2, metadata in a file (ADL's navigation course)",
            of(metadata).with("metadata/course.xml", lom).pages(&["Course01/Lesson01/sco01.htm"]).parts(&["imsmd.dtd"]),
            Package {
                language: Some("en-US".into()),
                description: Some("How ships give way.".into()),
                licence: Some("CC BY 3.0".into()),
                duration_minutes: Some(45),
                objectives: vec!["Name the inland rules of the road".into()],
                ..scorm("Course01/Lesson01/sco01.htm", "Maritime Navigation")
            },
        ),
    ]
}

/// As authoring tools lay their exports out.
fn tools() -> Vec<Honest> {
    let exe_lom = "<imsmd:lom xmlns:imsmd=\"http://www.imsglobal.org/xsd/imsmd_rootv1p2p1\"><imsmd:general>\
        <imsmd:title><imsmd:langstring xml:lang=\"es\">El agua</imsmd:langstring></imsmd:title><imsmd:language>es</imsmd:language>\
        <imsmd:description><imsmd:langstring>Ciclo del agua</imsmd:langstring></imsmd:description></imsmd:general><imsmd:rights>\
        <imsmd:description><imsmd:langstring xml:lang=\"es\">creative commons: attribution - share alike 4.0</imsmd:langstring>\
        </imsmd:description></imsmd:rights></imsmd:lom>";
    let exe = manifest(
        exe_lom,
        "El agua",
        &[("RES-1", "Inicio", "isvisible=\"true\""), ("RES-2", "Evaporaci&#243;n", "")],
        &(sco("RES-1", "index.html") + &sco("RES-2", "evaporacion.html")),
    );
    let storyline = manifest(
        "",
        "Fire Safety &amp; You",
        &[("resource_1", "Fire Safety", "isvisible=\"true\"")],
        "<resource identifier=\"resource_1\" type=\"webcontent\" href=\"index_lms.html\" adlcp:scormtype=\"sco\">\
         <file href=\"index_lms.html\"/><file href=\"story.html\"/><file href=\"lms/scormdriver.js\"/>\
         <file href=\"html5/data/js/frame.js\"/><file href=\"mobile/5aXp.jpg\"/></resource>",
    );
    let ispring = manifest(
        "",
        "Produktschulung",
        &[("res1", "Produktschulung", "")],
        "<resource identifier=\"res1\" type=\"webcontent\" adlcp:scormtype=\"sco\" href=\"res/index.html\">\
         <file href=\"res/index.html\"/><file href=\"res/data/slide1.js\"/><file href=\"res/data/fnt0.woff\"/></resource>",
    );
    let adapt = manifest(
        "",
        "Adapt Version 5.0 demonstration",
        &[("resource-1", "Adapt", "")],
        "<resource identifier=\"resource-1\" type=\"webcontent\" href=\"index_lms.html\" adlcp:scormtype=\"sco\">\
         <file href=\"index_lms.html\"/><file href=\"adapt/js/adapt.min.js\"/><file href=\"course/en/course.json\"/></resource>",
    );
    let captivate = manifest(
        "",
        "Excel Grundlagen",
        &[("SCO_ID1", "Excel Grundlagen", "")],
        "<resource identifier=\"SCO_ID1\" type=\"webcontent\" href=\"index_scorm.html\" adlcp:scormtype=\"sco\">\
         <file href=\"index_scorm.html\"/><file href=\"SCORM_utilities.js\"/><file href=\"assets/js/CPXHRLoader.js\"/></resource>",
    );
    let lumi = manifest("", "Bruchrechnen", &[("resource_1", "Bruchrechnen", "")], &sco("resource_1", "index.html"));
    let xerte =
        manifest("", "Learning Object Title", &[("RES1", "Learning Object Title", "")], &sco("RES1", "scormRLO.htm"));
    vec![
        package(
            "SCORM 1.2 of eXeLearning",
            of(exe).pages(&["index.html", "evaporacion.html"]).parts(&[
                "imslrm.xml",
                "content.dtd",
                "common.js",
                "base.css",
                "SCOFunctions.js",
            ]),
            Package {
                language: Some("es".into()),
                description: Some("Ciclo del agua".into()),
                licence: Some("creative commons: attribution - share alike 4.0".into()),
                ..scorm("index.html", "El agua")
            },
        ),
        package(
            "SCORM 1.2 of Articulate Storyline",
            of(storyline).pages(&["index_lms.html", "story.html"]).parts(&[
                "lms/scormdriver.js",
                "html5/data/js/frame.js",
                "mobile/5aXp.jpg",
                "meta.xml",
                "html5/lib/fonts/open-sans.woff",
            ]),
            scorm("index_lms.html", "Fire Safety & You"),
        ),
        package(
            "SCORM 1.2 of iSpring",
            of(ispring).pages(&["res/index.html"]).parts(&[
                "res/data/slide1.js",
                "res/data/fnt0.woff",
                "res/data/fnt1.ttf",
            ]),
            scorm("res/index.html", "Produktschulung"),
        ),
        package(
            "SCORM 1.2 of the Adapt framework",
            of(adapt).pages(&["index_lms.html", "index.html", "scorm_test_harness.html"]).parts(&[
                "adapt/js/adapt.min.js",
                "course/en/course.json",
                "course/config.json",
                "fonts/vanilla.woff2",
                "fonts/vanilla.eot",
            ]),
            scorm("index_lms.html", "Adapt Version 5.0 demonstration"),
        ),
        package(
            "SCORM 1.2 of Adobe Captivate",
            of(captivate).pages(&["index_scorm.html", "index.html"]).parts(&[
                "SCORM_utilities.js",
                "assets/js/CPXHRLoader.js",
                "project.txt",
                "ar/4711.mp3",
                "vr/film.mp4",
            ]),
            scorm("index_scorm.html", "Excel Grundlagen"),
        ),
        package(
            "SCORM 1.2 of Lumi, with H5P inside",
            of(lumi)
                .pages(&["index.html"])
                .parts(&["content/content.json", "h5p/js/h5p.js", "SCORM-API.js"])
                .with("h5p/h5p.json", "{}"),
            scorm("index.html", "Bruchrechnen"),
        ),
        package(
            "SCORM 1.2 of Xerte",
            of(xerte).pages(&["scormRLO.htm"]).parts(&[
                "template.xml",
                "languages/engine_en-GB.xml",
                "apiwrapper_1.2.js",
            ]),
            scorm("scormRLO.htm", "Learning Object Title"),
        ),
    ]
}

/// What manifests written by hand and by older tools look like.
fn spellings() -> Vec<Honest> {
    let plain = "<manifest identifier=\"m\" xmlns=\"http://www.imsproject.org/xsd/imscp_rootv1p1p2\" \
        xmlns:adlcp=\"http://www.adlnet.org/xsd/adlcp_rootv1p2\"><organizations default=\"nowhere\"><organization identifier=\"o\">\
        <title>Ohne Metadaten</title><item identifier=\"i\"><title>Kapitel</title><item identifier=\"j\" identifierref=\"r\"/></item>\
        </organization></organizations><resources><resource identifier=\"r\" adlcp:scormType=\"SCO\" href=\"a.htm#teil2\"/>\
        </resources></manifest>";
    let base = manifest("", "Mit Basis", &[("r1", "Lektion", "")], &sco("r1", "seite.html"))
        .replace("<resources>", "<resources xml:base=\"inhalt/\">")
        .replace("type=\"webcontent\"", "type=\"webcontent\" xml:base=\"teil1/\"");
    let encoded = manifest("", "&#220;bungen", &[("r1", "x", "")], &sco("r1", "Kapitel%201\\%C3%9Cbung.html"));
    let latin: Vec<u8> =
        manifest("", "Rechtschreibung f\u{fc}r Anf\u{e4}nger", &[("r1", "x", "")], &sco("r1", "start.html"))
            .replacen("version=\"1.0\"", "version=\"1.0\" encoding=\"ISO-8859-1\"", 1)
            .chars()
            .map(|c| c as u8)
            .collect();
    let missing = manifest(
        "",
        "Unvollst\u{e4}ndig",
        &[("r1", "x", ""), ("r2", "y", "")],
        &(sco("r1", "start.html")
            + &sco("r2", "fehlt.html")
            + "<resource identifier=\"c\"><file href=\"bild.png\"/></resource>"),
    );
    let cdata = manifest(
        "",
        "<![CDATA[Mehr <em>oder</em> weniger: <!DOCTYPE html>]]>",
        &[("r1", "x", "")],
        &sco("r1", "start.html"),
    );
    let no_items = manifest("", "Nur Ressourcen", &[], &sco("r1", "start.html"));
    let styled = manifest("", "Mit Stylesheet", &[("r1", "x", "")], &sco("r1", "start.html")).replacen(
        "<manifest",
        "<?xml-stylesheet type=\"text/css\" href=\"manifest.css\"?>\n<manifest",
        1,
    );
    let marked =
        [b"\xef\xbb\xbf".as_slice(), manifest("", "Mit BOM", &[("r1", "x", "")], &sco("r1", "start.html")).as_bytes()]
            .concat();
    vec![
        package(
            "SCORM 1.2 by its namespace alone, items in items",
            Files::default().with("imsmanifest.xml", plain).pages(&["a.htm"]),
            Package { start_fragment: Some("teil2".into()), ..scorm("a.htm", "Ohne Metadaten") },
        ),
        package(
            "SCORM 1.2 with xml:base",
            of(base).pages(&["inhalt/teil1/seite.html"]),
            scorm("inhalt/teil1/seite.html", "Mit Basis"),
        ),
        package(
            "SCORM 1.2, names encoded, with backslashes",
            of(encoded).pages(&["Kapitel 1/Übung.html"]),
            scorm("Kapitel 1/Übung.html", "Übungen"),
        ),
        noted(
            "SCORM 1.2 in ISO-8859-1",
            of(latin).pages(&["start.html"]),
            scorm("start.html", "Rechtschreibung für Anfänger"),
            &[Code::TextEncoding],
        ),
        noted(
            "SCORM 1.2, some files missing",
            of(missing).pages(&["start.html"]),
            scorm("start.html", "Unvollständig"),
            &[Code::PackageFileMissing],
        ),
        noted(
            "SCORM 1.2 in the only folder",
            golf("start.html").below("Golf 2026"),
            is(PackageKind::Scorm12, "1.2", "Golf 2026/imsmanifest.xml", "Golf 2026/start.html", "Golf Explained"),
            &[Code::PackageInFolder],
        ),
        package(
            "SCORM 1.2, title in CDATA",
            of(cdata).pages(&["start.html"]),
            scorm("start.html", "Mehr <em>oder</em> weniger: <!DOCTYPE html>"),
        ),
        package("SCORM 1.2 without items", of(no_items).pages(&["start.html"]), scorm("start.html", "Nur Ressourcen")),
        package(
            "SCORM 1.2 with a style sheet of its own",
            of(styled).pages(&["start.html"]).parts(&["manifest.css"]),
            scorm("start.html", "Mit Stylesheet"),
        ),
        package("SCORM 1.2 with a byte order mark", of(marked).pages(&["start.html"]), scorm("start.html", "Mit BOM")),
    ]
}
