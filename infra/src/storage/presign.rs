//! Links that let a browser fetch one object for a short while.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_s3::presigning::{PresigningConfig, PresigningConfigError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::{
    Key, Storage, StorageError,
    error::{causes, unavailable},
};

impl Storage {
    /// A link to `key`, valid for `ttl` (at most 7 days, and no longer than the credentials). The browser saves the
    /// object under `filename` and never shows it in place.
    pub async fn presign_get(&self, key: &Key, ttl: Duration, filename: &str) -> Result<Url, StorageError> {
        self.sign(key, PresigningConfig::expires_in(ttl), filename).await
    }

    /// The same, valid for at least `ttl` and at most half as long again. For that half it is the same link, so that it can be
    /// found in caches, and an answer that has it is the same answer.
    pub async fn presign_get_steadily(&self, key: &Key, ttl: Duration, filename: &str) -> Result<Url, StorageError> {
        let half = ttl.as_secs() / 2;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let start = UNIX_EPOCH + Duration::from_secs(now - now % half.max(1));
        let expiry = PresigningConfig::builder().start_time(start).expires_in(ttl + Duration::from_secs(half)).build();
        self.sign(key, expiry, filename).await
    }

    async fn sign(
        &self,
        key: &Key,
        expiry: Result<PresigningConfig, PresigningConfigError>,
        filename: &str,
    ) -> Result<Url, StorageError> {
        let expiry = expiry.map_err(|error| unavailable("sign link", error))?;
        let signed = self
            .0
            .signer
            .get_object()
            .bucket(&self.0.bucket)
            .key(self.full(key))
            .response_content_disposition(attachment(filename))
            .presigned(expiry)
            .await
            .map_err(|error| unavailable("sign link", causes(&error)))?;
        Url::parse(signed.uri()).map_err(|error| unavailable("sign link", error))
    }
}

/// Everything but the `attr-char` of RFC 8187, 3.2.1.
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// RFC 6266: a plain name for old programs, and the real one, percent-encoded (RFC 8187), for the rest.
fn attachment(filename: &str) -> String {
    let name: String = filename.chars().filter(|c| !c.is_control()).take(150).collect();
    let name = if name.trim().is_empty() { "download" } else { name.trim() };
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || " .-_()".contains(c) { c } else { '_' }).collect();
    let encoded = utf8_percent_encode(name, NOT_ATTR_CHAR);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_header() {
        assert_eq!(
            attachment("Größe \"1\"; x=\r\n.zip"),
            "attachment; filename=\"Gr__e _1__ x_.zip\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%221%22%3B%20x%3D.zip"
        );
        assert_eq!(attachment(" \n"), "attachment; filename=\"download\"; filename*=UTF-8''download");
    }
}
