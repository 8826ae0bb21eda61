//! Free TCP ports on the loopback interface.

use std::{collections::HashSet, io, net::TcpListener, ops::Range, sync::Mutex};

/// Below the ports that kernels give to outgoing connections (Linux from 32768, macOS from 49152): a server that is
/// killed and started again still finds its port free.
const RANGE: Range<u16> = 15_000..32_000;
/// Among 17,000 ports; more failures than this have another reason.
const TRIES: usize = 1000;

/// Ports this process has handed out: one may still be free because its server has not bound it yet.
static HANDED_OUT: Mutex<Option<HashSet<u16>>> = Mutex::new(None);

/// A port nobody listens on, never given twice within this process.
pub fn free() -> io::Result<u16> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..TRIES {
        let port = rand::random_range(RANGE);
        if let Err(error) = TcpListener::bind(("127.0.0.1", port)) {
            last = error;
            continue;
        }
        let mut handed_out = HANDED_OUT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if handed_out.get_or_insert_default().insert(port) {
            return Ok(port);
        }
    }
    Err(last)
}

/// `wanted` when it is free, another one otherwise.
pub fn preferably(wanted: u16) -> io::Result<u16> {
    match TcpListener::bind(("127.0.0.1", wanted)) {
        Ok(_) => Ok(wanted),
        Err(_) => free(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ_and_a_taken_one_is_avoided() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_ne!(preferably(port).unwrap(), port);
        let ports: HashSet<u16> = (0..50).map(|_| free().unwrap()).collect();
        assert_eq!(ports.len(), 50);
    }
}
