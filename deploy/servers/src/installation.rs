//! The parts of an installation besides its services: a signing key and a version of the terms.

use std::{io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::{Context, Result};

/// The version of the creators' terms that our programs are started with.
pub const CREATOR_TERMS: &str = "2026-11";

/// The private key that signs access tokens; kept, so that logins survive a restart.
pub fn make_signing_key(path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let key = rcgen::KeyPair::generate().context("cannot make a signing key")?;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(key.serialize_pem().as_bytes())?;
    Ok(())
}
