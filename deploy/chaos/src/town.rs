//! The marketplace under fire: services behind proxies, two workers, two schedulers and an api that can be hit one by
//! one and are started again.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use rustix::process::Signal;
use servers::{
    database::{DatabaseServer, SmallDisk},
    installation::{CREATOR_TERMS, make_data_key, make_signing_key},
    ports,
    processes::{Launch, Process},
    progress::Progress,
    proxy::Proxy,
    services::{Environment, Services},
};
use tokio::process::Child;

use crate::faults::plan::{API, Link, SCHEDULERS, Victim, WORKERS};

const READY_WITHIN: Duration = Duration::from_secs(90);
/// What running jobs get after a SIGTERM.
const DRAIN: Duration = Duration::from_secs(20);
/// A program that ends by itself, again and again, is not started more often.
const REVIVE_AFTER: Duration = Duration::from_secs(1);
/// The programs' user of the database, and its password.
const APP: &str = "app";
/// What it may do: not write to a server that is read-only, as in production.
const RIGHTS: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES";
/// Both workers take everything: whichever is hit, the other one goes on.
const QUEUES: &str = "uploads=2,media=2,search=2,mail=2,maintenance=1,bulk=1,heavy=1";

pub struct Town {
    pub services: Services,
    /// Where the database's data are, if a file system of limited size can be had.
    disk: Option<SmallDisk>,
    /// Takes the space inside the ledger's files while the disk is full.
    filler: Option<Child>,
    pub api_url: String,
    mysql: Proxy,
    queue: Proxy,
    cache: Proxy,
    environment: Environment,
    dir: PathBuf,
    /// The programs of another build, which take turns with ours.
    beside: Option<PathBuf>,
    starts: usize,
    programs: Vec<Program>,
    /// Programs that ended without being told to, or badly: when, which, how.
    pub ended_by_themselves: Vec<String>,
    pub blows: Blows,
}

struct Program {
    name: Victim,
    binary: &'static str,
    args: &'static [&'static str],
    settings: Environment,
    process: Process,
    started: Instant,
    started_at: DateTime<Utc>,
}

/// A process that was killed.
#[derive(Debug, Clone, Copy)]
pub struct Killed {
    pub at: DateTime<Utc>,
    pub pid: u32,
}

/// What was done to processes, for those who judge what they left unfinished.
#[derive(Debug, Clone, Default)]
pub struct Blows {
    /// Processes that ended without finishing what they ran, and when at the earliest.
    pub deaths: Vec<(u32, DateTime<Utc>)>,
    /// Processes that stood still, from when to when.
    pub pauses: Vec<(u32, DateTime<Utc>, DateTime<Utc>)>,
}

