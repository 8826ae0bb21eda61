//! The audit log outside the database: JSON lines, and manifests that seal them one after the other.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::audit::{ChainError, ChainHash, Entry, Link, Outcome, Verifier};

/// A row as one line says it. The order of the fields is part of the format: the same row makes the same bytes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    seq: u64,
    id: Uuid,
    action: String,
    actor_id: Option<Uuid>,
    target_type: String,
    target_id: Option<Uuid>,
    details: Value,
    ip_prefix: Option<String>,
    user_agent: Option<String>,
    result: Outcome,
    request_id: Option<String>,
    created_at: String,
    previous_hash: String,
    hash: String,
}

/// What is wrong with an exported file or its manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    #[error("line {line} is no row of an audit log: {cause}")]
    Line { line: u64, cause: String },
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error("it ends with row {found} and not with {expected}, or with another hash")]
    End { expected: u64, found: u64 },
    #[error("it is not the file that was sealed: its SHA-256 is {found}")]
    File { found: String },
    #[error("its manifest cannot be read: {0}")]
    Manifest(String),
    #[error("its manifest does not continue the one before it")]
    Unlinked,
}

/// One line of a file, with its line break.
pub fn line(link: &Link) -> String {
    let entry = &link.entry;
    let record = Record {
        seq: link.seq,
        id: entry.id,
        action: entry.action.clone(),
        actor_id: entry.actor_id,
        target_type: entry.target_type.clone(),
        target_id: entry.target_id,
        details: sorted(&entry.details),
        ip_prefix: entry.ip_prefix.clone(),
        user_agent: entry.user_agent.clone(),
        result: entry.outcome,
        request_id: entry.request_id.clone(),
        created_at: entry.created_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        previous_hash: hex::encode(link.previous),
        hash: hex::encode(link.hash),
    };
    // A struct of texts and numbers always has a JSON form.
    let mut line = serde_json::to_string(&record).unwrap_or_default();
    line.push('\n');
    line
}

/// Databases give the members of an object back in an order of their own.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_by_key(|(key, _)| key.as_str());
            Value::Object(members.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        plain => plain.clone(),
    }
}

fn parse(text: &str) -> Result<Link, String> {
    let record: Record = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let hash = |text: &str| hex_hash(text).ok_or_else(|| format!("{text:?} is no hash"));
    let created_at = DateTime::parse_from_rfc3339(&record.created_at).map_err(|error| error.to_string())?;
    Ok(Link {
        seq: record.seq,
        previous: hash(&record.previous_hash)?,
        hash: hash(&record.hash)?,
        entry: Entry {
            id: record.id,
            action: record.action,
            actor_id: record.actor_id,
            target_type: record.target_type,
            target_id: record.target_id,
            details: record.details,
            ip_prefix: record.ip_prefix,
            user_agent: record.user_agent,
            outcome: record.result,
            request_id: record.request_id,
            created_at: created_at.to_utc(),
        },
    })
}

fn hex_hash(text: &str) -> Option<[u8; 32]> {
    hex::decode(text).ok()?.try_into().ok()
}

/// Seals a file: what is in it, and which manifest comes before this one. Hashes are SHA-256 in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this format: 1.
    pub version: u32,
    pub first_seq: u64,
    pub last_seq: u64,
    pub rows: u64,
    /// Chain hash of the row before the first; zeros before row 1.
    pub previous_hash: String,
    /// Chain hash of the last row.
    pub last_hash: String,
    /// The file's key.
    pub file: String,
    pub file_bytes: u64,
    pub file_sha256: String,
    /// SHA-256 of the manifest before; zeros for the first.
    pub previous_manifest_sha256: String,
    pub planned_at: DateTime<Utc>,
}

impl Manifest {
    pub const VERSION: u32 = 1;

