//! The two people of each chat: one writes on one process, the other reads on the other one. Whoever is cut off comes back at the
//! process that is left, the reader behind the last message it has, the writer with what was not answered.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::watch, task::JoinSet, time::sleep};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use uuid::Uuid;

use super::town::Town;

/// How long a client waits before it comes back, as the web app would: up to so long, at random.
const BACK_WITHIN: Duration = Duration::from_millis(500);
/// Sockets opened at once.
const OPENING: usize = 16;

/// In milliseconds.
#[derive(Default, Clone)]
pub struct Times {
    /// From when a message was first sent until its reader had it.
    pub delivery: Vec<f64>,
    /// Of messages that came to a reader who was away: from `ready` on.
    pub after_reconnect: Vec<f64>,
}

/// What everybody knows.
struct Shared {
    began: Instant,
    times: Mutex<Times>,
    /// Microseconds since `began` at which each chat's messages were first sent.
    sent: Vec<Mutex<Vec<u64>>>,
    received: AtomicUsize,
    written: AtomicUsize,
    faults: AtomicUsize,
    /// Between two messages of a chat; zero: nothing is written.
    pause_micros: AtomicU64,
}

impl Shared {
    fn micros(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

pub struct Board {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    writers: Mutex<JoinSet<anyhow::Result<()>>>,
    _readers: JoinSet<()>,
}

/// Where a client connects: its own process, and the one that is left.
#[derive(Clone, Copy)]
struct Ports {
    own: u16,
    left: u16,
}

type Socket = WebSocketStream<TcpStream>;

async fn connect(port: u16, chat: Uuid, token: &str, after: Option<usize>) -> anyhow::Result<Socket> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!("ws://127.0.0.1:{port}/api/v1/ws/chat/{chat}").into_client_request()?;
    let (mut socket, _) = client_async(request, stream).await?;
    let auth = json!({"type": "auth", "token": token, "after": after});
    socket.send(Message::text(auth.to_string())).await?;
    let ready = next(&mut socket).await?;
    ensure!(ready["type"] == "ready", "{ready}");
    Ok(socket)
}

async fn next(socket: &mut Socket) -> anyhow::Result<Value> {
    loop {
        match socket.next().await.context("the connection ended")?? {
            Message::Text(text) => return Ok(serde_json::from_str(&text)?),
            Message::Close(frame) => anyhow::bail!("closed: {frame:?}"),
            _ => {}
        }
    }
}

/// At one's own process, or else at the one that is left.
async fn come_back(ports: Ports, chat: Uuid, token: &str, after: Option<usize>) -> Socket {
    loop {
        sleep(BACK_WITHIN.mul_f64(rand::random())).await;
        for port in [ports.own, ports.left] {
            if let Ok(socket) = connect(port, chat, token, after).await {
                return socket;
            }
        }
    }
}

impl Board {
    /// Opens all sockets: half of the readers at the process that is killed, and half of the writers.
    pub async fn open(town: &Town, chats: usize) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            began: Instant::now(),
            times: Mutex::default(),
            sent: (0..chats).map(|_| Mutex::default()).collect(),
            received: AtomicUsize::new(0),
            written: AtomicUsize::new(0),
            faults: AtomicUsize::new(0),
            pause_micros: AtomicU64::new(0),
        });
        let (stop, stopped) = watch::channel(false);
        let (mut writers, mut readers) = (JoinSet::new(), JoinSet::new());
        let (left, killed) = (town.survivor.port, town.killed.port);
        let places: Vec<_> = town.chats.iter().cloned().enumerate().collect();
        for places in places.chunks(OPENING) {
            let opened = places.iter().map(|(place, (chat, [writer, reader]))| async move {
                let (writes_at, reads_at) = if place % 2 == 0 { (left, killed) } else { (killed, left) };
                let writes = connect(writes_at, *chat, writer, None).await?;
                let reads = connect(reads_at, *chat, reader, Some(0)).await?;
                anyhow::Ok((Ports { own: writes_at, left }, writes, Ports { own: reads_at, left }, reads))
            });
            let opened = futures::future::try_join_all(opened).await?;
            for ((place, (chat, [writer, reader])), (writes_at, writes, reads_at, reads)) in places.iter().zip(opened) {
                let (shared_too, stopped) = (shared.clone(), stopped.clone());
                let (place, chat, writer) = (*place, *chat, writer.clone());
                writers
                    .spawn(async move { write(&shared_too, stopped, writes_at, (place, chat), &writer, writes).await });
                let (shared_too, reader) = (shared.clone(), reader.clone());
                readers.spawn(async move { read(&shared_too, reads_at, (place, chat), &reader, reads).await });
            }
        }
        Ok(Self { shared, stop, writers: Mutex::new(writers), _readers: readers })
    }

    /// So many messages a second, of all chats together.
    pub fn write_at(&self, rate: f64) {
        let pause = self.shared.sent.len() as f64 / rate * 1e6;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some seconds")]
        self.shared.pause_micros.store(pause as u64, Ordering::Relaxed);
    }

    pub fn times(&self) -> Times {
        self.shared.times.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn faults(&self) -> usize {
        self.shared.faults.load(Ordering::Relaxed)
    }

    /// Ends the writing, and waits for what was written; returns how many messages that is.
    pub async fn finish(&self, patience: Duration) -> anyhow::Result<usize> {
        self.stop.send_replace(true);
        let mut writers = std::mem::take(&mut *self.writers.lock().unwrap_or_else(PoisonError::into_inner));
        while let Some(ended) = writers.join_next().await {
            ended??;
        }
        let written = self.shared.written.load(Ordering::Relaxed);
        let waiting = Instant::now();
        while self.shared.received.load(Ordering::Relaxed) < written && waiting.elapsed() < patience {
            sleep(Duration::from_millis(50)).await;
        }
        Ok(written)
    }
}

