//! Compares the object store with the rows, daily, both ways.
//!
//! An object that no row names is what a run left behind that died between storing and committing: it is removed once it
//! is older than a grace time. An object that a row names and the store lacks is damage: it is reported. Names that are
//! none of ours are counted and left alone, and so is the audit log.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError};
use domain::ids::{DataRequestId, NanoId, UploadId, VersionId};
use infra::{
    db::{
        data_requests,
        stored_objects::{self, Named, Report},
    },
    storage::{Key, ObjectInfo, Owner},
};
use queue::{Job, JobError, Level, Outcome, Priority, Queue, Run, schedule::Schedule};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{Context, queues};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ReconcileStorage {}

/// Keys of each sort that a report names.
const SAMPLES: usize = 100;
/// Objects removed in one run at most; the next goes on.
const MOST_REMOVED: usize = 10_000;
/// With more orphans than this, and than a fifth of all objects, something else is wrong: a database that was restored
/// to an earlier time, or the prefix of another installation. Nothing is removed then.
const SUSPICIOUS: u64 = 100;

impl Job<Context> for ReconcileStorage {
    const KIND: &'static str = "reconcile_storage";
    const QUEUE: Queue = queues::MAINTENANCE;
    const PRIORITY: Priority = Priority::Bulk;
    const SCHEDULE: Option<Schedule> =
        Some(Schedule::new::<Self, Context>("0 30 4 * * *", "Europe/Berlin").jitter(300));
    const TIMEOUT: Duration = Duration::from_secs(6 * 3_600);

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let started_at = context.clock.now();
        let oldest = started_at - TimeDelta::days(context.settings.periodic.storage_grace_days.into());
        let mut look = Look::default();
        let mut pages = context.storage.pages("");
        while let Some(page) = pages.next().await? {
            look.page(&context.db, page, oldest).await?;
            run.progress(look.objects, None, "objects looked at");
            if run.cancelled().is_cancelled() {
                return Ok(Outcome::Snooze(Duration::from_secs(60)));
            }
        }
        let suspicious = look.orphans > SUSPICIOUS && look.orphans * 5 > look.objects;
        let (mut removed, mut removed_bytes) = (Vec::new(), 0);
        if suspicious {
            let fields = [("orphans", look.orphans.into()), ("objects", look.objects.into())];
            run.log(Level::Error, "too many objects have no row: nothing is removed", &fields);
        } else {
            for object in std::mem::take(&mut look.removable) {
                if remove(context, &object).await? {
                    removed_bytes += object.size;
                    removed.push(object.key.to_string());
                    run.progress(removed.len() as u64, None, "objects removed");
                }
            }
        }
        let (checked_rows, missing) = missing(context, run, &look.seen).await?;
        let samples = json!({
            "missing": missing.iter().take(SAMPLES).collect::<Vec<_>>(),
            "removed": removed.iter().take(SAMPLES).collect::<Vec<_>>(),
            "orphans": look.orphan_samples,
            "unknown": look.unknown_samples,
        });
        let report = Report {
            id: run.job().into(),
            started_at,
            finished_at: context.clock.now(),
            objects: look.objects,
            bytes: look.bytes,
            orphans: look.orphans,
            removed: removed.len() as u64,
            removed_bytes,
            unknown_objects: look.unknown,
            checked_rows,
            missing: missing.len() as u64,
            samples,
        };
        tell(run, &report);
        let mut tx = context.db.begin().await?;
        stored_objects::insert_report(&mut tx, &report).await?;
        Ok(Outcome::DoneIn(tx))
    }
}

fn tell(run: &Run, report: &Report) {
    let fields = [
        ("objects", report.objects.into()),
        ("orphans", report.orphans.into()),
        ("removed", report.removed.into()),
        ("unknown", report.unknown_objects.into()),
        ("missing", report.missing.into()),
    ];
    if report.missing > 0 {
        run.log(Level::Error, "rows name objects that are not there", &fields);
    } else {
        run.log(Level::Info, "storage and rows compared", &fields);
    }
    metrics::counter!("storage_orphans_removed_total").increment(report.removed);
}

/// What was seen in the store so far.
#[derive(Default)]
struct Look {
    objects: u64,
    bytes: u64,
    orphans: u64,
    unknown: u64,
    /// Old enough, oldest names first.
    removable: Vec<ObjectInfo>,
    orphan_samples: Vec<String>,
    unknown_samples: Vec<String>,
    /// Hashes of names, and of the folders of thumbnails: some 20 bytes an object. Two names with one hash would hide a
    /// missing object, with a chance of one in 10^13 for a million objects.
    seen: HashSet<u64>,
}

