//! Chats.

use super::{Section, entry};
use crate::reply::Code;

pub(super) const SECTION: Section = Section {
    en: "Chats",
    de: "Chats",
    entries: &[
        entry(
            Code::ChatWithOneself,
            "A chat is between a nano's creator and somebody else, who begins it.",
            "Answer in the chats that others have begun (`GET /chats`).",
            "Ein Chat ist zwischen der Person, die das Nano erstellt hat, und jemand anderem, der ihn beginnt.",
            "In den Chats antworten, die andere begonnen haben (`GET /chats`).",
        ),
        entry(
            Code::ChatClosed,
            "An admin has closed the chat, for good.",
            "Read it (`GET /chats/{session_id}/messages`); nothing more can be written.",
            "Ein Admin hat den Chat geschlossen, und zwar endgültig.",
            "Ihn lesen (`GET /chats/{session_id}/messages`); schreiben lässt sich nichts mehr.",
        ),
        entry(
            Code::OwnMessage,
            "The message is the caller's own.",
            "Report messages of the other person only.",
            "Die Nachricht stammt von der Person selbst.",
            "Nur Nachrichten der anderen Person melden.",
        ),
        entry(
            Code::OwnChat,
            "The caller is one of the two people of the chat.",
            "Leave it to another moderator or admin.",
            "Die Person ist selbst eine der beiden in diesem Chat.",
            "Es jemand anderem aus Moderation oder Administration überlassen.",
        ),
        entry(
            Code::OriginNotAllowed,
            "A browser opens the socket from a page whose `Origin` is neither the site's nor in `CORS_ORIGINS`.",
            "Add the page's origin to `CORS_ORIGINS`, or open the socket from the site.",
            "Ein Browser öffnet den Socket von einer Seite, deren `Origin` weder der der Site ist noch in `CORS_ORIGINS` steht.",
            "Den Ursprung der Seite in `CORS_ORIGINS` aufnehmen oder den Socket von der Site aus öffnen.",
        ),
        entry(
            Code::UpgradeRequired,
            "The request does not ask for WebSocket (RFC 6455), or a proxy in between has dropped `Upgrade`.",
            "Open it with a WebSocket client; let proxies pass `Upgrade` and `Connection` on.",
            "Die Anfrage verlangt kein WebSocket (RFC 6455), oder ein Proxy dazwischen hat `Upgrade` weggelassen.",
            "Mit einem WebSocket-Client öffnen; Proxys müssen `Upgrade` und `Connection` weiterreichen.",
        ),
    ],
};
