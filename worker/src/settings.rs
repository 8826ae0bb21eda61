//! The settings of `worker run`.

use std::{path::PathBuf, sync::Arc, time::Duration};

use archive::Limits;
use domain::review::ReviewPolicy;
use infra::{
    env::{
        DataKeyArgs, DatabaseArgs, DatabaseSettings, MailArgs, MailSettings, Problems, RedisArgs, RedisSettings,
        SearchArgs, SearchSettings, StorageArgs, StorageSettings, TelemetryArgs, TelemetrySettings, WebhookArgs,
        optional,
    },
    seal::DataKeys,
    webhook::Targets,
};
use jobs::PeriodicSettings;
use queue::{LedgerDays, Queue, child::ChildLimits};

use crate::periodic::PeriodicArgs;

const MOST_MIB: u64 = 1 << 20;
/// What a rebuilt archive may take beyond the upload's size, in bytes.
const FILE_SLACK: u64 = 256 << 20;

/// Raw settings; every flag is also an environment variable.
#[derive(clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    redis: RedisArgs,
    #[command(flatten)]
    storage: StorageArgs,
    #[command(flatten)]
    search: SearchArgs,
    #[command(flatten)]
    mail: MailArgs,
    #[command(flatten)]
    data_key: DataKeyArgs,
    #[command(flatten)]
    webhooks: WebhookArgs,
    #[command(flatten)]
    telemetry: TelemetryArgs,
    #[command(flatten)]
    jobs: JobArgs,
    #[command(flatten)]
    periodic: PeriodicArgs,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Jobs")]
struct JobArgs {
    /// Queues this worker takes jobs from, comma-separated, each with an optional number of jobs at a time:
    /// uploads,media,search,mail,maintenance,bulk,heavy. Example: uploads=2,mail=8,heavy=1
    #[arg(
        long = "queues",
        env = "WORKER_QUEUES",
        value_name = "LIST",
        default_value = "uploads,media,search,mail,maintenance,bulk=1,heavy=1"
    )]
    queues: String,
    /// Jobs of a queue that run at a time where the list names no number, 1 to 256.
    #[arg(long = "concurrency", env = "WORKER_CONCURRENCY", value_name = "NUMBER", default_value = "2")]
    concurrency: String,
    /// How long running jobs may take to finish after a SIGTERM, in seconds. ECS stops a task after 120.
    #[arg(long = "drain-seconds", env = "WORKER_DRAIN_SECONDS", value_name = "SECONDS", default_value = "100")]
    drain: String,
    /// Folder for running jobs' files: up to 2.2 GiB per upload at a time.
    #[arg(long, env = "SCRATCH_DIR", value_name = "FOLDER")]
    scratch_dir: Option<String>,
    /// Memory for a process that reads hostile files or runs a job, in MiB, 32 to 1048576. One that needs more goes to the queue heavy.
    #[arg(long, env = "CHILD_MEMORY_MIB", value_name = "MIB", default_value = "768")]
    child_memory_mib: String,
    /// The same for jobs of the queue heavy, in MiB.
    #[arg(long, env = "HEAVY_MEMORY_MIB", value_name = "MIB", default_value = "2048")]
    heavy_memory_mib: String,
    /// Processor time for such a process, in seconds, 1 to 86400. Going beyond it is a crash.
    #[arg(long, env = "CHILD_CPU_SECONDS", value_name = "SECONDS", default_value = "1800")]
    child_cpu_seconds: String,
    /// Touched at each heartbeat; `worker healthcheck` looks at it.
    #[arg(long, env = "WORKER_ALIVE_FILE", value_name = "FILE", default_value = "/tmp/nano-worker-alive")]
    alive_file: String,
    /// Appends a line of JSON here when a run begins and when it ends: for tests of the fleet from outside. By default nothing is written.
    #[arg(long, env = "WORKER_RUN_JOURNAL", value_name = "FILE")]
    run_journal: Option<String>,
    /// Which checked uploads a person looks at before they are public: always, first_upload or flagged_only.
    #[arg(long, env = "REVIEW_POLICY", value_name = "POLICY", default_value = "first_upload")]
    review_policy: String,
    /// A folder of further YARA rules (*.yar). The built-in ones always apply.
    #[arg(long, env = "SCAN_RULES_DIR", value_name = "FOLDER")]
    scan_rules_dir: Option<String>,
    /// Largest upload, in bytes (at most 4 GiB - 1).
    #[arg(long, env = "UPLOAD_MAX_BYTES", value_name = "BYTES", default_value = "1073741824")]
    upload_max_bytes: String,
    /// Days a job that has ended stays in the ledger, 1 to 3650: one number, or by state. Example: 14,discarded=90,quarantined=90
    #[arg(long, env = "LEDGER_DAYS", value_name = "DAYS", default_value = "14")]
    ledger_days: String,
}

