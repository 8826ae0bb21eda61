//! The key that seals what stands in the database and has to be read again.

use super::{Problems, optional};
use crate::seal::DataKeys;

const EXAMPLE: &str = "/etc/nano/data.key";

// Raw settings of the data key.
#[derive(clap::Args)]
#[command(next_help_heading = "Sealed secrets")]
pub struct DataKeyArgs {
    /// A file with the key that seals secrets in the database, 32 bytes in base64. Make one: openssl rand -base64 32. Required unless DATA_KEY is set.
    #[arg(long, env = "DATA_KEY_FILE", value_name = "FILE")]
    data_key_file: Option<String>,
    /// The same key as text, from a secret store.
    #[arg(long, env = "DATA_KEY", hide_env_values = true, value_name = "BASE64")]
    data_key: Option<String>,
    /// The key before the current one, or the next one: what it sealed can be opened too.
    #[arg(long, env = "DATA_PREVIOUS_KEY_FILE", value_name = "FILE")]
    data_previous_key_file: Option<String>,
    /// The same key as text, from a secret store.
    #[arg(long, env = "DATA_PREVIOUS_KEY", hide_env_values = true, value_name = "BASE64")]
    data_previous_key: Option<String>,
}

impl DataKeyArgs {
    pub fn check(&self, problems: &mut Problems) -> Option<DataKeys> {
        let current = match (optional(&self.data_key), optional(&self.data_key_file)) {
            (Some(key), _) => key.to_owned(),
            (None, Some(file)) => problems.file("DATA_KEY_FILE", file, EXAMPLE)?,
            (None, None) => {
                problems.add("DATA_KEY_FILE", "is missing (or DATA_KEY)", EXAMPLE);
                return None;
            }
        };
        let previous = match (optional(&self.data_previous_key), optional(&self.data_previous_key_file)) {
            (Some(key), _) => Some(key.to_owned()),
            (None, Some(file)) => Some(problems.file("DATA_PREVIOUS_KEY_FILE", file, EXAMPLE)?),
            (None, None) => None,
        };
        let previous: Vec<&str> = previous.as_deref().into_iter().collect();
        let keys = DataKeys::new(&current, &previous);
        keys.map_err(|error| problems.add("DATA_KEY_FILE", error.to_string(), EXAMPLE)).ok()
    }
}
