//! The object store: one S3 bucket and a key prefix.

mod download;
mod erase;
mod error;
mod key;
mod lock;
mod multipart;
mod pages;
mod presign;
mod throttle;

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_config::BehaviorVersion;
use aws_sdk_s3::{
    Client,
    config::{
        Region, ResponseChecksumValidation, StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
    },
    primitives::ByteStream,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};

pub use error::StorageError;
pub use key::{BadKey, Key, Owner};
pub use lock::{Lock, LockMode};
pub use multipart::Received;
pub use pages::Pages;

use crate::env::StorageSettings;
use error::{causes, failed, unavailable};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Until the first byte of an answer. Completing a large multipart upload takes S3 a while.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// One attempt, a 5 MiB part over a slow line included; downloads are watched for stalls instead.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
/// Attempts of one call, with exponential backoff and jitter between. Beyond that a job's own retries go on.
const ATTEMPTS: u32 = 3;
const PING_TIMEOUT: Duration = Duration::from_secs(3);
/// A transfer that moves nothing for this long is given up.
const STALL_GRACE: Duration = Duration::from_secs(20);

/// Handle on the object store; cheap to clone.
#[derive(Clone)]
pub struct Storage(Arc<Inner>);

struct Inner {
    client: Client,
    /// Signs links for browsers, which may reach the store by another name.
    signer: Client,
    bucket: String,
    prefix: String,
}

/// What the store said about an object it has just taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub size: u64,
    pub etag: Option<String>,
    /// Set when the bucket keeps versions.
    pub version_id: Option<String>,
}

/// An object as the store describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    pub key: Key,
    pub size: u64,
    pub etag: Option<String>,
    /// `None` in listings.
    pub content_type: Option<String>,
    /// Set when the bucket keeps versions; `None` in listings.
    pub version_id: Option<String>,
    pub last_modified: Option<DateTime<Utc>>,
}

impl Storage {
    /// Prepares the client; no request is made. Credentials come by the standard AWS chain.
    ///
    /// # Errors
    /// `Unavailable` when that chain yields no credentials.
    pub async fn connect(settings: &StorageSettings) -> Result<Self, StorageError> {
        let shared = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(settings.region.clone()))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .read_timeout(READ_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .build(),
            )
            .stalled_stream_protection(StalledStreamProtectionConfig::enabled().grace_period(STALL_GRACE).build())
            .load()
            .await;
        require_credentials(&shared).await?;

        let build = |endpoint: Option<&url::Url>| {
            let mut config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(settings.path_style);
            if let Some(endpoint) = endpoint {
                config = config.endpoint_url(endpoint.as_str().trim_end_matches('/'));
            }
            config
        };
        let own = settings.endpoint.as_ref();
        // A browser does not check checksums, and asking for them would be one more header to sign.
        let signing = build(settings.public_endpoint.as_ref().or(own))
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        Ok(Self(Arc::new(Inner {
            client: Client::from_conf(build(own).build()),
            signer: Client::from_conf(signing),
            bucket: settings.bucket.clone(),
            prefix: settings.prefix.clone(),
        })))
    }

    /// Whether the bucket is there and ours, within 3 s.
    pub async fn ping(&self) -> Result<(), StorageError> {
        let head = self.0.client.head_bucket().bucket(&self.0.bucket).send();
        match tokio::time::timeout(PING_TIMEOUT, head).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(match failed("head bucket", error) {
                StorageError::NotFound => unavailable("head bucket", format!("no bucket {:?}", self.0.bucket)),
                other => other,
            }),
            Err(_) => Err(unavailable("head bucket", format!("no answer within {PING_TIMEOUT:?}"))),
        }
    }

    /// Stores a body that is in memory already (thumbnails, small documents); replaces what was there.
    pub async fn put(&self, key: &Key, body: Bytes, content_type: &str) -> Result<Stored, StorageError> {
        let size = body.len() as u64;
        let sent = throttle::patiently(|| {
            self.0
                .client
                .put_object()
                .bucket(&self.0.bucket)
                .key(self.full(key))
                .content_type(content_type)
                .content_length(i64::try_from(size).unwrap_or(i64::MAX))
                .body(ByteStream::from(body.clone()))
                .send()
        });
        let answer = timed("put", async { sent.await.map_err(|error| failed("put object", error)) }).await?;
        Ok(Stored { size, etag: answer.e_tag, version_id: answer.version_id })
    }

    /// What the store knows about `key`; `None` when there is no such object.
    pub async fn head(&self, key: &Key) -> Result<Option<ObjectInfo>, StorageError> {
        let sent = self.0.client.head_object().bucket(&self.0.bucket).key(self.full(key)).send();
        let answer = timed("head", async { sent.await.map_err(|error| failed("head object", error)) }).await;
        match answer {
            Ok(head) => Ok(Some(ObjectInfo {
                key: key.clone(),
                size: head.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default(),
                etag: head.e_tag,
                content_type: head.content_type,
                version_id: head.version_id,
                last_modified: head.last_modified.and_then(to_chrono),
            })),
            Err(StorageError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes the object; it not being there is a success.
    pub async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        let sent = self.0.client.delete_object().bucket(&self.0.bucket).key(self.full(key)).send();
        let answer = timed("delete", async { sent.await.map_err(|error| failed("delete object", error)) }).await;
        match answer {
            Ok(_) | Err(StorageError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Every object whose key begins with `prefix`, in key order. All of it is in memory: for prefixes that are one
    /// nano's or one upload's, and for tests. Objects whose names are not [`Key`]s are left out.
    pub async fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>, StorageError> {
        let mut pages = self.pages(prefix);
        let mut found = Vec::new();
        while let Some(page) = pages.next().await? {
            found.extend(page);
        }
        Ok(found)
    }

    fn full(&self, key: &Key) -> String {
        format!("{}{key}", self.0.prefix)
    }
}

/// Asks the chain once, so that a forgotten key is found at start and not by the first upload.
async fn require_credentials(shared: &aws_config::SdkConfig) -> Result<(), StorageError> {
    use aws_sdk_s3::config::ProvideCredentials;
    let Some(provider) = shared.credentials_provider() else {
        return Err(unavailable("credentials", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"));
    };
    match provider.provide_credentials().await {
        Ok(_) => Ok(()),
        Err(error) => Err(unavailable(
            "credentials",
            format!(
                "the AWS chain has none (set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role): {}",
                causes(&error)
            ),
        )),
    }
}

async fn timed<T>(
    operation: &'static str,
    call: impl Future<Output = Result<T, StorageError>>,
) -> Result<T, StorageError> {
    let start = Instant::now();
    let outcome = call.await;
    let word = match &outcome {
        Err(StorageError::Unavailable { .. }) => "unavailable",
        _ => "ok",
    };
    metrics::histogram!("storage_request_seconds", "operation" => operation, "outcome" => word).record(start.elapsed());
    outcome
}

fn to_chrono(time: aws_sdk_s3::primitives::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.secs(), time.subsec_nanos())
}
