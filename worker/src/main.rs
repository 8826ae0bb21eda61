use std::{io::Write, path::PathBuf, process::ExitCode, sync::LazyLock};

use clap::{Parser, Subcommand};
use db::Db;
use infra::{
    env::{DatabaseArgs, Problems},
    telemetry,
};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use worker::{
    admin, audit,
    backup::{self, BackupCommand},
    check,
    commands::{
        self, accounts::AccountCommand, explain::ExplainArgs, fleet::FleetArgs, jobs::JobsArgs, mails::MailsArgs,
        maintenance::MaintenanceArgs, queues::QueuesArgs, reindex::ReindexArgs, reseal::ResealArgs,
        schedules::SchedulesArgs, status::StatusArgs,
    },
    reader, run_one,
    settings::RunArgs,
};

/// Runs the marketplace's background jobs, and the commands that go with them.
#[derive(Parser)]
#[command(version, long_version = LONG_VERSION.as_str(), about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Take jobs from queues and run them until SIGTERM or Ctrl-C.
    Run(Box<RunArgs>),
    /// Run one job in this process: how `worker run` runs what parses hostile files, or was lost twice with its worker.
    ///
    /// Takes the settings of `worker run`, as flags or from the environment, and one assignment as a line of JSON on
    /// standard input: a job that the starting worker holds, its limits (memory, processor time, file size) and a
    /// scratch folder. Writes the outcome to the ledger, tells it on standard output and exits with 0. Ends at once when
    /// its standard input does, or the worker that started it. Exit status 1: cannot run jobs, 2: unusable call.
    RunOne(Box<RunArgs>),
    /// Read one file from outside in this process: how `worker run` has hostile files read.
    ///
    /// Takes nothing from the environment. On a socket that is its standard input it gets one assignment and open files;
    /// then it gives up everything else (Landlock, seccomp, capabilities, limits of memory, processor time and file size),
    /// reads, answers on standard output and exits with 0. Ends at once when that socket does, or the worker that started
    /// it. Exit status 2: unusable call.
    Read {
        /// How it logs and traces, in JSON; made by `worker run`.
        #[arg(value_name = "TELEMETRY")]
        telemetry: String,
    },
    /// Bring the database schema up to date.
    ///
    /// Beside programs that work: a change that would have to wait for somebody's transaction gives way after 2 s, lets
    /// others pass and comes again. SIGTERM and Ctrl-C stop it where nothing is half done: while it waits for the first change of
    /// a migration, and between two. Exit status 0: up to date; 1: not, with why.
    Migrate {
        #[command(flatten)]
        database: DatabaseArgs,
        /// Only say whether the schema fits this build: exit status 0 when it does, 1 with what is missing, 2 when that
        /// could not be found out. A schema that is newer fits, unless it says that it needs newer programs.
        #[arg(long)]
        check: bool,
    },
    /// Accounts: create one with any role, find them, change roles, suspend, sign out, remove a lost second factor.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// How everything is, in one sentence.
    Status(StatusArgs),
    /// Find jobs, read one, retry, cancel or discard some or thousands.
    Jobs(Box<JobsArgs>),
    /// The queues, pausing queues and kinds of jobs, and limits.
    Queues(Box<QueuesArgs>),
    /// Mails of which nobody can tell whether they left; settle one.
    Mails(MailsArgs),
    /// The read-only maintenance mode: whether it is on; begin it, end it.
    Maintenance(MaintenanceArgs),
    /// Make the search index anew from the database.
    Reindex(Box<ReindexArgs>),
    /// What runs when; run, pause or resume a schedule.
    Schedules(Box<SchedulesArgs>),
    /// Why a job waits, or a queue does not move, and what would help.
    Explain(ExplainArgs),
    /// The workers; drain one.
    Fleet(Box<FleetArgs>),
    /// The audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Copies of database and bucket, for one machine and small installations.
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Check an archive on this machine. Exit status 0: clean, 1: rejected, 2: unusable call.
    Check(check::CheckArgs),
    /// Exit 0 when the worker of this container had a heartbeat within 30 s.
    Healthcheck {
        #[arg(long, env = "WORKER_ALIVE_FILE", value_name = "FILE", default_value = "/tmp/nano-worker-alive")]
        alive_file: PathBuf,
    },
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Check that no row was changed, removed or added: every hash of the chain in the database, and every sealed export
    /// in the object store against its manifest, the manifests against each other, and both against the database.
    ///
    /// Exit status 0: whole; 1: broken, with what and where on standard output; 2: could not be checked (settings, a
    /// service that is away).
    Verify(Box<audit::VerifyArgs>),
}

#[derive(Subcommand)]
enum AdminCommand {
    /// Create a verified account with any role.
    Create {
        #[command(flatten)]
        database: DatabaseArgs,
        #[command(flatten)]
        account: admin::CreateArgs,
    },
    #[command(flatten)]
    Account(AccountCommand),
    /// Seal every secret in the database with DATA_KEY, after which DATA_PREVIOUS_KEY_FILE is needed no more.
    ///
    /// Beside programs that work, all of which know the new key by then; run again, it goes on where it was stopped. Exit status 0:
    /// all is sealed with it; 1: not, with why.
    Reseal(ResealArgs),
}

