//! The marketplace for one test: a database, key prefixes, an object store, a mail catcher and an index of its own,
//! so that tests run side by side.

use std::{
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use api::{
    AppState, ChatSettings, ConnectionSettings, Parts, Settings, TrustedProxies,
    auth::{consents::Versions, jwt::JwtKeys},
};
use chrono::TimeDelta;
use db::{Db, Replica, clock::Clock};
use infra::{
    cache::Cache,
    env::{RedisSettings, SearchSettings, StorageSettings},
    seal::DataKeys,
    search::SearchBackend,
    storage::Storage,
    webhook::{TargetPolicy, Targets},
};
use queue::{
    ids::JobId,
    ledger::{
        self, JobRow, State,
        list::{self, Filter},
    },
    ready::ReadyList,
};
use servers::{mail::MailCatcher, s3::S3Server};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{database, kit::Kit};

/// How long a test waits for something that has to happen.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// What happens at once or not before half a minute: on a machine that is busy with other tests it takes seconds, and a
/// worker that waits for a lease, a backoff or a silent connection takes longer than this. How fast it is, benches measure.
pub const AT_ONCE: Duration = Duration::from_secs(15);

/// Seals secrets in the tests' databases.
const DATA_KEY: &str = "bmFubyBtYXJrZXRwbGFjZSB0ZXN0cycgb3duIGtleSE=";

pub struct TestApp {
    pub db: Db,
    pub database_url: String,
    pub storage: Storage,
    pub storage_settings: StorageSettings,
    pub search: SearchBackend,
    pub search_settings: SearchSettings,
    pub cache: Cache,
    pub redis: RedisSettings,
    pub ready: ReadyList,
    pub mail: MailCatcher,
    pub s3: S3Server,
    pub http: reqwest::Client,
    /// Of the API, without a slash at the end.
    pub url: String,
    pub folder: tempfile::TempDir,
    /// What the API and the handlers take for now.
    pub clock: Clock,
    pub(crate) kit: tokio::sync::OnceCell<Kit>,
    settings: Settings,
    replica_url: Option<String>,
    /// Signs access tokens.
    signing_key: String,
    database: String,
    server_url: String,
    api: CancellationToken,
}

/// Addresses that differ from the shared servers `dev test` started.
#[derive(Default)]
pub struct Overrides {
    pub redis_queue_url: Option<String>,
    pub redis_cache_url: Option<String>,
    pub database_server_url: Option<String>,
    /// A replica of that server, for plain reads.
    pub replica_server_url: Option<String>,
    /// Instead of an embedded index of the test's own.
    pub search: Option<SearchSettings>,
    /// The machine's, unless given.
    pub clock: Clock,
    /// Changes the API's settings.
    pub settings: Option<fn(&mut Settings)>,
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run the tests with `make test` (or `dev test`), which starts the services")
    })
}

