//! Manifests whose references lead somewhere else: out of the archive, to other hosts, into scripts, or nowhere.

use crate::{
    findings::code::Code::{self, *},
    hostile::{
        Case,
        packages::{Files, books, cartridges, cmi5, h5p, refused, scorm_1_2 as scorm},
    },
};

pub(crate) fn cases() -> Vec<Case> {
    [references(), others(), starts(), doubles()].concat()
}

/// A SCORM package for each spelling of its launch page.
fn references() -> Vec<Case> {
    [
        ("launch above the archive", "../start.html", PackageStartOutside),
        ("launch above the archive, from a folder", "a/b/../../../start.html", PackageStartOutside),
        ("launch above the archive, with backslashes", "..\\start.html", PackageStartOutside),
        ("launch above the archive, encoded", "%2e%2e/start.html", PackageStartOutside),
        ("launch above the archive, half encoded", ".%2E%2Fstart.html", PackageStartOutside),
        ("launch above the archive, backslash encoded", "..%5cstart.html", PackageStartOutside),
        ("launch above the archive, encoded twice", "%252e%252e%252fstart.html", PackageStartOutside),
        ("launch above the archive, encoded six times", "%25252525252e%25252525252e/start.html", PackageStartOutside),
        ("launch above the archive, by character references", "&#46;&#x2e;&#47;start.html", PackageStartOutside),
        ("launch above the archive, overlong", "%c0%ae%c0%ae/start.html", PackageStartOutside),
        ("launch above the archive, full-width", "\u{ff0e}\u{ff0e}/start.html", PackageStartOutside),
        ("launch above the archive, with parameters", "..;x=1/start.html", PackageStartOutside),
        ("launch above the archive, with a space", ".. /start.html", PackageStartOutside),
        ("launch at an absolute path", "/start.html", PackageStartOutside),
        ("launch at an absolute path, encoded", "%2fstart.html", PackageStartOutside),
        ("launch at an absolute path, backslash", "\\start.html", PackageStartOutside),
        ("launch on a drive", "C:\\start.html", PackageStartOutside),
        ("launch of a page with an encoded NUL", "start.html%00.png", PackageStartOutside),
        ("launch with a tab in its scheme", "java&#9;script:alert(1)", PackageStartOutside),
        ("launch of another host", "https://evil.example/start.html", PackageStartRemote),
        ("launch of another host, in capitals", "HTTP://evil.example/start.html", PackageStartRemote),
        ("launch of another host, without scheme", "//evil.example/start.html", PackageStartRemote),
        ("launch of another host, with backslashes", "\\\\evil.example\\start.html", PackageStartRemote),
        ("launch of another host, mixed slashes", "/\\evil.example/start.html", PackageStartRemote),
        ("launch of another host, by character references", "&#104;ttp&#58;//evil.example", PackageStartRemote),
        ("launch of another host, full-width", "\u{ff48}ttps\u{ff1a}//evil.example", PackageStartRemote),
        ("launch of a script", "javascript:alert(1)", PackageStartRemote),
        ("launch of a script behind a line break", "\n JaVaScRiPt:alert(1)", PackageStartRemote),
        ("launch of data", "data:text/html;base64,PHNjcmlwdD4=", PackageStartRemote),
        ("launch of a file", "file:///etc/passwd", PackageStartRemote),
        ("launch of a blob", "blob:https://evil.example/1", PackageStartRemote),
        ("launch page missing", "beginn.html", PackageStartMissing),
        ("launch page in other letters", "Start.HTML", PackageStartMissing),
        ("launch page that is a folder", "ordner", PackageStartMissing),
        ("launch page that is a folder, with a slash", "ordner/", PackageStartMissing),
        ("launch page with a slash behind", "start.html/", PackageStartMissing),
        ("launch page that is the package's folder", ".", PackageStartMissing),
        ("launch page that is a fragment", "#start", PackageNoStart),
        ("launch page that is a query", "?start.html", PackageNoStart),
        ("launch page without a name", "", PackageNoStart),
    ]
    .into_iter()
    .map(|(name, href, code)| refused(name, scorm::golf(href).pages(&["ordner/seite.html"]), code))
    .collect()
}

