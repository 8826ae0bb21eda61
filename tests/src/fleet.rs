//! Workers of a test: inside the test's process, or as processes that can be killed.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use db::Db;
use domain::review::ReviewPolicy;
use infra::{
    env::{ChildTelemetry, LogFormat, MailSettings, SamplerSettings, SmtpTls, TelemetrySettings, TraceSettings},
    mail::Mailer,
    webhook::{TargetPolicy, Targets, WebhookSender},
};
use jobs::Context;
use queue::{
    LedgerDays, Registry, WorkerSettings,
    child::{ChildLimits, ChildProgram},
    reader::ReaderProgram,
};
use servers::processes::{Launch, Process};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::{self, TestApp};

/// Of a process for one job or one file.
const LIMITS: ChildLimits = ChildLimits { memory: 768 << 20, cpu: Duration::from_secs(600), file: 2 << 30 };

/// A worker inside the test's process.
pub struct Worker {
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Worker {
    pub fn start(worker: queue::Worker<Context>) -> Self {
        let stop = CancellationToken::new();
        let running = tokio::spawn(worker.run(stop.clone()));
        Self { stop, running }
    }

    /// Stops it as a SIGTERM would.
    pub async fn stop(self) {
        self.stop.cancel();
        self.running.await.expect("the worker does not panic").expect("the worker ends well");
    }
}

impl Worker {
    /// False once it has ended, for whatever reason.
    pub fn is_running(&self) -> bool {
        !self.running.is_finished()
    }
}

impl TestApp {
    /// Starts a worker for every queue, with child processes as in production.
    pub async fn worker(&self) -> Worker {
        let mut worker = self.prepared_worker(ReviewPolicy::FlaggedOnly, jobs::registry()).await;
        worker.settings.child = Some(self.child_program());
        worker.settings.reader = Some(Self::reader_program());
        Worker::start(worker)
    }

    /// A worker that runs everything in this process, so that the registry may have kinds of the test's own.
    pub async fn worker_with(&self, review_policy: ReviewPolicy, registry: Registry<Context>) -> Worker {
        Worker::start(self.prepared_worker(review_policy, registry).await)
    }

    /// How the worker binary runs a job of its own for this test.
    pub fn child_program(&self) -> ChildProgram {
        // Its log goes to this process' output, which the test harness cannot capture.
        let quiet = ("RUST_LOG".to_owned(), "error".to_owned());
        let environment = self.environment().into_iter().chain([quiet]);
        ChildProgram {
            program: worker_program(),
            args: vec!["run-one".into()],
            envs: environment.map(|(name, value)| (name.into(), value.into())).collect(),
            limits: LIMITS,
            heavy_memory: 2 << 30,
            scratch: self.scratch(),
            known_metric: infra::telemetry::metrics::is_ours,
            pass_spans: infra::telemetry::pass_on,
        }
    }

    /// How the worker binary reads hostile files.
    pub fn reader_program() -> ReaderProgram {
        let quiet = TelemetrySettings {
            format: LogFormat::Json,
            filter: "error".into(),
            metrics: None,
            traces: TraceSettings {
                endpoint: None,
                headers: Vec::new(),
                timeout: Duration::from_secs(1),
                service_name: None,
                attributes: Vec::new(),
                sampler: SamplerSettings { parent_based: true, share: 1.0 },
            },
        };
        let telemetry = serde_json::to_string(&ChildTelemetry::of(&quiet)).expect("it can be written");
        ReaderProgram {
            program: worker_program(),
            args: vec!["read".into(), telemetry.into()],
            limits: LIMITS,
            heavy_memory: 2 << 30,
            known_metric: infra::telemetry::metrics::is_ours,
            pass_spans: infra::telemetry::pass_on,
        }
    }

    /// A worker to be started, with settings that can be changed before.
    pub async fn prepared_worker(
        &self,
        review_policy: ReviewPolicy,
        registry: Registry<Context>,
    ) -> queue::Worker<Context> {
        let context = self.context(review_policy).await;
        queue::Worker {
            settings: WorkerSettings {
                queues: jobs::QUEUES.all.iter().map(|queue| (*queue, 2)).collect(),
                name: "test".into(),
                version: "test".into(),
                database_url: self.database_url.clone(),
                drain: Duration::from_secs(20),
                alive_file: self.folder.path().join("alive"),
                child: None,
                reader: None,
                run_journal: None,
            },
            registry,
            context,
            ready: self.ready.clone(),
        }
    }

