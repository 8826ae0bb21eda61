//! The API's own settings; those of the outside systems are in `infra::env`.

use std::{net::SocketAddr, time::Duration};

use chrono::TimeDelta;
use http::HeaderValue;
use infra::{
    env::{DataKeyArgs, Problems, WebhookArgs, optional},
    seal::DataKeys,
    webhook::Targets,
};
use url::Url;

use crate::{
    answers::LONGEST_KEPT,
    auth::{consents::Versions, jwt::JwtKeys},
    request::TrustedProxies,
    routes::chats::{ChatArgs, ChatSettings},
    serve::{ConnectionArgs, ConnectionSettings},
};

/// Raw settings of the API.
#[derive(clap::Args)]
#[command(next_help_heading = "API")]
pub struct ApiArgs {
    /// Where the API listens.
    #[arg(long, env = "API_ADDR", value_name = "IP:PORT", default_value = "0.0.0.0:8000")]
    api_addr: String,
    /// Where people reach the site; links in mails begin with it, and tokens name it as their issuer. Required. Example: https://nano.example
    #[arg(long, env = "PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// Origins of web pages that may call the API, comma-separated and exact. Example: https://nano.example,http://localhost:5173
    #[arg(long, env = "CORS_ORIGINS", value_name = "LIST", default_value = "")]
    cors_origins: String,
    /// Proxies of ours before the API, whom X-Forwarded-For is believed: how many (0 to 10; the client's address is that many places from its right), or their networks (10.0.0.0/16,fd00::/8). 0: nobody is believed.
    #[arg(long, env = "TRUSTED_PROXIES", value_name = "NUMBER|LIST", default_value = "0")]
    trusted_proxies: String,
    #[command(flatten)]
    connections: ConnectionArgs,
    /// A PEM file with the private key that signs access tokens (Ed25519 or P-256, PKCS#8). Make one: openssl genpkey -algorithm ed25519. Required unless JWT_KEY is set.
    #[arg(long, env = "JWT_KEY_FILE", value_name = "FILE")]
    jwt_key_file: Option<String>,
    /// The same key as text, from a secret store.
    #[arg(long, env = "JWT_KEY", hide_env_values = true, value_name = "PEM")]
    jwt_key: Option<String>,
    /// Another key, the one before the current one or the next one: tokens it signed are accepted until they expire.
    #[arg(long, env = "JWT_PREVIOUS_KEY_FILE", value_name = "FILE")]
    jwt_previous_key_file: Option<String>,
    /// The same key as text, from a secret store.
    #[arg(long, env = "JWT_PREVIOUS_KEY", hide_env_values = true, value_name = "PEM")]
    jwt_previous_key: Option<String>,
    #[command(flatten)]
    data_key: DataKeyArgs,
    /// Whether admins need a second factor; one without it may only set it up.
    #[arg(long, env = "REQUIRE_ADMIN_2FA", value_name = "BOOL", default_value = "false")]
    require_admin_2fa: String,
    /// Whom access tokens are for (their `aud`).
    #[arg(long, env = "JWT_AUDIENCE", value_name = "TEXT", default_value = "nano-marketplace")]
    jwt_audience: String,
    /// How long an access token is good for, 1m to 1h.
    #[arg(long, env = "ACCESS_TOKEN_LIFETIME", value_name = "DURATION", default_value = "15m")]
    access_token_lifetime: String,
    /// How long a refresh token is good for, 1h to 90d.
    #[arg(long, env = "REFRESH_TOKEN_LIFETIME", value_name = "DURATION", default_value = "7d")]
    refresh_token_lifetime: String,
    /// How long a session lasts at most, however often its tokens are exchanged, 1d to 365d.
    #[arg(long, env = "SESSION_LIFETIME", value_name = "DURATION", default_value = "90d")]
    session_lifetime: String,
    /// Failed logins of one account from one address before the next are refused for the rest of LOGIN_WINDOW. Ten times as many of one account from everywhere slow it down.
    #[arg(long, env = "LOGIN_FAILURES", value_name = "NUMBER", default_value = "5")]
    login_failures: String,
    /// Failed logins from one address, whatever the accounts, before the next from there are refused for the rest of LOGIN_WINDOW. A school shares one address.
    #[arg(long, env = "LOGIN_FAILURES_PER_ADDRESS", value_name = "NUMBER", default_value = "100")]
    login_failures_per_address: String,
    /// The time over which failed logins are counted.
    #[arg(long, env = "LOGIN_WINDOW", value_name = "DURATION", default_value = "15m")]
    login_window: String,
    /// Registrations and requests for a mail with a link (verification, new password) per address and hour.
    #[arg(long, env = "REGISTRATIONS_PER_HOUR", value_name = "NUMBER", default_value = "60")]
    registrations_per_hour: String,
    /// Ratings, changes of ratings and replies to them that one person may write per hour.
    #[arg(long, env = "RATINGS_PER_HOUR", value_name = "NUMBER", default_value = "60")]
    ratings_per_hour: String,
    /// Requests that read, per signed-in person and minute in each process; ten times as many per address without a person.
    #[arg(long, env = "READS_PER_MINUTE", value_name = "NUMBER", default_value = "1200")]
    reads_per_minute: String,
    /// Requests that change something, per signed-in person and minute; ten times as many per address without a person.
    #[arg(long, env = "WRITES_PER_MINUTE", value_name = "NUMBER", default_value = "120")]
    writes_per_minute: String,
    #[command(flatten)]
    chat: ChatArgs,
    #[command(flatten)]
    webhooks: WebhookArgs,
    /// How long answers that are the same for everybody (lists, searches, public nanos, categories) are kept in Redis and in memory while nothing changes; 0s to 1h. 0s: not at all.
    #[arg(long, env = "ANSWERS_KEPT_FOR", value_name = "DURATION", default_value = "30m")]
    answers_kept_for: String,
    /// Passwords hashed at the same time, each on a core and with 19 MiB. 0: as many as there are cores.
    #[arg(long, env = "HASH_SLOTS", value_name = "NUMBER", default_value = "0")]
    hash_slots: String,
    /// Largest upload in bytes.
    #[arg(long, env = "UPLOAD_MAX_BYTES", value_name = "BYTES", default_value = "1073741824")]
    upload_max_bytes: String,
    /// How long a download link is good for.
    #[arg(long, env = "DOWNLOAD_LINK_LIFETIME", value_name = "DURATION", default_value = "5m")]
    download_link_lifetime: String,
    /// The version of the creator terms that is in force.
    #[arg(long, env = "CREATOR_TERMS_VERSION", value_name = "TEXT", default_value = "2026-11")]
    creator_terms_version: String,
    /// The version of the terms of use that people have to agree to before they change anything; with another one they are asked anew. Nobody is asked without it.
    #[arg(long, env = "TERMS_VERSION", value_name = "TEXT", default_value = "")]
    terms_version: String,
    /// The same of the privacy notice.
    #[arg(long, env = "PRIVACY_VERSION", value_name = "TEXT", default_value = "")]
    privacy_version: String,
    /// The version of what people may agree to in order to get mails about news. Nobody has to.
    #[arg(long, env = "MARKETING_VERSION", value_name = "TEXT", default_value = "")]
    marketing_version: String,
    /// Where people read these texts, in a browser; {subject} in it stands for terms, privacy or marketing, {version} for the version.
    #[arg(long, env = "AGREEMENTS_URL", value_name = "URL", default_value = "")]
    agreements_url: String,
    /// How long the API goes on after SIGTERM while /ready answers 503 "stopping", so that load balancers send no more; 0s to 5m. Longer than their check needs to fail.
    #[arg(long, env = "SHUTDOWN_NOTICE", value_name = "DURATION", default_value = "8s")]
    shutdown_notice: String,
    /// How long running requests may take after that.
    #[arg(long, env = "SHUTDOWN_GRACE", value_name = "DURATION", default_value = "20s")]
    shutdown_grace: String,
}

