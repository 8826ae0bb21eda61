//! Chats: two people about one nano.

pub mod chat_digests;
pub mod chat_lists;
pub mod chat_members;
pub mod chat_messages;
pub mod chat_reports;
pub mod chat_sessions;
