//! A private database server: own data directory, own port, no root needed, nothing shared with a system server.

mod disk;
mod make;
mod mariadb;
mod mysql;
mod packages;
mod replication;

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

use crate::{
    ports,
    processes::{Launch, Process, end_leftover},
    programs, room,
};

pub use disk::SmallDisk;
pub use make::{Make, VARIABLE};
pub use packages::{NotToBeHad, fetch_mysql};

/// First start of a data directory and crash recovery included.
const READY_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(30);
/// Making a data directory. MariaDB waits for ever on a full disk.
const INSTALLED_WITHIN: Duration = Duration::from_secs(120);
/// What a data directory takes before anything is in it, and some room to work.
const ROOM: u64 = 512 << 20;
/// Statements that tests and drills run with the command line client.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10 * 60);

/// The schema of `make run`. The offline query cache contains its name, so it never changes.
pub const DEV_SCHEMA: &str = "nano_dev";

/// MariaDB or MySQL. Dropping it kills the server; the data directory survives that and can be started again.
pub struct DatabaseServer {
    make: Make,
    dir: PathBuf,
    port: u16,
    server: Option<Process>,
    environment: Vec<(String, String)>,
    /// More options of the server.
    options: Vec<String>,
}

impl DatabaseServer {
    /// Starts the make that [`VARIABLE`] names, with its data in a folder of its own under `dir`, made on the first start;
    /// port 0 takes a free one.
    ///
    /// The user `nano`, password `nano`, may connect from 127.0.0.1 only and create databases.
    pub async fn start(dir: impl AsRef<Path>, port: u16) -> Result<Self> {
        Self::start_make(Make::chosen()?, dir, port, Vec::new()).await
    }

    /// The same with variables in the server's environment, each time it starts.
    pub async fn start_in(dir: impl AsRef<Path>, port: u16, environment: Vec<(String, String)>) -> Result<Self> {
        Self::start_make(Make::chosen()?, dir, port, environment).await
    }

    /// The same for a given make.
    pub async fn start_make(
        make: Make,
        dir: impl AsRef<Path>,
        port: u16,
        environment: Vec<(String, String)>,
    ) -> Result<Self> {
        Self::start_with(make, dir, port, environment, Vec::new()).await
    }

    async fn start_with(
        make: Make,
        dir: impl AsRef<Path>,
        port: u16,
        environment: Vec<(String, String)>,
        options: Vec<String>,
    ) -> Result<Self> {
        let dir = dir.as_ref().join(make.folder());
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let dir = dir.canonicalize()?;
        install(make, &dir).await?;
        let port = if port == 0 { ports::free()? } else { port };
        let mut database = Self { make, dir, port, server: None, environment, options };
        database.resume().await?;
        Ok(database)
    }

    /// Changes the environment of the next start.
    pub fn set_environment(&mut self, environment: Vec<(String, String)>) {
        self.environment = environment;
    }

    /// Whether it was started and has ended, by itself or killed.
    pub fn has_ended(&mut self) -> bool {
        self.server.as_mut().is_none_or(|server| server.exited().is_some())
    }

    /// Starts a stopped or killed server again, on the same port.
    pub async fn resume(&mut self) -> Result<()> {
        if !self.has_ended() {
            return Ok(());
        }
        let pid_file = self.dir.join("server.pid");
        let data = data(&self.dir);
        end_leftover(&pid_file, &data.to_string_lossy()).await?;
        let setup = self.dir.join("setup.sql");
        std::fs::write(&setup, setup_sql())?;
        let launch = server(self.make, self.log())
            .await?
            .args(run_as())
            .arg(option("datadir", &data))
            .arg(option("init-file", &setup))
            // Relative to the data directory: a socket's path may have 107 bytes at most.
            .args(["--socket=server.sock", "--bind-address=127.0.0.1", "--skip-name-resolve"])
            .arg(format!("--port={}", self.port))
            .args(["--character-set-server=utf8mb4", "--collation-server=utf8mb4_unicode_ci", "--default-time-zone=+00:00"])
            .args(["--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=256M", "--max-allowed-packet=64M"])
            .args(["--max-connections=1000", "--skip-log-bin"])
            .args(&self.options)
            // The default of MySQL 8, stricter than MariaDB's own.
            .arg("--sql-mode=ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION")
            .env("TMPDIR", scratch(&self.dir)?)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .pid_file(pid_file);
        let mut server = launch.start().await?;
        let port = self.port;
        server.wait_until(READY_WITHIN, || greets(port)).await?;
        self.server = Some(server);
        Ok(())
    }

