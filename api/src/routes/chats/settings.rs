//! Settings of chats.

use std::time::Duration;

use infra::env::Problems;

/// Raw settings.
#[derive(clap::Args)]
#[command(next_help_heading = "API")]
pub struct ChatArgs {
    /// Chat messages per person and minute, wherever they are sent.
    #[arg(long, env = "CHAT_MESSAGES_PER_MINUTE", value_name = "NUMBER", default_value = "10")]
    chat_messages_per_minute: String,
    /// Chat sockets of one person at a time in each process.
    #[arg(long, env = "CHAT_SOCKETS_PER_PERSON", value_name = "NUMBER", default_value = "20")]
    chat_sockets_per_person: String,
    /// How long a chat socket waits for its reader to take a message before it is closed, 1s to 1m. Less than STALL_TIMEOUT.
    #[arg(long, env = "CHAT_SLOW_READER", value_name = "DURATION", default_value = "10s")]
    chat_slow_reader: String,
}

#[derive(Clone, Debug)]
pub struct ChatSettings {
    pub messages_per_minute: u64,
    pub sockets_per_person: u64,
    /// For one message to be taken.
    pub slow_reader: Duration,
}

impl ChatArgs {
    pub fn check(&self, problems: &mut Problems) -> Option<ChatSettings> {
        let second = Duration::from_secs(1);
        let messages = problems.number("CHAT_MESSAGES_PER_MINUTE", &self.chat_messages_per_minute, 1..=1_000_000, "10");
        let sockets = problems.number("CHAT_SOCKETS_PER_PERSON", &self.chat_sockets_per_person, 1..=10_000, "20");
        let slow = problems.duration("CHAT_SLOW_READER", &self.chat_slow_reader, second..=second * 60, "10s");
        Some(ChatSettings { messages_per_minute: messages?, sockets_per_person: sockets?, slow_reader: slow? })
    }
}
