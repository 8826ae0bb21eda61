//! Jobs of the queue's own: actions on many jobs, the hook of jobs that were given up while no worker held them, and the
//! ledger's upkeep.

mod bulk_action;
mod prune_ledger;
mod roll_up_stats;
mod tell_given_up;

use crate::Queue;

pub use bulk_action::{BulkAction, states as bulk_states};
pub use prune_ledger::PruneLedger;
pub use roll_up_stats::RollUpStats;
pub use tell_given_up::TellGivenUp;

/// Where the ledger's upkeep runs; a program that uses it serves it.
pub const MAINTENANCE: Queue = Queue::named("maintenance");
/// Where actions on many jobs run: somebody waits for them, and upkeep may take hours. A program that uses them serves it.
pub const BULK: Queue = Queue::named("bulk");