/// Checked settings.
#[derive(Debug, Clone)]
pub struct RunSettings {
    pub database: DatabaseSettings,
    pub redis: RedisSettings,
    pub storage: StorageSettings,
    pub search: SearchSettings,
    pub mail: MailSettings,
    pub data_keys: Arc<DataKeys>,
    /// Where webhooks of people may go.
    pub webhook_targets: Targets,
    pub telemetry: TelemetrySettings,
    pub queues: Vec<(Queue, usize)>,
    pub drain: Duration,
    pub scratch_dir: PathBuf,
    pub alive_file: PathBuf,
    pub run_journal: Option<PathBuf>,
    pub review_policy: ReviewPolicy,
    pub rules_dir: Option<PathBuf>,
    pub archive_limits: Limits,
    pub ledger_days: LedgerDays,
    pub periodic: PeriodicSettings,
    /// Of a child process.
    pub child_limits: ChildLimits,
    /// Memory of a child process of the queue `heavy`, in bytes.
    pub heavy_memory: u64,
}

impl RunArgs {
    /// Adds everything that is wrong to `problems`.
    pub fn check(&self, problems: &mut Problems) -> Option<RunSettings> {
        let database = self.database.check(problems);
        let redis = self.redis.check(problems);
        let storage = self.storage.check(problems);
        let search = self.search.check(problems);
        let mail = self.mail.check(problems);
        let data_keys = self.data_key.check(problems);
        let webhook_targets = self.webhooks.check(problems);
        let telemetry = self.telemetry.check(problems);
        let periodic = self.periodic.check(problems);
        let jobs = &self.jobs;
        let queues = jobs.check_queues(problems);
        let drain = problems.number("WORKER_DRAIN_SECONDS", &jobs.drain, 0..=3600, "100");
        let upload_max =
            problems.number("UPLOAD_MAX_BYTES", &jobs.upload_max_bytes, 1..=u64::from(u32::MAX), "1073741824");
        let ledger_days = jobs.ledger_days.parse::<LedgerDays>();
        if let Err(error) = &ledger_days {
            problems.add("LEDGER_DAYS", error.to_string(), "14, or 14,discarded=90");
        }
        let memory = problems.number("CHILD_MEMORY_MIB", &jobs.child_memory_mib, 32..=MOST_MIB, "768");
        let heavy_memory = problems.number("HEAVY_MEMORY_MIB", &jobs.heavy_memory_mib, 32..=MOST_MIB, "2048");
        let cpu = problems.number("CHILD_CPU_SECONDS", &jobs.child_cpu_seconds, 1..=86_400, "1800");
        if heavy_memory < memory {
            problems.add("HEAVY_MEMORY_MIB", "is less than CHILD_MEMORY_MIB", "2048");
        }
        let review_policy = jobs.review_policy.trim().parse::<ReviewPolicy>();
        if review_policy.is_err() {
            problems.add("REVIEW_POLICY", "is no review policy", "always, first_upload or flagged_only");
        }
        let archive_limits = Limits { upload: upload_max?, ..Limits::default() };
        Some(RunSettings {
            database: database?,
            redis: redis?,
            storage: storage?,
            search: search?,
            mail: mail?,
            data_keys: Arc::new(data_keys?),
            webhook_targets: webhook_targets?,
            telemetry: telemetry?,
            queues: queues?,
            drain: Duration::from_secs(drain?),
            scratch_dir: optional(&jobs.scratch_dir)
                .map_or_else(|| std::env::temp_dir().join("nano-worker"), PathBuf::from),
            alive_file: PathBuf::from(&jobs.alive_file),
            run_journal: optional(&jobs.run_journal).map(PathBuf::from),
            review_policy: review_policy.ok()?,
            rules_dir: optional(&jobs.scan_rules_dir).map(PathBuf::from),
            child_limits: ChildLimits {
                memory: memory? << 20,
                cpu: Duration::from_secs(cpu?),
                // The largest file of a run is an upload, the archive made from it, or an unpacked entry.
                file: archive_limits.upload.max(archive_limits.entry) + FILE_SLACK,
            },
            heavy_memory: heavy_memory? << 20,
            archive_limits,
            ledger_days: ledger_days.ok()?,
            periodic: periodic?,
        })
    }
}

impl JobArgs {
    fn check_queues(&self, problems: &mut Problems) -> Option<Vec<(Queue, usize)>> {
        const EXAMPLE: &str = "uploads=2,media,search,mail=8,maintenance,bulk=1";
        let default: usize = problems.number("WORKER_CONCURRENCY", &self.concurrency, 1..=256, "2")?;
        let mut queues: Vec<(Queue, usize)> = Vec::new();
        for item in self.queues.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (name, number) = item.split_once('=').map_or((item, None), |(name, number)| (name, Some(number)));
            let queue = match jobs::QUEUES.parse(name.trim()) {
                Ok(queue) => queue,
                Err(error) => {
                    problems.add("WORKER_QUEUES", error.to_string(), EXAMPLE);
                    return None;
                }
            };
            let slots = match number.map(|number| number.trim().parse::<usize>()) {
                None => default,
                Some(Ok(slots)) if (1..=256).contains(&slots) => slots,
                Some(_) => {
                    problems.add("WORKER_QUEUES", format!("the number of {name} is not within 1 to 256"), EXAMPLE);
                    return None;
                }
            };
            if queues.iter().any(|(named, _)| *named == queue) {
                problems.add("WORKER_QUEUES", format!("{name} is named twice"), EXAMPLE);
                return None;
            }
            queues.push((queue, slots));
        }
        if queues.is_empty() {
            problems.add("WORKER_QUEUES", "names no queue", EXAMPLE);
            return None;
        }
        Some(queues)
    }
}
