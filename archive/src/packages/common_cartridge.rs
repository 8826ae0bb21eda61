//! IMS Common Cartridge 1.0 to 1.3: `imsmanifest.xml` with resources of many types, imported rather than launched.

use roxmltree::Node;

use crate::{
    kinds::kind::Kind,
    packages::{
        bounds::{TITLE_CHARS, VERSION_CHARS},
        content_package::{Resources, items, organization},
        lom,
        package::{Package, PackageKind},
        reference::Reference,
        search::{Problem, Search},
        words::cleaned,
        xml::{self, child, children},
    },
};

/// The version of a cartridge, by its schema or its namespaces (`…/imsccv1p2/imscp_v1p1`).
pub(crate) fn version(manifest: Node<'_, '_>) -> Option<String> {
    let metadata = child(manifest, "metadata");
    let stated = |name| metadata.and_then(|metadata| child(metadata, name)).and_then(xml::text).map(str::trim);
    let named = stated("schema").is_some_and(|schema| {
        schema.eq_ignore_ascii_case("IMS Common Cartridge") || schema.eq_ignore_ascii_case("IMS Thin Common Cartridge")
    });
    let namespace = manifest.namespaces().find_map(|ns| {
        let (_, rest) = ns.uri().split_once("imsglobal.org/xsd/imsccv1p")?;
        rest.chars().next().filter(char::is_ascii_digit).map(|minor| format!("1.{minor}"))
    });
    let stated = named.then(|| stated("schemaversion").unwrap_or_default());
    // "1.3.0" is version 1.3.
    let stated = stated.map(|text| text.splitn(3, '.').take(2).collect::<Vec<_>>().join("."));
    stated.filter(|text| !text.is_empty()).or(namespace).and_then(|text| cleaned(&text, VERSION_CHARS))
}

/// Reads a cartridge's manifest.
pub(crate) fn read(
    search: &mut Search<'_>,
    entry: &str,
    manifest: Node<'_, '_>,
    version: String,
) -> Result<Package, Problem> {
    let mut package = Package {
        version: Some(version),
        manifest: Some(entry.to_owned()),
        ..Package::new(PackageKind::CommonCartridge)
    };
    let resources = Resources::of(manifest, entry)?;
    if let Some(metadata) = child(manifest, "metadata") {
        for lom in children(metadata, "lom") {
            lom::fill(&mut package, lom);
        }
    }
    let organization = organization(manifest);
    if package.title.is_none() {
        package.title = organization
            .and_then(|organization| {
                child(organization, "title").or_else(|| child(child(organization, "item")?, "title"))
            })
            .and_then(xml::text)
            .and_then(|title| cleaned(title, TITLE_CHARS));
    }
    // The first page of the organization; discussions, tests and links have none of their own.
    for item in organization.map(items).unwrap_or_default() {
        let Some(resource) = resources.get(item.resource) else {
            continue;
        };
        let Some(href) = resource.href.filter(|_| is_content(resource.kind)) else {
            continue;
        };
        let reference = search.resolve(&resource.base, href);
        if let Some(problem) = search.launch_problem(entry, &reference, href) {
            return Err(problem);
        }
        if let Reference::Found(target) = reference
            && package.start_page.is_none()
            && Kind::of(&target.entry) == Some(Kind::Html)
        {
            package.starts_at(target);
        }
    }
    resources.check_files(search, entry)?;
    Ok(package)
}

/// Pages and files: `webcontent`, and `associatedcontent/imscc_xmlv1p1/learning-application-resource`.
fn is_content(kind: &str) -> bool {
    let kind = kind.trim().to_ascii_lowercase();
    kind == "webcontent" || kind.starts_with("associatedcontent")
}
