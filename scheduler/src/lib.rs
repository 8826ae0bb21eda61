//! The scheduler's program: settings and start. What it runs is [`queue::schedule`].

pub mod alerts;
pub mod settings;
