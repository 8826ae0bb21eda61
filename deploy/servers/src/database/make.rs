//! The two makes of database that the product runs on.

use std::fmt;

use anyhow::{Result, bail};

/// The environment variable that chooses the make: `mariadb`, which is also what it is without it, or `mysql`.
pub const VARIABLE: &str = "DEV_DATABASE";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// Installed as a package.
    MariaDb,
    /// Fetched when it is first wanted.
    MySql,
}

impl Make {
    /// What [`VARIABLE`] says: of this run, of the tests in it, and of the servers that tests start for themselves.
    pub fn chosen() -> Result<Self> {
        Self::named(std::env::var(VARIABLE).ok().as_deref())
    }

    fn named(name: Option<&str>) -> Result<Self> {
        match name {
            None | Some("" | "mariadb") => Ok(Self::MariaDb),
            Some("mysql") => Ok(Self::MySql),
            Some(other) => bail!("{VARIABLE} is {other:?}; it may be mariadb or mysql"),
        }
    }

    /// The value of [`VARIABLE`], and the folder of its data: neither make reads the other's.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::MariaDb => "mariadb",
            Self::MySql => "mysql",
        }
    }
}

impl fmt::Display for Make {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_make_is_chosen_by_its_name_and_never_by_a_slip() {
        assert_eq!(Make::named(None).unwrap(), Make::MariaDb);
        for make in [Make::MariaDb, Make::MySql] {
            assert_eq!(Make::named(Some(make.folder())).unwrap(), make);
        }
        assert!(Make::named(Some("MySQL 9")).unwrap_err().to_string().contains("mariadb or mysql"));
    }
}
