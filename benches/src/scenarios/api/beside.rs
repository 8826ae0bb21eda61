//! What goes on beside the requests that are measured: people who sign in or upload, and connections that are slow or silent.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::ensure;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    client::{Client, Request},
    town::{draft, login, text, token},
};

/// Bytes of each upload.
const UPLOAD: usize = 1024 * 1024;
const CONNECTED_WITHIN: Duration = Duration::from_secs(30);

/// Goes on until it is told to stop.
pub struct Beside {
    stop: CancellationToken,
    done: Arc<AtomicU64>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Beside {
    fn new() -> Self {
        Self { stop: CancellationToken::new(), done: Arc::default(), tasks: JoinSet::new() }
    }

    /// Clients that sign in with a right password, again and again.
    pub fn logins(port: u16, clients: usize) -> Self {
        let mut beside = Self::new();
        for n in 0..clients {
            let (stop, done) = (beside.stop.clone(), beside.done.clone());
            beside.tasks.spawn(async move {
                let (mut client, request) = (Client::connect(port).await?, login(n));
                while !stop.is_cancelled() {
                    client.expect(&request, 200).await?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            });
        }
        beside
    }

    /// Clients that send a file each, and give it up, again and again.
    pub fn uploads(port: u16, clients: usize) -> Self {
        let mut beside = Self::new();
        for n in 0..clients {
            let (stop, done) = (beside.stop.clone(), beside.done.clone());
            beside.tasks.spawn(async move {
                let mut client = Client::connect(port).await?;
                let token = token(&mut client, n).await?;
                let nano = text(&client.expect(&draft(&token, 0), 201).await?.json()?, "/data/id")?;
                let put = Request::new("PUT", &format!("/api/v1/nanos/{nano}/file?filename=unit.zip"));
                let put = put.bearer(&token).body("application/zip", vec![7; UPLOAD]);
                while !stop.is_cancelled() {
                    let upload = text(&client.expect(&put, 201).await?.json()?, "/data/id")?;
                    done.fetch_add(1, Ordering::Relaxed);
                    let give_up = Request::new("DELETE", &format!("/api/v1/uploads/{upload}")).bearer(&token);
                    client.expect(&give_up, 204).await?;
                }
                Ok(())
            });
        }
        beside
    }

    /// Connections on which nothing is ever said; one that is closed is opened anew.
    pub async fn silent(port: u16, connections: usize) -> anyhow::Result<Self> {
        Self::connections(port, connections, None).await
    }

    /// Connections whose request comes byte by byte, and to no end.
    pub async fn slow(port: u16, connections: usize) -> anyhow::Result<Self> {
        Self::connections(port, connections, Some(Duration::from_secs(1))).await
    }

    /// Returns when all of them are there.
    async fn connections(port: u16, connections: usize, drip: Option<Duration>) -> anyhow::Result<Self> {
        let files = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, rustix::process::Rlimit { current: files.maximum, ..files })?;
        let mut beside = Self::new();
        for _ in 0..connections {
            let (stop, done) = (beside.stop.clone(), beside.done.clone());
            beside.tasks.spawn(async move {
                stop.run_until_cancelled(async {
                    loop {
                        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
                        done.fetch_add(1, Ordering::Relaxed);
                        hold(&mut stream, drip).await;
                    }
                })
                .await
                .unwrap_or(Ok(()))
            });
        }
        let since = std::time::Instant::now();
        while beside.done.load(Ordering::Relaxed) < connections as u64 {
            ensure!(since.elapsed() < CONNECTED_WITHIN, "not all {connections} connections came about");
            sleep(Duration::from_millis(50)).await;
        }
        Ok(beside)
    }

    /// How often it was done.
    pub async fn stop(mut self) -> anyhow::Result<u64> {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(self.done.load(Ordering::Relaxed))
    }
}

/// Until the server closes it.
async fn hold(stream: &mut TcpStream, drip: Option<Duration>) {
    let Some(pause) = drip else {
        let _ = tokio::io::copy(stream, &mut tokio::io::sink()).await;
        return;
    };
    let mut said = stream.write_all(b"GET /api/v1/nanos HTTP/1.1\r\nHost: bench.example\r\nX-Slow: ").await;
    while said.is_ok() {
        sleep(pause).await;
        said = stream.write_all(b"x").await;
    }
}
