//! An upload on its way in: size limits, file names, its states, and the version number it becomes.

use std::{fmt, str::FromStr};

use crate::words;

/// Largest upload unless configured otherwise: 1 GiB.
pub const MAX_BYTES: u64 = 1 << 30;
/// Longest changelog of a version, in characters.
pub const CHANGELOG_MAX: usize = 1000;
/// How long an upload may lie unfinished, in hours.
pub const EXPIRES_HOURS: i64 = 24;

words! {
    pub enum UploadState ("upload state") {
        /// Bytes are still coming.
        Receiving = "receiving",
        /// All bytes are stored, the version is not made yet.
        Received = "received",
        /// A version was made from it.
        Finished = "finished",
        Aborted = "aborted",
        Expired = "expired",
    }
}

/// A step that an upload cannot take now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an upload that is {from} cannot become {to}")]
pub struct UploadMoveError {
    pub from: UploadState,
    pub to: UploadState,
}

impl UploadState {
    /// All bytes are stored.
    pub fn receive(self) -> Result<Self, UploadMoveError> {
        self.to(Self::Received, matches!(self, Self::Receiving))
    }

    /// A version is made from it.
    pub fn finish(self) -> Result<Self, UploadMoveError> {
        self.to(Self::Finished, matches!(self, Self::Received))
    }

    /// Given up by its owner or by a broken connection. Aborting twice is fine.
    pub fn abort(self) -> Result<Self, UploadMoveError> {
        self.to(Self::Aborted, matches!(self, Self::Receiving | Self::Received | Self::Aborted))
    }

    /// Nobody came back for it.
    pub fn expire(self) -> Result<Self, UploadMoveError> {
        self.to(Self::Expired, matches!(self, Self::Receiving | Self::Received))
    }

    fn to(self, to: Self, allowed: bool) -> Result<Self, UploadMoveError> {
        if allowed { Ok(to) } else { Err(UploadMoveError { from: self, to }) }
    }
}

/// Why a file is refused before or after its bytes were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    #[error("the file is empty")]
    Empty,
    #[error("the file has {have} bytes; at most {limit} are allowed")]
    TooLarge { have: u64, limit: u64 },
    #[error("{declared} bytes were announced but {received} arrived")]
    Mismatch { declared: u64, received: u64 },
}

/// Checks an announced size against the limit before any byte is read.
pub fn check_declared(size: u64, limit: u64) -> Result<(), SizeError> {
    match size {
        0 => Err(SizeError::Empty),
        have if have > limit => Err(SizeError::TooLarge { have, limit }),
        _ => Ok(()),
    }
}

/// Checks what arrived against what was announced.
pub fn check_received(declared: Option<u64>, received: u64, limit: u64) -> Result<(), SizeError> {
    match declared {
        Some(declared) if declared != received => Err(SizeError::Mismatch { declared, received }),
        _ => check_declared(received, limit),
    }
}

/// The last segment of a client's file name without anything that could steer a path, a header or a terminal; at
/// most 255 bytes; `upload.zip` when nothing is left.
pub fn clean_filename(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut clean: String =
        last.chars().filter(|c| !crate::text::is_unfit(*c) && !c.is_control() && !r#""<>|:*?"#.contains(*c)).collect();
    while clean.len() > 255 {
        clean.pop();
    }
    let clean = clean.trim().trim_start_matches('.');
    if clean.is_empty() { "upload.zip".to_owned() } else { clean.to_owned() }
}

/// A version number, `MAJOR.MINOR.PATCH` (semver.org, 2.0.0, rules 2 and 11; no pre-release, no build part).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Semver {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

/// Why a version number is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SemverError {
    #[error("a version is three numbers without leading zeros, like 1.4.0")]
    Format,
    #[error("the version must be higher than {0}")]
    NotHigher(Semver),
}

impl Semver {
    pub const FIRST: Self = Self { major: 1, minor: 0, patch: 0 };

