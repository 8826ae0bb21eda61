//! The table at the end of the demo: every job in the ledger with the time it waited and the time it ran.

use std::{collections::HashMap, fmt, time::Duration};

use anyhow::{Context, Result, ensure};
use servers::database::{DEV_SCHEMA, DatabaseServer};
use uuid::Uuid;

/// What the last uploads still enqueued: mails, and files to remove.
const ENDED_WITHIN: Duration = Duration::from_secs(30);
const ENDED: [&str; 4] = ["completed", "cancelled", "discarded", "quarantined"];

struct Row {
    upload: String,
    kind: String,
    state: String,
    runs: String,
    wait_ms: Option<u64>,
    run_ms: Option<u64>,
}

pub struct Timeline(Vec<Row>);

impl Timeline {
    /// Waits until every job has ended. `names` are the uploads by their nano.
    pub async fn read(database: &DatabaseServer, names: &HashMap<Uuid, &str>) -> Result<Self> {
        let read = async {
            loop {
                let rows = ledger(database, names).await?;
                if rows.iter().all(|row| ENDED.contains(&row.state.as_str())) {
                    return anyhow::Ok(Self(rows));
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let ended = tokio::time::timeout(ENDED_WITHIN, read).await;
        ended.with_context(|| format!("some jobs have not ended within {} s", ENDED_WITHIN.as_secs()))?
    }

    /// Every job has ended well.
    pub fn check(&self) -> Result<()> {
        ensure!(!self.0.is_empty(), "the ledger has no job");
        for Row { upload, kind, state, .. } in &self.0 {
            ensure!(state == "completed", "the job {kind} of {upload} is {state}");
        }
        Ok(())
    }
}

/// Straight from the table: the API shows a creator the steps of an upload, but not the jobs beside it.
async fn ledger(database: &DatabaseServer, names: &HashMap<Uuid, &str>) -> Result<Vec<Row>> {
    let sql = format!(
        "SELECT HEX(r.ref_id), j.kind, j.state, j.runs,
                GREATEST(0, TIMESTAMPDIFF(MICROSECOND, j.run_at, j.started_at)) DIV 1000,
                TIMESTAMPDIFF(MICROSECOND, j.started_at, j.finished_at) DIV 1000
         FROM {DEV_SCHEMA}.jobs j LEFT JOIN {DEV_SCHEMA}.job_refs r ON r.job_id = j.id AND r.ref_type = 'nano'
         ORDER BY r.ref_id IS NULL, r.ref_id, j.started_at, j.id"
    );
    let rows = database.query(&sql).await?;
    let row = |columns: Vec<String>| {
        let [nano, kind, state, runs, wait, run] = <[String; 6]>::try_from(columns).ok()?;
        let name = nano.parse::<Uuid>().ok().and_then(|nano| names.get(&nano)).copied().unwrap_or("(others)");
        let number = |text: String| text.parse().ok();
        Some(Row { upload: name.to_owned(), kind, state, runs, wait_ms: number(wait), run_ms: number(run) })
    };
    Ok(rows.into_iter().filter_map(row).collect())
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<28} {:<18} {:<10} {:>4} {:>8} {:>8}", "upload", "job", "state", "runs", "wait ms", "run ms")?;
        let mut last = "";
        let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        for Row { upload, kind, state, runs, wait_ms, run_ms } in &self.0 {
            let shown = if upload == last { "" } else { upload };
            let (wait, run) = (number(*wait_ms), number(*run_ms));
            writeln!(f, "{shown:<28} {kind:<18} {state:<10} {runs:>4} {wait:>8} {run:>8}")?;
            last = upload;
        }
        let mut waits: Vec<u64> = self.0.iter().filter_map(|row| row.wait_ms).collect();
        waits.sort_unstable();
        let median = waits.get(waits.len() / 2).copied().unwrap_or_default();
        write!(f, "{} jobs, median wait {median} ms", self.0.len())
    }
}