    /// The same manifest always makes the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// # Errors
    /// [`ExportError::Manifest`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ExportError> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| ExportError::Manifest(error.to_string()))?;
        if manifest.version == Self::VERSION {
            Ok(manifest)
        } else {
            Err(ExportError::Manifest(format!("version {} is not known to this build", manifest.version)))
        }
    }

    /// Whether it seals the rows right behind row `last_seq`, where the manifest `before` (SHA-256) ended.
    ///
    /// # Errors
    /// [`ExportError::Unlinked`].
    pub fn continues(&self, last_seq: u64, last_hash: &ChainHash, before: &[u8; 32]) -> Result<(), ExportError> {
        let linked = self.first_seq == last_seq + 1
            && self.last_seq >= self.first_seq
            && self.rows == self.last_seq - last_seq
            && self.previous_hash == hex::encode(last_hash)
            && self.previous_manifest_sha256 == hex::encode(before);
        if linked { Ok(()) } else { Err(ExportError::Unlinked) }
    }

    /// Whether `file` is what was sealed, row for row.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check_file(&self, file: &[u8]) -> Result<ChainHash, ExportError> {
        let found = hex::encode(sha256(file));
        let previous = hex_hash(&self.previous_hash);
        let Some(previous) = previous.filter(|_| found == self.file_sha256 && file.len() as u64 == self.file_bytes)
        else {
            return Err(ExportError::File { found });
        };
        let mut verifier = Verifier::behind(self.first_seq - 1, previous);
        let text =
            std::str::from_utf8(file).map_err(|error| ExportError::Line { line: 0, cause: error.to_string() })?;
        for (line, text) in (1..).zip(text.lines()) {
            verifier.push(&parse(text).map_err(|cause| ExportError::Line { line, cause })?)?;
        }
        let (seq, hash) = verifier.head();
        if seq == self.last_seq && hex::encode(hash) == self.last_hash {
            Ok(hash)
        } else {
            Err(ExportError::End { expected: self.last_seq, found: seq })
        }
    }
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::audit::GENESIS;

    fn links(count: u64) -> Vec<Link> {
        let mut previous = GENESIS;
        (1..=count)
            .map(|seq| {
                let time = DateTime::from_timestamp_micros(1_700_000_000_123_000 + seq as i64).unwrap();
                let details = json!({"b": [1, {"z": null, "y": "ü"}], "a": seq});
                let entry = Entry::by_system("nano.publish", "nano", Some(Uuid::from_u128(7)), details, time);
                let hash = entry.hash(seq, &previous);
                let link = Link { seq, entry, previous, hash };
                previous = hash;
                link
            })
            .collect()
    }

    fn sealed(links: &[Link]) -> (Vec<u8>, Manifest) {
        let file: Vec<u8> = links.iter().map(line).collect::<String>().into_bytes();
        let (first, last) = (&links[0], &links[links.len() - 1]);
        let manifest = Manifest {
            version: 1,
            first_seq: first.seq,
            last_seq: last.seq,
            rows: links.len() as u64,
            previous_hash: hex::encode(first.previous),
            last_hash: hex::encode(last.hash),
            file: "audit/x".into(),
            file_bytes: file.len() as u64,
            file_sha256: hex::encode(sha256(&file)),
            previous_manifest_sha256: hex::encode([0; 32]),
            planned_at: first.entry.created_at,
        };
        (file, manifest)
    }

    #[test]
    fn a_file_and_its_manifest_read_back() {
        let links = links(5);
        let (file, manifest) = sealed(&links[2..]);
        assert_eq!(Manifest::from_bytes(&manifest.to_bytes()), Ok(manifest.clone()));
        assert_eq!(manifest.check_file(&file), Ok(links[4].hash));
        assert_eq!(manifest.continues(2, &links[1].hash, &[0; 32]), Ok(()));
        assert_eq!(manifest.continues(2, &links[0].hash, &[0; 32]), Err(ExportError::Unlinked));
        assert_eq!(manifest.continues(2, &links[1].hash, &[1; 32]), Err(ExportError::Unlinked));
        assert_eq!(manifest.continues(1, &links[1].hash, &[0; 32]), Err(ExportError::Unlinked));
        let later = Manifest { version: 2, ..manifest };
        assert!(matches!(Manifest::from_bytes(&later.to_bytes()), Err(ExportError::Manifest(_))));
    }

    #[test]
    fn the_same_row_makes_the_same_bytes_whatever_order_its_details_come_in() {
        let mut other = links(1).remove(0);
        let same = Link { entry: Entry { id: other.entry.id, ..links(1).remove(0).entry }, ..other.clone() };
        other.entry.details = serde_json::from_str(r#"{"a": 1, "b": [1, {"y": "ü", "z": null}]}"#).unwrap();
        assert_eq!(line(&other), line(&same));
    }

    #[test]
    fn what_was_changed_shows_even_when_the_manifest_was_made_to_fit() {
        let links = links(4);
        let (file, manifest) = sealed(&links);
        let mut text = String::from_utf8(file).unwrap();
        assert!(matches!(manifest.check_file(&text.as_bytes()[1..]), Err(ExportError::File { .. })));
        text = text.replacen("nano.publish", "nano.reject_", 1);
        assert!(matches!(manifest.check_file(text.as_bytes()), Err(ExportError::File { .. })));

        let fitting = |text: &str| Manifest {
            file_bytes: text.len() as u64,
            file_sha256: hex::encode(sha256(text.as_bytes())),
            ..manifest.clone()
        };
        assert_eq!(fitting(&text).check_file(text.as_bytes()), Err(ExportError::Chain(ChainError::Changed { seq: 1 })));
        let short: String = links[..3].iter().map(line).collect();
        assert_eq!(fitting(&short).check_file(short.as_bytes()), Err(ExportError::End { expected: 4, found: 3 }));
        let broken = "{}\n";
        assert!(matches!(fitting(broken).check_file(broken.as_bytes()), Err(ExportError::Line { line: 1, .. })));
    }
}
