use secrecy::SecretString;

use super::Problems;

const QUEUE_EXAMPLE: &str = "redis://127.0.0.1:6379/0";
const CACHE_EXAMPLE: &str = "redis://127.0.0.1:6380/0";

// Raw settings of the two Redis roles.
#[derive(clap::Args)]
#[command(next_help_heading = "Redis")]
pub struct RedisArgs {
    /// The queue's Redis: maxmemory-policy noeviction, AOF. rediss:// for TLS. Required. Example: redis://127.0.0.1:6379/0
    #[arg(long, env = "REDIS_QUEUE_URL", hide_env_values = true, value_name = "URL")]
    redis_queue_url: Option<String>,
    /// The cache's Redis: maxmemory-policy allkeys-lru. rediss:// for TLS. Required. Example: redis://127.0.0.1:6380/0
    #[arg(long, env = "REDIS_CACHE_URL", hide_env_values = true, value_name = "URL")]
    redis_cache_url: Option<String>,
    /// Put before every key and channel, so that several installations can share a Redis.
    #[arg(long, env = "REDIS_PREFIX", value_name = "TEXT", default_value = "nano:")]
    redis_prefix: String,
}

/// Where the two Redis roles are.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    pub queue_url: SecretString,
    pub cache_url: SecretString,
    /// Comes before every key as it is, separator included.
    pub prefix: String,
}

impl RedisArgs {
    pub fn check(&self, problems: &mut Problems) -> Option<RedisSettings> {
        let mut url = |variable, value, example| {
            let text = problems.required(variable, value, example)?;
            problems.url(variable, text, &["redis", "rediss"], example)?;
            Some(SecretString::from(text.to_owned()))
        };
        let queue_url = url("REDIS_QUEUE_URL", &self.redis_queue_url, QUEUE_EXAMPLE);
        let cache_url = url("REDIS_CACHE_URL", &self.redis_cache_url, CACHE_EXAMPLE);
        Some(RedisSettings {
            queue_url: queue_url?,
            cache_url: cache_url?,
            prefix: self.redis_prefix.trim().to_owned(),
        })
    }
}
