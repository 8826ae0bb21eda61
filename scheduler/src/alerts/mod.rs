//! Alerts by mail and signed webhook, without Prometheus: settings, texts, and their delivery by the scheduler itself, so that
//! they arrive also when no worker lives.

mod delivery;
mod settings;
mod texts;

pub use delivery::{Channels, deliver};
pub use settings::{AlertArgs, AlertSettings};
