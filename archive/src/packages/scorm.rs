//! SCORM 1.2 and SCORM 2004 (2nd to 4th edition): `imsmanifest.xml`, after ADL's Content Aggregation Model.

use roxmltree::Node;

use crate::{
    findings::code::Code,
    packages::{
        bounds::{QUERY_CHARS, TITLE_CHARS, VERSION_CHARS},
        content_package::{Resources, items, organization},
        lom,
        package::{Package, PackageKind},
        reference::{Reference, within},
        search::{Problem, Search, about, tree},
        words::cleaned,
        xml::{self, base, child, children},
    },
};

const NAMESPACE_1_2: &str = "http://www.adlnet.org/xsd/adlcp_rootv1p2";
const NAMESPACE_2004: &str = "http://www.adlnet.org/xsd/adlcp_v1p3";

/// Kind and edition, by what the manifest's metadata say and else by its namespaces.
pub(crate) fn kind(manifest: Node<'_, '_>) -> Option<(PackageKind, Option<String>)> {
    let metadata = child(manifest, "metadata");
    let stated = |name| metadata.and_then(|metadata| child(metadata, name)).and_then(xml::text).map(str::trim);
    let declared = |uri: &str| manifest.descendants().take(50).any(|node| node.namespaces().any(|ns| ns.uri() == uri));
    let version = stated("schemaversion").unwrap_or_default();
    let scorm = stated("schema").is_some_and(|schema| schema.eq_ignore_ascii_case("ADL SCORM"));
    if !scorm && !declared(NAMESPACE_1_2) && !declared(NAMESPACE_2004) {
        return None;
    }
    if version.starts_with("1.2") {
        return Some((PackageKind::Scorm12, Some("1.2".into())));
    }
    if version.starts_with("2004") {
        return Some((PackageKind::Scorm2004, cleaned(version, VERSION_CHARS)));
    }
    // The Content Aggregation Model of the 2nd edition is version 1.3 of the book.
    if version.eq_ignore_ascii_case("CAM 1.3") {
        return Some((PackageKind::Scorm2004, Some("2004 2nd Edition".into())));
    }
    if declared(NAMESPACE_2004) {
        return Some((PackageKind::Scorm2004, None));
    }
    declared(NAMESPACE_1_2).then(|| (PackageKind::Scorm12, Some("1.2".into())))
}

/// Reads a SCORM manifest.
pub(crate) fn read(
    search: &mut Search<'_>,
    entry: &str,
    manifest: Node<'_, '_>,
    (kind, version): (PackageKind, Option<String>),
) -> Result<Package, Problem> {
    let mut package = Package { version, manifest: Some(entry.to_owned()), ..Package::new(kind) };
    let resources = Resources::of(manifest, entry)?;
    let organization = organization(manifest);

    // Every page that an item launches is held to the same rules as the first one.
    let launched = child(manifest, "organizations").map(items).unwrap_or_default();
    for item in &launched {
        if let Some(resource) = resources.get(item.resource)
            && let Some(href) = resource.href
        {
            let reference = search.resolve(&resource.base, href);
            if let Some(problem) = search.launch_problem(entry, &reference, href) {
                return Err(problem);
            }
        }
    }
    let first = organization.map(items).unwrap_or_default().into_iter().find_map(|item| {
        let resource = resources.get(item.resource)?;
        Some((resource, resource.href?, item.parameters))
    });
    // Packages without an organization are started at their first SCO.
    let sco =
        || resources.list.iter().find_map(|resource| Some((resource, resource.href.filter(|_| resource.sco)?, None)));
    let Some((resource, href, parameters)) = first.or_else(sco) else {
        return Err(about(Code::PackageNoStart, entry, ""));
    };
    let reference = search.resolve(&resource.base, href);
    let target = search.start(entry, reference, href)?;
    package.starts_at(target);
    if let Some(parameters) = parameters {
        add_parameters(&mut package, parameters);
    }

    metadata(search, entry, manifest, organization, &mut package)?;
    if package.title.is_none() {
        package.title = organization
            .and_then(|organization| child(organization, "title"))
            .and_then(xml::text)
            .and_then(|title| cleaned(title, TITLE_CHARS));
    }
    resources.check_files(search, entry)?;
    Ok(package)
}

/// As SCORM 2004 (CAM, 3.4.1.6) appends an item's parameters to the address.
fn add_parameters(package: &mut Package, parameters: &str) {
    let text = parameters.trim();
    if let Some(fragment) = text.strip_prefix('#') {
        if package.start_fragment.is_none() {
            package.start_fragment = cleaned(fragment, QUERY_CHARS);
        }
        return;
    }
    let text = text.trim_start_matches(['?', '&']);
    let query = match &package.start_query {
        Some(query) => format!("{query}&{text}"),
        None => text.to_owned(),
    };
    package.start_query = cleaned(&query, QUERY_CHARS);
}

/// The metadata of the package and of its organization, in the manifest or in files of their own.
fn metadata(
    search: &mut Search<'_>,
    entry: &str,
    manifest: Node<'_, '_>,
    organization: Option<Node<'_, '_>>,
    package: &mut Package,
) -> Result<(), Problem> {
    /// Files of metadata that are opened; a manifest names one, or one and its organization's.
    const FILES: usize = 4;
    let places = [Some(manifest), organization];
    let mut opened = Vec::new();
    for metadata in places.into_iter().flatten().filter_map(|node| child(node, "metadata")) {
        for lom in children(metadata, "lom") {
            lom::fill(package, lom);
        }
        for href in children(metadata, "location").filter_map(xml::text) {
            let reference = search.resolve(&within(&Ok(String::new()), base(manifest)), href);
            match reference {
                Reference::Found(target) if opened.len() < FILES && !opened.contains(&target.entry) => {
                    file(search, &target.entry, package)?;
                    opened.push(target.entry);
                }
                Reference::Found(_) => {}
                other => search.listed(entry, other, href)?,
            }
        }
    }
    Ok(())
}

fn file(search: &mut Search<'_>, entry: &str, package: &mut Package) -> Result<(), Problem> {
    let read = |search: &mut Search<'_>, package: &mut Package| {
        let text = search.xml_text(entry)?;
        let document = tree(entry, &text)?;
        if let Some(lom) = lom::within(document.root_element()) {
            lom::fill(package, lom);
        }
        Ok::<(), Problem>(())
    };
    match read(search, package) {
        // Tricks are tricks; a file that is only broken costs its fields.
        Err(problem) if problem.code == Code::PackageManifestUnreadable => {
            let detail = problem.detail.unwrap_or_default();
            search.findings.push(*about(Code::PackageMetadataUnreadable, entry, detail));
            Ok(())
        }
        outcome => outcome,
    }
}
