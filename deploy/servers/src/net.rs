//! A TCP server that can be stopped completely: listener and every open connection.
//!
//! The tests switch S3 and SMTP off and on again on the same port; a graceful shutdown would keep
//! serving the connections that a client pool holds open.

use std::{future::Future, io, net::SocketAddr};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub struct TcpServer {
    address: SocketAddr,
    stop: CancellationToken,
    accepting: Option<JoinHandle<()>>,
}

impl TcpServer {
    /// Listens on 127.0.0.1; port 0 takes a free one. Each connection is a task of its own.
    pub async fn start<H, F>(port: u16, handler: H) -> io::Result<Self>
    where
        H: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    () = stopped.cancelled() => break,
                    accepted = listener.accept() => match accepted {
                        Ok((stream, _)) => {
                            let _ = stream.set_nodelay(true);
                            connections.spawn(handler(stream));
                        }
                        Err(error) => {
                            tracing::warn!(%error, "could not accept a connection");
                            tokio::task::yield_now().await;
                        }
                    },
                    Some(_) = connections.join_next() => {}
                }
            }
            drop(listener);
            connections.shutdown().await;
        });
        Ok(Self { address, stop, accepting: Some(accepting) })
    }

    /// The same for HTTP/1.1. A connection that is upgraded belongs to whoever has asked for that.
    pub async fn start_http<S, B>(port: u16, service: S) -> io::Result<Self>
    where
        S: tower::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self::start(port, move |stream| {
            let service = TowerToHyperService::new(service.clone());
            async move {
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades();
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection ended early");
                }
            }
        })
        .await
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns when the listener and all connections are closed.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.await;
        }
    }
}

impl Drop for TcpServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
