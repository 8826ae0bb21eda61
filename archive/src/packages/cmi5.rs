//! cmi5 (Quartz): `cmi5.xml`, the course structure of section 13 of its specification.

use std::collections::BTreeSet;

use roxmltree::Node;

use crate::{
    findings::code::Code,
    packages::{
        bounds::{DESCRIPTION_CHARS, TITLE_CHARS},
        lom::{add_objective, words},
        package::{Package, PackageKind},
        reference::within,
        search::{Problem, Search, about, tree},
        words::{cleaned, language},
        xml::{self, base, child, children},
    },
};

/// Reads a course structure.
pub(crate) fn read(search: &mut Search<'_>, entry: &str) -> Result<Package, Problem> {
    let text = search.xml_text(entry)?;
    let document = tree(entry, &text)?;
    let root = document.root_element();
    if !xml::is(root, "courseStructure") {
        return Err(about(Code::PackageManifestUnreadable, entry, format!("<{}>", root.tag_name().name())));
    }
    let mut package =
        Package { version: version(root), manifest: Some(entry.to_owned()), ..Package::new(PackageKind::Cmi5) };
    if let Some(course) = child(root, "course") {
        let title = child(course, "title");
        package.title = title.and_then(words).and_then(|text| cleaned(text, TITLE_CHARS));
        package.description =
            child(course, "description").and_then(words).and_then(|text| cleaned(text, DESCRIPTION_CHARS));
        package.language = title.and_then(|title| {
            children(title, "langstring").filter_map(|text| text.attribute("lang")).find_map(language)
        });
    }
    for objective in
        child(root, "objectives").into_iter().flat_map(|all| children(all, "objective").collect::<Vec<_>>())
    {
        let text =
            child(objective, "title").and_then(words).or_else(|| child(objective, "description").and_then(words));
        add_objective(&mut package, text);
    }

    let from = within(&Ok(String::new()), base(root));
    let mut ids = BTreeSet::new();
    let mut first = None;
    for unit in root.descendants().filter(|node| xml::is(*node, "au")) {
        let id = unit.attribute("id").unwrap_or_default().trim();
        if !ids.insert(id) {
            return Err(about(Code::PackageIdentifierDuplicate, entry, id));
        }
        let Some(url) = child(unit, "url").and_then(xml::text) else {
            return Err(about(Code::PackageNoStart, entry, id));
        };
        let reference = search.resolve(&from, url);
        if let Some(problem) = search.launch_problem(entry, &reference, url) {
            return Err(problem);
        }
        if first.is_none() {
            first = Some((search.start(entry, reference, url)?, unit));
        } else {
            search.listed(entry, reference, url)?;
        }
    }
    let Some((target, unit)) = first else {
        return Err(about(Code::PackageNoStart, entry, ""));
    };
    package.starts_at(target);
    if package.title.is_none() {
        package.title = child(unit, "title").and_then(words).and_then(|text| cleaned(text, TITLE_CHARS));
    }
    Ok(package)
}

/// The number in the namespace `https://w3id.org/xapi/profiles/cmi5/v1/CourseStructure.xsd`.
fn version(root: Node<'_, '_>) -> Option<String> {
    let (_, rest) = root.tag_name().namespace()?.split_once("/profiles/cmi5/v")?;
    let number = rest.split('/').next()?;
    let digits = !number.is_empty() && number.len() <= 8 && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    digits.then(|| number.to_owned())
}
