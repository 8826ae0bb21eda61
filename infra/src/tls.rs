//! One TLS stack for every client in the process: rustls over aws-lc-rs.

/// Makes aws-lc-rs the process's default. Clients that do not name a provider themselves (redis) need it before
/// their first encrypted connection; calling it again changes nothing.
pub fn install() {
    // An error only says that a default is there already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
