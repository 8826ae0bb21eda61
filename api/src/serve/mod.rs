//! Serving the router over HTTP/1.1 until told to stop: who gets a connection, and what it may cost.
//!
//! Connections have places ([`places`]). Those beyond are not left hanging: a few at a time are let in at a side door,
//! where `/health` and `/ready` are answered and everything else is 503; what does not fit there either gets a bare 503.

mod body;
mod places;
mod settings;
mod wire;

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::{HeaderValue, Request, Response, header};
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    time::MissedTickBehavior,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use self::{
    body::Arriving,
    places::{Place, Places},
    wire::{Socket, Wire, say},
};
use crate::{request::TrustedProxies, settings::Settings};

pub use self::settings::{ConnectionArgs, ConnectionSettings, raise_file_limit};

/// A head that does not fit is refused with 431.
const HEAD_BYTES: usize = 64 << 10;
/// The side door: how many at a time, of one address, and for how long.
const SIDE_PLACES: usize = 64;
const SIDE_PER_ADDRESS: usize = 8;
const SIDE_PATIENCE: Duration = Duration::from_secs(2);
const SIDE_LIFE: Duration = Duration::from_secs(10);
/// How often the gauges are told.
const BEAT: Duration = Duration::from_secs(1);
/// Up to here a body that nobody reads has mostly arrived with its head: the connection can go on.
const SMALL_BODY: u64 = 8 << 10;

const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n";
const ONLY_HTTP_1: &[u8] = b"HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// What is served to those who have a place, and to those who have none.
pub struct Routers {
    pub all: Router,
    pub probes: Router,
}

/// How the connections of a door are served.
struct Door {
    http: http1::Builder,
    router: Router,
    /// From accept to the first complete head.
    head: Duration,
    /// For each pause in a body or an answer.
    stall: Duration,
    /// For all of the connection.
    life: Option<Duration>,
}

/// Accepts connections until `stop` is cancelled; then lets running requests finish for at most the grace period.
pub async fn serve(listener: TcpListener, routers: Routers, settings: &Settings, stop: CancellationToken) {
    let limits = &settings.connections;
    let (all, per_address) = limits.caps();
    tracing::info!(all, per_address, "connections: at most {all}, {per_address} of one address");
    let main =
        Door { http: builder(limits.idle), router: routers.all, head: limits.head, stall: limits.stall, life: None };
    let mut http = builder(SIDE_PATIENCE);
    http.keep_alive(false);
    let side = Door { http, router: routers.probes, head: SIDE_PATIENCE, stall: SIDE_PATIENCE, life: Some(SIDE_LIFE) };
    let entrance = Entrance {
        places: Places::new(all, per_address),
        side_places: Places::new(SIDE_PLACES, SIDE_PER_ADDRESS),
        main: Arc::new(main),
        side: Arc::new(side),
        proxies: settings.trusted_proxies.clone(),
        open: TaskTracker::new(),
        leave: CancellationToken::new(),
    };
    entrance.accept(&listener, &stop).await;
    // First nobody new is let in, then those who ask nothing are let go: whoever comes back at once is refused.
    drop(listener);
    let open = entrance.open;
    tracing::info!(connections = open.len(), "no new requests; finishing the running ones");
    open.close();
    entrance.leave.cancel();
    if tokio::time::timeout(settings.shutdown_grace, open.wait()).await.is_err() {
        tracing::warn!("some requests took longer than the grace period and are cut off");
    }
}

/// HTTP/1.1 and nothing else: load balancers speak it to us, and HTTP/2 would need limits of its own.
fn builder(idle: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    // A client that has closed its sending side may still read why its request was refused.
    http.timer(TokioTimer::new()).header_read_timeout(idle).half_close(true);
    // The buffer alone would let in a head of almost twice its size that comes in one piece.
    http.max_buf_size(HEAD_BYTES).max_header_size(HEAD_BYTES);
    http
}

struct Entrance {
    places: Places,
    side_places: Places,
    main: Arc<Door>,
    side: Arc<Door>,
    proxies: TrustedProxies,
    /// The connections, until the last byte is on its way.
    open: TaskTracker,
    /// Tells them to end with the request that they are at.
    leave: CancellationToken,
}

