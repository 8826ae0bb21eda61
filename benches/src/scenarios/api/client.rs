//! A client that costs little: prepared requests over one kept connection, answers read to their end and thrown away.

use std::net::Ipv4Addr;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A request as it goes over the wire.
pub struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, path: &str) -> Self {
        Self { head: format!("{method} {path} HTTP/1.1\r\nHost: bench.example\r\n"), body: Vec::new() }
    }

    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head += &format!("{name}: {value}\r\n");
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string().into_bytes())
    }

    pub fn body(mut self, kind: &str, body: Vec<u8>) -> Self {
        self.head += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
        self.body = body;
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), b"\r\n", &self.body].concat()
    }
}

/// What came back.
pub struct Answer<'a> {
    pub status: u16,
    head: &'a [u8],
    pub body: &'a [u8],
}

impl Answer<'_> {
    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }

    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(self.body).with_context(|| format!("{} is no JSON", String::from_utf8_lossy(self.body)))
    }
}

pub struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    body: Vec<u8>,
}

impl Client {
    pub async fn connect(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(1 << 17), body: Vec::new() })
    }

    /// Sends a request and reads its answer to the end.
    pub async fn ask(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.received.clear();
        self.body.clear();
        let end = loop {
            if let Some(at) = self.received.windows(4).position(|part| part == b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await?;
        };
        let status = std::str::from_utf8(self.received.get(9..12).unwrap_or_default())?.parse()?;
        let head = &self.received[..end];
        let length = header(head, "content-length").map(str::parse::<usize>).transpose()?;
        let chunked = header(head, "transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
        if chunked {
            self.chunks(end).await?;
        } else {
            let length = length.unwrap_or_default();
            while self.received.len() < end + length {
                self.more().await?;
            }
            self.body.extend_from_slice(&self.received[end..end + length]);
        }
        Ok(Answer { status, head: &self.received[..end], body: &self.body })
    }

    /// The same for a request that must succeed.
    pub async fn expect(&mut self, request: &Request, status: u16) -> anyhow::Result<Answer<'_>> {
        let answer = self.ask(&request.bytes()).await?;
        ensure!(
            answer.status == status,
            "{}: {} instead of {status}: {}",
            request.head.lines().next().unwrap_or_default(),
            answer.status,
            String::from_utf8_lossy(answer.body)
        );
        Ok(answer)
    }

    /// A body in chunks (RFC 9112, section 7.1), without trailers.
    async fn chunks(&mut self, mut at: usize) -> anyhow::Result<()> {
        loop {
            let line = loop {
                if let Some(length) = self.received[at..].windows(2).position(|part| part == b"\r\n") {
                    break at..at + length;
                }
                self.more().await?;
            };
            let size = usize::from_str_radix(std::str::from_utf8(&self.received[line.clone()])?, 16)?;
            let (from, to) = (line.end + 2, line.end + 2 + size);
            while self.received.len() < to + 2 {
                self.more().await?;
            }
            if size == 0 {
                return Ok(());
            }
            self.body.extend_from_slice(&self.received[from..to]);
            at = to + 2;
        }
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.received).await? == 0 {
            bail!("the server has closed the connection");
        }
        Ok(())
    }
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(head).ok()?;
    text.split("\r\n")
        .filter_map(|line| line.split_once(": "))
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}
