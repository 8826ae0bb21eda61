//! The files of the archive that a package is looked for in.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

/// The names of the accepted entries, which are composed (NFC) and unique.
pub(crate) struct Files<'a> {
    names: BTreeSet<&'a str>,
}

impl<'a> Files<'a> {
    pub(crate) fn new(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { names: names.into_iter().collect() }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.names.iter().copied()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The entry of this name, however its letters are composed.
    pub(crate) fn find(&self, name: &str) -> Option<&'a str> {
        if let Some(found) = self.names.get(name) {
            return Some(found);
        }
        let composed: String = name.nfc().collect();
        self.names.get(composed.as_str()).copied()
    }

    /// Something lies in a folder of this name.
    pub(crate) fn has_folder(&self, name: &str) -> bool {
        let prefix = format!("{}/", name.trim_end_matches('/'));
        self.names.range(prefix.as_str()..).next().is_some_and(|first| first.starts_with(&prefix))
    }

    /// An entry whose name differs in upper and lower case only.
    pub(crate) fn other_case(&self, name: &str) -> Option<&'a str> {
        let lower = name.to_lowercase();
        self.iter().find(|other| other.to_lowercase() == lower)
    }

    /// The only folder at the top, with its `/`, when nothing lies beside it.
    pub(crate) fn only_folder(&self) -> Option<&'a str> {
        let first = self.iter().next()?;
        let folder = &first[..=first.find('/')?];
        self.iter().all(|name| name.starts_with(folder)).then_some(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_spellings() {
        let files = Files::new(["Kurs/index.html", "Kurs/a-b/x.html", "Kurs/Ü.html"]);
        assert_eq!(files.only_folder(), Some("Kurs/"));
        assert!(files.has_folder("Kurs/a-b") && files.has_folder("Kurs/a-b/") && !files.has_folder("Kurs/a"));
        assert_eq!(files.find("Kurs/U\u{308}.html"), Some("Kurs/Ü.html"));
        assert_eq!(files.other_case("kurs/Index.HTML"), Some("Kurs/index.html"));
        assert_eq!(Files::new(["a/b", "c"]).only_folder(), None);
        assert_eq!(Files::new([]).only_folder(), None);
    }
}
