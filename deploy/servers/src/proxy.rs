//! A TCP proxy that fails on demand: it stands between our programs and a service, and plays the network's part.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::ports;

const BUFFER: usize = 64 * 1024;

/// The faults that are set.
#[derive(Debug, Clone, Copy, Default)]
struct Faults {
    /// The port that new connections lead to.
    target: u16,
    refuse: bool,
    stall: bool,
    /// Connections end when it has grown since they began.
    cuts: u64,
    /// Connections fall silent for good when it has grown since they began.
    freezes: u64,
}

/// Listens on 127.0.0.1 and passes everything on to another port there. Dropping it closes listener and connections.
pub struct Proxy {
    port: u16,
    faults: watch::Sender<Faults>,
    open: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// On a free port.
    pub async fn start(target: u16) -> io::Result<Self> {
        let port = ports::free()?;
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let faults = watch::Sender::new(Faults { target, ..Faults::default() });
        let open = Arc::new(AtomicUsize::new(0));
        let accepting = tokio::spawn(accept(listener, port, faults.subscribe(), open.clone()));
        Ok(Self { port, faults, open, accepting })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connections that are open now.
    pub fn connections(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Closes every open connection, whatever is under way on it; returns how many there were. New ones are welcome.
    pub fn cut(&self) -> usize {
        let open = self.connections();
        self.faults.send_modify(|faults| faults.cuts += 1);
        open
    }

    /// Every open connection falls silent for good, without an end that either side could notice, as when a host dies or a
    /// NAT forgets a connection; returns how many there were. New ones are welcome.
    pub fn freeze(&self) -> usize {
        let open = self.connections();
        self.faults.send_modify(|faults| faults.freezes += 1);
        open
    }

    /// New connections lead to another port, as after a failover. The open ones stay where they are.
    pub fn point_at(&self, target: u16) {
        self.faults.send_modify(|faults| faults.target = target);
    }

    /// While set nobody listens: connecting is refused. Open connections stay.
    pub fn refuse(&self, on: bool) {
        self.faults.send_modify(|faults| faults.refuse = on);
    }

    /// While set nothing is passed on, in either direction: requests are taken and never answered.
    pub fn stall(&self, on: bool) {
        self.faults.send_modify(|faults| faults.stall = on);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, port: u16, mut faults: watch::Receiver<Faults>, open: Arc<AtomicUsize>) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let refuse = faults.borrow_and_update().refuse;
        match (&listener, refuse) {
            (Some(_), true) => listener = None,
            (None, false) => listener = TcpListener::bind(("127.0.0.1", port)).await.ok(),
            _ => {}
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                // Refusing; or the port was not given back yet, and is asked for again soon.
                None if refuse => std::future::pending().await,
                None => {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    Err(io::ErrorKind::AddrInUse.into())
                }
            }
        };
        tokio::select! {
            changed = faults.changed() => if changed.is_err() { return },
            accepted = accepted => if let Ok((client, _)) = accepted {
                let target = faults.borrow().target;
                connections.spawn(carry(client, target, faults.clone(), open.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection, until one side closes it or it is cut. Frozen, it stays open and silent.
async fn carry(mut client: TcpStream, target: u16, mut faults: watch::Receiver<Faults>, open: Arc<AtomicUsize>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let born = *faults.borrow();
    open.fetch_add(1, Ordering::Relaxed);
    let frozen = {
        let (client_in, client_out) = client.split();
        let (server_in, server_out) = server.split();
        tokio::select! {
            // The end of one direction ends both: nothing here half-closes.
            () = pump(client_in, server_out, faults.clone()) => false,
            () = pump(server_in, client_out, faults.clone()) => false,
            hit = faults.wait_for(|faults| faults.cuts > born.cuts || faults.freezes > born.freezes) => {
                hit.is_ok_and(|faults| faults.freezes > born.freezes)
            }
        }
    };
    open.fetch_sub(1, Ordering::Relaxed);
    if frozen {
        let _ = faults.wait_for(|faults| faults.cuts > born.cuts).await;
    }
}

async fn pump(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, mut faults: watch::Receiver<Faults>) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(read) = from.read(&mut buffer).await {
        let flows = faults.wait_for(|faults| !faults.stall).await.is_ok();
        if read == 0 || !flows || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::net::TcpServer;

    async fn echo() -> TcpServer {
        let echo = |mut stream: TcpStream| async move {
            let (mut from, mut to) = stream.split();
            let _ = tokio::io::copy(&mut from, &mut to).await;
        };
        TcpServer::start(0, echo).await.unwrap()
    }

    async fn ask(stream: &mut TcpStream) -> io::Result<u8> {
        stream.write_all(b"x").await?;
        stream.read_u8().await
    }

    #[tokio::test]
    async fn passes_on_cuts_refuses_and_stalls() {
        let server = echo().await;
        let proxy = Proxy::start(server.port()).await.unwrap();
        let connect = || TcpStream::connect(("127.0.0.1", proxy.port()));
        let mut first = connect().await.unwrap();
        assert_eq!(ask(&mut first).await.unwrap(), b'x');
        assert_eq!(proxy.cut(), 1);
        assert!(ask(&mut first).await.is_err(), "a cut connection is closed");

        let mut second = connect().await.unwrap();
        assert_eq!(ask(&mut second).await.unwrap(), b'x', "a cut spares those that come later");
        proxy.refuse(true);
        let refused = async {
            while connect().await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), refused).await.expect("connecting is refused");
        assert_eq!(ask(&mut second).await.unwrap(), b'x', "refusing spares what is open");
        proxy.refuse(false);
        let welcome = async {
            loop {
                if let Ok(stream) = connect().await {
                    return stream;
                }
                tokio::task::yield_now().await;
            }
        };
        let mut third = tokio::time::timeout(Duration::from_secs(5), welcome).await.expect("connecting works again");

        proxy.stall(true);
        let waited = tokio::time::timeout(Duration::from_millis(200), ask(&mut third)).await;
        assert!(waited.is_err(), "nothing is passed on");
        proxy.stall(false);
        assert_eq!(third.read_u8().await.unwrap(), b'x', "what was held back arrives");

        assert_eq!(proxy.freeze(), 2);
        let waited = tokio::time::timeout(Duration::from_millis(200), ask(&mut third)).await;
        assert!(waited.is_err(), "a frozen connection neither answers nor ends");
        let mut fourth = connect().await.unwrap();
        assert_eq!(ask(&mut fourth).await.unwrap(), b'x', "a freeze spares those that come later");
    }
}