/// What operators get without deciding anything, but for limits that tests would reach.
fn api_settings() -> Settings {
    Settings {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        public_url: "https://nano.test".parse().expect("a URL"),
        cors_origins: Vec::new(),
        trusted_proxies: TrustedProxies::Number(0),
        connections: ConnectionSettings::default(),
        refresh_token_lifetime: TimeDelta::days(7),
        session_lifetime: TimeDelta::days(90),
        login_failures: 5,
        login_failures_per_address: 100,
        login_window: Duration::from_secs(15 * 60),
        registrations_per_hour: 100_000,
        ratings_per_hour: 100_000,
        reads_per_minute: 1_000_000,
        writes_per_minute: 1_000_000,
        chat: ChatSettings {
            messages_per_minute: 1_000_000,
            sockets_per_person: 1_000,
            slow_reader: Duration::from_secs(10),
        },
        webhook_targets: Targets::new(TargetPolicy::Any),
        answers_kept_for: Duration::from_secs(30 * 60),
        hash_slots: std::thread::available_parallelism().map_or(1, usize::from),
        upload_max_bytes: domain::upload::MAX_BYTES,
        download_link_lifetime: Duration::from_secs(5 * 60),
        creator_terms_version: "2026-11".into(),
        consents: Versions::default(),
        require_admin_2fa: false,
        shutdown_notice: Duration::ZERO,
        shutdown_grace: Duration::from_secs(20),
    }
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_with(Overrides::default()).await
    }

    pub async fn start_with(overrides: Overrides) -> Self {
        let id = Uuid::now_v7().simple().to_string();
        let server_url = overrides.database_server_url.unwrap_or_else(|| variable("TEST_DATABASE_URL"));
        let database = format!("nano_test_{id}");
        let database_url = create_database(&server_url, &database).await;
        let db = Db::connect(&database_url, 20).await.expect("a database URL");
        db.migrate().await.expect("migrations");

        let folder = tempfile::tempdir().expect("a temporary folder");
        let s3 = S3Server::start(folder.path().join("s3"), 0).await.expect("the S3 server");
        let mail = MailCatcher::start(&folder.path().join("mail"), 0, 0).await.expect("the mail catcher");
        let redis = RedisSettings {
            queue_url: overrides.redis_queue_url.unwrap_or_else(|| variable("TEST_REDIS_QUEUE_URL")).into(),
            cache_url: overrides.redis_cache_url.unwrap_or_else(|| variable("TEST_REDIS_CACHE_URL")).into(),
            prefix: format!("t{id}:"),
        };
        let storage_settings = StorageSettings {
            endpoint: Some(s3.endpoint().parse().expect("a URL")),
            public_endpoint: None,
            bucket: servers::s3::BUCKET.into(),
            region: servers::s3::REGION.into(),
            path_style: true,
            prefix: format!("{id}/"),
        };
        let storage = Storage::connect(&storage_settings).await.expect("storage");
        let search_settings = overrides.search.unwrap_or_else(|| {
            let dir = folder.path().join("search");
            SearchSettings::Embedded { dir, index: "nanos".into() }
        });
        let search = SearchBackend::connect(&search_settings).await.expect("search");
        let cache = Cache::connect(&redis).expect("cache");
        let ready = ready_list(&redis).await;
        connect_notices(&db, &ready, &cache);

        let mut settings = api_settings();
        if let Some(change) = overrides.settings {
            change(&mut settings);
        }
        let replica_url = overrides.replica_server_url.map(|server| url_of(&server, &database));
        let signing_key = rcgen::KeyPair::generate().expect("a key").serialize_pem();
        let (url, stop) = serve(Parts {
            db: db.clone(),
            replica: replica(&db, replica_url.as_deref()).await,
            storage: storage.clone(),
            search: search.clone(),
            cache: cache.clone(),
            ready: ready.clone(),
            hints: cache.event_hints(),
            keys: signing_keys(&signing_key),
            data_keys: data_keys(),
            clock: overrides.clock.clone(),
            settings: settings.clone(),
        })
        .await;

        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(120))
            .build()
            .expect("an HTTP client");
        Self {
            db,
            database_url,
            storage,
            storage_settings,
            search,
            search_settings,
            cache,
            redis,
            ready,
            mail,
            s3,
            http,
            url,
            folder,
            clock: overrides.clock,
            kit: tokio::sync::OnceCell::new(),
            settings,
            replica_url,
            signing_key,
            database,
            server_url,
            api: stop,
        }
    }

    /// One more API of this marketplace, as another process would be one: with a memory and connections of its own.
    pub async fn another_api(&self) -> AnotherApi {
        let db = Db::connect(&self.database_url, 20).await.expect("a database URL");
        let cache = Cache::connect(&self.redis).expect("cache");
        let ready = ready_list(&self.redis).await;
        connect_notices(&db, &ready, &cache);
        let (url, stop) = serve(Parts {
            db: db.clone(),
            replica: replica(&db, self.replica_url.as_deref()).await,
            storage: self.storage.clone(),
            search: self.search.clone(),
            hints: cache.event_hints(),
            cache,
            ready,
            keys: signing_keys(&self.signing_key),
            data_keys: data_keys(),
            clock: self.clock.clone(),
            settings: self.settings.clone(),
        })
        .await;
        AnotherApi { url, db, stop }
    }

    /// The environment for a worker or scheduler process of this test.
    pub fn environment(&self) -> Vec<(String, String)> {
        use secrecy::ExposeSecret;
        let path = |path: PathBuf| path.display().to_string();
        let search = match &self.search_settings {
            SearchSettings::Embedded { dir, .. } => {
                [("SEARCH_BACKEND", "embedded".into()), ("SEARCH_DIR", path(dir.clone()))]
            }
            SearchSettings::OpenSearch { url, .. } => {
                [("SEARCH_BACKEND", "opensearch".into()), ("OPENSEARCH_URL", url.to_string())]
            }
        };
        [
            ("DATABASE_URL", self.database_url.clone()),
            ("REDIS_QUEUE_URL", self.redis.queue_url.expose_secret().to_owned()),
            ("REDIS_CACHE_URL", self.redis.cache_url.expose_secret().to_owned()),
            ("REDIS_PREFIX", self.redis.prefix.clone()),
            ("S3_ENDPOINT", self.s3.endpoint()),
            ("S3_BUCKET", self.storage_settings.bucket.clone()),
            ("S3_REGION", self.storage_settings.region.clone()),
            ("S3_PATH_STYLE", "true".into()),
            ("S3_PREFIX", self.storage_settings.prefix.clone()),
            ("AWS_ACCESS_KEY_ID", servers::s3::ACCESS_KEY.into()),
            ("AWS_SECRET_ACCESS_KEY", servers::s3::SECRET_KEY.into()),
            ("SMTP_URL", self.mail.smtp_url()),
            ("SMTP_CA_FILE", self.mail.ca_file().display().to_string()),
            ("MAIL_FROM", "Nano <no-reply@nano.test>".into()),
            ("PUBLIC_URL", "https://nano.test".into()),
            ("SCRATCH_DIR", path(self.folder.path().join("scratch"))),
            ("REVIEW_POLICY", "flagged_only".into()),
            ("DATA_KEY", DATA_KEY.into()),
            ("WEBHOOK_TARGETS", "any".into()),
            ("RUST_LOG", "info".into()),
            ("LOG_FORMAT", "json".into()),
        ]
        .into_iter()
        .chain(search)
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    /// The job, once it is in one of these states.
    pub async fn wait_for_state(&self, id: JobId, states: &[State]) -> JobRow {
        let started = Instant::now();
        loop {
            let row = ledger::get(&self.db, id).await.expect("the ledger").expect("the job is there");
            if states.contains(&row.state) {
                return row;
            }
            assert!(started.elapsed() < PATIENCE, "not {states:?}: {row:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until every job has ended well or badly.
    pub async fn drained(&self) {
        let started = Instant::now();
        loop {
            let left = ledger::unfinished(&self.db).await.expect("the ledger");
            if left.is_empty() {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "jobs do not end: {left:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The newest jobs that were given up.
    pub async fn given_up(&self) -> Vec<JobRow> {
        let filter = Filter { states: vec![State::Discarded, State::Quarantined], ..Filter::default() };
        list::page(&self.db, &filter, None, 100).await.expect("the ledger").jobs
    }

    /// Ends the test: jobs left over are a failure, and so are given-up ones.
    pub async fn finish(self) {
        let left = ledger::unfinished(&self.db).await.expect("the ledger");
        assert!(left.is_empty(), "jobs were left over: {left:#?}");
        let bad = self.given_up().await;
        assert!(bad.is_empty(), "jobs were given up: {bad:#?}");
        self.discard().await;
    }

    /// Ends the test without looking at the ledger.
    pub async fn discard(mut self) {
        self.api.cancel();
        self.s3.stop().await;
        self.mail.stop().await;
        self.db.close().await;
        drop_database(&self.server_url, &self.database).await;
    }

    /// Every object in the store, by key, without the test's prefix.
    pub async fn objects(&self) -> Vec<String> {
        let mut keys: Vec<String> =
            self.storage.list("").await.expect("the store").into_iter().map(|object| object.key.to_string()).collect();
        keys.sort();
        keys
    }
}

/// An API beside the test's own.
pub struct AnotherApi {
    pub url: String,
    db: Db,
    stop: CancellationToken,
}

impl AnotherApi {
    pub async fn stop(self) {
        self.stop.cancel();
        self.db.close().await;
    }
}

/// Serves until the token is cancelled.
async fn serve(parts: Parts) -> (String, CancellationToken) {
    let state = AppState::new(parts).expect("the API's state");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let stop = state.stopping.clone();
    tokio::spawn(api::serve(listener, state));
    (url, stop)
}

fn signing_keys(pem: &str) -> JwtKeys {
    let lifetime = chrono::TimeDelta::minutes(15);
    JwtKeys::from_pem(pem, &[], "https://nano.test", "nano-marketplace", lifetime).expect("a signing key")
}

/// What seals and opens secrets.
pub fn data_keys() -> DataKeys {
    DataKeys::new(DATA_KEY, &[]).expect("a key")
}

pub async fn ready_list(redis: &RedisSettings) -> ReadyList {
    use secrecy::ExposeSecret;
    queue::ready::connect(redis.queue_url.expose_secret(), &redis.prefix).await.expect("a Redis URL")
}

pub fn connect_notices(db: &Db, ready: &ReadyList, cache: &Cache) {
    ready.push_after_commits(db);
    cache.publish_event_hints_of(db);
    cache.forget_after_commits(db);
}

async fn replica(primary: &Db, url: Option<&str>) -> Option<Replica> {
    let replica = Db::connect_replica(url?, 20).await.expect("a database URL");
    Some(Replica::watch(primary.clone(), replica))
}

fn url_of(server: &str, database: &str) -> String {
    format!("{}/{database}", server.trim_end_matches('/'))
}

async fn create_database(server: &str, name: &str) -> String {
    let db = Db::connect(server, 1).await.expect("TEST_DATABASE_URL");
    database::create(&db, name).await.expect("a database of its own");
    db.close().await;
    url_of(server, name)
}

async fn drop_database(server: &str, name: &str) {
    let db = Db::connect(server, 1).await.expect("TEST_DATABASE_URL");
    database::drop(&db, name).await.expect("dropping the test's database");
    db.close().await;
}
