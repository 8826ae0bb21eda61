//! Alerts, and the scaling signal of a fleet without workers: what schedulers see in the ledger, and whom they tell.

mod conditions;
mod delivery;
mod signal;

/// A table of schedules in which all are off.
fn nothing_scheduled() -> String {
    let schedules = jobs::KINDS.schedules();
    schedules.iter().map(|schedule| format!("{}=off", schedule.line.name)).collect::<Vec<_>>().join("; ")
}

/// A job that any worker could take.
fn job(name: &str) -> jobs::RemoveObject {
    jobs::RemoveObject { key: format!("nobody/has/{name}") }
}
