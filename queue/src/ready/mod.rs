//! The ready list in Redis: tickets of the jobs that may run next, whose truth is in MySQL.

mod connect;
mod list;

use db::Notice;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::JobId;

pub use connect::connect;
pub use list::{Popper, ReadyList, ReadyListError};

/// A job became available: a notice of the commit that made it so, pushed onto the ready list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Available {
    pub queue: String,
    pub ticket: Ticket,
    /// Whose it is: one job of each tenant goes straight onto a long list, too, now and then.
    pub tenant: Uuid,
}

impl Notice for Available {
    const TOPIC: &'static str = "available";
}

/// A claim check for one job: worth nothing without the row behind it, so losing or doubling one is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    pub job: JobId,
    /// Priority band, 0 first.
    pub priority: u8,
    /// How many jobs of the same tenant and band are ahead of this one in the dispatcher's view: jobs of equal rank
    /// from different tenants take turns, whatever the length of each tenant's backlog.
    pub rank: u32,
}

impl Ticket {
    /// Lower is sooner: the band, then the rank; ties go by id, which is by age.
    fn score(&self) -> f64 {
        f64::from(self.priority) * 1e10 + f64::from(self.rank)
    }
}
