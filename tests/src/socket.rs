//! HTTP spoken by hand, for clients that no library would be.

use std::{net::Ipv4Addr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::app::{PATIENCE, TestApp};

/// A connection to the API.
pub struct Socket(pub TcpStream);

/// An answer as it came.
#[derive(Debug)]
pub struct Heard {
    pub status: u16,
    /// In lower case, without the status line.
    pub head: String,
    /// `Null` when it is not JSON.
    pub body: Value,
}

impl TestApp {
    /// Of the API, without the scheme.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub async fn connect(&self) -> Socket {
        self.connect_from(Ipv4Addr::LOCALHOST).await
    }

    /// From an address of this machine: each of 127.0.0.0/8 is one.
    pub async fn connect_from(&self, address: Ipv4Addr) -> Socket {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((address, 0).into()).expect("an address of this machine");
        // Small, so that an answer that nobody reads stays with whoever sends it.
        socket.set_recv_buffer_size(4096).expect("a receive buffer");
        let target = self.address().parse().expect("an address");
        let stream = timeout(PATIENCE, socket.connect(target)).await.expect("in time").expect("a connection");
        Socket(stream)
    }
}

impl Socket {
    /// Sends a text, whatever it is.
    pub async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("the connection takes it");
    }

    /// A whole request without a body.
    pub async fn get(&mut self, path: &str) -> Heard {
        self.say(&format!("GET {path} HTTP/1.1\r\nHost: nano.test\r\n\r\n")).await;
        self.hear().await.expect("an answer")
    }

    /// The next answer; `None` when the connection ends before it, well or badly.
    pub async fn hear(&mut self) -> Option<Heard> {
        timeout(PATIENCE, self.read()).await.expect("an answer or an end")
    }

    async fn read(&mut self) -> Option<Heard> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
        let (line, head) = head.split_once("\r\n").expect("a status line");
        let status = line.split(' ').nth(1).expect("a status").parse().expect("a number");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.ok()?;
        Some(Heard { status, head: head.to_owned(), body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }

    /// True when the other side ends the connection within this time, and says nothing more.
    pub async fn ends_within(&mut self, time: Duration) -> bool {
        matches!(timeout(time, self.0.read_u8()).await, Ok(Err(_)))
    }
}

impl Heard {
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}
