//! One connection's socket: its writes have a time limit, and it can be closed without taking the last answer back.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use rustix::net::{SendFlags, Shutdown, send, shutdown, sockopt::set_tcp_user_timeout};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

use super::places::Place;

/// How long the kernel sends to a peer that has vanished before it gives up, in milliseconds: by its own reckoning that
/// takes a quarter of an hour, for which an event stream would hold its place.
const VANISHED: u32 = 60_000;
/// What a peer still sends after its answer is read and thrown away for so long, and up to so many bytes.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 8 << 20;

/// A socket with its place among the connections.
pub struct Socket {
    stream: TcpStream,
    _place: Place,
}

impl Socket {
    pub fn new(stream: TcpStream, place: Place) -> Arc<Self> {
        // Answers are written whole; waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let _ = set_tcp_user_timeout(&stream, VANISHED);
        Arc::new(Self { stream, _place: place })
    }

    /// Sends `bytes` as far as that goes at once.
    pub fn say(&self, bytes: &[u8]) {
        say(&self.stream, bytes);
    }

    /// Ends the connection after its last answer, for a peer that may still be sending. The kernel answers bytes that
    /// nobody has read with a reset when a socket is closed, and a reset makes the peer forget an answer that it has
    /// received and not read yet.
    pub async fn linger(&self) {
        let _ = shutdown(&self.stream, Shutdown::Write);
        let _ = tokio::time::timeout(LINGER, self.drain()).await;
    }

    /// Reads until the peer closes its side. After too many bytes nothing is read any more: the peer stands still then,
    /// and has time to see its answer until whoever called gives up.
    async fn drain(&self) {
        let mut buffer = vec![0; 64 << 10];
        let mut left = LINGER_BYTES;
        while self.stream.readable().await.is_ok() {
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return,
                Ok(read) if read >= left => std::future::pending().await,
                Ok(read) => left -= read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }
}

/// Says `bytes` to somebody whose connection is closed right after; there is no waiting for a full socket.
pub fn say(stream: &TcpStream, bytes: &[u8]) {
    let _ = send(stream, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
}

/// The socket as the HTTP machinery uses it.
pub struct Wire {
    socket: Arc<Socket>,
    patience: Duration,
    /// Runs while a write waits for the peer to read.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    /// `patience`: how long a write may wait.
    pub fn new(socket: Arc<Socket>, patience: Duration) -> Self {
        Self { socket, patience, stalled: None }
    }

    fn write(
        &mut self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        while let Poll::Ready(ready) = self.socket.stream.poll_write_ready(cx) {
            ready?;
            match write(&self.socket.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => {
                    self.stalled = None;
                    return Poll::Ready(written);
                }
            }
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        metrics::counter!("http_connections_cut_total", "reason" => "answer").increment(1);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answer")))
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.socket.stream.poll_read_ready(cx))?;
            match self.socket.stream.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(drop)),
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A peer that is gone needs no goodbye.
        let _ = shutdown(&self.socket.stream, Shutdown::Write);
        Poll::Ready(Ok(()))
    }
}