    /// The number of a new version: the asked one if it is higher than `latest`, else the next patch.
    pub fn after(latest: Option<Self>, asked: Option<Self>) -> Result<Self, SemverError> {
        match (latest, asked) {
            (None, None) => Ok(Self::FIRST),
            (None, Some(asked)) => Ok(asked),
            (Some(latest), None) => Ok(Self { patch: latest.patch.saturating_add(1), ..latest }),
            (Some(latest), Some(asked)) if asked > latest => Ok(asked),
            (Some(latest), Some(_)) => Err(SemverError::NotHigher(latest)),
        }
    }
}

impl FromStr for Semver {
    type Err = SemverError;
    fn from_str(text: &str) -> Result<Self, SemverError> {
        let parsed = semver::Version::parse(text).map_err(|_| SemverError::Format)?;
        if !parsed.pre.is_empty() || !parsed.build.is_empty() {
            return Err(SemverError::Format);
        }
        let number = |part: u64| u32::try_from(part).map_err(|_| SemverError::Format);
        Ok(Self { major: number(parsed.major)?, minor: number(parsed.minor)?, patch: number(parsed.patch)? })
    }
}

impl fmt::Display for Semver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_checked_before_and_after() {
        assert_eq!(check_declared(0, 10), Err(SizeError::Empty));
        assert_eq!(check_declared(10, 10), Ok(()));
        assert_eq!(check_declared(11, 10), Err(SizeError::TooLarge { have: 11, limit: 10 }));
        assert_eq!(check_received(Some(5), 4, 10), Err(SizeError::Mismatch { declared: 5, received: 4 }));
        assert_eq!(check_received(None, 0, 10), Err(SizeError::Empty));
        assert_eq!(check_received(Some(5), 5, 10), Ok(()));
    }

    #[test]
    fn file_names_lose_what_could_harm() {
        assert_eq!(clean_filename("../../etc/passwd"), "passwd");
        assert_eq!(clean_filename(r"C:\Users\ada\Übung 1.zip"), "Übung 1.zip");
        assert_eq!(clean_filename("a\r\nSet-Cookie: x\"\u{202E}.zip"), "aSet-Cookie x.zip");
        assert_eq!(clean_filename("..."), "upload.zip");
        assert_eq!(clean_filename(&"ä".repeat(200)).len(), 254);
    }

    #[test]
    fn uploads_end_once() {
        use UploadState as U;
        assert_eq!(U::Receiving.receive(), Ok(U::Received));
        assert_eq!(U::Received.finish(), Ok(U::Finished));
        assert!(U::Receiving.finish().is_err());
        assert!(U::Finished.abort().is_err());
        assert!(U::Aborted.finish().is_err());
        assert!(U::Expired.receive().is_err());
        assert_eq!(U::Aborted.abort(), Ok(U::Aborted));
    }

    #[test]
    fn versions_are_three_plain_numbers() {
        assert_eq!("1.20.3".parse(), Ok(Semver { major: 1, minor: 20, patch: 3 }));
        for bad in ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.x", "1.2.-3", "1.2.3-rc1", "+1.2.3", "1.2.99999999999"] {
            assert_eq!(bad.parse::<Semver>(), Err(SemverError::Format), "{bad}");
        }
    }

    #[test]
    fn versions_only_rise() {
        let v = |s: &str| s.parse::<Semver>().unwrap();
        assert_eq!(Semver::after(None, None), Ok(Semver::FIRST));
        assert_eq!(Semver::after(Some(v("1.9.9")), None), Ok(v("1.9.10")));
        assert_eq!(Semver::after(Some(v("1.9.9")), Some(v("1.10.0"))), Ok(v("1.10.0")));
        assert_eq!(Semver::after(Some(v("1.9.9")), Some(v("1.9.9"))), Err(SemverError::NotHigher(v("1.9.9"))));
    }
}
