//! The evidence after a run, read from each system by itself: rows by SQL, runs from the workers' journals, objects and the
//! search index as files, mails from the mailbox. Nothing of the product's own code is used.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    index::{self, IndexFacts},
    journal::{AttemptFact, Journal},
    schedule::{EntryFact, TickFact},
    steering::ControlFacts,
};
use crate::{
    faults::recovery::time,
    load::{Accepted, steering::Steered},
    town::{Blows, Town},
};

/// A job in the ledger.
#[derive(Debug, Clone, Default)]
pub struct JobFact {
    pub id: Uuid,
    pub kind: String,
    pub state: String,
    pub runs: u32,
    pub failures: u32,
    pub lost: u32,
    pub crashes: u32,
    /// The nano it refers to.
    pub nano: Option<Uuid>,
    /// The delivery of a mail job, the entry of a periodic one.
    pub delivery: Option<Uuid>,
}

impl JobFact {
    pub fn has_ended(&self) -> bool {
        matches!(self.state.as_str(), "completed" | "cancelled" | "discarded" | "quarantined")
    }
}

#[derive(Debug, Clone)]
pub struct VersionFact {
    pub id: Uuid,
    pub upload: Uuid,
    pub state: String,
    pub uploaded_sha256: String,
    pub uploaded_size: usize,
    pub canonical_sha256: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct NanoFact {
    pub status: String,
    pub versions: Vec<VersionFact>,
    /// How often each kind of event was appended.
    pub events: HashMap<String, u32>,
}

#[derive(Debug, Clone)]
pub struct DeliveryFact {
    pub id: Uuid,
    pub key: String,
    pub state: String,
}

#[derive(Debug, Clone)]
pub struct MailFact {
    pub to: Vec<String>,
    pub subject: String,
    pub message_id: String,
}

/// A stored object, by its bytes.
#[derive(Debug, Clone, Default)]
pub struct ObjectFact {
    pub size: u64,
    pub sha256: String,
    /// Width and height, when it is a WebP picture.
    pub picture: Option<(u32, u32)>,
}

/// Everything the judgement rests on.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    pub jobs: Vec<JobFact>,
    pub nanos: HashMap<Uuid, NanoFact>,
    /// The state of each upload.
    pub uploads: HashMap<Uuid, String>,
    pub deliveries: Vec<DeliveryFact>,
    pub mails: Vec<MailFact>,
    pub objects: BTreeMap<String, ObjectFact>,
    pub index: IndexFacts,
    /// The schedules, and the ticks that schedulers took note of.
    pub entries: Vec<EntryFact>,
    pub ticks: Vec<TickFact>,
    /// What the workers say they ran, and what the ledger says became of it: of plain first successes it says nothing.
    pub journal: Journal,
    pub attempts: HashMap<(Uuid, u32), AttemptFact>,
    /// Registrations that lost their lease.
    pub dead_workers: HashSet<Uuid>,
    pub blows: Blows,
    pub controls: ControlFacts,
    /// What was asked for beside the uploads.
    pub steering: Steered,
}

impl Evidence {
    pub async fn collect(town: &Town, accepted: &[Accepted], steered: &Steered) -> Result<Self> {
        let mut evidence = Self { jobs: jobs(town).await?, steering: steered.clone(), ..Self::default() };
        evidence.nanos = nanos(town).await?;
        evidence.uploads = uploads(town).await?;
        evidence.deliveries = deliveries(town).await?;
        evidence.entries = entries(town).await?;
        evidence.ticks = ticks(town).await?;
        evidence.attempts = attempts(town).await?;
        evidence.dead_workers = dead_workers(town).await?;
        evidence.controls = controls(town).await?;
        evidence.blows = town.blows.clone();
        evidence.journal = Journal::read(town)?;
        let mails = town.services.mail.messages().into_iter();
        evidence.mails =
            mails.map(|mail| MailFact { to: mail.to, subject: mail.subject, message_id: mail.message_id }).collect();
        let bucket = town.services.bucket_dir();
        evidence.objects = tokio::task::spawn_blocking(move || objects(&bucket)).await??;
        let (folder, words) = (town.services.search_dir(), accepted.iter().map(|upload| upload.word.clone()).collect());
        evidence.index = tokio::task::spawn_blocking(move || read_index(&folder, words)).await??;
        Ok(evidence)
    }
}

