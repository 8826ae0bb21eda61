//! The parts of an installation besides its services: keys and a version of the terms.

use std::{io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_STANDARD};

/// The version of the creators' terms that our programs are started with.
pub const CREATOR_TERMS: &str = "2026-11";

/// The private key that signs access tokens; kept, so that logins survive a restart.
pub fn make_signing_key(path: &Path) -> Result<()> {
    let pem = || Ok(rcgen::KeyPair::generate().context("cannot make a signing key")?.serialize_pem());
    keep(path, pem)
}

/// The key that seals secrets in the database; kept, like the database.
pub fn make_data_key(path: &Path) -> Result<()> {
    keep(path, || Ok(BASE64_STANDARD.encode(rand::random::<[u8; 32]>())))
}

fn keep(path: &Path, make: impl FnOnce() -> Result<String>) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(make()?.as_bytes())?;
    Ok(())
}
