//! How sockets end: the close code that its client is told, and the word under which it is counted.

use axum::extract::ws::{CloseCode, close_code};

use crate::reply::{Code, Error};

/// Codes of our own are those of HTTP behind 4000.
const OF_HTTP: CloseCode = 4000;

#[derive(Debug)]
pub enum End {
    /// The client has closed it.
    Left,
    /// The connection is gone, or nothing was heard for too long.
    Lost,
    /// The process stops: connect again, perhaps to another one.
    Stopping,
    NotText,
    TooLarge,
    /// The first message did not come, or was something else.
    NoToken,
    /// Says why; the client need not come back as it is.
    Refused(Code),
    /// The chat was closed, and what was written before has been sent.
    ChatClosed,
    /// Too many messages of whatever kind.
    Flood,
    /// The reader does not take what is sent: connect again when there is time to read.
    Slow,
}

impl End {
    /// What an error at the beginning, or of a new token, means for the socket.
    pub fn of(error: Error, language: domain::user::Language) -> (Self, serde_json::Value) {
        let (code, told) = error.told(language);
        (Self::Refused(code), told)
    }

    /// For the client; none when there is nobody to tell.
    pub fn code(&self) -> Option<CloseCode> {
        Some(match self {
            Self::Left | Self::Lost => return None,
            Self::Stopping => close_code::AWAY,
            Self::NotText => close_code::UNSUPPORTED,
            Self::TooLarge => close_code::SIZE,
            Self::NoToken => OF_HTTP + 408,
            Self::Refused(code) => OF_HTTP + code.status().as_u16(),
            Self::ChatClosed => OF_HTTP + Code::ChatClosed.status().as_u16(),
            Self::Flood => OF_HTTP + Code::RateLimited.status().as_u16(),
            Self::Slow => close_code::AGAIN,
        })
    }

    /// For the client's log.
    pub fn text(&self) -> &'static str {
        match self {
            Self::Refused(code) => code.as_str(),
            Self::ChatClosed => Code::ChatClosed.as_str(),
            other => other.word(),
        }
    }

    /// For the metric.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Lost => "lost",
            Self::Stopping => "stopping",
            Self::NotText => "not_text",
            Self::TooLarge => "too_large",
            Self::NoToken => "no_token",
            Self::Refused(_) => "refused",
            Self::ChatClosed => "chat_closed",
            Self::Flood => "flood",
            Self::Slow => "slow",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_the_codes_of_http() {
        for (end, code) in [
            (End::Refused(Code::TokenExpired), Some(4401)),
            (End::Refused(Code::NotFound), Some(4404)),
            (End::Refused(Code::Unavailable), Some(4503)),
            (End::NoToken, Some(4408)),
            (End::ChatClosed, Some(4409)),
            (End::Flood, Some(4429)),
            (End::Stopping, Some(1001)),
            (End::TooLarge, Some(1009)),
            (End::Slow, Some(1013)),
            (End::Left, None),
        ] {
            assert_eq!(end.code(), code, "{end:?}");
        }
    }
}
