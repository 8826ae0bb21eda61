//! The evidence after a run, read from each system by itself: rows by SQL, objects as files, documents through the
//! search, mails from the mailbox. Nothing of the product's own code is used.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{load::Accepted, town::Town};

/// The search's readers notice a commit within half a second; the api may just have been started again.
const SEARCH_WITHIN: Duration = Duration::from_secs(30);

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

/// A stored object; the hash is taken of canonical archives only.
#[derive(Debug, Clone, Default)]
pub struct ObjectFact {
    pub size: u64,
    pub sha256: Option<String>,
    /// A thumbnail begins as a WebP file does.
    pub is_webp: bool,
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
    /// For each word searched for, what was found.
    pub found: HashMap<String, Vec<Uuid>>,
    /// Documents in the index.
    pub documents: u64,
    /// Ticks the scheduler took note of, and jobs they became.
    pub ticks: usize,
    pub tick_jobs: usize,
}

impl Evidence {
    pub async fn collect(town: &Town, accepted: &[Accepted]) -> Result<Self> {
        let mut evidence = Self { jobs: jobs(town).await?, ..Self::default() };
        evidence.nanos = nanos(town).await?;
        evidence.uploads = uploads(town).await?;
        evidence.deliveries = deliveries(town).await?;
        [evidence.ticks, evidence.tick_jobs] = ticks(town).await?;
        let mails = town.services.mail.messages().into_iter();
        evidence.mails =
            mails.map(|mail| MailFact { to: mail.to, subject: mail.subject, message_id: mail.message_id }).collect();
        let bucket = town.services.bucket_dir();
        evidence.objects = tokio::task::spawn_blocking(move || objects(&bucket)).await??;
        search(town, accepted, &mut evidence).await?;
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

async fn ticks(town: &Town) -> Result<[usize; 2]> {
    // Ticks that came while the job of an earlier one was waiting share its job.
    let sql = "SELECT (SELECT COUNT(DISTINCT job_id) FROM cron_ticks),
                      (SELECT COUNT(*) FROM jobs WHERE kind IN (SELECT kind FROM cron_entries))";
    let [[ticks, jobs]] = <[[String; 2]; 1]>::try_from(rows(town, sql).await?).unwrap_or_default();
    Ok([ticks.parse()?, jobs.parse()?])
}

/// The bucket's objects by key. Names that begin with a dot are the server's own.
fn objects(bucket: &Path) -> Result<BTreeMap<String, ObjectFact>> {
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
            let sha256 = key.starts_with("nanos/").then(|| hex::encode(Sha256::digest(&bytes)));
            let is_webp = bytes.get(8..12) == Some(b"WEBP");
            objects.insert(key, ObjectFact { size: bytes.len() as u64, sha256, is_webp });
        }
    }
    Ok(objects)
}

/// Looks for every upload's own word, and counts the documents.
async fn search(town: &Town, accepted: &[Accepted], evidence: &mut Evidence) -> Result<()> {
    let started = Instant::now();
    let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
    let ask = async |words: &str| {
        loop {
            let request = http.get(format!("{}/api/v1/search", town.api_url)).query(&[("q", words), ("limit", "10")]);
            let answer = async { request.send().await?.error_for_status()?.json::<serde_json::Value>().await };
            match answer.await {
                Ok(body) if body["meta"]["degraded"] != true => return Ok(body),
                other => ensure!(started.elapsed() < SEARCH_WITHIN, "the search does not answer: {other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    let published = evidence.nanos.values().filter(|nano| nano.status == "published").count() as u64;
    loop {
        let body = ask("").await?;
        evidence.documents = body["meta"]["total"].as_u64().context("the search tells no total")?;
        if evidence.documents == published || started.elapsed() > Duration::from_secs(3) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for upload in accepted {
        let body = ask(&upload.word).await?;
        let Some(hits) = body["data"]["hits"].as_array() else { bail!("the search lists no hits: {body}") };
        // Nothing had this very word: what is shown instead does not count.
        let hits = if body["data"]["corrected"] == true { &[][..] } else { hits };
        let hits = hits.iter().filter_map(|hit| hit["id"].as_str()?.parse().ok()).collect();
        evidence.found.insert(upload.word.clone(), hits);
    }
    Ok(())
}
