//! The queues, each scaled by how many workers list it in `WORKER_QUEUES`.

use queue::{Queue, Queues};

/// Archive checks, scans and the steps that decide about an upload.
pub const UPLOADS: Queue = Queue::named("uploads");
/// Thumbnails.
pub const MEDIA: Queue = Queue::named("media");
/// The search index.
pub const SEARCH: Queue = Queue::named("search");
/// Mails.
pub const MAIL: Queue = Queue::named("mail");
/// Clean-up, and what the queue does for itself.
pub const MAINTENANCE: Queue = queue::builtin::MAINTENANCE;
/// Actions on many jobs at once.
pub const BULK: Queue = queue::builtin::BULK;
/// Jobs of other queues that ran out of memory; here they get more.
pub const HEAVY: Queue = Queue::named("heavy");

/// All of them.
pub const QUEUES: Queues =
    Queues { all: &[UPLOADS, MEDIA, SEARCH, MAIL, MAINTENANCE, BULK, HEAVY], heavy: Some(HEAVY) };
