//! The catcher's certificate: a throw-away authority and a leaf signed by it (rustls refuses one that is both).

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_rustls::TlsAcceptor;

pub struct Certificate {
    pub acceptor: TlsAcceptor,
    pub ca_file: PathBuf,
}

/// Made once for a folder, so that clients that have loaded the authority survive a restart of the catcher.
pub fn load_or_make(dir: &Path) -> Result<Certificate> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let dir = dir.canonicalize()?;
    let [ca_file, certificate_file, key_file] = ["ca.pem", "certificate.pem", "key.pem"].map(|name| dir.join(name));
    if !key_file.exists() {
        make(&ca_file, &certificate_file, &key_file).context("cannot make the mail catcher's certificate")?;
    }
    let chain = CertificateDer::pem_file_iter(&certificate_file)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(&key_file)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Certificate { acceptor: TlsAcceptor::from(Arc::new(config)), ca_file })
}

/// The key is written last: when it is there, all of it is.
fn make(ca_file: &Path, certificate_file: &Path, key_file: &Path) -> Result<()> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(DnType::CommonName, "Nano development mail authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);

    let mut leaf = CertificateParams::new(["localhost", "127.0.0.1", "::1"].map(String::from).to_vec())?;
    leaf.distinguished_name.push(DnType::CommonName, "Nano development mail catcher");
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let leaf_key = KeyPair::generate()?;
    let leaf_certificate = leaf.signed_by(&leaf_key, &issuer)?;

    std::fs::write(ca_file, authority_certificate.pem())?;
    std::fs::write(certificate_file, leaf_certificate.pem())?;
    std::fs::write(key_file, leaf_key.serialize_pem())?;
    Ok(())
}
