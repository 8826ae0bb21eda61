//! One name, one thing (rule 10): no two entries become the same file on a system that ignores case or composes
//! letters, and no name is both a file and a folder.

use std::collections::HashMap;

use crate::{findings::code::Code, names::name::fold_onto};

struct Seen {
    /// As spelled the first time, without the trailing slash. None when that is the key.
    path: Option<Box<str>>,
    folder: bool,
    /// Named by an entry of its own, not only by being the parent of one.
    own: bool,
}

/// The names met so far. Feed it only names without problems: their length is bounded.
#[derive(Default)]
pub(crate) struct Names {
    seen: HashMap<Box<str>, Seen>,
    /// The folder of the last name, with its slash, and its key: entries of a folder follow each other. Empty when that
    /// name was at the top, or clashed.
    folder: (String, String),
}

impl Names {
    /// Makes room for so many more.
    pub(crate) fn reserve(&mut self, names: usize) {
        self.seen.reserve(names);
    }

    /// Adds one entry's name; the clash it causes, if any, with the other spelling.
    pub(crate) fn add(&mut self, name: &str) -> Option<(Code, String)> {
        let folder = name.ends_with('/');
        let path = name.strip_suffix('/').unwrap_or(name);
        let mut clash = None;
        let (mut key, mut end) = match path.strip_prefix(self.folder.0.as_str()) {
            Some(rest) if !rest.is_empty() => (self.folder.1.clone(), self.folder.0.len()),
            _ => Default::default(),
        };
        // Where the last segment begins, in the key and in the path.
        let mut last = (key.len(), end);
        for segment in path[end..].split('/') {
            if end > last.1 {
                key.push('/');
                end += 1;
                last = (key.len(), end);
            }
            fold_onto(&mut key, segment);
            end += segment.len();
            let own = end == path.len();
            let found = self.meet(&key, &path[..end], folder || !own, own);
            clash = clash.or(found);
        }
        self.folder.0.clear();
        self.folder.1.clear();
        if clash.is_none() {
            self.folder.0.push_str(&path[..last.1]);
            self.folder.1.push_str(&key[..last.0]);
        }
        clash
    }

    fn meet(&mut self, key: &str, path: &str, folder: bool, own: bool) -> Option<(Code, String)> {
        match self.seen.get_mut(key) {
            None => {
                let spelled = (path != key).then(|| path.into());
                self.seen.insert(key.into(), Seen { path: spelled, folder, own });
                None
            }
            Some(seen) => {
                let first = seen.path.as_deref().unwrap_or(key);
                let code = if seen.folder != folder {
                    Code::FileAndFolder
                } else if first != path {
                    Code::NamesCollide
                } else if seen.own && own {
                    Code::DuplicateName
                } else {
                    seen.own |= own;
                    return None;
                };
                Some((code, first.to_owned()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clash(names: &[&str]) -> Option<Code> {
        let mut known = Names::default();
        names.iter().filter_map(|name| known.add(name)).map(|(code, _)| code).last()
    }

    #[test]
    fn clashes() {
        assert_eq!(clash(&["a/", "a/b.txt", "a/c/d.txt", "b.txt"]), None);
        assert_eq!(clash(&["a/b.txt", "a/"]), None);
        assert_eq!(clash(&["a.txt", "a.txt"]), Some(Code::DuplicateName));
        assert_eq!(clash(&["a/", "a/"]), Some(Code::DuplicateName));
        assert_eq!(clash(&["a.txt", "A.TXT"]), Some(Code::NamesCollide));
        assert_eq!(clash(&["Maße.txt", "MASSE.txt"]), Some(Code::NamesCollide));
        assert_eq!(clash(&["Docs/a.txt", "docs/b.txt"]), Some(Code::NamesCollide));
        assert_eq!(clash(&["a", "a/"]), Some(Code::FileAndFolder));
        assert_eq!(clash(&["a", "a/b.txt"]), Some(Code::FileAndFolder));
        assert_eq!(clash(&["a/b.txt", "A"]), Some(Code::FileAndFolder));
    }
}
