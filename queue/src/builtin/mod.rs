//! Jobs of the queue's own: actions on many jobs, what follows when a job is given up, and the ledger's upkeep.

mod bulk_action;
mod cancel_flow;
mod prune_ledger;
mod roll_up_stats;
mod tell_given_up;

use crate::Queue;

pub use bulk_action::{BulkAction, states as bulk_states};
pub use cancel_flow::CancelFlow;
pub use prune_ledger::PruneLedger;
pub use roll_up_stats::RollUpStats;
pub use tell_given_up::TellGivenUp;

/// Kinds that run in whatever queue the job was in that they are about.
pub(crate) const OF_ANY_QUEUE: [&str; 2] = [TellGivenUp::KIND, CancelFlow::KIND];

/// Where the ledger's upkeep runs; a program that uses it serves it.
pub const MAINTENANCE: Queue = Queue::named("maintenance");
/// Where actions on many jobs run: somebody waits for them, and upkeep may take hours. A program that uses them serves it.
pub const BULK: Queue = Queue::named("bulk");
