//! cmi5, after the course templates of AICC's specification and ADL's CATAPULT.

use crate::{
    findings::code::Code,
    hostile::packages::{Files, Honest, is, noted, package},
    packages::{Package, PackageKind},
};

pub(crate) fn structure(inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<courseStructure xmlns=\"https://w3id.org/xapi/profiles/cmi5/v1/CourseStructure.xsd\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n\
         <course id=\"http://example.com/courses/geology\"><title><langstring lang=\"en-US\">Introduction to Geology</langstring>\
         <langstring lang=\"fr\">Introduction \u{e0} la g\u{e9}ologie</langstring></title>\
         <description><langstring lang=\"en-US\">Rocks and time.</langstring></description></course>\n{inside}</courseStructure>\n"
    )
}

pub(crate) fn unit(id: &str, url: &str) -> String {
    format!(
        "<au id=\"{id}\" moveOn=\"Completed\" masteryScore=\"0.8\" launchMethod=\"AnyWindow\"><title><langstring lang=\"en-US\">Unit</langstring></title>\
         <description><langstring lang=\"en-US\">A unit</langstring></description><url>{url}</url></au>"
    )
}

pub(crate) fn of(inside: &str) -> Files {
    Files::default().with("cmi5.xml", structure(inside))
}

pub(crate) fn in_folder() -> Files {
    of(&unit("http://example.com/1", "index.html")).pages(&["index.html"]).parts(&["js/cmi5.js"]).below("geology")
}

fn cmi5(start: &str, title: &str) -> Package {
    let known = is(PackageKind::Cmi5, "1", "cmi5.xml", start, title);
    Package { language: Some("en-US".into()), description: Some("Rocks and time.".into()), ..known }
}

pub(crate) fn packages() -> Vec<Honest> {
    let title = "Introduction to Geology";
    let blocks = "<objectives><objective id=\"o1\"><title><langstring lang=\"en\">Tell rocks apart</langstring></title>\
        <description><langstring lang=\"en\">x</langstring></description></objective><objective id=\"o2\"><title>\
        <langstring lang=\"en\">Date a layer</langstring></title></objective></objectives>"
        .to_owned()
        + "<block id=\"b1\"><title><langstring lang=\"en\">Part</langstring></title><block id=\"b2\">"
        + &unit("http://example.com/1", "geo/index.html?pages=1&amp;complete=launch")
        + "</block>"
        + &unit("http://example.com/2", "geo/quiz.html") + "</block>";
    let no_course_title = structure(&unit("urn:1", " start/index.html "))
        .replace("Introduction to Geology", "")
        .replace("Introduction \u{e0} la g\u{e9}ologie", " ");
    vec![
        package(
            "cmi5, single AU",
            of(&unit("http://example.com/1", "index.html")).pages(&["index.html"]).parts(&["js/cmi5.js"]),
            cmi5("index.html", title),
        ),
        package(
            "cmi5, blocks and objectives",
            of(&blocks).pages(&["geo/index.html", "geo/quiz.html"]),
            Package {
                start_query: Some("pages=1&complete=launch".into()),
                objectives: vec!["Tell rocks apart".into(), "Date a layer".into()],
                ..cmi5("geo/index.html", title)
            },
        ),
        package(
            "cmi5 of Articulate Storyline",
            of(&unit("http://6Ab_course_id", "index.html"))
                .pages(&["index.html", "story.html", "index_lms.html"])
                .parts(&["lms/xAPI.js", "html5/data/js/data.js", "mobile/a.jpg"]),
            cmi5("index.html", title),
        ),
        package(
            "cmi5 of the Adapt framework",
            of(&unit("https://example.org/adapt/au", "index.html")).pages(&["index.html"]).parts(&[
                "adapt/js/adapt.min.js",
                "course/de/course.json",
                "fonts/vanilla.woff2",
            ]),
            cmi5("index.html", title),
        ),
        package(
            "cmi5, title of the unit",
            Files::default().with("cmi5.xml", no_course_title).pages(&["start/index.html"]),
            cmi5("start/index.html", "Unit"),
        ),
        noted(
            "cmi5 in the only folder",
            in_folder(),
            Package { manifest: Some("geology/cmi5.xml".into()), ..cmi5("geology/index.html", title) },
            &[Code::PackageInFolder],
        ),
    ]
}
