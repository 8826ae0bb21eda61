//! The database of a test: its own, to make, to drop, to set the stage in and to look into.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use db::{Db, DbError};
use domain::{ids::UserId, user::UserStatus};
use queue::ids::JobId;
use serde_json::Value;

/// Creates a database. `name` may have letters, digits and `_` only.
pub async fn create(db: &Db, name: &str) -> Result<(), DbError> {
    run(db, format!("CREATE DATABASE {} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", checked(name))).await
}

/// Drops a database that [`create`] made.
pub async fn drop(db: &Db, name: &str) -> Result<(), DbError> {
    run(db, format!("DROP DATABASE {}", checked(name))).await
}

/// Runs a statement of a test's own: to set the stage, or to tamper with it.
pub async fn execute(db: &Db, sql: &str) -> Result<(), DbError> {
    run(db, sql.to_owned()).await
}

/// The one number that a statement of a test's own asks for.
pub async fn number(db: &Db, sql: &str) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_one(db.pool()).await?)
}

/// Gives a table another name, so that it is missing.
pub async fn rename(db: &Db, table: &str, to: &str) -> Result<(), DbError> {
    run(db, format!("RENAME TABLE {} TO {}", checked(table), checked(to))).await
}

/// The isolation level of a session of this pool.
pub async fn isolation(db: &Db) -> Result<String, DbError> {
    // MariaDB before 11.1 knows the variable by its old name only, MySQL 8 by its new one only.
    let row: (String, String) =
        sqlx::query_as("SHOW SESSION VARIABLES WHERE Variable_name IN ('tx_isolation', 'transaction_isolation')")
            .fetch_one(db.pool())
            .await?;
    Ok(row.1)
}

/// A look-up through the operators' connections that takes this long, if it may.
pub async fn look_for(db: &Db, duration: std::time::Duration) -> Result<(), DbError> {
    // As a condition: sleeping in the list of columns is cut short by MySQL without an error.
    sqlx::query("SELECT 1 FROM audit_head WHERE SLEEP(?)")
        .bind(duration.as_secs_f64())
        .fetch_optional(db.inspection())
        .await?;
    Ok(())
}

/// The arguments, with their version, of every job of a kind that has not ended, oldest first.
pub async fn arguments_of_kind(db: &Db, kind: &str) -> Result<Vec<(JobId, u16, Value)>, DbError> {
    Ok(sqlx::query_as(
        "SELECT j.id, j.args_version, p.args FROM jobs j JOIN job_payloads p ON p.job_id = j.id
         WHERE j.kind = ? AND j.state NOT IN ('completed', 'cancelled', 'discarded', 'quarantined') ORDER BY j.id",
    )
    .bind(kind)
    .fetch_all(db.pool())
    .await?)
}

/// Gives a job other arguments, such as no build can read.
pub async fn replace_arguments(db: &Db, job: JobId, args: &Value) -> Result<(), DbError> {
    sqlx::query("UPDATE job_payloads SET args = ? WHERE job_id = ?").bind(args).bind(job).execute(db.pool()).await?;
    Ok(())
}

/// Makes a schedule look as if it had last been decided about this much earlier, so that it is due.
pub async fn set_back(db: &Db, schedule: &str, by: TimeDelta) -> Result<(), DbError> {
    sqlx::query("UPDATE cron_entries SET last_due = last_due - INTERVAL ? SECOND WHERE name = ?")
        .bind(by.num_seconds())
        .bind(schedule)
        .execute(db.pool())
        .await?;
    Ok(())
}

/// Switches an account off, or on again.
pub async fn set_user_status(db: &Db, user: UserId, status: UserStatus) -> Result<(), DbError> {
    sqlx::query("UPDATE users SET status = ? WHERE id = ?")
        .bind(status.as_str())
        .bind(user.0)
        .execute(db.pool())
        .await?;
    Ok(())
}

/// How many mails are in each state.
pub async fn mails_by_state(db: &Db) -> Result<Vec<(String, i64)>, DbError> {
    Ok(sqlx::query_as("SELECT state, COUNT(*) FROM email_deliveries GROUP BY state").fetch_all(db.pool()).await?)
}

async fn run(db: &Db, sql: String) -> Result<(), DbError> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(db.pool()).await?;
    Ok(())
}

/// Identifiers cannot be bound: anything else than a plain word is a mistake in the caller.
fn checked(name: &str) -> &str {
    assert!(
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
        "{name:?} is no database name"
    );
    name
}

/// The columns of every table.
async fn columns(db: &Db) -> Result<BTreeMap<String, Vec<String>>, DbError> {
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.table_name, c.column_name FROM information_schema.columns c
           JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
         WHERE c.table_schema = DATABASE() AND t.table_type = 'BASE TABLE'",
    )
    .fetch_all(db.pool())
    .await?;
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, column) in columns {
        tables.entry(checked(&table).to_owned()).or_default().push(checked(&column).to_owned());
    }
    Ok(tables)
}

/// In how many places of the whole database these bytes stand, given as hexadecimal digits.
pub async fn places_of(db: &Db, hex: &str) -> Result<i64, DbError> {
    let tables = columns(db).await?;
    let counts = tables.iter().map(|(table, columns)| {
        let places: Vec<String> = columns
            .iter()
            .map(|column| format!("(COALESCE(LOCATE(UNHEX('{}'), CAST(`{column}` AS BINARY)), 0) > 0)", checked(hex)))
            .collect();
        format!("SELECT COALESCE(SUM({}), 0) AS places FROM `{table}`", places.join(" + "))
    });
    let sql =
        format!("SELECT CAST(SUM(places) AS SIGNED) FROM ({}) counted", counts.collect::<Vec<_>>().join(" UNION ALL "));
    number(db, &sql).await
}

/// A checksum of every table's rows: two that are equal say that nothing was changed in between. Not `CHECKSUM TABLE`, which
/// on MariaDB has answered differently for the same rows while others read them.
pub async fn checksums(db: &Db) -> Result<Checksums, DbError> {
    let tables = columns(db).await?;
    let sums = tables.iter().map(|(table, columns)| {
        let texts: Vec<String> = columns.iter().map(|column| format!("COALESCE(HEX(`{column}`), '-')")).collect();
        let row = format!("SHA2(CONCAT_WS(' ', {}), 256)", texts.join(", "));
        format!("SELECT '{table}', BIT_XOR(CAST(CONV(LEFT({row}, 16), 16, 10) AS UNSIGNED)), COUNT(*) FROM `{table}`")
    });
    let sql = sums.collect::<Vec<_>>().join(" UNION ALL ");
    let rows: Vec<(String, u64, i64)> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(db.pool()).await?;
    Ok(Checksums(rows.into_iter().map(|(table, sum, rows)| (table, (sum, rows))).collect()))
}

/// Of each table: a number that its rows make, in any order, and how many they are.
pub struct Checksums(BTreeMap<String, (u64, i64)>);

impl Checksums {
    /// Fails the test, naming the tables that hold something else than before.
    #[track_caller]
    pub fn assert_same(&self, before: &Self, what: &str) {
        let changed: Vec<&String> =
            self.0.iter().filter(|(table, sum)| before.0.get(*table) != Some(sum)).map(|(table, _)| table).collect();
        assert!(changed.is_empty(), "{what}: {changed:?} changed");
    }
}