impl Look {
    async fn page(&mut self, db: &Db, page: Vec<ObjectInfo>, oldest: DateTime<Utc>) -> Result<(), DbError> {
        let in_use = InUse::of(db, &page).await?;
        for object in page {
            self.objects += 1;
            self.bytes += object.size;
            self.seen.insert(hashed(object.key.as_str()));
            self.seen.insert(hashed(object.key.folder()));
            match object.key.owner() {
                None => {
                    self.unknown += 1;
                    sample(&mut self.unknown_samples, &object.key);
                }
                Some(_) if in_use.names(&object.key) => {}
                Some(_) => {
                    self.orphans += 1;
                    sample(&mut self.orphan_samples, &object.key);
                    let old = object.last_modified.is_some_and(|time| time < oldest);
                    if old && self.removable.len() < MOST_REMOVED {
                        self.removable.push(object);
                    }
                }
            }
        }
        Ok(())
    }
}

fn sample(samples: &mut Vec<String>, key: &Key) {
    if samples.len() < SAMPLES {
        samples.push(key.to_string());
    }
}

fn hashed(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// What rows say about the objects of a page.
struct InUse {
    uploads: HashSet<UploadId>,
    exports: HashSet<DataRequestId>,
    keys: HashSet<String>,
}

impl InUse {
    async fn of(db: &Db, page: &[ObjectInfo]) -> Result<Self, DbError> {
        let owners = || page.iter().filter_map(|object| object.key.owner());
        let uploads: Vec<UploadId> =
            owners().filter_map(|owner| if let Owner::Upload(id) = owner { Some(id) } else { None }).collect();
        let nanos: HashSet<NanoId> =
            owners().filter_map(|owner| if let Owner::Nano(id) = owner { Some(id) } else { None }).collect();
        let nanos: Vec<NanoId> = nanos.into_iter().collect();
        let exports: Vec<DataRequestId> =
            owners().filter_map(|owner| if let Owner::Export(id) = owner { Some(id) } else { None }).collect();
        Ok(Self {
            exports: data_requests::files_in_use(db, &exports).await?.into_iter().collect(),
            uploads: stored_objects::uploads_in_use(db, &uploads).await?.into_iter().collect(),
            keys: stored_objects::keys_of_nanos(db, &nanos).await?.into_iter().collect(),
        })
    }

    fn names(&self, key: &Key) -> bool {
        match key.owner() {
            Some(Owner::Upload(id)) => self.uploads.contains(&id),
            Some(Owner::Nano(_)) => self.keys.contains(key.as_str()) || self.keys.contains(key.folder()),
            Some(Owner::Export(id)) => self.exports.contains(&id),
            Some(Owner::Audit) => true,
            None => false,
        }
    }
}

/// Removes an object that still has no row and was not written again meanwhile. Names come from the content, so another
/// run may be storing the same bytes just now: if a row names them afterwards, that is said aloud.
async fn remove(context: &Context, object: &ObjectInfo) -> Result<bool, JobError> {
    let one = std::slice::from_ref(object);
    if InUse::of(&context.db, one).await?.names(&object.key) {
        return Ok(false);
    }
    // To the second: an answer about one object has no fractions.
    let written = |object: &ObjectInfo| object.last_modified.map(|time| time.timestamp());
    let now = context.storage.head(&object.key).await?;
    if now.as_ref().and_then(written) != written(object) {
        return Ok(false);
    }
    context.storage.delete(&object.key).await?;
    if InUse::of(&context.db, one).await?.names(&object.key) {
        tracing::error!(key = %object.key, "an object was removed that a row has just begun to name: upload it again");
    }
    Ok(true)
}

/// How many versions were checked, and what they name that is not there.
async fn missing(context: &Context, run: &Run, seen: &HashSet<u64>) -> Result<(u64, Vec<String>), JobError> {
    let (mut rows, mut missing) = (0, Vec::new());
    let mut after = VersionId(Uuid::nil());
    loop {
        let versions = stored_objects::named(&context.db, after).await?;
        let Some(last) = versions.last() else { return Ok((rows, missing)) };
        after = last.version;
        for version in versions {
            rows += 1;
            for name in names(&version).filter(|name| !seen.contains(&hashed(name))) {
                // Written after the listing passed it, or let go since.
                let still = stored_objects::named_by(&context.db, version.version).await?;
                let still = still.is_some_and(|version| names(&version).any(|other| other == name));
                if still && context.storage.list(name).await?.is_empty() {
                    missing.push(name.to_owned());
                }
            }
        }
        run.progress(rows, None, "rows checked");
    }
}

fn names(version: &Named) -> impl Iterator<Item = &str> {
    [&version.uploaded, &version.canonical, &version.thumbnails].into_iter().filter_map(|name| name.as_deref())
}
