//! Typed identifiers of the queue. All are UUID v7, so they sort by creation time.

words::ids! {
    /// A row of the job ledger.
    JobId;
    /// A flow: children and the parent that waits for them.
    FlowId;
    /// One life of one worker process: the owner of a lease.
    WorkerId;
}
