use secrecy::SecretString;

use super::{Problems, optional};

const URL_EXAMPLE: &str = "mysql://nano:password@127.0.0.1:3306/nano";

// Raw settings of the database.
#[derive(clap::Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArgs {
    /// MySQL >= 8.0.28, Aurora MySQL 3 or MariaDB >= 10.11. Required. Example: mysql://nano:password@127.0.0.1:3306/nano
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// A replica of the database, for plain reads of the API; without one, and while it is away or more than 3 s behind, the primary answers them. Example: mysql://nano:password@replica:3306/nano
    #[arg(long, env = "DATABASE_REPLICA_URL", hide_env_values = true, value_name = "URL")]
    database_replica_url: Option<String>,
    /// Connections in this process' pool, 2 to 500. auto: 6 in the API, 5 or more in a worker by its slots, 2 in a scheduler. A few come on top, which each program names at its start. Of the API's callers at most 25 wait for one beyond that.
    #[arg(long, env = "DATABASE_POOL_SIZE", value_name = "NUMBER", default_value = "auto")]
    database_pool_size: String,
}

/// Where the database is.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    pub url: SecretString,
    /// For plain reads.
    pub replica_url: Option<SecretString>,
    /// Connections, 2 to 500; none: what suits the program.
    pub pool_size: Option<u32>,
}

impl DatabaseSettings {
    /// For the API. A request holds a connection for milliseconds.
    pub fn api_pool(&self) -> u32 {
        self.pool_size.unwrap_or(6)
    }

    /// For a worker that runs this many jobs at a time. Jobs hold connections for moments, and those in child processes
    /// have their own; the rest is for claims, completions, controls and rescues.
    pub fn worker_pool(&self, slots: usize) -> u32 {
        let by_slots = u32::try_from(slots / 5).unwrap_or(u32::MAX).saturating_add(3);
        self.pool_size.unwrap_or(by_slots.clamp(5, 64))
    }

    /// For a scheduler, which never needs many.
    pub fn scheduler_pool(&self) -> u32 {
        self.pool_size.map_or(3, |size| size.min(4))
    }
}

impl DatabaseArgs {
    pub fn check(&self, problems: &mut Problems) -> Option<DatabaseSettings> {
        let url = problems.required("DATABASE_URL", &self.database_url, URL_EXAMPLE);
        let url = url.and_then(|url| named("DATABASE_URL", url, problems));
        let replica_url = optional(&self.database_replica_url).map(|url| named("DATABASE_REPLICA_URL", url, problems));
        let pool_size = match self.database_pool_size.trim() {
            "auto" => None,
            number => Some(problems.number("DATABASE_POOL_SIZE", number, 2..=500, "20")?),
        };
        let replica_url = match replica_url {
            Some(url) => Some(url?),
            None => None,
        };
        Some(DatabaseSettings { url: url?, replica_url, pool_size })
    }
}

/// The address of a server, and of a database there.
fn named(variable: &'static str, text: &str, problems: &mut Problems) -> Option<SecretString> {
    let url = problems.url(variable, text, &["mysql", "mariadb"], URL_EXAMPLE)?;
    if url.path().len() > 1 {
        return Some(String::from(url).into());
    }
    problems.add(variable, "names no database after the host", URL_EXAMPLE);
    None
}