fn id(hex: &str) -> Result<Uuid> {
    hex.parse().with_context(|| format!("{hex:?} is no id"))
}

fn optional(hex: &str) -> Option<Uuid> {
    hex.parse().ok()
}

async fn rows<const N: usize>(town: &Town, sql: &str) -> Result<Vec<[String; N]>> {
    let rows = town.query(sql).await?;
    rows.into_iter().map(|row| row.try_into().map_err(|row| anyhow::anyhow!("{row:?} has not {N} columns"))).collect()
}

async fn jobs(town: &Town) -> Result<Vec<JobFact>> {
    // The column came with jobs in child processes.
    let known = "SELECT COUNT(*) FROM information_schema.columns
                 WHERE table_schema = DATABASE() AND table_name = 'jobs' AND column_name = 'crashes'";
    let [[known]] = <[[String; 1]; 1]>::try_from(rows(town, known).await?).unwrap_or_default();
    let crashes = if known == "1" { "j.crashes" } else { "0" };
    let sql = format!(
        "SELECT HEX(j.id), j.kind, j.state, j.runs, j.failures, j.lost, {crashes},
                HEX((SELECT MIN(r.ref_id) FROM job_refs r WHERE r.job_id = j.id AND r.ref_type = 'nano')),
                REPLACE(JSON_VALUE(p.args, '$.delivery_id'), '-', '')
         FROM jobs j LEFT JOIN job_payloads p ON p.job_id = j.id ORDER BY j.id"
    );
    let job = |[job, kind, state, runs, failures, lost, crashes, nano, delivery]: [String; 9]| {
        Ok(JobFact {
            id: id(&job)?,
            kind,
            state,
            runs: runs.parse()?,
            failures: failures.parse()?,
            lost: lost.parse()?,
            crashes: crashes.parse()?,
            nano: optional(&nano),
            delivery: optional(&delivery),
        })
    };
    rows(town, &sql).await?.into_iter().map(job).collect()
}

async fn nanos(town: &Town) -> Result<HashMap<Uuid, NanoFact>> {
    let mut nanos = HashMap::new();
    for [nano, status] in rows(town, "SELECT HEX(id), status FROM nanos").await? {
        nanos.insert(id(&nano)?, NanoFact { status, ..NanoFact::default() });
    }
    let versions = "SELECT HEX(nano_id), HEX(id), HEX(upload_id), state, LOWER(HEX(uploaded_sha256)), uploaded_size,
                           LOWER(HEX(canonical_sha256)) FROM nano_versions ORDER BY number";
    for [nano, version, upload, state, uploaded_sha256, size, canonical] in rows(town, versions).await? {
        let version = VersionFact {
            id: id(&version)?,
            upload: id(&upload)?,
            state,
            uploaded_sha256,
            uploaded_size: size.parse()?,
            canonical_sha256: (canonical.len() == 64).then_some(canonical),
        };
        nanos.entry(id(&nano)?).or_default().versions.push(version);
    }
    let events = "SELECT HEX(nano_id), kind, COUNT(*) FROM nano_events GROUP BY nano_id, kind";
    for [nano, kind, count] in rows(town, events).await? {
        nanos.entry(id(&nano)?).or_default().events.insert(kind, count.parse()?);
    }
    Ok(nanos)
}

async fn uploads(town: &Town) -> Result<HashMap<Uuid, String>> {
    let rows = rows(town, "SELECT HEX(id), state FROM uploads").await?;
    rows.into_iter().map(|[upload, state]| Ok((id(&upload)?, state))).collect()
}

async fn deliveries(town: &Town) -> Result<Vec<DeliveryFact>> {
    let rows = rows(town, "SELECT HEX(id), idempotency_key, state FROM email_deliveries ORDER BY id").await?;
    rows.into_iter().map(|[delivery, key, state]| Ok(DeliveryFact { id: id(&delivery)?, key, state })).collect()
}

async fn entries(town: &Town) -> Result<Vec<EntryFact>> {
    let rows = rows(town, "SELECT name, kind, expression FROM cron_entries").await?;
    Ok(rows.into_iter().map(|[name, kind, expression]| EntryFact { name, kind, expression }).collect())
}

