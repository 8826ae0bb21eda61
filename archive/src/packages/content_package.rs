//! IMS Content Packaging (1.1.2 to 1.1.4): the `imsmanifest.xml` that SCORM and Common Cartridge share.

use std::collections::BTreeMap;

use roxmltree::Node;

use crate::{
    findings::code::Code,
    packages::{
        reference::{Base, within},
        search::{Problem, Search, about},
        xml::{self, attribute, base, child, children},
    },
};

/// One resource of a manifest.
pub(crate) struct Resource<'a> {
    pub id: &'a str,
    /// Its `type`, as it is written.
    pub kind: &'a str,
    /// Marked by SCORM as one that talks to the platform.
    pub sco: bool,
    pub href: Option<&'a str>,
    /// By the `xml:base` of the manifest, of its resources and of this one.
    pub base: Base,
    files: Vec<&'a str>,
}

/// One item of an organization, in the order learners meet them.
pub(crate) struct Item<'a> {
    pub resource: &'a str,
    /// SCORM's additions to the address that is launched.
    pub parameters: Option<&'a str>,
}

/// A manifest's resources by their order, and by identifier.
pub(crate) struct Resources<'a> {
    pub list: Vec<Resource<'a>>,
    by_id: BTreeMap<&'a str, usize>,
}

impl<'a> Resources<'a> {
    /// Two resources of one identifier would leave open which one an item starts.
    pub(crate) fn of(manifest: Node<'a, '_>, entry: &str) -> Result<Self, Problem> {
        let mut resources = Self { list: Vec::new(), by_id: BTreeMap::new() };
        let Some(all) = child(manifest, "resources") else {
            return Ok(resources);
        };
        let outer = within(&within(&Ok(String::new()), base(manifest)), base(all));
        for node in children(all, "resource") {
            let resource = Resource {
                id: node.attribute("identifier").unwrap_or_default().trim(),
                kind: node.attribute("type").unwrap_or_default(),
                sco: attribute(node, "scormtype").is_some_and(|kind| kind.trim().eq_ignore_ascii_case("sco")),
                href: node.attribute("href").filter(|href| !href.trim().is_empty()),
                base: within(&outer, base(node)),
                files: children(node, "file").filter_map(|file| file.attribute("href")).collect(),
            };
            if let Some(first) = resources.by_id.insert(resource.id, resources.list.len()) {
                let first = &resources.list[first];
                if !resource.id.is_empty() && (first.href != resource.href || first.base != resource.base) {
                    return Err(about(Code::PackageIdentifierDuplicate, entry, resource.id));
                }
            }
            resources.list.push(resource);
        }
        Ok(resources)
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Resource<'a>> {
        self.by_id.get(id).map(|at| &self.list[*at])
    }

    /// Every file that the resources list must lie in the archive.
    pub(crate) fn check_files(&self, search: &mut Search<'_>, entry: &str) -> Result<(), Problem> {
        for resource in &self.list {
            // The page itself is mostly among the files, and missing only once.
            let page = resource.href.filter(|href| !resource.files.contains(href));
            for href in page.into_iter().chain(resource.files.iter().copied()) {
                let reference = search.resolve(&resource.base, href);
                search.listed(entry, reference, href)?;
            }
        }
        Ok(())
    }
}

/// The organization that is used when none is asked for.
pub(crate) fn organization<'a, 'i>(manifest: Node<'a, 'i>) -> Option<Node<'a, 'i>> {
    let all = child(manifest, "organizations")?;
    let default = all.attribute("default").unwrap_or_default().trim();
    children(all, "organization")
        .find(|organization| organization.attribute("identifier").is_some_and(|id| id.trim() == default))
        .or_else(|| child(all, "organization"))
}

/// The items of an organization that name a resource.
pub(crate) fn items<'a>(organization: Node<'a, '_>) -> Vec<Item<'a>> {
    organization
        .descendants()
        .filter(|node| xml::is(*node, "item"))
        .filter_map(|node| {
            let resource = node.attribute("identifierref")?.trim();
            Some(Item { resource, parameters: node.attribute("parameters").filter(|text| !text.trim().is_empty()) })
        })
        .collect()
}