impl Town {
    /// Starts everything anew under `dir` and returns when it is ready. `schedules`: changes to the built-in ones; `beside`:
    /// the programs of another build.
    pub async fn start(dir: &Path, schedules: &str, beside: Option<&Path>, progress: &Progress) -> Result<Self> {
        let beside = beside.map(Path::canonicalize).transpose().context("the folder of the other build")?;
        let data = DatabaseServer::data_folder(dir)?;
        SmallDisk::release(&data);
        if dir.exists() {
            std::fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
        }
        let disk = SmallDisk::mount(&data).await?;
        let services = progress.step("services", Services::start_apart(dir)).await?;
        let dir = dir.canonicalize()?;
        let mysql = Proxy::start(services.database.port()).await?;
        let queue = Proxy::start(services.queue.port()).await?;
        let cache = Proxy::start(services.cache.port()).await?;
        let api_port = ports::free()?;
        let api_url = format!("http://127.0.0.1:{api_port}");
        let key = dir.join("jwt.pem");
        make_signing_key(&key)?;
        let data_key = dir.join("data.key");
        make_data_key(&data_key)?;
        let backup_key = dir.join("backup.key");
        make_data_key(&backup_key)?;

        let mut environment = services.environment();
        services.database.query(&format!("CREATE USER '{APP}'@'127.0.0.1' IDENTIFIED BY '{APP}'")).await?;
        services.database.query(&format!("GRANT {RIGHTS} ON *.* TO '{APP}'@'127.0.0.1'")).await?;
        let database = format!("mysql://{APP}:{APP}@127.0.0.1:{}/{}", mysql.port(), servers::database::DEV_SCHEMA);
        for (name, value) in [
            ("DATABASE_URL", database),
            ("REDIS_QUEUE_URL", format!("redis://127.0.0.1:{}/", queue.port())),
            ("REDIS_CACHE_URL", format!("redis://127.0.0.1:{}/", cache.port())),
            ("PUBLIC_URL", api_url.clone()),
            ("API_ADDR", format!("127.0.0.1:{api_port}")),
            ("JWT_KEY_FILE", key.display().to_string()),
            ("DATA_KEY_FILE", data_key.display().to_string()),
            ("BACKUP_KEY_FILE", backup_key.display().to_string()),
            ("ACCESS_TOKEN_LIFETIME", "1h".to_owned()),
            ("CREATOR_TERMS_VERSION", CREATOR_TERMS.to_owned()),
            // A few creators upload what thousands would.
            ("READS_PER_MINUTE", "1000000".to_owned()),
            ("WRITES_PER_MINUTE", "1000000".to_owned()),
            ("SCRATCH_DIR", dir.join("scratch").display().to_string()),
            ("WORKER_QUEUES", QUEUES.to_owned()),
            ("WORKER_DRAIN_SECONDS", DRAIN.as_secs().to_string()),
            ("SHUTDOWN_NOTICE", "0s".to_owned()),
            // Nobody sits beside it to review anything.
            ("REVIEW_POLICY", "flagged_only".to_owned()),
            ("CRON_TABLE", schedules.to_owned()),
            ("LOG_FORMAT", "pretty".to_owned()),
        ] {
            environment.retain(|(known, _)| known != name);
            environment.push((name.to_owned(), value));
        }
        let mut town = Self {
            services,
            disk,
            filler: None,
            api_url,
            mysql,
            queue,
            cache,
            environment,
            dir,
            beside,
            starts: 0,
            programs: Vec::new(),
            ended_by_themselves: Vec::new(),
            blows: Blows::default(),
        };
        progress.step("database schema", town.worker_command(&["migrate"], None)).await?;
        progress.step("api, workers and schedulers", town.start_programs()).await?;
        Ok(town)
    }

    /// All of them, none of which is there.
    pub async fn start_programs(&mut self) -> Result<()> {
        self.add(API, "api", &["serve"], None).await?;
        self.start_workers().await?;
        for name in SCHEDULERS {
            self.add(name, "scheduler", &[], Some("SCHEDULER_ALIVE_FILE")).await?;
        }
        let ready = format!("{}/ready", self.api_url);
        for program in &mut self.programs {
            if program.name == API {
                program.process.wait_http(&ready, READY_WITHIN).await?;
            } else {
                let alive = alive_file(&self.dir, program.name);
                program.process.wait_until(READY_WITHIN, || async { alive.exists() }).await?;
            }
        }
        Ok(())
    }

    /// Workers that were not there before, or that [`Town::stop_jobs`] has ended.
    pub async fn start_workers(&mut self) -> Result<()> {
        for name in WORKERS {
            self.add(name, "worker", &["run"], Some("WORKER_ALIVE_FILE")).await?;
        }
        Ok(())
    }

