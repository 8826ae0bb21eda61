//! SCORM 2004, after ADL's Content Aggregation Models and the examples of scorm.com (CC BY 3.0) for the 2nd, 3rd and
//! 4th edition.

use crate::{
    hostile::packages::{Files, Honest, is, package},
    packages::{Package, PackageKind},
};

const SCHEMAS: [&str; 8] = [
    "imscp_v1p1.xsd",
    "adlcp_v1p3.xsd",
    "adlseq_v1p3.xsd",
    "adlnav_v1p3.xsd",
    "imsss_v1p0.xsd",
    "xml.xsd",
    "XMLSchema.dtd",
    "datatypes.dtd",
];

fn manifest(edition: &str, metadata: &str, organization: &str, resources: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\" ?>\n\
         <manifest identifier=\"com.scorm.golfsamples.2004\" version=\"1\" xmlns=\"http://www.imsglobal.org/xsd/imscp_v1p1\"\n\
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:adlcp=\"http://www.adlnet.org/xsd/adlcp_v1p3\"\n\
         xmlns:adlseq=\"http://www.adlnet.org/xsd/adlseq_v1p3\" xmlns:adlnav=\"http://www.adlnet.org/xsd/adlnav_v1p3\"\n\
         xmlns:imsss=\"http://www.imsglobal.org/xsd/imsss\" xmlns:lom=\"http://ltsc.ieee.org/xsd/LOM\">\n\
         <metadata><schema>ADL SCORM</schema><schemaversion>{edition}</schemaversion>{metadata}</metadata>\n\
         <organizations default=\"golf\"><organization identifier=\"golf\" adlseq:objectivesGlobalToSystem=\"false\">{organization}\
         </organization></organizations>\n<resources>{resources}</resources></manifest>\n"
    )
}

fn sco(id: &str, href: &str) -> String {
    format!(
        "<resource identifier=\"{id}\" type=\"webcontent\" adlcp:scormType=\"sco\" href=\"{href}\"><file href=\"{href}\"/></resource>"
    )
}

const ONE: &str =
    "<title>Golf Explained</title><item identifier=\"i1\" identifierref=\"r1\"><title>Golf</title></item>";

fn of(manifest: String) -> Files {
    Files::default().with("imsmanifest.xml", manifest).parts(&SCHEMAS)
}

fn scorm(edition: &str, start: &str, title: &str) -> Package {
    is(PackageKind::Scorm2004, edition, "imsmanifest.xml", start, title)
}