impl Entrance {
    async fn accept(&self, listener: &TcpListener, stop: &CancellationToken) {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.admit(stream, peer),
                    Err(error) => {
                        // Out of file descriptors, most likely: they come back as connections end.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                _ = beat.tick() => {
                    metrics::gauge!("http_connections").set(self.places.in_use() as f64);
                    metrics::gauge!("http_connections_limit").set(self.places.all() as f64);
                }
                () = stop.cancelled() => return,
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let address = Some(peer.ip()).filter(|ip| !self.proxies.is_proxy(*ip));
        let full = match self.places.take(address) {
            Ok(place) => return self.open(&self.main, stream, peer, place),
            Err(full) => full,
        };
        metrics::counter!("http_connections_refused_total", "reason" => full.as_str()).increment(1);
        tracing::debug!(%peer, reason = full.as_str(), "a connection has no place");
        // Of proxies, too, only a few: one that is flooded must not keep the others' health checks out.
        match self.side_places.take(Some(peer.ip())) {
            Ok(place) => self.open(&self.side, stream, peer, place),
            Err(_) => say(&stream, BUSY),
        }
    }

    fn open(&self, door: &Arc<Door>, stream: TcpStream, peer: SocketAddr, place: Place) {
        let connection =
            Connection { door: door.clone(), peer, socket: Socket::new(stream, place), seen: Arc::default() };
        let leave = self.leave.clone();
        self.open.spawn(async move {
            let life = connection.door.life;
            let served = connection.serve(leave);
            match life {
                Some(life) => drop(tokio::time::timeout(life, served).await),
                None => served.await,
            }
        });
    }
}

/// What a connection's requests tell of it.
#[derive(Default)]
struct Seen {
    /// A head was complete.
    head: AtomicBool,
    /// The last request's body was not read to its end.
    unread: Arc<AtomicBool>,
}

struct Connection {
    door: Arc<Door>,
    peer: SocketAddr,
    socket: Arc<Socket>,
    seen: Arc<Seen>,
}

impl Connection {
    async fn serve(self, leave: CancellationToken) {
        let wire = TokioIo::new(Wire::new(self.socket.clone(), self.door.stall));
        let (door, seen, peer) = (self.door.clone(), self.seen.clone(), self.peer);
        let service = service_fn(move |request| answer(door.clone(), seen.clone(), peer, request));
        // One that becomes a socket ends here; whoever has taken it over ends it by itself (`crate::rooms`). hyper-util's own
        // watcher does not know connections that may do so.
        let mut connection = pin!(self.door.http.serve_connection(wire, service).with_upgrades());
        let mut served = pin!(async {
            tokio::select! {
                ended = connection.as_mut() => return ended,
                () = leave.cancelled() => connection.as_mut().graceful_shutdown(),
            }
            connection.await
        });
        let Some(ended) = self.after_first_head(served.as_mut()).await else {
            metrics::counter!("http_connections_cut_total", "reason" => "head").increment(1);
            tracing::debug!(peer = %self.peer, "a connection asked nothing in time");
            return;
        };
        let refused = match &ended {
            Ok(()) => false,
            Err(error) => {
                tracing::debug!(peer = %self.peer, %error, "a connection ended badly");
                if error.is_parse_version_h2() {
                    self.socket.say(ONLY_HTTP_1);
                }
                error.is_parse()
            }
        };
        if refused || self.seen.unread.load(Ordering::Relaxed) {
            self.socket.linger().await;
        }
    }

    /// How the connection ended; `None` when its first head was not complete in time.
    async fn after_first_head<F: Future>(&self, mut served: Pin<&mut F>) -> Option<F::Output> {
        tokio::select! {
            ended = served.as_mut() => return Some(ended),
            () = tokio::time::sleep(self.door.head) => {}
        }
        if self.seen.head.load(Ordering::Relaxed) { Some(served.await) } else { None }
    }
}

/// Answers one request.
async fn answer(
    door: Arc<Door>,
    seen: Arc<Seen>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    seen.head.store(true, Ordering::Relaxed);
    seen.unread.store(false, Ordering::Relaxed);
    let small = request.body().size_hint().upper().is_some_and(|most| most <= SMALL_BODY);
    let mut request = request.map(|body| Body::new(Arriving::new(body, door.stall, seen.unread.clone())));
    request.extensions_mut().insert(ConnectInfo(peer));
    let answered = door.router.clone().oneshot(request).await;
    let mut response = answered.unwrap_or_else(|never| match never {});
    // The rest of the body would have to be read before the next request: proxies are told not to send one.
    if !small && seen.unread.load(Ordering::Relaxed) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}
