//! Private Redis servers, one for each role.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    ports,
    processes::{Launch, Process, end_leftover},
    programs,
};

const READY_WITHIN: Duration = Duration::from_secs(30);
const STOP_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Tickets of jobs: refuses writes rather than dropping keys, and keeps an append-only file.
    Queue,
    /// Everything that can be computed again: drops the least recently used keys beyond 256 MB.
    Cache,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Role::Queue => "redis-queue",
            Role::Cache => "redis-cache",
        }
    }

    fn settings(self) -> &'static [&'static str] {
        match self {
            Role::Queue => &["--maxmemory-policy", "noeviction", "--appendonly", "yes", "--appendfsync", "everysec"],
            Role::Cache => &["--maxmemory-policy", "allkeys-lru", "--maxmemory", "256mb", "--appendonly", "no"],
        }
    }
}

/// Dropping it kills the server.
pub struct RedisServer {
    dir: PathBuf,
    role: Role,
    port: u16,
    server: Option<Process>,
}

impl RedisServer {
    /// Starts a server with its files under `dir`; port 0 takes a free one.
    pub async fn start(dir: impl Into<PathBuf>, role: Role, port: u16) -> Result<Self> {
        let dir = dir.into();
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let port = if port == 0 { ports::free()? } else { port };
        let mut redis = Self { dir: dir.canonicalize()?, role, port, server: None };
        redis.resume().await?;
        Ok(redis)
    }

    /// Starts a stopped or killed server again, on the same port.
    pub async fn resume(&mut self) -> Result<()> {
        if self.server.as_mut().is_some_and(|server| server.exited().is_none()) {
            return Ok(());
        }
        let pid_file = self.dir.join("server.pid");
        end_leftover(&pid_file, "redis-server").await?;
        let launch = Launch::new(self.role.name(), programs::installed(&["redis-server"], "redis-server")?, self.log())
            .arg("--port")
            .arg(self.port.to_string())
            .args(["--bind", "127.0.0.1", "--daemonize", "no", "--save", ""])
            .args(self.role.settings())
            .arg("--dir")
            .arg(&self.dir)
            .pid_file(pid_file);
        let mut server = launch.start().await?;
        let port = self.port;
        server.wait_until(READY_WITHIN, || pongs(port)).await?;
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

    /// SIGKILL.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut server) = self.server.take() {
            server.kill().await?;
        }
        Ok(())
    }

    /// FLUSHALL: every key is gone, the server stays.
    pub async fn flush(&self) -> Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.context("the Redis server is away")?;
        let mut answer = [0_u8; 3];
        stream.write_all(b"FLUSHALL\r\n").await?;
        stream.read_exact(&mut answer).await?;
        ensure!(&answer == b"+OK", "FLUSHALL was answered with {}", String::from_utf8_lossy(&answer));
        Ok(())
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }
}

/// False while there is no server, and while it still loads its append-only file.
async fn pongs(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { return false };
    let mut answer = [0_u8; 5];
    stream.write_all(b"PING\r\n").await.is_ok() && stream.read_exact(&mut answer).await.is_ok() && &answer == b"+PONG"
}
