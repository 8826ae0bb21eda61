//! The key that seals backups.

use super::{Problems, optional};
use crate::sealed_file::FileKey;

const EXAMPLE: &str = "/etc/nano/backup.key";

// Raw settings of the backups' key.
#[derive(clap::Args)]
#[command(next_help_heading = "Backups")]
pub struct BackupKeyArgs {
    /// A file with the key that seals backups, 32 bytes in base64. Make one: openssl rand -base64 32. Keep it where the backups are not. Required unless BACKUP_KEY is set.
    #[arg(long, env = "BACKUP_KEY_FILE", value_name = "FILE")]
    backup_key_file: Option<String>,
    /// The same key as text, from a secret store.
    #[arg(long, env = "BACKUP_KEY", hide_env_values = true, value_name = "BASE64")]
    backup_key: Option<String>,
}

impl BackupKeyArgs {
    pub fn check(&self, problems: &mut Problems) -> Option<FileKey> {
        let key = match (optional(&self.backup_key), optional(&self.backup_key_file)) {
            (Some(key), _) => key.to_owned(),
            (None, Some(file)) => problems.file("BACKUP_KEY_FILE", file, EXAMPLE)?,
            (None, None) => {
                problems.add("BACKUP_KEY_FILE", "is missing (or BACKUP_KEY)", EXAMPLE);
                return None;
            }
        };
        FileKey::read(&key).map_err(|error| problems.add("BACKUP_KEY_FILE", error.to_string(), EXAMPLE)).ok()
    }
}