/// The same by other ways and in other standards.
fn others() -> Vec<Case> {
    let manifest = |resources: &str| scorm::manifest("", "Golf", &[("r1", "Golf", ""), ("r2", "Golf", "")], resources);
    let base = |base: &str| {
        manifest(&scorm::sco("r1", "start.html")).replace("<resources>", &format!("<resources xml:base=\"{base}\">"))
    };
    let of = |name, text: String, code: Code| refused(name, scorm::of(text).pages(&["start.html"]), code);
    let start = scorm::sco("r1", "start.html");
    let file = |href: &str| {
        manifest(&format!("{start}<resource identifier=\"c\" type=\"webcontent\"><file href=\"{href}\"/></resource>"))
    };
    let unit = |name, url: &str, code| refused(name, cmi5::of(&cmi5::unit("urn:1", url)).pages(&["index.html"]), code);
    let web = |name, href: &str, code| {
        let text =
            cartridges::manifest(1, "", "<item identifier=\"i\" identifierref=\"r\"/>", &cartridges::web("r", href));
        refused(name, cartridges::of(text).pages(&["a.html"]), code)
    };
    let book = |name, opf: String, code| refused(name, books::of(opf).pages(&["OEBPS/a.html"]), code);
    let container = |name, path: &str, code| {
        let files =
            Files::default().with("mimetype", books::TYPE).with("META-INF/container.xml", books::container(path));
        refused(name, files.pages(&["index.html"]), code)
    };
    vec![
        of("a base above the archive", base("../"), PackageStartOutside),
        of("a base on another host", base("https://evil.example/"), PackageStartRemote),
        of(
            "a base and a reference that climb together",
            base("a/").replace("\"start.html\"", "\"../../start.html\""),
            PackageStartOutside,
        ),
        of("a base whose folder is not there", base("a/"), PackageStartMissing),
        of(
            "the second page on another host",
            manifest(&(start.clone() + &scorm::sco("r2", "https://evil.example/2.html"))),
            PackageStartRemote,
        ),
        of(
            "the second page above the archive",
            manifest(&(start.clone() + &scorm::sco("r2", "../2.html"))),
            PackageStartOutside,
        ),
        of("a listed file above the archive", file("../../etc/passwd"), PackageFileOutside),
        of("a listed file at an absolute path", file("/etc/passwd"), PackageFileOutside),
        of("a listed file above the archive, encoded", file("a/%2e%2e/%2e%2e/x"), PackageFileOutside),
        of(
            "metadata above the archive",
            manifest(&start).replace("</schemaversion>", "</schemaversion><adlcp:location>../lom.xml</adlcp:location>"),
            PackageFileOutside,
        ),
        unit("cmi5 on another host", "https://evil.example/au", PackageStartRemote),
        unit("cmi5 script", "javascript:alert(1)", PackageStartRemote),
        unit("cmi5 above the archive", "..%2findex.html", PackageStartOutside),
        unit("cmi5 page missing", "au.html", PackageStartMissing),
        web("a cartridge's page above the archive", "../a.html", PackageStartOutside),
        web("a cartridge's page that is a script", "javascript:alert(1)", PackageStartRemote),
        book(
            "a book's chapter above the archive",
            books::opf("3.0", "", &[("a", "../../a.html")], &["a"]),
            PackageFileOutside,
        ),
        book(
            "a book's chapter on another host",
            books::opf("3.0", "", &[("a", "https://evil.example/a.html")], &["a"]),
            PackageStartRemote,
        ),
        book("a book's first chapter missing", books::opf("3.0", "", &[("a", "b.html")], &["a"]), PackageStartMissing),
        book(
            "a book's first chapter in other letters",
            books::opf("3.0", "", &[("a", "A.html")], &["a"]),
            PackageStartMissing,
        ),
        container("a book's package document above the archive", "../content.opf", PackageFileOutside),
        container("a book's package document on another host", "https://evil.example/content.opf", PackageFileOutside),
        container("a book's package document missing", "OEBPS/content.opf", PackageIncomplete),
    ]
}

/// Nothing to start with.
fn starts() -> Vec<Case> {
    let empty = scorm::manifest(
        "",
        "Golf",
        &[],
        "<resource identifier=\"r1\" type=\"webcontent\" adlcp:scormtype=\"asset\"><file href=\"start.html\"/></resource>",
    );
    let unknown = scorm::manifest("", "Golf", &[("r9", "Golf", "")], "");
    vec![
        refused("SCORM without items and SCOs", scorm::of(empty).pages(&["start.html"]), PackageNoStart),
        refused("SCORM whose item names no resource", scorm::of(unknown).pages(&["start.html"]), PackageNoStart),
        refused("cmi5 without units", cmi5::of("").pages(&["index.html"]), PackageNoStart),
        refused("cmi5 unit without an address", cmi5::of("<au id=\"urn:1\"/>").pages(&["index.html"]), PackageNoStart),
        refused(
            "a book without a spine",
            books::of(books::opf("3.0", "", &[("a", "a.html")], &[])).pages(&["OEBPS/a.html"]),
            PackageNoStart,
        ),
    ]
}

/// Two of what must be one.
fn doubles() -> Vec<Case> {
    let twice = scorm::sco("r1", "start.html") + &scorm::sco("r1", "andere.html");
    let units = cmi5::unit("urn:1", "index.html") + &cmi5::unit("urn:1", "b.html");
    let book = books::opf("3.0", "", &[("a", "a.html"), ("a", "b.html")], &["a"]);
    let two = scorm::golf("start.html").below("eins");
    let second = Files::default().with("zwei/imsmanifest.xml", scorm::manifest("", "x", &[], ""));
    let both = [&two, &second].into_iter().fold(Files::default(), |mut all, part| {
        all.0.extend(part.0.clone());
        all
    });
    let mut mixed = two.clone();
    mixed.0.extend(h5p::multi_choice().below("quiz").0);
    vec![
        refused(
            "two resources of one identifier",
            scorm::of(scorm::manifest("", "Golf", &[("r1", "Golf", "")], &twice)).pages(&["start.html", "andere.html"]),
            PackageIdentifierDuplicate,
        ),
        refused(
            "two units of one identifier",
            cmi5::of(&units).pages(&["index.html", "b.html"]),
            PackageIdentifierDuplicate,
        ),
        refused(
            "two parts of a book of one identifier",
            books::of(book).pages(&["OEBPS/a.html", "OEBPS/b.html"]),
            PackageIdentifierDuplicate,
        ),
        refused("two packages side by side", both, PackageAmbiguous),
        refused("two packages of two standards side by side", mixed, PackageAmbiguous),
    ]
}
