//! A private PostgreSQL server for the peers that keep their jobs in one: made anew for each run of the benchmarks.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use servers::{
    ports,
    processes::{Launch, Process, end_leftover},
    programs,
};
use tokio::process::Command;
use uuid::Uuid;

/// The superuser and its schema.
const USER: &str = "bench";
/// The user that PostgreSQL's packages make. The server refuses to run as root.
const SYSTEM_USER: &str = "postgres";
const READY_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// What differs from PostgreSQL's own defaults, or is named because it decides what a commit costs: its buffers are as large
/// as MariaDB's.
const SETTINGS: [&str; 4] = ["shared_buffers=256MB", "fsync=on", "synchronous_commit=on", "full_page_writes=on"];

/// Dropping it kills the server.
pub struct PostgresServer {
    programs: PathBuf,
    port: u16,
    password: String,
    server: Process,
}

impl PostgresServer {
    /// Starts a server whose files are under `dir`, made anew.
    pub async fn start(dir: &Path) -> anyhow::Result<Self> {
        let programs = programs_of_the_newest()?;
        let dir = dir.join("postgres");
        fs::create_dir_all(&dir)?;
        let dir = dir.canonicalize()?;
        let (pid_file, data) = (dir.join("server.pid"), dir.join("data"));
        end_leftover(&pid_file, &data.to_string_lossy()).await?;
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        fs::create_dir(&data)?;
        // Whoever can reach the port could run programs as the server's user.
        let password = Uuid::new_v4().simple().to_string();
        let secret = dir.join("password");
        fs::write(&secret, &password)?;
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
        let owner = Owner::needed().await?;
        if let Some(owner) = &owner {
            for path in [&data, &secret] {
                chown(path, Some(owner.user), Some(owner.group))?;
            }
        }
        owned("initdb", &programs, dir.join("initdb.log"), owner.as_ref())?
            .args(["--username", USER, "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--pwfile"])
            .arg(&secret)
            .arg("--pgdata")
            .arg(&data)
            .run()
            .await
            .context("PostgreSQL cannot make its data directory")?;
        fs::remove_file(&secret)?;
        let port = ports::free()?;
        let mut launch = owned("postgres", &programs, dir.join("server.log"), owner.as_ref())?
            .arg("-D")
            .arg(&data)
            .args(["-c", &format!("port={port}")])
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
        for setting in SETTINGS {
            launch = launch.args(["-c", setting]);
        }
        let server = launch.pid_file(pid_file).start().await?;
        let mut postgres = Self { programs, port, password, server };
        let (programs, password) = (postgres.programs.clone(), postgres.password.clone());
        postgres
            .server
            .wait_until(READY_WITHIN, || async { query(&programs, port, &password, &["SELECT 1"]).await.is_ok() })
            .await?;
        Ok(postgres)
    }

    /// An empty database, and a checkpoint, so that no peer pays for the one before.
    pub async fn clear(&self) -> anyhow::Result<()> {
        let statements =
            [&format!("DROP DATABASE IF EXISTS {USER} WITH (FORCE)"), &format!("CREATE DATABASE {USER}"), "CHECKPOINT"];
        query(&self.programs, self.port, &self.password, &statements).await.map(drop)
    }

    /// The URL of the empty database.
    pub fn url(&self) -> String {
        format!("postgres://{USER}:{}@127.0.0.1:{}/{USER}", self.password, self.port)
    }

    /// Its version and the settings that a commit's cost depends on.
    pub async fn described(&self) -> anyhow::Result<String> {
        let sql = "SELECT string_agg(name || '=' || current_setting(name), ' ' ORDER BY name) FROM pg_settings WHERE name IN
                   ('fsync', 'full_page_writes', 'max_wal_size', 'server_version', 'shared_buffers', 'synchronous_commit',
                    'wal_level', 'wal_sync_method')";
        Ok(query(&self.programs, self.port, &self.password, &[sql]).await?.trim().to_owned())
    }

    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.server.terminate(STOP_WITHIN).await?;
        Ok(())
    }
}

/// Who owns the server's files and processes when the benchmarks run as root.
struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    async fn needed() -> anyhow::Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let id = async |which: &str| {
            let output = Command::new("id").args([which, SYSTEM_USER]).stdin(Stdio::null()).output().await?;
            ensure!(output.status.success(), "PostgreSQL does not run as root, and there is no user {SYSTEM_USER}");
            Ok(String::from_utf8(output.stdout)?.trim().parse()?)
        };
        Ok(Some(Self { user: id("-u").await?, group: id("-g").await? }))
    }
}

/// A program of PostgreSQL, run by its own user where that is needed.
fn owned(name: &str, programs: &Path, log: PathBuf, owner: Option<&Owner>) -> anyhow::Result<Launch> {
    let program = programs.join(name);
    let Some(owner) = owner else { return Ok(Launch::new(name, program, log)) };
    // The change of user makes the kernel forget that the server is to end with this process; so it is said again.
    Ok(Launch::new(name, programs::installed(&["setpriv"], "util-linux")?, log)
        .args([format!("--reuid={}", owner.user), format!("--regid={}", owner.group)])
        .args(["--clear-groups", "--pdeathsig=INT", "--"])
        .arg(program))
}

/// The folder of the newest PostgreSQL: packages keep its programs where no PATH looks.
fn programs_of_the_newest() -> anyhow::Result<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for (folder, prefix) in [("/usr/lib/postgresql", ""), ("/opt/homebrew/opt", "postgresql@")] {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let version = entry.file_name().to_str().and_then(|name| name.strip_prefix(prefix)?.parse().ok());
            let programs = entry.path().join("bin");
            if let (Some(version), true) = (version, programs.join("initdb").is_file()) {
                found.push((version, programs));
            }
        }
    }
    if let Some((_, programs)) = found.into_iter().max() {
        return Ok(programs);
    }
    match programs::installed(&["initdb"], "postgresql")?.parent() {
        Some(programs) => Ok(programs.to_owned()),
        None => bail!("initdb has no folder"),
    }
}

/// Runs statements one by one, each in a transaction of its own; what the last ones return.
async fn query(programs: &Path, port: u16, password: &str, statements: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new(programs.join("psql"));
    command
        .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--host=127.0.0.1"])
        .arg(format!("--port={port}"))
        .args(["--username", USER, "--dbname=postgres"])
        .env("PGPASSWORD", password)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    for statement in statements {
        command.args(["--command", statement]);
    }
    let output = command.output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8(output.stdout)?)
}
