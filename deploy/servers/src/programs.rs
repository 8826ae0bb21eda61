//! The paths of programs: our own, and those that a package installed.

use std::path::PathBuf;

use anyhow::{Result, anyhow};

/// The path of one of our binaries, built beside the running program.
pub fn sibling(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let beside = own.ancestors().skip(1).take(2).map(|dir| dir.join(name)).find(|path| path.is_file());
    beside.ok_or_else(|| anyhow!("the program `{name}` is not built; run: cargo build --workspace"))
}

/// An installed program: PATH first, then the folders where packages put servers outside a user's PATH.
pub fn installed(names: &[&str], package: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let extra =
        ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/opt/homebrew/opt/mariadb/bin"];
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).chain(extra.iter().map(PathBuf::from)).collect();
    let found = names.iter().find_map(|name| dirs.iter().map(|dir| dir.join(name)).find(|path| path.is_file()));
    found.ok_or_else(|| anyhow!("{} is not installed (package {package}); run: deploy/install.sh", names[0]))
}