async fn ticks(town: &Town) -> Result<Vec<TickFact>> {
    let sql = "SELECT entry, due, outcome, HEX(job_id), created_at FROM cron_ticks ORDER BY entry, due";
    let tick = |[entry, due, outcome, job, decided]: [String; 5]| {
        Ok(TickFact { entry, due: time(&due)?, outcome, job: optional(&job), decided: time(&decided)? })
    };
    rows(town, sql).await?.into_iter().map(tick).collect()
}

async fn attempts(town: &Town) -> Result<HashMap<(Uuid, u32), AttemptFact>> {
    let sql = "SELECT HEX(job_id), run, outcome, finished_at FROM job_attempts";
    let attempt = |[job, run, outcome, finished]: [String; 4]| {
        Ok(((id(&job)?, run.parse()?), AttemptFact { outcome, finished: time(&finished)? }))
    };
    rows(town, sql).await?.into_iter().map(attempt).collect()
}

async fn dead_workers(town: &Town) -> Result<HashSet<Uuid>> {
    let rows = rows(town, "SELECT HEX(id) FROM workers WHERE state = 'dead'").await?;
    rows.into_iter().map(|[worker]| id(&worker)).collect()
}

async fn controls(town: &Town) -> Result<ControlFacts> {
    let counted = async |sql: &str| {
        let rows = rows(town, sql).await?;
        rows.into_iter().map(|[kind, count]| Ok((kind, count.parse::<i64>()?))).collect::<Result<Vec<_>>>()
    };
    let listed = async |sql: &str| {
        let rows = rows(town, sql).await?;
        anyhow::Ok(rows.into_iter().map(|[text]| text).collect::<Vec<String>>())
    };
    // A parent whose children have all ended, and that waits; a count that is not what the children say.
    let flows = "SELECT CONCAT('flow ', HEX(f.id), ': its parent is ', p.state, ', ', f.pending, ' are pending')
                 FROM flows f JOIN jobs p ON p.id = f.parent_id
                 WHERE f.pending <> (SELECT COUNT(*) FROM flow_children c WHERE c.flow_id = f.id AND NOT c.done)
                    OR (f.pending > 0 AND p.state IN ('completed', 'running', 'available'))
                    OR (f.pending = 0 AND p.state = 'waiting')
                 UNION ALL
                 SELECT CONCAT('flow ', HEX(c.flow_id), ': its child ', HEX(j.id), ' completed and is not counted')
                 FROM flow_children c JOIN jobs j ON j.id = c.job_id WHERE j.state = 'completed' AND NOT c.done";
    let open_cancels = listed("SELECT COUNT(*) FROM job_cancels").await?.concat().parse()?;
    let bulks = listed("SELECT HEX(id) FROM bulk_actions WHERE finished_at IS NOT NULL").await?;
    Ok(ControlFacts {
        paused: listed("SELECT CONCAT(scope, ' ', name) FROM queue_pauses").await?,
        limits: counted("SELECT kind, running FROM job_limits ORDER BY kind").await?,
        tenants: counted("SELECT kind, running FROM limit_tenants ORDER BY kind").await?,
        blocked: counted("SELECT kind, COUNT(*) FROM blocked_jobs GROUP BY kind").await?,
        open_cancels,
        flows: listed(flows).await?,
        bulks: bulks.iter().map(|bulk| id(bulk)).collect::<Result<_>>()?,
    })
}

/// Before the first upload is published there may be no index.
fn read_index(folder: &Path, words: Vec<String>) -> Result<IndexFacts> {
    if folder.exists() { index::read(folder, &words) } else { Ok(IndexFacts::default()) }
}

/// The bucket's objects by key. Names that begin with a dot are the server's own.
pub fn objects(bucket: &Path) -> Result<BTreeMap<String, ObjectFact>> {
    let mut objects = BTreeMap::new();
    let mut folders = vec![bucket.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let key = path.strip_prefix(bucket)?.to_string_lossy().into_owned();
            if key.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path)?;
            let sha256 = hex::encode(Sha256::digest(&bytes));
            let webp = image::ImageReader::with_format(std::io::Cursor::new(&bytes), image::ImageFormat::WebP);
            let picture = webp.into_dimensions().ok();
            objects.insert(key, ObjectFact { size: bytes.len() as u64, sha256, picture });
        }
    }
    Ok(objects)
}
