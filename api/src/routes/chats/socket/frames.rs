//! What is said on a socket: JSON objects with a `type`.

use chrono::{DateTime, Utc};
use domain::{
    ids::{MessageId, UserId},
    words,
};
use infra::db::chat_members::Member;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::super::messages::{number, text};
use crate::{
    reply::{Issue, maybe_time, time},
    request::fields::{self, Fields, Input},
    views::{Chat, Message},
};

words! {
    pub enum Kind ("type") {
        Auth = "auth",
        Send = "send",
        Read = "read",
    }
}

/// From the client.
#[derive(Debug, PartialEq)]
pub enum Heard {
    /// At the beginning, and before a token expires.
    Auth {
        token: String,
        /// The last message that the client has. Without it only new ones are sent.
        after: Option<u32>,
    },
    Send {
        id: MessageId,
        text: String,
    },
    Read {
        seq: u32,
    },
}

impl Input for Heard {
    fn read(fields: &mut Fields) -> Option<Self> {
        match fields.required("type", fields::word)? {
            Kind::Auth => {
                let token = fields.required("token", |raw| {
                    let token = fields::text(raw)?;
                    if token.is_empty() { Err(Issue::Empty) } else { Ok(token) }
                });
                let after = fields.optional("after", number);
                Some(Self::Auth { token: token?, after })
            }
            Kind::Send => {
                let id = fields.required("id", fields::parsed("0193f2a0-7c3e-7a51-9d0e-5b1f2c3d4e5f"));
                let text = fields.required("text", text);
                Some(Self::Send { id: MessageId(id?), text: text? })
            }
            Kind::Read => {
                let seq = fields.required("seq", number);
                Some(Self::Read { seq: seq? })
            }
        }
    }
}

/// To the client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Said {
    /// The token is good; what was missed comes next.
    Ready {
        chat: Box<Chat>,
        #[serde(serialize_with = "time")]
        expires_at: DateTime<Utc>,
    },
    /// The new token is good.
    Renewed {
        #[serde(serialize_with = "time")]
        expires_at: DateTime<Utc>,
    },
    /// The token is about to expire: show a new one.
    Expiring {
        #[serde(serialize_with = "time")]
        expires_at: DateTime<Utc>,
    },
    Message {
        message: Message,
    },
    /// A message of this client is kept.
    Sent {
        id: Uuid,
        seq: u32,
        #[serde(serialize_with = "time")]
        created_at: DateTime<Utc>,
    },
    /// Somebody has read up to a message.
    Read {
        user_id: Uuid,
        seq: u32,
        #[serde(serialize_with = "maybe_time")]
        read_at: Option<DateTime<Utc>>,
    },
    /// The chat was closed; the socket is next.
    Closed,
    /// What the client has said was refused: the same `error` as in answers of the API.
    Error {
        /// The `id` of a message that was not kept.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Uuid>,
        error: Value,
    },
}

impl Said {
    pub fn read(member: &Member) -> Self {
        let UserId(user_id) = member.user_id;
        Self::Read { user_id, seq: member.read_seq, read_at: member.read_at }
    }

    /// As it goes out.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{reply::Error, request};

    fn read(value: Value) -> Result<Heard, Error> {
        request::read(value.to_string().as_bytes())
    }

    #[test]
    fn messages_are_read_strictly() {
        let id = Uuid::now_v7();
        assert_eq!(
            read(json!({"type": "auth", "token": "t", "after": 7})).unwrap(),
            Heard::Auth { token: "t".into(), after: Some(7) }
        );
        assert_eq!(
            read(json!({"type": "send", "id": id, "text": " Hello "})).unwrap(),
            Heard::Send { id: MessageId(id), text: "Hello".into() }
        );
        assert_eq!(read(json!({"type": "read", "seq": 3})).unwrap(), Heard::Read { seq: 3 });
        for bad in [
            json!({}),
            json!({"type": "shout"}),
            json!({"type": "auth"}),
            json!({"type": "auth", "token": ""}),
            json!({"type": "send", "id": "7", "text": "Hello"}),
            json!({"type": "send", "id": id, "text": ""}),
            json!({"type": "send", "id": id, "text": "x".repeat(1001)}),
            json!({"type": "send", "id": id, "text": "Hello", "sender_id": id}),
            json!({"type": "read", "seq": -1}),
        ] {
            assert!(matches!(read(bad.clone()), Err(Error::Fields(_))), "{bad}");
        }
        for bad in [json!([]), json!("send"), json!(null)] {
            assert!(matches!(read(bad), Err(Error::Refused(_))));
        }
    }

    #[test]
    fn what_is_said_has_a_type() {
        assert_eq!(Said::Closed.json(), r#"{"type":"closed"}"#);
        let error = Said::Error { id: None, error: json!({"code": "X"}) };
        assert_eq!(error.json(), r#"{"type":"error","error":{"code":"X"}}"#);
    }
}
