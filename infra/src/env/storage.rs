use url::Url;

use super::{Problems, optional};

const ENDPOINT_EXAMPLE: &str = "http://127.0.0.1:9000";

// Raw settings of the object store. Credentials come by the standard AWS chain: AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY, a profile, or the role of the task or instance.
#[derive(clap::Args)]
#[command(next_help_heading = "Object store (S3; credentials by the standard AWS chain, e.g. AWS_ACCESS_KEY_ID)")]
pub struct StorageArgs {
    /// Another S3 server than AWS. Example: http://127.0.0.1:9000
    #[arg(long, env = "S3_ENDPOINT", value_name = "URL")]
    s3_endpoint: Option<String>,
    /// The address browsers reach the store by, when it is not S3_ENDPOINT: signed links point there. Example: https://files.nano.example
    #[arg(long, env = "S3_PUBLIC_ENDPOINT", value_name = "URL")]
    s3_public_endpoint: Option<String>,
    /// The bucket. It must exist. Required. Example: nano-content
    #[arg(long, env = "S3_BUCKET", value_name = "NAME")]
    s3_bucket: Option<String>,
    /// The bucket's region.
    #[arg(long, env = "S3_REGION", value_name = "NAME", default_value = "eu-central-1")]
    s3_region: String,
    /// true: http://host/bucket/key, as most other S3 servers want it; false: http://bucket.host/key. By default true when S3_ENDPOINT is set.
    #[arg(long, env = "S3_PATH_STYLE", value_name = "true|false")]
    s3_path_style: Option<String>,
    /// Put before every key, so that several installations can share a bucket. Example: staging/
    #[arg(long, env = "S3_PREFIX", value_name = "TEXT", default_value = "")]
    s3_prefix: String,
}

/// Where objects are stored.
#[derive(Debug, Clone)]
pub struct StorageSettings {
    pub endpoint: Option<Url>,
    pub public_endpoint: Option<Url>,
    pub bucket: String,
    pub region: String,
    pub path_style: bool,
    /// Comes before every key as it is: empty, or ending in `/`.
    pub prefix: String,
}

impl StorageArgs {
    pub fn check(&self, problems: &mut Problems) -> Option<StorageSettings> {
        let found_before = problems.iter().count();
        let mut endpoint = |variable, value| {
            optional(value).and_then(|text| problems.url(variable, text, &["http", "https"], ENDPOINT_EXAMPLE))
        };
        let (own, public) =
            (endpoint("S3_ENDPOINT", &self.s3_endpoint), endpoint("S3_PUBLIC_ENDPOINT", &self.s3_public_endpoint));
        let bucket = problems.required("S3_BUCKET", &self.s3_bucket, "nano-content");
        let region = self.s3_region.trim();
        if region.is_empty() {
            problems.add("S3_REGION", "is missing", "eu-central-1");
        }
        let path_style = match optional(&self.s3_path_style) {
            Some(text) => problems.flag("S3_PATH_STYLE", text),
            None => Some(own.is_some()),
        };
        let prefix = self.s3_prefix.trim();
        if prefix.starts_with('/') || !(prefix.is_empty() || prefix.ends_with('/')) {
            problems.add("S3_PREFIX", "must not begin with / and must end with /", "staging/");
        }
        // An endpoint that was given but is wrong must not turn into "none given".
        if problems.iter().count() > found_before {
            return None;
        }
        Some(StorageSettings {
            endpoint: own,
            public_endpoint: public,
            bucket: bucket?.to_owned(),
            region: region.to_owned(),
            path_style: path_style?,
            prefix: prefix.to_owned(),
        })
    }
}
