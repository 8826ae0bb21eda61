//! EPUB 2 and 3: `META-INF/container.xml` leads to the package document (OPF), which lists the book's parts.

use std::collections::BTreeMap;

use roxmltree::Node;

use crate::{
    content::document::Parts,
    findings::code::Code,
    kinds::kind::Kind,
    packages::{
        bounds::{BOOK_BYTES, DESCRIPTION_CHARS, TITLE_CHARS, VERSION_CHARS},
        files::Files,
        package::{Package, PackageKind},
        reference::{Reference, within},
        search::{Problem, Search, about, tree},
        words::{cleaned, language, licence, minutes},
        xml::{self, base, child, children},
    },
};

/// Where every e-book names its package document.
pub(crate) const CONTAINER: &str = "META-INF/container.xml";
const PACKAGE_TYPE: &str = "application/oebps-package+xml";

/// Reads an unpacked e-book.
pub(crate) fn read(search: &mut Search<'_>, entry: &str) -> Result<Package, Problem> {
    let opf = package_document(search, entry)?;
    let text = search.xml_text(&opf)?;
    let document = tree(&opf, &text)?;
    let root = document.root_element();
    if !xml::is(root, "package") {
        return Err(about(Code::PackageManifestUnreadable, &opf, format!("<{}>", root.tag_name().name())));
    }
    let mut package = Package {
        version: root.attribute("version").and_then(|version| cleaned(version, VERSION_CHARS)),
        manifest: Some(opf.clone()),
        ..Package::new(PackageKind::Epub)
    };
    // References start from the folder of the package document.
    let folder = opf[search.root.len()..].rsplit_once('/').map_or("", |(folder, _)| folder).replace('%', "%25");
    let folder = within(&Ok(String::new()), (!folder.is_empty()).then_some(folder.as_str()));
    let from = within(&folder, base(root));

    let mut parts: BTreeMap<&str, &str> = BTreeMap::new();
    for item in child(root, "manifest").into_iter().flat_map(|all| children(all, "item").collect::<Vec<_>>()) {
        let (Some(id), Some(href)) = (item.attribute("id"), item.attribute("href")) else {
            continue;
        };
        if parts.insert(id.trim(), href).is_some_and(|first| first != href) {
            return Err(about(Code::PackageIdentifierDuplicate, &opf, id));
        }
        let reference = search.resolve(&from, href);
        search.listed(&opf, reference, href)?;
    }
    let spine = child(root, "spine");
    let first = spine.and_then(|spine| {
        children(spine, "itemref").find_map(|part| parts.get(part.attribute("idref")?.trim()).copied())
    });
    let Some(href) = first else {
        return Err(about(Code::PackageNoStart, &opf, ""));
    };
    let reference = search.resolve(&from, href);
    package.starts_at(search.start(&opf, reference, href)?);
    if let Some(metadata) = child(root, "metadata") {
        describe(&mut package, metadata);
    }
    Ok(package)
}

/// The package document that the container names first.
fn package_document(search: &mut Search<'_>, entry: &str) -> Result<String, Problem> {
    let text = search.xml_text(entry)?;
    let document = tree(entry, &text)?;
    let path = document
        .descendants()
        .filter(|node| xml::is(*node, "rootfile"))
        .filter(|node| node.attribute("media-type").is_none_or(|kind| kind.trim() == PACKAGE_TYPE))
        .find_map(|node| node.attribute("full-path"))
        .ok_or_else(|| about(Code::PackageIncomplete, entry, "rootfile"))?;
    match search.resolve(&Ok(String::new()), path) {
        Reference::Found(target) => Ok(target.entry),
        Reference::Outside | Reference::Remote => Err(about(Code::PackageFileOutside, entry, path)),
        Reference::Missing(name) | Reference::Folder(name) => Err(about(Code::PackageIncomplete, entry, name)),
        Reference::Empty => Err(about(Code::PackageIncomplete, entry, "rootfile")),
    }
}

fn describe(package: &mut Package, metadata: Node<'_, '_>) {
    // EPUB 2 allows another level around the elements of Dublin Core.
    let all: Vec<Node<'_, '_>> = metadata.descendants().filter(Node::is_element).collect();
    let words = |name: &str| all.iter().filter(|node| xml::is(**node, name)).find_map(|node| xml::text(*node));
    package.title = words("title").and_then(|text| cleaned(text, TITLE_CHARS));
    package.description = words("description").and_then(|text| cleaned(text, DESCRIPTION_CHARS));
    package.language =
        all.iter().filter(|node| xml::is(**node, "language")).filter_map(|node| xml::text(*node)).find_map(language);
    let property = |name: &str| {
        all.iter()
            .filter(|node| node.attribute("property") == Some(name) && node.attribute("refines").is_none())
            .find_map(|node| xml::text(*node))
    };
    let linked = || {
        all.iter()
            .filter(|node| xml::is(**node, "link"))
            .filter(|node| matches!(node.attribute("rel"), Some("cc:license" | "dcterms:license" | "license")))
            .find_map(|node| node.attribute("href"))
    };
    package.licence = property("dcterms:license").or_else(linked).or_else(|| words("rights")).and_then(licence);
    package.duration_minutes = property("media:duration").and_then(minutes);
}

/// An e-book that is the archive's only file. It has been checked as a document; what its manifest lacks is a matter
/// between it and its readers, so it costs the fields and nothing else.
pub(crate) fn single(name: &str, bytes: &[u8]) -> Package {
    let fields = || -> Option<Package> {
        let parts = Parts::of(&bytes, name, Kind::Epub)?;
        let files = Files::new(parts.names());
        let mut read = |name: &str, most: usize| parts.read(name, most);
        self::read(&mut Search::new(&files, "", &mut read), CONTAINER).ok()
    };
    let fields = if bytes.len() <= BOOK_BYTES { fields() } else { None };
    Package {
        manifest: None,
        start_page: Some(name.to_owned()),
        start_query: None,
        start_fragment: None,
        ..fields.unwrap_or_else(|| Package::new(PackageKind::Epub))
    }
}