    /// Clean shutdown.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(mut server) = self.server.take() {
            server.terminate(STOP_WITHIN).await?;
        }
        Ok(())
    }

    /// SIGKILL, as a power cut would look to the clients. `resume` recovers.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut server) = self.server.take() {
            server.kill().await?;
        }
        Ok(())
    }

    /// Runs statements with the command line client and returns the rows of the last one; NULL is "NULL".
    pub async fn query(&self, sql: &str) -> Result<Vec<Vec<String>>> {
        let output = self.client()?.args(["--execute", sql]).output();
        let output = tokio::time::timeout(ANSWERED_WITHIN, output).await.context("the database does not answer")??;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
        let text = String::from_utf8(output.stdout)?;
        Ok(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }

    /// Runs statements, goes on when one fails, and keeps the session with what it did not commit until the child is killed
    /// or dropped.
    pub async fn hold(&self, sql: &str) -> Result<Child> {
        const DONE: &str = "all statements have run";
        let mut child = self
            .client()?
            .args(["--force", "--unbuffered"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        // From its input: with `--execute` the client stops at the first error, whatever it was told.
        let mut input = child.stdin.take().context("the client has no input")?;
        input.write_all(format!("{sql}\nSELECT '{DONE}';\nDO SLEEP(3600);\n").as_bytes()).await?;
        drop(input);
        let output = child.stdout.take().context("the client has no output")?;
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await? {
            if line == DONE {
                return Ok(child);
            }
        }
        bail!("the client ended early: {}", child.wait().await?)
    }

    fn client(&self) -> Result<Command> {
        let mut client = Command::new(programs::installed(&["mariadb", "mysql"], "mariadb-client")?);
        client
            .args(["--no-defaults", "--protocol=TCP", "--host=127.0.0.1", "--user=nano", "--password=nano"])
            // MySQL signs its certificate itself.
            .arg("--skip-ssl-verify-server-cert")
            .arg(format!("--port={}", self.port))
            .args(["--default-character-set=utf8mb4", "--skip-column-names", "--batch"])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Ok(client)
    }

    /// Make and version, as in "MySQL 9.7.4".
    pub async fn version(&self) -> Result<String> {
        let rows = self.query("SELECT VERSION()").await?;
        let version = rows.first().and_then(|row| row.first()).context("the server does not tell its version")?;
        Ok(format!("{} {}", self.make, version.split('-').next().unwrap_or(version)))
    }

    pub const fn make(&self) -> Make {
        self.make
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// `mysql://…/`, without a database.
    pub fn url(&self) -> String {
        self.url_of("")
    }

    pub fn url_of(&self, schema: &str) -> String {
        format!("mysql://nano:nano@127.0.0.1:{}/{schema}", self.port)
    }

    /// Where the server of this make has its data when its folder is `dir`.
    pub fn data_folder(dir: &Path) -> Result<PathBuf> {
        Ok(data(&dir.join(Make::chosen()?.folder())))
    }

    pub fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }
}

fn data(dir: &Path) -> PathBuf {
    dir.join("data")
}

fn option(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

/// The server's program with the options that are its make's own.
async fn server(make: Make, log: PathBuf) -> Result<Launch> {
    match make {
        Make::MariaDb => mariadb::server(log),
        Make::MySql => mysql::server(log).await,
    }
}

/// Runs before the server accepts connections; one statement a line.
fn setup_sql() -> String {
    format!(
        "CREATE USER IF NOT EXISTS 'nano'@'127.0.0.1' IDENTIFIED BY 'nano';\n\
         GRANT ALL PRIVILEGES ON *.* TO 'nano'@'127.0.0.1' WITH GRANT OPTION;\n\
         CREATE DATABASE IF NOT EXISTS {DEV_SCHEMA} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;\n"
    )
}

/// A folder for temporary tables. At its start a server removes all that lie in its own, also those that another one has in use.
fn scratch(dir: &Path) -> Result<PathBuf> {
    let folder = dir.join("tmp");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Both refuse to run as root unless told so.
fn run_as() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("--user=root")
}

/// Makes the data directory. A half-made one, left by an interrupted first start, is made anew.
async fn install(make: Make, dir: &Path) -> Result<()> {
    let made = dir.join("installed");
    if made.exists() {
        return Ok(());
    }
    let data = data(dir);
    // An empty one may be a file system of its own, which cannot be removed.
    if std::fs::read_dir(&data).is_ok_and(|mut files| files.next().is_some()) {
        std::fs::remove_dir_all(&data)?;
    }
    room::require(dir, ROOM, "a database")?;
    let log = dir.join("install.log");
    let launch = match make {
        Make::MariaDb => mariadb::install(log)?,
        Make::MySql => mysql::server(log).await?.arg("--initialize-insecure"),
    };
    launch
        .args(run_as())
        .arg(option("datadir", &data))
        .env("TMPDIR", scratch(dir)?)
        .run_within(INSTALLED_WITHIN)
        .await?;
    std::fs::write(made, "")?;
    Ok(())
}

/// True once the server sends its handshake: it does so only after the setup file has run.
async fn greets(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { return false };
    let mut packet = [0_u8; 5];
    // Four bytes of packet header, then the protocol version: 10, or 255 for an error packet.
    stream.read_exact(&mut packet).await.is_ok() && packet[4] == 10
}
