//! Webhooks: endpoints that people have told of what happens to their nanos, with their secrets; what they are told, and what
//! became of it.

pub mod endpoints;
pub mod webhook_attempts;
pub mod webhook_deliveries;
pub mod webhook_events;
pub mod webhook_secrets;
