//! An S3 server inside this process: real signatures, files on disk, CORS as a browser upload needs it.

mod disk;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result};
use http::{HeaderName, Method, header};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use tower_http::cors::{Any, CorsLayer};

use crate::net::TcpServer;
use disk::Disk;

pub const ACCESS_KEY: &str = "nano-dev";
pub const SECRET_KEY: &str = "nano-dev-secret";
pub const REGION: &str = "eu-central-1";
pub const BUCKET: &str = "nano";

/// Requests need a valid signature (version 4, header or presigned) made with the keys above; path style only.
pub struct S3Server {
    dir: PathBuf,
    port: u16,
    slow_down: Arc<AtomicBool>,
    server: Option<TcpServer>,
}

impl S3Server {
    /// Serves the files under `dir`, with the bucket made; port 0 takes a free one.
    pub async fn start(dir: impl Into<PathBuf>, port: u16) -> Result<Self> {
        let mut server = Self { dir: dir.into(), port, slow_down: Arc::default(), server: None };
        server.resume().await?;
        Ok(server)
    }

    /// Starts a stopped server again, on the same port.
    pub async fn resume(&mut self) -> Result<()> {
        if self.server.is_some() {
            return Ok(());
        }
        std::fs::create_dir_all(self.dir.join(BUCKET))
            .with_context(|| format!("cannot create {}", self.dir.display()))?;
        let mut service = S3ServiceBuilder::new(Disk::new(&self.dir, self.slow_down.clone())?);
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = tower::Layer::layer(&cors(), service.build());
        let server = TcpServer::start_http(self.port, service).await.context("the S3 server cannot listen")?;
        self.port = server.port();
        self.server = Some(server);
        Ok(())
    }

    /// Closes the listener and every connection: clients see refused connections until `resume`.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    /// While set, whatever is written is answered with 503 SlowDown.
    pub fn slow_down(&self, on: bool) {
        self.slow_down.store(on, Ordering::Relaxed);
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// What the production bucket's CORS rules say: parts are sent straight from the browser, which must read `ETag`.
fn cors() -> CorsLayer {
    let exposed = ["x-amz-request-id", "x-amz-version-id", "x-amz-checksum-sha256"].map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(Any)
        .allow_headers(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE])
        .expose_headers(
            exposed
                .into_iter()
                .chain([header::ETAG, header::CONTENT_LENGTH, header::CONTENT_RANGE])
                .collect::<Vec<_>>(),
        )
}