/// The API's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    pub address: SocketAddr,
    pub public_url: Url,
    pub cors_origins: Vec<HeaderValue>,
    pub trusted_proxies: TrustedProxies,
    pub connections: ConnectionSettings,
    pub refresh_token_lifetime: TimeDelta,
    pub session_lifetime: TimeDelta,
    pub login_failures: u64,
    pub login_failures_per_address: u64,
    pub login_window: Duration,
    pub registrations_per_hour: u64,
    pub ratings_per_hour: u64,
    pub reads_per_minute: u64,
    pub writes_per_minute: u64,
    pub chat: ChatSettings,
    /// Where webhooks of people may go.
    pub webhook_targets: Targets,
    /// Zero: no answers are kept.
    pub answers_kept_for: Duration,
    pub hash_slots: usize,
    pub upload_max_bytes: u64,
    pub download_link_lifetime: Duration,
    pub creator_terms_version: String,
    pub consents: Versions,
    /// Admins without a second factor may only set one up.
    pub require_admin_2fa: bool,
    pub shutdown_notice: Duration,
    pub shutdown_grace: Duration,
}

impl Settings {
    /// A page of the site: `path` begins with `/`.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }
}

/// A text's version; none where it is left empty.
fn version(variable: &'static str, text: &str, problems: &mut Problems) -> Option<String> {
    let text = text.trim();
    if text.len() > 16 {
        problems.add(variable, "must have at most 16 characters", "2026-11");
    }
    (!text.is_empty()).then(|| text.to_owned())
}

