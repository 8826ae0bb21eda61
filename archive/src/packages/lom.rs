//! Learning object metadata: IEEE 1484.12.3 (SCORM 2004, Common Cartridge) and its predecessor IMS Metadata 1.2.1
//! (SCORM 1.2), whose elements have the same names in other letters.

use roxmltree::Node;

use crate::packages::{
    bounds::{DESCRIPTION_CHARS, OBJECTIVE_CHARS, OBJECTIVES, TITLE_CHARS},
    package::Package,
    words::{cleaned, language, licence, minutes},
    xml::{self, child, children},
};

/// The `lom` in an element, or the element itself.
pub(crate) fn within<'a, 'i>(node: Node<'a, 'i>) -> Option<Node<'a, 'i>> {
    if xml::is(node, "lom") { Some(node) } else { child(node, "lom") }
}

/// Fills the fields that are still empty.
pub(crate) fn fill(package: &mut Package, lom: Node<'_, '_>) {
    let general = child(lom, "general");
    let words = |node: Option<Node<'_, '_>>, name: &str, most| {
        node.and_then(|node| child(node, name)).and_then(words).and_then(|text| cleaned(text, most))
    };
    package.title = package.title.take().or_else(|| words(general, "title", TITLE_CHARS));
    package.description = package.description.take().or_else(|| words(general, "description", DESCRIPTION_CHARS));
    if package.language.is_none() {
        package.language =
            general.and_then(|general| children(general, "language").filter_map(xml::text).find_map(language));
    }
    if package.licence.is_none() {
        package.licence = child(lom, "rights")
            .and_then(|rights| child(rights, "description"))
            .and_then(self::words)
            .and_then(licence);
    }
    for educational in children(lom, "educational") {
        if package.duration_minutes.is_none() {
            package.duration_minutes = child(educational, "typicalLearningTime")
                .and_then(|time| child(time, "duration").or_else(|| child(time, "datetime")))
                .and_then(xml::text)
                .and_then(minutes);
        }
    }
    for classification in children(lom, "classification") {
        let purpose =
            child(classification, "purpose").and_then(|purpose| child(purpose, "value")).and_then(self::words);
        if purpose.is_some_and(|purpose| purpose.trim().eq_ignore_ascii_case("educational objective")) {
            add_objective(package, child(classification, "description").and_then(self::words));
        }
    }
}

pub(crate) fn add_objective(package: &mut Package, text: Option<&str>) {
    if package.objectives.len() < OBJECTIVES
        && let Some(text) = text.and_then(|text| cleaned(text, OBJECTIVE_CHARS))
        && !package.objectives.contains(&text)
    {
        package.objectives.push(text);
    }
}

/// The text of an element, or of the first of its translations that says something.
pub(crate) fn words<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    node.children()
        .filter(|child| xml::is(*child, "string") || xml::is(*child, "langstring"))
        .find_map(xml::text)
        .or_else(|| xml::text(node))
}