async fn write(
    shared: &Shared,
    mut stopped: watch::Receiver<bool>,
    ports: Ports,
    (place, chat): (usize, Uuid),
    token: &str,
    mut socket: Socket,
) -> anyhow::Result<()> {
    loop {
        let pause = shared.pause_micros.load(Ordering::Relaxed);
        let pause = if pause == 0 { Duration::from_millis(100) } else { Duration::from_micros(pause) };
        // At random between nothing and twice as long, so that chats do not write in step.
        tokio::select! {
            () = sleep(pause.mul_f64(2.0 * rand::random::<f64>())) => {}
            () = async { drop(stopped.wait_for(|stop| *stop).await) } => return Ok(()),
            // What else there is to hear: one's own messages, and the end of the connection.
            ended = async { while next(&mut socket).await.is_ok() {} } => {
                let () = ended;
                socket = come_back(ports, chat, token, None).await;
                continue;
            }
        }
        if shared.pause_micros.load(Ordering::Relaxed) == 0 {
            continue;
        }
        let id = Uuid::now_v7();
        shared.sent[place].lock().unwrap_or_else(PoisonError::into_inner).push(shared.micros());
        let message = json!({"type": "send", "id": id, "text": "A message of the benchmark."}).to_string();
        while !is_kept(&mut socket, &message).await {
            socket = come_back(ports, chat, token, None).await;
        }
        shared.written.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends a message and waits until it is kept; false when the connection ends before that is known.
async fn is_kept(socket: &mut Socket, message: &str) -> bool {
    if socket.send(Message::text(message)).await.is_err() {
        return false;
    }
    loop {
        match next(socket).await {
            Ok(said) if said["type"] == "sent" => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

async fn read(shared: &Shared, ports: Ports, (place, chat): (usize, Uuid), token: &str, mut socket: Socket) {
    let mut last = 0;
    // When the reader came back, of the newest of its sockets.
    let mut ready = None;
    loop {
        let Ok(said) = next(&mut socket).await else {
            socket = come_back(ports, chat, token, Some(last)).await;
            ready = Some(shared.micros());
            continue;
        };
        if said["type"] != "message" {
            continue;
        }
        let now = shared.micros();
        let seq = said["message"]["seq"].as_u64().and_then(|seq| usize::try_from(seq).ok()).unwrap_or_default();
        if seq != last + 1 {
            shared.faults.fetch_add(1, Ordering::Relaxed);
        }
        last = seq;
        let sent = shared.sent[place].lock().unwrap_or_else(PoisonError::into_inner).get(seq.wrapping_sub(1)).copied();
        let Some(sent) = sent else {
            shared.faults.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        let mut times = shared.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.delivery.push(now.saturating_sub(sent) as f64 / 1e3);
        if let Some(ready) = ready.filter(|ready| sent < *ready) {
            times.after_reconnect.push(now.saturating_sub(ready) as f64 / 1e3);
        }
        drop(times);
        shared.received.fetch_add(1, Ordering::Relaxed);
    }
}
