//! The socket of a chat: `GET /ws/chat/{session_id}`, upgraded to WebSocket.
//!
//! **Who it is** is said in the first message (`frames`), not in the address, which proxies write to their logs, and not in
//! `Sec-WebSocket-Protocol`, which stands in logs of headers and would have to be echoed. Access tokens are good for minutes and
//! sockets for hours, so a message that shows a token is needed in any case; the first one is the same.
//!
//! **Messages** come from the database alone, by their numbers, from the last one that the reader has on (`conversation`). So any
//! process serves any chat, a socket that was cut off goes on where it was, and a slow reader costs no memory: what it has not
//! taken stays where it is.

mod conversation;
mod end;
mod frames;

use axum::{
    extract::{
        State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    response::{IntoResponse, Response},
};
use domain::ids::ChatId;
use http::{HeaderMap, HeaderValue, header};

use crate::{
    reply::{Code, Error},
    request::{ClientInfo, Path},
    settings::Settings,
    state::AppState,
};

/// Most bytes of a message. The longest that is allowed to say something has 1,000 characters, of up to 6 bytes in JSON.
const LARGEST: usize = 8 << 10;
/// What is larger than this is not even read to its end: the connection is cut.
const NOT_READ: usize = 64 << 10;
/// What is read from the connection at once. Tungstenite's own 128 KiB a socket are for larger messages.
const READ_AT_ONCE: usize = 4 << 10;

/// Opens a WebSocket (RFC 6455) on one of your chats. Every message is a JSON object of at most 8 KB with a `type`. The first one
/// shows your access token: `{"type":"auth","token":"…","after":12}`, `after` being the last message you have; it is answered
/// `ready`, then come the messages behind it, each once and in order, and new ones as they are written. `send` (`id`, a new UUID
/// for each message, and `text`) is answered `sent`; sent again under the same `id` it is kept once. `read` (`seq`) moves your
/// read mark. Before the token expires `expiring` asks for a new `auth`. After a cut connect again with `after`. What the close
/// codes mean: docs/chat.md.
#[utoipa::path(get, path = "/ws/chat/{session_id}", tag = "chats", params(("session_id" = Uuid, Path,)),
    responses((status = 101, description = "The socket is open")),
    extensions(("x-errors" = json!([Code::NotFound, Code::OriginNotAllowed, Code::UpgradeRequired]))))]
pub async fn chat_socket(
    State(state): State<AppState>,
    client: ClientInfo,
    Path(chat): Path<ChatId>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        let mut response = Error::new(Code::UpgradeRequired).into_response();
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        return response;
    };
    if !is_from_us(&headers, &state.settings) {
        return Error::new(Code::OriginNotAllowed).into_response();
    }
    let counted = state.rooms.socket();
    upgrade
        .max_message_size(NOT_READ)
        .max_frame_size(NOT_READ)
        .read_buffer_size(READ_AT_ONCE)
        // Each message goes out at once.
        .write_buffer_size(0)
        .on_failed_upgrade(|error| tracing::debug!(%error, "a socket was not opened"))
        .on_upgrade(move |socket| async move {
            conversation::hold(state, client.language, chat, socket).await;
            drop(counted);
        })
}

/// Whether the page that opens the socket is the site or may call the API. Browsers always say which page it is; other programs
/// say nothing, and need no protection from pages.
fn is_from_us(headers: &HeaderMap, settings: &Settings) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => {
            settings.cors_origins.contains(origin)
                || origin.as_bytes() == settings.public_url.origin().ascii_serialization().as_bytes()
        }
        (Some(_), Some(_)) => false,
    }
}
