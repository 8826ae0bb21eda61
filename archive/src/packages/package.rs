//! What is known of a learning package from its manifest.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The standard a package follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PackageKind {
    #[serde(rename = "scorm_1_2")]
    Scorm12,
    #[serde(rename = "scorm_2004")]
    Scorm2004,
    #[serde(rename = "cmi5")]
    Cmi5,
    #[serde(rename = "common_cartridge")]
    CommonCartridge,
    #[serde(rename = "h5p")]
    H5p,
    #[serde(rename = "epub")]
    Epub,
    /// Pages with an `index.html`, without a manifest.
    #[serde(rename = "site")]
    Site,
}

impl PackageKind {
    /// The name in reports and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scorm12 => "scorm_1_2",
            Self::Scorm2004 => "scorm_2004",
            Self::Cmi5 => "cmi5",
            Self::CommonCartridge => "common_cartridge",
            Self::H5p => "h5p",
            Self::Epub => "epub",
            Self::Site => "site",
        }
    }
}

impl fmt::Display for PackageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A learning package as its manifest describes it. The texts are the creator's own words: trimmed, without control
/// characters and bounded ([`bounds`](crate::packages::bounds)), but not escaped for any page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    pub kind: PackageKind,
    /// The standard's edition: `1.2`, `2004 4th Edition`, `1.3`; of H5P the main library with its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The entry of the archive that holds the manifest. None for a site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// The entry of the archive that is opened first. None where a player makes the page (H5P), and for cartridges
    /// without a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_page: Option<String>,
    /// What follows `?` when the start page is opened, percent-encoded as in the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_query: Option<String>,
    /// What follows `#`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_fragment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A language tag (BCP 47).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// An SPDX-like name, an address or a sentence, as the manifest states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_minutes: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objectives: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Package {
    /// A package of which nothing but the kind is known.
    pub(crate) fn new(kind: PackageKind) -> Self {
        Self {
            kind,
            version: None,
            manifest: None,
            start_page: None,
            start_query: None,
            start_fragment: None,
            title: None,
            language: None,
            licence: None,
            duration_minutes: None,
            objectives: Vec::new(),
            description: None,
        }
    }
}