pub(crate) fn packages() -> Vec<Honest> {
    let single = |edition| {
        of(manifest(edition, "", ONE, &sco("r1", "shared/launchpage.html"))).pages(&["shared/launchpage.html"])
    };
    let sequenced = "<title>Golf Explained - Sequencing</title>\
        <item identifier=\"playing\" identifierref=\"r1\" parameters=\"?content=playing\"><title>Playing</title>\
        <imsss:sequencing><imsss:objectives><imsss:primaryObjective objectiveID=\"PRIMARYOBJ\"/></imsss:objectives></imsss:sequencing></item>\
        <item identifier=\"test\" identifierref=\"r2\" parameters=\"#last\"><title>Quiz</title></item>\
        <imsss:sequencing><imsss:controlMode choice=\"false\" flow=\"true\"/></imsss:sequencing>";
    let lom = "<lom:lom><lom:general><lom:identifier><lom:catalog>URI</lom:catalog><lom:entry>urn:1</lom:entry></lom:identifier>\
        <lom:title><lom:string language=\"de\">  Datenschutz\n  im Betrieb </lom:string></lom:title><lom:language>de-ch</lom:language>\
        <lom:description><lom:string language=\"de\">Grundlagen der DSGVO.</lom:string></lom:description></lom:general>\
        <lom:technical><lom:duration><lom:duration>PT9H</lom:duration></lom:duration></lom:technical>\
        <lom:educational><lom:typicalLearningTime><lom:duration>PT1H30M</lom:duration></lom:typicalLearningTime></lom:educational>\
        <lom:rights><lom:cost><lom:value>no</lom:value></lom:cost><lom:description><lom:string>https://creativecommons.org/licenses/by-sa/4.0/</lom:string></lom:description></lom:rights>\
        <lom:classification><lom:purpose><lom:value>educational objective</lom:value></lom:purpose><lom:description><lom:string>Rechte Betroffener nennen</lom:string></lom:description></lom:classification>\
        <lom:classification><lom:purpose><lom:value>discipline</lom:value></lom:purpose><lom:description><lom:string>Recht</lom:string></lom:description></lom:classification>\
        <lom:classification><lom:purpose><lom:value>educational objective</lom:value></lom:purpose><lom:description><lom:string>Meldewege kennen</lom:string></lom:description></lom:classification></lom:lom>";
    let location = "<adlcp:location>metadata.xml</adlcp:location>";
    let metadata = "<?xml version=\"1.0\" encoding=\"utf-8\"?><lom xmlns=\"http://ltsc.ieee.org/xsd/LOM\"><general><title>\
        <string language=\"pt-BR\">Primeiros socorros</string></title><language>pt-BR</language></general></lom>";
    let storyline = of(manifest("2004 3rd Edition", "", "<title>Onboarding</title><item identifier=\"i\" identifierref=\"r\" isvisible=\"true\"><title>Onboarding</title></item>",
        &sco("r", "index_lms.html"))).pages(&["index_lms.html", "story.html"]).parts(&["lms/scormdriver.js", "story_content/user.js", "meta.xml"]);
    vec![
        package(
            "SCORM 2004 2nd edition, single SCO",
            single("CAM 1.3"),
            scorm("2004 2nd Edition", "shared/launchpage.html", "Golf Explained"),
        ),
        package(
            "SCORM 2004 3rd edition, single SCO (golf)",
            single("2004 3rd Edition"),
            scorm("2004 3rd Edition", "shared/launchpage.html", "Golf Explained"),
        ),
        package(
            "SCORM 2004 4th edition, single SCO (golf)",
            single("2004 4th Edition"),
            scorm("2004 4th Edition", "shared/launchpage.html", "Golf Explained"),
        ),
        package(
            "SCORM 2004 3rd edition, sequencing (golf)",
            of(manifest(
                "2004 3rd Edition",
                "",
                sequenced,
                &(sco("r1", "shared/launchpage.html?lang=en") + &sco("r2", "quiz.html")),
            ))
            .pages(&["shared/launchpage.html", "quiz.html"]),
            Package {
                start_query: Some("lang=en&content=playing".into()),
                ..scorm("2004 3rd Edition", "shared/launchpage.html", "Golf Explained - Sequencing")
            },
        ),
        package(
            "SCORM 2004 4th edition with all metadata",
            of(manifest("2004 4th Edition", lom, ONE, &sco("r1", "a.html"))).pages(&["a.html"]),
            Package {
                language: Some("de-CH".into()),
                description: Some("Grundlagen der DSGVO.".into()),
                licence: Some("https://creativecommons.org/licenses/by-sa/4.0/".into()),
                duration_minutes: Some(90),
                objectives: vec!["Rechte Betroffener nennen".into(), "Meldewege kennen".into()],
                ..scorm("2004 4th Edition", "a.html", "Datenschutz im Betrieb")
            },
        ),
        package(
            "SCORM 2004 4th edition, metadata in a file (SCORM Driver template)",
            of(manifest("2004 4th Edition", location, ONE, &sco("r1", "indexAPI.html")))
                .with("metadata.xml", metadata)
                .pages(&["indexAPI.html"]),
            Package {
                language: Some("pt-BR".into()),
                ..scorm("2004 4th Edition", "indexAPI.html", "Primeiros socorros")
            },
        ),
        package(
            "SCORM 2004 of Articulate Storyline",
            storyline,
            scorm("2004 3rd Edition", "index_lms.html", "Onboarding"),
        ),
        package(
            "SCORM 2004 by its namespace alone",
            of(manifest("", "", ONE, &sco("r1", "a.html"))
                .replace("<schema>ADL SCORM</schema><schemaversion></schemaversion>", ""))
            .pages(&["a.html"]),
            scorm("", "a.html", "Golf Explained"),
        ),
    ]
}
