//! MariaDB, as its package installs it.

use std::path::PathBuf;

use anyhow::Result;

use crate::{processes::Launch, programs};

const PACKAGE: &str = "mariadb-server";

pub(super) fn server(log: PathBuf) -> Result<Launch> {
    Ok(Launch::new("mariadb", programs::installed(&["mariadbd", "mysqld"], PACKAGE)?, log).arg("--no-defaults"))
}

/// Makes a data directory.
pub(super) fn install(log: PathBuf) -> Result<Launch> {
    let program = programs::installed(&["mariadb-install-db", "mysql_install_db"], PACKAGE)?;
    Ok(Launch::new("mariadb-install-db", program, log)
        .arg("--no-defaults")
        .args(["--auth-root-authentication-method=normal", "--skip-test-db"]))
}
