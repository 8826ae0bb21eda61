//! The conveyor belt in Redis: tickets for jobs whose truth is in MySQL.

mod belt;

use domain::ids::JobId;
use serde::{Deserialize, Serialize};

pub use belt::{Belt, BeltError, Popper, hint_sink};

/// The names of all queues; `jobs::Queue` is their list.
pub const QUEUES: [&str; 6] = ["uploads", "media", "search", "mail", "maintenance", "heavy"];

/// A claim check for one job: worth nothing without the row behind it, so losing or doubling one is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    pub job: JobId,
    /// Priority band, 0 first.
    pub priority: u8,
    /// How many jobs of the same tenant and band are ahead of this one in the feeder's view: jobs of equal rank
    /// from different tenants take turns, whatever the length of each tenant's backlog.
    pub rank: u32,
}

impl Ticket {
    /// Lower is sooner: the band, then the rank; ties go by id, which is by age.
    fn score(&self) -> f64 {
        f64::from(self.priority) * 1e10 + f64::from(self.rank)
    }
}
