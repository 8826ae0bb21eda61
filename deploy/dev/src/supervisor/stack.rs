//! The whole marketplace on this machine: services, then api, workers and scheduler as they run in production.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, bail};
use servers::{
    installation::{CREATOR_TERMS, make_data_key, make_signing_key},
    net::TcpServer,
    ports,
    processes::{Launch, LineSink, Process},
    progress::Progress,
    services::{Environment, Services},
};

use crate::supervisor::web;

const API_PORT: u16 = 8000;
const WEB_PORT: u16 = 3000;
/// Made by `deploy/web.sh build`.
const WEB_APP: &str = "web/dist";
const READY_WITHIN: Duration = Duration::from_secs(30);
/// Time to finish running jobs; `make run` should not keep a person waiting for the 100 s of production.
const DRAIN: Duration = Duration::from_secs(10);

/// Each worker with the queues it takes: what people upload is checked beside, not before, what is quick.
const WORKERS: [(&str, &str); 2] =
    [("worker-files", "uploads=2,media=2,heavy=1"), ("worker-rest", "search,mail=4,maintenance,bulk=1")];

pub struct Stack {
    pub services: Services,
    pub api_url: String,
    /// The web app, where it has been built.
    pub web_url: Option<String>,
    environment: Environment,
    logs: PathBuf,
    /// The programs by name, for those who watch them.
    pids: Vec<(String, u32)>,
    _web: Option<TcpServer>,
}

/// Api, workers and scheduler, in the order they were started.
pub struct Programs(Vec<Process>);

impl Stack {
    /// Starts everything under `dir`. With `show`, the programs' log lines are handed over, too.
    pub async fn start(dir: &Path, show: Option<LineSink>, progress: &Progress) -> Result<(Self, Programs)> {
        let services = progress.step("MariaDB, two Redis servers, S3 and mail catcher", Services::start(dir)).await?;
        let dir = dir.canonicalize()?;
        let logs = dir.join("logs");
        let api_port = ports::preferably(API_PORT)?;
        let api_url = format!("http://127.0.0.1:{api_port}");
        let dist = Path::new(WEB_APP);
        let web = match dist.join("index.html").is_file() {
            true => Some(web::serve(ports::preferably(WEB_PORT)?, dist, &api_url, &services.s3.endpoint()).await?),
            false => None,
        };
        // A name, since passkeys belong to one; of all that are not encrypted browsers trust this one.
        let web_url = web.as_ref().map(|web| format!("http://localhost:{}", web.port()));
        let key = dir.join("jwt.pem");
        make_signing_key(&key)?;
        let data_key = dir.join("data.key");
        make_data_key(&data_key)?;
        let mut environment = services.environment();
        let mut add = |name: &str, value: String| environment.push((name.to_owned(), value));
        add("PUBLIC_URL", web_url.clone().unwrap_or_else(|| format!("http://localhost:{api_port}")));
        add("API_ADDR", format!("127.0.0.1:{api_port}"));
        add("JWT_KEY_FILE", key.display().to_string());
        add("DATA_KEY_FILE", data_key.display().to_string());
        add("CREATOR_TERMS_VERSION", CREATOR_TERMS.to_owned());
        add("SCRATCH_DIR", dir.join("scratch").display().to_string());
        add("WORKER_DRAIN_SECONDS", DRAIN.as_secs().to_string());
        // No load balancer stands before it.
        add("SHUTDOWN_NOTICE", "0s".to_owned());
        add("LOG_FORMAT", "pretty".to_owned());
        let mut stack = Self { services, api_url, web_url, environment, logs, pids: Vec::new(), _web: web };

        progress.step("database schema", stack.worker(&["migrate"], None)).await?;
        let mut ready = Vec::new();
        let mut launches = vec![stack.launch("api", "api", &["serve"])?];
        for (name, queues) in WORKERS {
            let alive = dir.join(format!("{name}.alive"));
            let _ = std::fs::remove_file(&alive);
            let launch = stack.launch(name, "worker", &["run"])?;
            launches.push(launch.env("WORKER_QUEUES", queues).env("WORKER_ALIVE_FILE", &alive));
            ready.push(alive);
        }
        let alive = dir.join("scheduler.alive");
        let _ = std::fs::remove_file(&alive);
        launches.push(stack.launch("scheduler", "scheduler", &[])?.env("SCHEDULER_ALIVE_FILE", &alive));
        ready.push(alive);
        let mut programs = Programs(Vec::new());
        for launch in launches {
            let launch = launch.env("METRICS_ADDR", format!("127.0.0.1:{}", ports::free()?));
            let launch = match &show {
                Some(show) => launch.show_lines(show.clone()),
                None => launch,
            };
            let program = launch.start().await?;
            stack.pids.push((program.name().to_owned(), program.pid()));
            programs.0.push(program);
        }
        progress.step("api, workers and scheduler", programs.wait_ready(&stack.api_url, &ready)).await?;
        Ok((stack, programs))
    }

    fn launch(&self, name: &str, program: &str, args: &[&str]) -> Result<Launch> {
        let launch = Launch::sibling(name, program, self.logs.join(format!("{name}.log")))?;
        Ok(launch.args(args).envs(self.environment.iter().cloned()))
    }

    /// Runs one of the worker's commands to its end.
    pub async fn worker(&self, args: &[&str], input: Option<&str>) -> Result<()> {
        let mut launch = self.launch("worker-commands", "worker", args)?;
        if let Some(input) = input {
            launch = launch.input(input);
        }
        launch.run().await
    }

    pub fn pid(&self, program: &str) -> Option<u32> {
        self.pids.iter().find(|(name, _)| name == program).map(|(_, pid)| *pid)
    }

    pub fn logs(&self) -> &Path {
        &self.logs
    }

    /// First the programs, then what they need.
    pub async fn stop(self, programs: Programs) -> Result<()> {
        let stopped = programs.stop().await;
        self.services.stop().await.and(stopped)
    }
}

impl Programs {
    /// Workers and scheduler touch a file when they are at work; the api says so itself.
    async fn wait_ready(&mut self, api_url: &str, alive: &[PathBuf]) -> Result<()> {
        let api_ready = format!("{api_url}/ready");
        for program in &mut self.0 {
            match program.name() {
                "api" => program.wait_http(&api_ready, READY_WITHIN).await?,
                name => {
                    let file = alive.iter().find(|file| file.file_stem().is_some_and(|stem| stem == name));
                    program.wait_until(READY_WITHIN, || async { file.is_none_or(|file| file.exists()) }).await?;
                }
            }
        }
        Ok(())
    }

    /// Returns only when a program has ended by itself, with the error that says which.
    pub async fn watch(&mut self) -> anyhow::Error {
        let ends = self.0.iter_mut().map(|program| Box::pin(program.wait()));
        let (status, index, _) = futures::future::select_all(ends).await;
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        self.0[index].failure(&format!("ended by itself with {status}"))
    }

    /// SIGTERM to all, SIGKILL to those that take too long.
    async fn stop(mut self) -> Result<()> {
        let grace = DRAIN + Duration::from_secs(5);
        let ends = self.0.iter_mut().rev().map(|program| program.terminate(grace));
        let killed = futures::future::join_all(ends).await.into_iter().filter(|end| end.is_err()).count();
        if killed > 0 {
            bail!("{killed} programs could not be ended");
        }
        Ok(())
    }
}
