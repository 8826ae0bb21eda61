use std::{fmt, str::FromStr};

use domain::ids::{DataRequestId, NanoId, UploadId};

/// S3 allows 1,024 bytes; some are left for the installation's prefix.
const MAX_KEY_BYTES: usize = 900;

/// The name of an object below the installation's prefix. Made by the functions here, or read back from a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// What a creator sent, as it came: `uploads/{upload}.zip`. Only the validator reads it.
    pub fn upload(upload: UploadId) -> Self {
        Self(format!("{}{upload}.zip", Self::UPLOADS))
    }

    /// What is scanned and served: `nanos/{nano}/{sha256}.zip`. Named by its content, so writing it twice is harmless.
    pub fn canonical(nano: NanoId, sha256: &[u8; 32]) -> Self {
        Self(format!("nanos/{nano}/{}.zip", hex::encode(sha256)))
    }

    /// A thumbnail of one canonical archive: `thumbnails/{nano}/{sha256}/{width}.webp`; `width` in pixels.
    pub fn thumbnail(nano: NanoId, sha256: &[u8; 32], width: u32) -> Self {
        Self(format!("{}{nano}/{}/{width}.webp", Self::THUMBNAILS, hex::encode(sha256)))
    }

    /// What somebody is given of their own data: `exports/{request}.zip`. Gone after a week.
    pub fn export(request: DataRequestId) -> Self {
        Self(format!("{}{request}.zip", Self::EXPORTS))
    }

    /// Rows `first` to `last` of the audit log, one JSON object a line. Numbers have 20 digits, so names sort like rows.
    pub fn audit_file(first: u64, last: u64) -> Self {
        Self(format!("{}{first:020}-{last:020}.jsonl", Self::AUDIT))
    }

    /// What seals [`Key::audit_file`].
    pub fn audit_manifest(first: u64, last: u64) -> Self {
        Self(format!("{}{first:020}-{last:020}.manifest.json", Self::AUDIT))
    }

    /// The prefix of the audit log's exports.
    pub const AUDIT: &str = "audit/";

    /// Whom it belongs to, as far as its name tells; `None` for a name that none of the functions here makes.
    pub fn owner(&self) -> Option<Owner> {
        let parts: Vec<&str> = self.0.split('/').collect();
        match *parts.as_slice() {
            ["uploads", file] => file.strip_suffix(".zip")?.parse().ok().map(Owner::Upload),
            ["nanos", nano, file] if file.ends_with(".zip") => nano.parse().ok().map(Owner::Nano),
            ["thumbnails", nano, _, file] if file.ends_with(".webp") => nano.parse().ok().map(Owner::Nano),
            ["exports", file] => file.strip_suffix(".zip")?.parse().ok().map(Owner::Export),
            ["audit", _] => Some(Owner::Audit),
            _ => None,
        }
    }

    /// The name without its last part.
    pub fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The prefix of [`Key::export`].
    pub const EXPORTS: &str = "exports/";

    /// The prefix of [`Key::thumbnail`].
    pub const THUMBNAILS: &str = "thumbnails/";

    /// The prefix of [`Key::upload`].
    pub const UPLOADS: &str = "uploads/";

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a key's name says about its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    Upload(UploadId),
    Nano(NanoId),
    Export(DataRequestId),
    /// The audit log: never removed by us.
    Audit,
}

/// A text that names no object of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an object key")]
pub struct BadKey(String);

impl FromStr for Key {
    type Err = BadKey;

    /// For keys that were stored: relative, no `.` or `..` or empty segment, no control characters, at most 900 bytes.
    fn from_str(text: &str) -> Result<Self, BadKey> {
        let clean = |segment: &str| !matches!(segment, "" | "." | "..") && !segment.contains(char::is_control);
        if text.len() <= MAX_KEY_BYTES && !text.contains('\\') && text.split('/').all(clean) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadKey(text.chars().take(100).collect()))
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_keys_read_back_as_themselves() {
        let nano = NanoId::new();
        for key in [Key::upload(UploadId::new()), Key::canonical(nano, &[7; 32]), Key::thumbnail(nano, &[7; 32], 640)] {
            assert_eq!(key.as_str().parse(), Ok(key));
        }
        assert_eq!(
            Key::thumbnail(nano, &[0xab; 32], 320).as_str(),
            format!("thumbnails/{nano}/{}/320.webp", "ab".repeat(32))
        );
    }

    #[test]
    fn names_tell_their_owners() {
        let (nano, upload) = (NanoId::new(), UploadId::new());
        assert_eq!(Key::upload(upload).owner(), Some(Owner::Upload(upload)));
        assert_eq!(Key::canonical(nano, &[7; 32]).owner(), Some(Owner::Nano(nano)));
        let thumbnail = Key::thumbnail(nano, &[7; 32], 640);
        assert_eq!(thumbnail.owner(), Some(Owner::Nano(nano)));
        assert_eq!(thumbnail.folder(), format!("thumbnails/{nano}/{}", "07".repeat(32)));
        assert_eq!(Key::audit_manifest(1, 9).owner(), Some(Owner::Audit));
        let request = DataRequestId::new();
        assert_eq!(Key::export(request).owner(), Some(Owner::Export(request)));
        assert!(Key::audit_file(9, 10).as_str() > Key::audit_manifest(1, 8).as_str());
        for text in ["notes.txt", "uploads/x.zip", "nanos/1/a.zip", "uploads/a/b.zip", "backup/2026.sql"] {
            assert_eq!(text.parse::<Key>().unwrap().owner(), None, "{text}");
        }
    }

    #[test]
    fn texts_that_climb_or_confuse_are_no_keys() {
        for text in ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", "a\\b", "a\nb", &"x".repeat(901)] {
            assert!(text.parse::<Key>().is_err(), "{text:?}");
        }
    }
}