const TEXTS_EXAMPLE: &str = "https://nano.example/legal/{subject}-{version}.html";

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

const KEY_EXAMPLE: &str = "/etc/nano/jwt.pem";

impl ApiArgs {
    pub fn check(&self, problems: &mut Problems) -> Option<(Settings, JwtKeys, DataKeys)> {
        let (second, minute, hour, day) =
            (Duration::from_secs(1), Duration::from_secs(60), Duration::from_secs(3600), Duration::from_secs(86_400));
        let address = problems.socket("API_ADDR", &self.api_addr, "0.0.0.0:8000");
        let site = "https://nano.example";
        let public_url = problems
            .required("PUBLIC_URL", &self.public_url, site)
            .and_then(|text| problems.url("PUBLIC_URL", text, &["http", "https"], site));
        let cors_origins = self.cors_origins(problems);
        let trusted_proxies = TrustedProxies::parse(&self.trusted_proxies)
            .map_err(|error| problems.add("TRUSTED_PROXIES", error.to_string(), "1"))
            .ok();
        let connections = self.connections.check(problems);
        let access = problems.duration("ACCESS_TOKEN_LIFETIME", &self.access_token_lifetime, minute..=hour, "15m");
        let refresh = problems.duration("REFRESH_TOKEN_LIFETIME", &self.refresh_token_lifetime, hour..=day * 90, "7d");
        let login_failures = problems.number("LOGIN_FAILURES", &self.login_failures, 1..=1000, "5");
        let session = problems.duration("SESSION_LIFETIME", &self.session_lifetime, day..=day * 365, "90d");
        let per_address =
            problems.number("LOGIN_FAILURES_PER_ADDRESS", &self.login_failures_per_address, 1..=1_000_000, "100");
        let login_window = problems.duration("LOGIN_WINDOW", &self.login_window, second..=day, "15m");
        let registrations =
            problems.number("REGISTRATIONS_PER_HOUR", &self.registrations_per_hour, 1..=1_000_000, "60");
        let ratings = problems.number("RATINGS_PER_HOUR", &self.ratings_per_hour, 1..=1_000_000, "60");
        let reads = problems.number("READS_PER_MINUTE", &self.reads_per_minute, 1..=1_000_000_000, "1200");
        let writes = problems.number("WRITES_PER_MINUTE", &self.writes_per_minute, 1..=1_000_000_000, "120");
        let answers =
            problems.duration("ANSWERS_KEPT_FOR", &self.answers_kept_for, Duration::ZERO..=LONGEST_KEPT, "30m");
        let chat = self.chat.check(problems);
        let webhooks = self.webhooks.check(problems);
        let hash_slots = problems.number("HASH_SLOTS", &self.hash_slots, 0..=256, "0");
        let upload_max =
            problems.number("UPLOAD_MAX_BYTES", &self.upload_max_bytes, 1..=u64::from(u32::MAX) - 1, "1073741824");
        let download =
            problems.duration("DOWNLOAD_LINK_LIFETIME", &self.download_link_lifetime, second * 10..=day, "5m");
        let notice = problems.duration("SHUTDOWN_NOTICE", &self.shutdown_notice, Duration::ZERO..=minute * 5, "8s");
        let grace = problems.duration("SHUTDOWN_GRACE", &self.shutdown_grace, Duration::ZERO..=hour, "20s");
        let terms = self.creator_terms_version.trim();
        if terms.is_empty() || terms.len() > 16 {
            problems.add("CREATOR_TERMS_VERSION", "must have 1 to 16 characters", "2026-11");
        }
        let terms_of_use = version("TERMS_VERSION", &self.terms_version, problems);
        let privacy = version("PRIVACY_VERSION", &self.privacy_version, problems);
        let marketing = version("MARKETING_VERSION", &self.marketing_version, problems);
        let texts = self.agreements_url.trim();
        if !texts.is_empty() {
            problems.url("AGREEMENTS_URL", texts, &["http", "https"], TEXTS_EXAMPLE);
        }
        let texts = (!texts.is_empty()).then(|| texts.to_owned());
        let require_admin_2fa = problems.flag("REQUIRE_ADMIN_2FA", &self.require_admin_2fa);
        let keys = self.keys(problems, public_url.as_ref(), access);
        let data_keys = self.data_key.check(problems);
        let settings = Settings {
            address: address?,
            public_url: public_url?,
            cors_origins: cors_origins?,
            trusted_proxies: trusted_proxies?,
            connections: connections?,
            refresh_token_lifetime: TimeDelta::from_std(refresh?).ok()?,
            session_lifetime: TimeDelta::from_std(session?).ok()?,
            login_failures: login_failures?,
            login_failures_per_address: per_address?,
            login_window: login_window?,
            registrations_per_hour: registrations?,
            ratings_per_hour: ratings?,
            reads_per_minute: reads?,
            writes_per_minute: writes?,
            chat: chat?,
            webhook_targets: webhooks?,
            answers_kept_for: answers?,
            hash_slots: match hash_slots? {
                0 => cores(),
                slots => slots,
            },
            upload_max_bytes: upload_max?,
            download_link_lifetime: download?,
            creator_terms_version: terms.to_owned(),
            consents: Versions { terms: terms_of_use, privacy, marketing, texts },
            require_admin_2fa: require_admin_2fa?,
            shutdown_notice: notice?,
            shutdown_grace: grace?,
        };
        Some((settings, keys?, data_keys?))
    }

