//! One name, one thing (rule 10): no two entries become the same file on a system that ignores case or composes
//! letters, and no name is both a file and a folder.

use std::collections::{HashMap, hash_map::Entry};

use crate::{findings::code::Code, names::name::fold};

struct Seen {
    /// As spelled the first time, without the trailing slash.
    path: String,
    folder: bool,
    /// Named by an entry of its own, not only by being the parent of one.
    own: bool,
}

/// The names met so far. Feed it only names without problems: their length is bounded.
#[derive(Default)]
pub(crate) struct Names {
    seen: HashMap<String, Seen>,
}

impl Names {
    /// Adds one entry's name; the clash it causes, if any, with the other spelling.
    pub(crate) fn add(&mut self, name: &str) -> Option<(Code, String)> {
        let folder = name.ends_with('/');
        let path = name.strip_suffix('/').unwrap_or(name);
        let mut clash = None;
        let mut key = String::new();
        let mut end = 0;
        for segment in path.split('/') {
            if end > 0 {
                key.push('/');
                end += 1;
            }
            key.push_str(&fold(segment));
            end += segment.len();
            let own = end == path.len();
            let found = self.meet(&key, &path[..end], folder || !own, own);
            clash = clash.or(found);
        }
        clash
    }

    fn meet(&mut self, key: &str, path: &str, folder: bool, own: bool) -> Option<(Code, String)> {
        match self.seen.entry(key.to_owned()) {
            Entry::Vacant(place) => {
                place.insert(Seen { path: path.to_owned(), folder, own });
                None
            }
            Entry::Occupied(mut place) => {
                let seen = place.get_mut();
                let code = if seen.folder != folder {
                    Code::FileAndFolder
                } else if seen.path != path {
                    Code::NamesCollide
                } else if seen.own && own {
                    Code::DuplicateName
                } else {
                    seen.own |= own;
                    return None;
                };
                Some((code, seen.path.clone()))
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
