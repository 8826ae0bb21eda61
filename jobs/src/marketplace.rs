//! Every job of the marketplace, once. A line here makes a job known: its queue, isolation, schedule, hook and its owner's
//! rights follow from its type.

use queue::{
    Kind, Kinds, Registry,
    builtin::{BulkAction, CancelFlow, PruneLedger, RollUpStats, TellGivenUp},
};

use crate::{
    AlertSavedSearches, ArchiveChats, Context, DeliverWebhook, ErasePerson, ExpireUploads, ExportAuditLog,
    ExportPerson, IndexNano, IndexRated, MakeThumbnails, PublishNano, QUEUES, RecheckTotals, ReconcileStorage, Reindex,
    RemindModerators, RemoveObject, Retention, ReviewNano, ScanContent, ScanEdit, ScanProfile, ScanRating, SendEmail,
    TellUnread, TendDataRequests, ValidateArchive, WarnInactive, readers,
};

macro_rules! marketplace {
    ($($job:ident,)*) => {
        const LIST: &[Kind] = &[$(Kind::of::<$job, Context>(),)*];

        /// The kinds as plain data. Naming them pulls no handler in, so the API may.
        pub const KINDS: Kinds = Kinds::new(LIST);

        /// The kinds with their handlers, for workers.
        pub fn registry() -> Registry<Context> {
            Registry::new(QUEUES)$(.with::<$job>())*.with_readers(readers::readers())
        }
    };
}

marketplace! {
    // An upload's steps, in their order.
    ValidateArchive,
    MakeThumbnails,
    ScanContent,
    ReviewNano,
    PublishNano,
    IndexNano,
    ScanEdit,
    ScanProfile,
    // Ratings.
    ScanRating,
    IndexRated,
    // Mail.
    SendEmail,
    RemindModerators,
    TellUnread,
    AlertSavedSearches,
    // Webhooks.
    DeliverWebhook,
    // What people ask about their own data.
    ExportPerson,
    ErasePerson,
    TendDataRequests,
    WarnInactive,
    // Maintenance.
    RemoveObject,
    ExpireUploads,
    ExportAuditLog,
    ReconcileStorage,
    RecheckTotals,
    Reindex,
    Retention,
    ArchiveChats,
    // The queue's own.
    BulkAction,
    CancelFlow,
    PruneLedger,
    RollUpStats,
    TellGivenUp,
}

#[cfg(test)]
mod tests {
    use queue::schedule::table;

    use super::*;

    #[test]
    fn the_schedules_make_sense() {
        let schedules = KINDS.schedules();
        assert_eq!(table::build(&schedules, "").unwrap().len(), schedules.len());
    }

    #[test]
    fn every_kind_runs_in_a_queue_that_workers_can_serve() {
        for kind in KINDS.iter() {
            assert!(QUEUES.all.contains(&kind.queue), "{} runs in {}", kind.name, kind.queue.as_str());
        }
    }

    #[test]
    fn the_handlers_are_those_of_the_list() {
        let mut handlers: Vec<&str> = registry().handlers().map(|(kind, _)| kind).collect();
        let mut kinds = KINDS.names();
        handlers.sort_unstable();
        kinds.sort_unstable();
        assert_eq!(handlers, kinds);
    }
}