/// The build, and the clocks it goes by.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    format!("{} (time zone database {})", env!("CARGO_PKG_VERSION"), queue::schedule::zone::database())
});

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Command::Check(args) => check::run(&args),
        Command::Healthcheck { alive_file } => exit(queue::alive::check(&alive_file).map_err(Into::into)),
        Command::Read { telemetry } => reader::run(&telemetry),
        Command::RunOne(args) => {
            match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
                Ok(runtime) => {
                    let code = runtime.block_on(serve_one(&args));
                    // Whatever a job left running on a blocking thread ends with the process.
                    runtime.shutdown_background();
                    code
                }
                Err(error) => exit(Err(error.into())),
            }
        }
        other => match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(serve(other)),
            Err(error) => exit(Err(error.into())),
        },
    }
}

async fn serve(command: Command) -> ExitCode {
    match command {
        Command::Run(args) => {
            let mut problems = Problems::default();
            let settings = args.check(&mut problems);
            if let Some(code) = problems.exit_code() {
                return code;
            }
            let Some(settings) = settings else { return ExitCode::from(2) };
            let telemetry = match telemetry::init(&settings.telemetry, "nano-worker") {
                Ok(telemetry) => telemetry,
                Err(error) => return exit(Err(error.into())),
            };
            let shutdown = CancellationToken::new();
            tokio::spawn(wait_for_signal(shutdown.clone()));
            let result = worker::run(settings, shutdown).await;
            telemetry.finish().await;
            exit(result)
        }
        Command::Migrate { database, check: true } => check_schema(&database).await,
        Command::Migrate { database, check: false } => exit(
            with_database(&database, async |db| {
                let tell = |line: &str| {
                    // A closed pipe is the reader's choice.
                    let _ = writeln!(std::io::stdout(), "{line}");
                };
                let stop = CancellationToken::new();
                let told = stop.clone();
                tokio::spawn(async move {
                    wait_for_signal(told).await;
                    let _ = writeln!(std::io::stderr(), "worker: asked to stop; stopping where nothing is half done");
                });
                Ok(db.migrate_telling(tell, &stop).await?)
            })
            .await,
        ),
        Command::Admin(AdminCommand::Create { database, account }) => exit(
            with_database(&database, async |db| {
                let id = admin::create(&db, &account).await?;
                writeln!(std::io::stdout(), "{id}")?;
                Ok(())
            })
            .await,
        ),
        Command::Admin(AdminCommand::Reseal(args)) => commands::reseal::reseal(args).await,
        Command::Admin(AdminCommand::Account(command)) => commands::accounts::accounts(command).await,
        Command::Status(args) => commands::status::status(args).await,
        Command::Jobs(args) => commands::jobs::jobs(*args).await,
        Command::Queues(args) => commands::queues::queues(*args).await,
        Command::Mails(args) => commands::mails::mails(args).await,
        Command::Maintenance(args) => commands::maintenance::maintenance(args).await,
        Command::Reindex(args) => commands::reindex::reindex(*args).await,
        Command::Schedules(args) => commands::schedules::schedules(*args).await,
        Command::Explain(args) => commands::explain::explain(args).await,
        Command::Fleet(args) => commands::fleet::fleet(*args).await,
        Command::Audit(AuditCommand::Verify(args)) => audit::run(&args).await,
        Command::Backup(command) => backup::backup(command).await,
        Command::Check(_) | Command::Healthcheck { .. } | Command::Read { .. } | Command::RunOne(_) => {
            ExitCode::FAILURE
        }
    }
}

async fn check_schema(args: &DatabaseArgs) -> ExitCode {
    let mut found = None;
    let asked = with_database(args, async |db| {
        found = db.misfit().await?;
        Ok(())
    })
    .await;
    match (asked, found) {
        (Ok(()), None) => ExitCode::SUCCESS,
        (Ok(()), Some(misfit)) => {
            let _ = writeln!(std::io::stdout(), "{misfit}");
            ExitCode::FAILURE
        }
        (Err(error), _) => {
            let _ = writeln!(std::io::stderr(), "worker: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn serve_one(args: &RunArgs) -> ExitCode {
    let mut problems = Problems::default();
    let settings = args.check(&mut problems);
    if let Some(code) = problems.exit_code() {
        return code;
    }
    let Some(settings) = settings else { return ExitCode::from(2) };
    let relay = queue::child::relay::Relay::install();
    if let Err(error) = telemetry::init_child(&settings.telemetry, "nano-worker", queue::child::span_pipe()) {
        return exit(Err(error.into()));
    }
    run_one::run(settings, relay).await
}

async fn with_database(args: &DatabaseArgs, work: impl AsyncFnOnce(Db) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut problems = Problems::default();
    let settings = args.check(&mut problems);
    let Some(settings) = settings.filter(|_| problems.is_empty()) else {
        anyhow::bail!("{problems}");
    };
    let db = Db::connect(settings.url.expose_secret(), 2).await?;
    work(db).await
}

async fn wait_for_signal(shutdown: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    shutdown.cancel();
}

fn exit(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}