    /// What the handlers get.
    pub async fn context(&self, review_policy: ReviewPolicy) -> jobs::Context {
        let scratch = self.scratch();
        let db = Db::connect_worker(&self.database_url, 20).await.expect("a database URL");
        app::connect_notices(&db, &self.ready, &self.cache);
        jobs::Context {
            db,
            storage: self.storage.clone(),
            search: self.search.clone(),
            cache: self.cache.clone(),
            mailer: Mailer::connect(&self.mail_settings()).expect("mail settings"),
            webhooks: WebhookSender::new(Targets::new(TargetPolicy::Any)).expect("a sender of webhooks"),
            data_keys: app::data_keys().into(),
            clock: self.clock.clone(),
            settings: jobs::Settings {
                review_policy,
                archive_limits: archive::Limits::default(),
                scratch,
                rules: None,
                public_url: "https://nano.test".into(),
                ledger_days: LedgerDays::of(14),
                periodic: jobs::PeriodicSettings::default(),
            }
            .into(),
        }
    }

    /// Where runs have their files.
    fn scratch(&self) -> PathBuf {
        let scratch = self.folder.path().join("scratch");
        std::fs::create_dir_all(&scratch).expect("a scratch folder");
        scratch
    }

    fn mail_settings(&self) -> MailSettings {
        MailSettings {
            host: "localhost".into(),
            port: self.mail.smtp_port(),
            tls: SmtpTls::Required,
            login: Some((servers::mail::USER.into(), servers::mail::PASSWORD.to_owned().into())),
            ca_file: Some(self.mail.ca_file().to_owned()),
            from: "Nano <no-reply@nano.test>".parse().expect("a mailbox"),
            public_url: "https://nano.test".parse().expect("a URL"),
        }
    }

    /// Starts the worker binary; it dies with the test.
    pub async fn worker_process(&self, name: &str) -> Process {
        self.worker_process_with(name, &[]).await
    }

    /// The same with further settings.
    pub async fn worker_process_with(&self, name: &str, settings: &[(&str, &str)]) -> Process {
        let launch = self.launch(name, &self.folder.path().join(format!("{name}.log")));
        launch.envs(settings.iter().copied()).start().await.expect("the worker starts")
    }

    /// Starts the API's binary beside the one in the test's process, and makes it the one that people use.
    pub async fn api_process(&mut self, name: &str, settings: &[(&str, &str)]) -> Process {
        let address = format!("127.0.0.1:{}", servers::ports::free().expect("a port"));
        let key = rcgen::KeyPair::generate().expect("a key").serialize_pem();
        let launch =
            self.sibling("api", name).env("API_ADDR", &address).env("JWT_KEY", key).env("SHUTDOWN_NOTICE", "0s");
        let mut api = launch.envs(settings.iter().copied()).start().await.expect("the API starts");
        let url = format!("http://{address}");
        api.wait_http(&format!("{url}/health"), app::PATIENCE).await.expect("the API answers");
        self.url = url;
        api
    }

    /// Starts the scheduler's binary.
    pub async fn scheduler_process(&self, name: &str, settings: &[(&str, &str)]) -> Process {
        let launch =
            self.sibling("scheduler", name).env("SCHEDULER_ALIVE_FILE", self.folder.path().join("scheduler.alive"));
        launch.envs(settings.iter().copied()).start().await.expect("the scheduler starts")
    }

    /// One of our programs, with this test's settings, to be started.
    pub fn sibling(&self, program: &str, name: &str) -> Launch {
        let log = self.folder.path().join(format!("{name}.log"));
        Launch::sibling(name, program, log).expect("`cargo build --workspace` made it").envs(self.environment())
    }

    fn launch(&self, name: &str, log: &Path) -> Launch {
        Launch::new(name, worker_program(), log)
            .arg("run")
            .envs(self.environment())
            .env("WORKER_ALIVE_FILE", self.folder.path().join(format!("{name}.alive")))
    }
}

/// The worker binary.
pub fn worker_program() -> PathBuf {
    servers::programs::sibling("worker").expect("`cargo build --workspace` made the worker binary")
}