    fn cors_origins(&self, problems: &mut Problems) -> Option<Vec<HeaderValue>> {
        let mut origins = Vec::new();
        for text in self.cors_origins.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let exact = Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text);
            match HeaderValue::from_str(text) {
                Ok(value) if exact => origins.push(value),
                _ => {
                    let what = format!("holds {text:?}, which is no origin (scheme, host and port, nothing more)");
                    problems.add("CORS_ORIGINS", what, "https://nano.example");
                    return None;
                }
            }
        }
        Some(origins)
    }

    fn keys(&self, problems: &mut Problems, issuer: Option<&Url>, lifetime: Option<Duration>) -> Option<JwtKeys> {
        let current = match (optional(&self.jwt_key), optional(&self.jwt_key_file)) {
            // Secret stores often keep line ends as \n.
            (Some(pem), _) => pem.replace("\\n", "\n"),
            (None, Some(file)) => problems.file("JWT_KEY_FILE", file, KEY_EXAMPLE)?,
            (None, None) => {
                problems.add("JWT_KEY_FILE", "is missing (or JWT_KEY)", KEY_EXAMPLE);
                return None;
            }
        };
        let previous = match (optional(&self.jwt_previous_key), optional(&self.jwt_previous_key_file)) {
            (Some(pem), _) => Some(pem.replace("\\n", "\n")),
            (None, Some(file)) => Some(problems.file("JWT_PREVIOUS_KEY_FILE", file, KEY_EXAMPLE)?),
            (None, None) => None,
        };
        let (issuer, lifetime) = (issuer?.as_str().trim_end_matches('/'), TimeDelta::from_std(lifetime?).ok()?);
        let previous: Vec<&str> = previous.as_deref().into_iter().collect();
        let keys = JwtKeys::from_pem(&current, &previous, issuer, self.jwt_audience.trim(), lifetime);
        keys.map_err(|error| problems.add("JWT_KEY_FILE", error.to_string(), KEY_EXAMPLE)).ok()
    }
}
