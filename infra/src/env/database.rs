use secrecy::SecretString;

use super::Problems;

const URL_EXAMPLE: &str = "mysql://nano:password@127.0.0.1:3306/nano";

// Raw settings of the database.
#[derive(clap::Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArgs {
    /// MySQL >= 8.0.28, Aurora MySQL 3 or MariaDB >= 10.11. Required. Example: mysql://nano:password@127.0.0.1:3306/nano
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// Connections this process may hold open, 2 to 500. At most 10 callers wait for one beyond that.
    #[arg(long, env = "DATABASE_POOL_SIZE", value_name = "NUMBER", default_value = "20")]
    database_pool_size: String,
}

/// Where the database is.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    pub url: SecretString,
    /// Connections, 2 to 500.
    pub pool_size: u32,
}

impl DatabaseArgs {
    pub fn check(&self, problems: &mut Problems) -> Option<DatabaseSettings> {
        let url = problems.required("DATABASE_URL", &self.database_url, URL_EXAMPLE);
        let checked = url.and_then(|url| problems.url("DATABASE_URL", url, &["mysql", "mariadb"], URL_EXAMPLE));
        let named = checked.filter(|url| {
            let has_name = url.path().len() > 1;
            if !has_name {
                problems.add("DATABASE_URL", "names no database after the host", URL_EXAMPLE);
            }
            has_name
        });
        let pool_size = problems.number("DATABASE_POOL_SIZE", &self.database_pool_size, 2..=500, "20");
        Some(DatabaseSettings { url: String::from(named?).into(), pool_size: pool_size? })
    }
}
