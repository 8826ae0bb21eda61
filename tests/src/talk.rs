//! Chat sockets, as a client that does what it is told sees them.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};
use uuid::Uuid;

use crate::app::PATIENCE;

/// What came next.
#[derive(Debug, PartialEq)]
pub enum Heard {
    Said(Value),
    /// The server has closed the socket with this code.
    Closed(u16),
    /// The connection ended without one.
    Cut,
}

/// An open socket.
pub struct Talk(pub WebSocketStream<TcpStream>);

impl Talk {
    /// Opens a socket of a chat at an API, from a page of this origin; or the status of the refusal, which is none when the
    /// connection has ended.
    pub async fn open(url: &str, chat: &str, origin: Option<&str>) -> Result<Self, Option<StatusCode>> {
        let address = url.trim_start_matches("http://");
        let mut request = format!("ws://{address}/api/v1/ws/chat/{chat}").into_client_request().expect("an address");
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().expect("a header"));
        }
        let socket = TcpSocket::new_v4().expect("a socket");
        // Small, so that what nobody reads stays with whoever sends it.
        socket.set_recv_buffer_size(4096).expect("a receive buffer");
        let target = address.parse().expect("an address");
        let stream = timeout(PATIENCE, socket.connect(target)).await.expect("in time").map_err(|_| None)?;
        match timeout(PATIENCE, client_async(request, stream)).await.expect("in time") {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(StatusCode::from_u16(response.status().as_u16()).ok()),
            Err(_) => Err(None),
        }
    }

    /// The same, with the token shown and found good. `after`: the last message that the client has.
    pub async fn begin(url: &str, chat: &str, token: &str, after: Option<u32>) -> Self {
        let mut talk = Self::open(url, chat, None).await.expect("a socket");
        talk.auth(token, after).await;
        let ready = talk.said().await;
        assert_eq!(ready["type"], "ready", "{ready:#}");
        talk
    }

    pub async fn auth(&mut self, token: &str, after: Option<u32>) {
        self.say(&json!({"type": "auth", "token": token, "after": after})).await;
    }

    pub async fn say(&mut self, message: &Value) {
        self.put(Message::text(message.to_string())).await;
    }

    /// Whatever it is; a connection that has ended does not mind.
    pub async fn put(&mut self, message: Message) {
        let _ = timeout(PATIENCE, self.0.send(message)).await.expect("the connection takes it in time");
    }

    /// Sends a message under a new id, which is returned.
    pub async fn send(&mut self, text: &str) -> Uuid {
        let id = Uuid::now_v7();
        self.say(&json!({"type": "send", "id": id, "text": text})).await;
        id
    }

    pub async fn hear(&mut self) -> Heard {
        loop {
            let next = timeout(PATIENCE, self.0.next()).await.expect("something in time");
            return match next {
                Some(Ok(Message::Text(text))) => Heard::Said(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Close(Some(frame)))) => Heard::Closed(frame.code.into()),
                Some(Ok(Message::Close(None))) | Some(Err(_)) | None => Heard::Cut,
                Some(Ok(_)) => continue,
            };
        }
    }

    /// Whether something comes within this time.
    pub async fn is_silent(&mut self, time: Duration) -> bool {
        timeout(time, self.hear()).await.is_err()
    }

    /// The next message, which must come.
    pub async fn said(&mut self) -> Value {
        match self.hear().await {
            Heard::Said(value) => value,
            other => panic!("the socket ended: {other:?}"),
        }
    }

    /// The next one of this type; others are passed over.
    pub async fn said_of(&mut self, kind: &str) -> Value {
        loop {
            let value = self.said().await;
            if value["type"] == kind {
                return value;
            }
        }
    }

    /// The numbers and texts of the next `count` messages.
    pub async fn messages(&mut self, count: usize) -> Vec<(u64, String)> {
        let mut list = Vec::with_capacity(count);
        while list.len() < count {
            let said = self.said_of("message").await;
            let message = &said["message"];
            list.push((message["seq"].as_u64().expect("a number"), message["text"].as_str().expect("text").to_owned()));
        }
        list
    }

    /// The code with which the server closes the socket, and the error that it has told before.
    pub async fn closed(&mut self) -> (u16, Option<String>) {
        let mut told = None;
        loop {
            match self.hear().await {
                Heard::Said(value) if value["type"] == "error" => {
                    told = value["error"]["code"].as_str().map(str::to_owned);
                }
                Heard::Said(_) => {}
                Heard::Closed(code) => return (code, told),
                Heard::Cut => panic!("the connection ended without a code, after {told:?}"),
            }
        }
    }
}
