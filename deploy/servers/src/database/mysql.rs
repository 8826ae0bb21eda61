//! MySQL, from packages that were unpacked and not installed.

use std::path::PathBuf;

use anyhow::Result;

use super::packages::{self, LIBRARIES, LINKER};
use crate::processes::Launch;

/// The server's program. It was built for another release of Debian than this machine's, so it runs with that release's
/// dynamic linker and C library, which were fetched with it.
pub(super) async fn server(log: PathBuf) -> Result<Launch> {
    let root = packages::root().await?;
    let inside = |path: &str| root.join(path).display().to_string();
    Ok(Launch::new("mysql", root.join(LIBRARIES).join(LINKER), log)
        .args(["--library-path", &format!("{}:{}", inside(LIBRARIES), inside("usr/lib"))])
        .arg(inside("usr/sbin/mysqld"))
        .arg("--no-defaults")
        .arg(format!("--basedir={}", inside("usr")))
        .arg(format!("--lc-messages-dir={}", inside("usr/share/mysql")))
        .arg(format!("--plugin-dir={}", inside("usr/lib/mysql/plugin")))
        .args(["--secure-file-priv=", "--mysqlx=0"]))
}
