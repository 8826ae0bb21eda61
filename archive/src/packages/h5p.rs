//! H5P: `h5p.json` beside `content/content.json` and the folders of its libraries.

use serde::{Deserialize, de::IgnoredAny};

use crate::{
    findings::code::Code,
    packages::{
        bounds::{DESCRIPTION_CHARS, LIBRARIES, MANIFEST_BYTES, TITLE_CHARS, VERSION_CHARS},
        package::{Package, PackageKind},
        reference::Reference,
        search::{Problem, Search, about},
        words::{cleaned, language, licence},
    },
};

/// What is read of `h5p.json`; a field that stands twice is an error. Everything else is skipped.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    title: Option<String>,
    main_library: Option<String>,
    language: Option<String>,
    default_language: Option<String>,
    license: Option<String>,
    license_version: Option<String>,
    meta_description: Option<String>,
    #[serde(default)]
    preloaded_dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    machine_name: String,
    major_version: Version,
    minor_version: Version,
}

/// Some programs write numbers as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Version {
    Number(u32),
    Text(String),
}

impl Version {
    fn number(&self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

/// Reads an H5P package.
pub(crate) fn read(search: &mut Search<'_>, entry: &str) -> Result<Package, Problem> {
    let bytes = json(search, entry)?;
    let manifest: Manifest = parse(entry, &bytes)?;
    let content = format!("{}content/content.json", search.root);
    if !search.files.has(&content) {
        return Err(about(Code::PackageIncomplete, entry, content));
    }
    parse::<IgnoredAny>(&content, &json(search, &content)?)?;

    let Some(main) = manifest.main_library.as_deref().filter(|name| !name.is_empty()) else {
        return Err(about(Code::PackageIncomplete, entry, "mainLibrary"));
    };
    if manifest.preloaded_dependencies.len() > LIBRARIES {
        return Err(about(Code::PackageManifestTooLarge, entry, format!("more than {LIBRARIES} libraries")));
    }
    let mut version = None;
    for dependency in &manifest.preloaded_dependencies {
        let name = dependency.machine_name.as_str();
        // As the H5P core checks it; anything else could lead out of the package's folder.
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || name.len() > 255 || !name.chars().all(fits) || name.contains("..") {
            return Err(about(Code::PackageFileOutside, entry, name));
        }
        let (Some(major), Some(minor)) = (dependency.major_version.number(), dependency.minor_version.number()) else {
            return Err(about(Code::PackageManifestUnreadable, entry, format!("version of {name}")));
        };
        let there = has_library(search, name, major, minor);
        if name == main {
            version = Some(format!("{name} {major}.{minor}"));
            // A package of content only is started with the platform's own libraries.
            if !there && has_libraries(search) {
                return Err(about(Code::PackageIncomplete, entry, format!("{name}-{major}.{minor}")));
            }
        }
        if !there {
            let folder = format!("{name}-{major}.{minor}/library.json");
            search.listed(entry, Reference::Missing(format!("{}{folder}", search.root)), &folder)?;
        }
    }
    let Some(version) = version else {
        return Err(about(Code::PackageIncomplete, entry, format!("{main} is no preloadedDependency")));
    };

    let language = [&manifest.default_language, &manifest.language].into_iter().flatten().find_map(|tag| language(tag));
    Ok(Package {
        version: cleaned(&version, VERSION_CHARS),
        manifest: Some(entry.to_owned()),
        title: manifest.title.and_then(|title| cleaned(&title, TITLE_CHARS)),
        language,
        licence: spdx(manifest.license.as_deref(), manifest.license_version.as_deref()),
        description: manifest.meta_description.and_then(|text| cleaned(&text, DESCRIPTION_CHARS)),
        ..Package::new(PackageKind::H5p)
    })
}

/// `H5P.Blanks-1.14/library.json`, or with the patch's number behind.
fn has_library(search: &Search<'_>, name: &str, major: u32, minor: u32) -> bool {
    let folder = format!("{}{name}-{major}.{minor}", search.root);
    search.files.iter().any(|file| {
        file.strip_prefix(folder.as_str()).and_then(|rest| rest.strip_suffix("/library.json")).is_some_and(|patch| {
            patch.is_empty() || patch.strip_prefix('.').is_some_and(|patch| patch.bytes().all(|b| b.is_ascii_digit()))
        })
    })
}

fn has_libraries(search: &Search<'_>) -> bool {
    let mut below = search.files.iter().filter_map(|name| name.strip_prefix(search.root));
    below.any(|name| name.matches('/').count() == 1 && name.ends_with("/library.json"))
}

fn json(search: &mut Search<'_>, entry: &str) -> Result<Vec<u8>, Problem> {
    let bytes = search
        .content(entry, MANIFEST_BYTES + 1)
        .ok_or_else(|| about(Code::PackageManifestUnreadable, entry, "content"))?;
    if bytes.len() > MANIFEST_BYTES {
        return Err(about(Code::PackageManifestTooLarge, entry, format!("more than {MANIFEST_BYTES} bytes")));
    }
    Ok(bytes)
}

fn parse<'t, T: Deserialize<'t>>(entry: &str, bytes: &'t [u8]) -> Result<T, Problem> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(text).map_err(|error| {
        let detail = error.to_string();
        // `serde_json` nests 128 levels; it has no kind of its own for more.
        let deep = detail.starts_with("recursion limit");
        about(if deep { Code::PackageManifestTooLarge } else { Code::PackageManifestUnreadable }, entry, detail)
    })
}

/// H5P's own abbreviations (`CC BY-SA` and `4.0`) as SPDX writes them; others stay as they are.
fn spdx(name: Option<&str>, version: Option<&str>) -> Option<String> {
    let name = name?.trim();
    let version = version.unwrap_or_default().trim();
    let number = version.strip_prefix('v').unwrap_or(version);
    let plain = number.len() <= 8 && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = if plain { number } else { "" };
    match name {
        "" | "U" => None,
        "C" => Some("Copyright".into()),
        "PD" => Some("Public domain".into()),
        "CC PDM" => Some("Public Domain Mark".into()),
        "CC0 1.0" => Some("CC0-1.0".into()),
        "GNU GPL" => Some(match number {
            "" => "GPL".into(),
            major => format!("GPL-{major}{}", if major.contains('.') { "" } else { ".0" }),
        }),
        _ if name.starts_with("CC BY") => {
            let name = name.replace(' ', "-");
            licence(&if number.is_empty() { name } else { format!("{name}-{number}") })
        }
        _ => licence(&if version.is_empty() { name.to_owned() } else { format!("{name} {version}") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_named_as_spdx_does() {
        for (name, version, expected) in [
            ("CC BY-SA", "4.0", Some("CC-BY-SA-4.0")),
            ("CC BY", "", Some("CC-BY")),
            ("CC0 1.0", "", Some("CC0-1.0")),
            ("GNU GPL", "v3", Some("GPL-3.0")),
            ("U", "", None),
            ("ODC PDDL", "", Some("ODC PDDL")),
        ] {
            assert_eq!(spdx(Some(name), Some(version)).as_deref(), expected);
        }
        assert_eq!(spdx(None, Some("4.0")), None);
    }
}