    async fn add(
        &mut self,
        name: Victim,
        binary: &'static str,
        args: &'static [&'static str],
        alive: Option<&str>,
    ) -> Result<()> {
        let mut settings = vec![("METRICS_ADDR".to_owned(), format!("127.0.0.1:{}", ports::free()?))];
        if let Some(alive) = alive {
            settings.push((alive.to_owned(), alive_file(&self.dir, name).display().to_string()));
        }
        if WORKERS.contains(&name) {
            settings.push(("WORKER_RUN_JOURNAL".to_owned(), self.run_journal(name).display().to_string()));
        }
        let process = self.launch_in_turn(name, binary, args)?.envs(settings.iter().cloned()).start().await?;
        let (started, started_at) = (Instant::now(), Utc::now());
        self.programs.push(Program { name, binary, args, settings, process, started, started_at });
        Ok(())
    }

    fn launch(&self, name: &str, binary: &str, args: &[&str]) -> Result<Launch> {
        let launch = Launch::sibling(name, binary, self.logs().join(format!("{name}.log")))?;
        Ok(launch.args(args).envs(self.environment.iter().cloned()))
    }

    /// Of one build or the other, where there are two.
    fn launch_in_turn(&mut self, name: &str, binary: &str, args: &[&str]) -> Result<Launch> {
        self.starts += 1;
        match &self.beside {
            Some(folder) if self.starts.is_multiple_of(2) => {
                let launch = Launch::new(name, folder.join(binary), self.logs().join(format!("{name}.log")));
                Ok(launch.args(args).envs(self.environment.iter().cloned()))
            }
            _ => self.launch(name, binary, args),
        }
    }

    pub fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// Where a worker writes down the runs it begins and ends.
    pub fn run_journal(&self, worker: Victim) -> PathBuf {
        self.dir.join(format!("runs-{worker}.jsonl"))
    }

    /// Runs one of the worker's commands to its end.
    pub async fn worker_command(&self, args: &[&str], input: Option<&str>) -> Result<()> {
        let mut launch = self.launch("worker-commands", "worker", args)?;
        if let Some(input) = input {
            launch = launch.input(input);
        }
        launch.run().await
    }

    fn place(&self, name: Victim) -> Result<usize> {
        self.programs.iter().position(|program| program.name == name).with_context(|| format!("no program {name}"))
    }

    /// Names and pids of what runs now.
    pub fn pids(&self) -> Vec<(Victim, u32)> {
        self.programs.iter().map(|program| (program.name, program.process.pid())).collect()
    }

    pub fn pid(&self, name: Victim) -> Result<u32> {
        Ok(self.programs[self.place(name)?].process.pid())
    }

    /// How many jobs a worker process runs now, by the ledger.
    pub async fn running_in(&self, name: Victim) -> Result<usize> {
        let sql = format!(
            "SELECT COUNT(*) FROM workers w JOIN jobs j ON j.worker_id = w.id AND j.state = 'running'
             WHERE w.state = 'alive' AND SUBSTRING_INDEX(w.name, ':', -1) = '{}'",
            self.pid(name)?
        );
        Ok(self.query(&sql).await?.concat().concat().parse()?)
    }

    async fn restart(&mut self, place: usize) -> Result<()> {
        let Program { name, binary, args, .. } = self.programs[place];
        let settings = self.programs[place].settings.clone();
        let launch = self.launch_in_turn(name, binary, args)?.envs(settings);
        let process = launch.start().await?;
        let program = &mut self.programs[place];
        (program.process, program.started, program.started_at) = (process, Instant::now(), Utc::now());
        Ok(())
    }

    /// SIGKILL to the program and everything it started; it is started again at once.
    pub async fn kill(&mut self, name: Victim) -> Result<Killed> {
        let place = self.place(name)?;
        let killed = Killed { at: Utc::now(), pid: self.programs[place].process.pid() };
        self.programs[place].process.kill().await?;
        self.blows.deaths.push((killed.pid, killed.at));
        self.restart(place).await?;
        Ok(killed)
    }

    /// SIGKILL to all programs, then all are started again: nobody is left who could take over.
    pub async fn kill_all(&mut self) -> Result<Vec<(Victim, Killed)>> {
        let mut killed = Vec::new();
        for program in &mut self.programs {
            let blow = Killed { at: Utc::now(), pid: program.process.pid() };
            killed.push((program.name, blow));
            self.blows.deaths.push((blow.pid, blow.at));
            program.process.kill().await?;
        }
        for place in 0..self.programs.len() {
            self.restart(place).await?;
        }
        Ok(killed)
    }

    /// SIGSTOP to the program alone, and SIGCONT after that time; returns its pid.
    pub async fn pause(&mut self, name: Victim, time: Duration) -> Result<u32> {
        let place = self.place(name)?;
        let (process, from) = (&mut self.programs[place].process, Utc::now());
        process.signal(Signal::STOP)?;
        tokio::time::sleep(time).await;
        process.signal(Signal::CONT)?;
        let pid = process.pid();
        self.blows.pauses.push((pid, from, Utc::now()));
        Ok(pid)
    }

    /// SIGTERM, and the program started again once it has ended. Noted when it had to be killed or ended badly.
    pub async fn roll(&mut self, name: Victim) -> Result<()> {
        let place = self.place(name)?;
        let pid = self.programs[place].process.pid();
        let status = self.programs[place].process.terminate(DRAIN + Duration::from_secs(20)).await?;
        if !status.success() {
            self.blows.deaths.push((pid, self.programs[place].started_at));
            self.ended_by_themselves.push(format!("{name} ended with {status} after a SIGTERM"));
        }
        self.restart(place).await
    }

    /// Starts programs again that ended by themselves, and remembers that they did.
    pub async fn revive(&mut self) -> Result<()> {
        for place in 0..self.programs.len() {
            let program = &mut self.programs[place];
            if program.started.elapsed() < REVIVE_AFTER {
                continue;
            }
            if let Some(status) = program.process.exited() {
                let now = Utc::now().format("%H:%M:%S");
                let last = program.process.log_tail(1);
                self.ended_by_themselves.push(format!("{now} {} ended with {status}: {last}", program.name));
                self.blows.deaths.push((program.process.pid(), program.started_at));
                self.restart(place).await?;
            }
        }
        Ok(())
    }

    pub fn link(&self, link: Link) -> &Proxy {
        match link {
            Link::Mysql => &self.mysql,
            Link::Queue => &self.queue,
            Link::Cache => &self.cache,
        }
    }

    /// SIGKILL to the service behind the link; connecting to it is refused from then on.
    pub async fn take_away(&mut self, link: Link) -> Result<()> {
        self.link(link).refuse(true);
        match link {
            Link::Mysql => self.services.database.kill().await?,
            Link::Queue => self.services.queue.kill().await?,
            Link::Cache => self.services.cache.kill().await?,
        }
        self.link(link).cut();
        Ok(())
    }

    pub async fn bring_back(&mut self, link: Link) -> Result<()> {
        match link {
            Link::Mysql => self.services.database.resume().await?,
            Link::Queue => self.services.queue.resume().await?,
            Link::Cache => self.services.cache.resume().await?,
        }
        self.link(link).refuse(false);
        Ok(())
    }

    /// While on, nobody but an administrator writes: a primary that a switchover has left behind.
    pub async fn read_only(&self, on: bool) -> Result<()> {
        self.services.database.query(&format!("SET GLOBAL read_only = {}", if on { "ON" } else { "OFF" })).await?;
        Ok(())
    }

    /// Whether the database's disk can be made full: that takes an administrator of the machine, on Linux.
    pub const fn has_a_small_disk(&self) -> bool {
        self.disk.is_some()
    }

    /// The database's disk is full: no file grows, and what was free inside the ledger's files is taken by rows that nobody
    /// will see. Without those, files that grow a megabyte at a time would not show it for minutes.
    pub async fn disk_full(&mut self) -> Result<()> {
        let disk = self.disk.as_ref().context("the database has no disk of limited size here")?;
        disk.fill().await?;
        let rows = |number: u32| {
            format!(
                "INSERT INTO jobs (id, kind, args_version, queue, tenant, state, max_failures, run_at, created_at)
                 SELECT RANDOM_BYTES(16), 'filler', 1, 'bulk', RANDOM_BYTES(16), 'completed', 1, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6)
                 FROM information_schema.COLUMNS LIMIT {number};\n"
            )
        };
        // Few at a time: InnoDB ends when a rollback finds no space.
        let fill = [(4, 600), (1, 200)].map(|(number, times)| rows(number).repeat(times)).concat();
        let schema = servers::database::DEV_SCHEMA;
        // When the server ends of it all the same, it stays away until there is space again.
        self.filler = self.services.database.hold(&format!("USE {schema};\nSET autocommit = 0;\n{fill}")).await.ok();
        Ok(())
    }

    /// There is space again. A server that has ended for want of it is started again; true when it was.
    pub async fn disk_has_room(&mut self) -> Result<bool> {
        if let Some(disk) = &self.disk {
            disk.make_room().await?;
        }
        self.filler = None;
        let ended = self.services.database.has_ended();
        self.services.database.resume().await?;
        Ok(ended)
    }

    /// How often the server has told somebody that there was no space.
    pub fn refused_for_space(&self) -> Result<usize> {
        let log = std::fs::read_to_string(self.services.database.log())?;
        Ok(log.lines().filter(|line| line.contains("is full")).count())
    }

    /// The programs' connections to the database: the server's number for each.
    pub async fn sessions(&self) -> Result<Vec<u64>> {
        let sql = format!("SELECT id FROM information_schema.processlist WHERE user = '{APP}'");
        self.query(&sql).await?.concat().iter().map(|id| Ok(id.parse()?)).collect()
    }

    pub async fn flush_queue(&self) -> Result<()> {
        self.services.queue.flush().await
    }

    /// Rows of the marketplace's schema, past the proxy.
    pub async fn query(&self, sql: &str) -> Result<Vec<Vec<String>>> {
        self.services.database.query(&format!("USE {}; {sql}", servers::database::DEV_SCHEMA)).await
    }

    /// Ends workers and schedulers; api and services stay.
    pub async fn stop_jobs(&mut self) -> Result<()> {
        let (stay, mut go): (Vec<_>, Vec<_>) = self.programs.drain(..).partition(|program| program.name == API);
        self.programs = stay;
        let ends = go.iter_mut().map(|program| program.process.terminate(DRAIN + Duration::from_secs(5)));
        for end in futures::future::join_all(ends).await {
            end?;
        }
        Ok(())
    }

    /// SIGKILL to all programs, and database, bucket, search index and both Redis are empty. [`Town::start_programs`] starts them again.
    pub async fn lose_everything(&mut self) -> Result<()> {
        for program in &mut self.programs {
            self.blows.deaths.push((program.process.pid(), Utc::now()));
            program.process.kill().await?;
        }
        self.programs.clear();
        for name in WORKERS.into_iter().chain(SCHEDULERS) {
            let _ = std::fs::remove_file(alive_file(&self.dir, name));
        }
        let schema = servers::database::DEV_SCHEMA;
        let anew = "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";
        self.services.database.query(&format!("DROP DATABASE {schema}; CREATE DATABASE {schema} {anew}")).await?;
        self.services.s3.stop().await;
        let bucket = self.services.bucket_dir();
        std::fs::remove_dir_all(bucket.parent().unwrap_or(&bucket))?;
        self.services.s3.resume().await?;
        std::fs::remove_dir_all(self.services.search_dir())?;
        self.services.queue.flush().await?;
        self.services.cache.flush().await
    }

    /// Ends everything; the data stay.
    pub async fn stop(mut self) -> Result<()> {
        self.filler = None;
        let ends = self.programs.iter_mut().map(|program| program.process.terminate(DRAIN));
        futures::future::join_all(ends).await;
        self.services.stop().await
    }
}

fn alive_file(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.alive"))
}
