//! Failures of one cause, whichever jobs met it: what a list of failures is grouped by. Written as deltas by the
//! workers, never in a job's transaction.

use std::{collections::BTreeMap, fmt::Write};

use db::{Db, DbError, literal};
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;

use crate::{ids::JobId, ledger::list::Fingerprint};

/// Longest sample that is kept, in characters.
const MESSAGE: usize = 500;
const VERSION: usize = 32;
const ROWS: usize = 200;

/// Failures of one cause since the last write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    pub kind: String,
    pub class: String,
    /// Of the newest.
    pub message: String,
    pub failures: u64,
    pub last_job: JobId,
}

/// By fingerprint, and in its order: writers never wait for each other in a circle.
pub type Groups = BTreeMap<Fingerprint, Failures>;

/// Adds to the groups, as of now by the database's clock. `version`: of this worker.
///
/// After an error that [is undone](DbError::is_undone) nothing of the failed statement was written; what was written before it has
/// been taken out of `groups`.
pub async fn add(db: &Db, version: &str, groups: &mut Groups) -> Result<(), DbError> {
    let version: String = version.chars().take(VERSION).collect();
    let version = literal::text(&version);
    while let Some(last) = groups.keys().nth(ROWS - 1).or_else(|| groups.keys().next_back()).copied() {
        let mut statement = String::from(
            "INSERT INTO job_errors (fingerprint, kind, class, message, failures, first_seen, last_seen, first_version,
                                     last_version, last_job) VALUES ",
        );
        for (number, (fingerprint, group)) in groups.range(..=last).enumerate() {
            let message: String = group.message.chars().take(MESSAGE).collect();
            // Writing into a String cannot fail.
            let _ = write!(
                statement,
                "{}({},{},{},{},{},UTC_TIMESTAMP(6),UTC_TIMESTAMP(6),{version},{version},{})",
                if number > 0 { "," } else { "" },
                literal::binary(&fingerprint.0),
                literal::text(&group.kind),
                literal::text(&group.class),
                literal::text(&message),
                group.failures,
                literal::uuid(group.last_job),
            );
        }
        statement.push_str(
            " ON DUPLICATE KEY UPDATE failures = failures + VALUES(failures), message = VALUES(message),
              last_seen = VALUES(last_seen), last_version = VALUES(last_version), last_job = VALUES(last_job)",
        );
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(db.pool()).await?;
        *groups = groups.split_off(&last);
        groups.remove(&last);
    }
    Ok(())
}
