//! The schema: brought up to date, and compared with what a program knows.
//!
//! Migrations add first and take away in a later release, so programs work with a schema that is newer than they are: during
//! a rollout the old ones go on, and may be started again. A migration that takes something away says in `schema_compat`
//! which migration programs must know from then on; `migrations/README.md` has the rule.

use std::{
    collections::HashMap,
    fmt,
    time::{Duration, Instant},
};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Error, Executor, MySqlConnection,
    migrate::{Migrate, MigrateError, Migration, Migrator},
    mysql::MySqlDatabaseError,
};
use tokio_util::sync::CancellationToken;

use crate::{Db, DbError, amended};

/// The schema, compiled in; `migrations/README.md` has the rules.
static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");
const TABLE: &str = "_sqlx_migrations";

/// Seconds that a change waits for those who use its table. As long as it waits, everybody else who comes waits behind it.
const WAITS_AT_MOST: u32 = 2;
/// Then it lets the others pass for this long at first, and longer each time up to the second.
const LETS_PASS: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(15)];
/// And gives up after this long.
const PATIENCE: Duration = Duration::from_secs(2 * 3600);
/// How long a program waits at its start to learn whether the schema fits, before it goes on without knowing.
const ANSWER_AT_START: Duration = Duration::from_secs(3);

/// Why a program and the schema do not belong together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Programs are never older than the schema they need.
    #[error(
        "the database's schema is older than this program: bring it up to date with `worker migrate` of the same release. \
         Missing: {}", List(.0)
    )]
    Behind(Vec<String>),
    #[error(
        "the migration {0} began and did not end: see what it has done, mend it by hand, and remove its row from _sqlx_migrations"
    )]
    Begun(String),
    #[error("the migration {0} was not applied as this program knows it: the database belongs to another build")]
    Altered(String),
    #[error(
        "the database's schema needs programs that know the migration {needs}, and the newest that this one knows is {knows}: \
         start a newer release"
    )]
    Ahead { needs: i64, knows: i64 },
}

/// Why the schema was not brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum NotMigrated {
    /// Before anything was done.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    #[error("stopped before anything of the migration {0} was done: run it again")]
    Stopped(String),
    #[error("stopped before it could begin: run it again")]
    StoppedBefore,
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<Error> for NotMigrated {
    fn from(error: Error) -> Self {
        Self::Db(error.into())
    }
}

struct List<'a>(&'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

impl Db {
    /// Brings the schema up to date. Safe to run by several processes at once, and beside programs that work: a change that
    /// would have to wait for somebody's transaction gives way and comes again.
    pub async fn migrate(&self) -> Result<(), NotMigrated> {
        self.migrate_telling(|line| tracing::info!("{line}"), &CancellationToken::new()).await
    }

    /// [`Db::migrate`] that says in lines how far it is, and lets itself be stopped wherever nothing is half done: while it
    /// waits, and between two migrations. What has begun to change the schema goes on to the migration's end.
    pub async fn migrate_telling(&self, tell: impl Fn(&str), stop: &CancellationToken) -> Result<(), NotMigrated> {
        let mut connection = tokio::select! {
            connection = self.migrating() => connection?,
            () = stop.cancelled() => return Err(NotMigrated::StoppedBefore),
        };
        let done = bring_up_to_date(&mut connection, &tell, stop).await;
        // The lock ends with the connection.
        let closed = connection.close().await;
        done?;
        Ok(closed?)
    }

    /// A connection with the lock that keeps others from migrating.
    async fn migrating(&self) -> Result<MySqlConnection, DbError> {
        let mut connection = self.unlimited().connect_options().connect().await?;
        let session =
            format!("SET SESSION lock_wait_timeout = {WAITS_AT_MOST}, innodb_lock_wait_timeout = {WAITS_AT_MOST}");
        connection.execute(AssertSqlSafe(session)).await?;
        connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
        amended::accept(&MIGRATIONS, &mut connection).await?;
        connection.lock().await.map_err(failed)?;
        Ok(connection)
    }

    /// The tables that there are, by name.
    pub async fn tables(&self) -> Result<Vec<String>, DbError> {
        let tables = sqlx::query_scalar(
            "SELECT table_name FROM information_schema.tables
             WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name",
        );
        Ok(tables.fetch_all(self.pool()).await?)
    }

    /// Drops every table, for a restore, which brings others.
    pub async fn drop_tables(&self) -> Result<(), DbError> {
        let tables = self.tables().await?;
        let mut connection = self.unlimited().connect_options().connect().await?;
        connection.execute("SET SESSION foreign_key_checks = 0").await?;
        for table in tables {
            let statement = format!("DROP TABLE IF EXISTS `{}`", table.replace('`', "``"));
            connection.execute(AssertSqlSafe(statement)).await?;
        }
        Ok(connection.close().await?)
    }

    /// Compares the schema with what this build knows.
    pub async fn misfit(&self) -> Result<Option<Misfit>, DbError> {
        let applied: Vec<Applied> = known(sqlx::query_as(APPLIED).fetch_all(self.pool()).await)?;
        let needs: Vec<(i64,)> = known(sqlx::query_as(NEEDS).fetch_all(self.pool()).await)?;
        Ok(compare(&MIGRATIONS.migrations, &applied, most_needed(&needs)))
    }

    /// Refuses a schema that does not fit. While the database is away nobody knows: then this is no error, and
    /// [`Db::until_misfit`] finds out later.
    pub async fn require_schema(&self) -> Result<(), Misfit> {
        match tokio::time::timeout(ANSWER_AT_START, self.misfit()).await {
            Ok(Ok(Some(misfit))) => Err(misfit),
            Ok(Ok(None)) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "whether the schema fits is not known yet");
                Ok(())
            }
            Err(_) => {
                tracing::warn!("whether the schema fits is not known yet: the database does not answer");
                Ok(())
            }
        }
    }

    /// Asks until the database has answered once, and comes back only when the schema does not fit.
    pub async fn until_misfit(&self) -> Misfit {
        loop {
            match self.misfit().await {
                Ok(Some(misfit)) => return misfit,
                Ok(None) => std::future::pending().await,
                Err(_) => tokio::time::sleep(Duration::from_secs(2)).await,
            }
        }
    }
}

/// Version, checksum, and whether it ended.
type Applied = (i64, Vec<u8>, bool);

const APPLIED: &str = "SELECT version, checksum, success FROM _sqlx_migrations";
const NEEDS: &str = "SELECT needs FROM schema_compat";

fn most_needed(rows: &[(i64,)]) -> i64 {
    rows.first().map_or(0, |(needs,)| *needs)
}

/// A table that is not there has no rows.
fn known<T>(rows: Result<Vec<T>, Error>) -> Result<Vec<T>, DbError> {
    match rows {
        Err(error) if number(&error) == Some(1146) => Ok(Vec::new()),
        rows => Ok(rows?),
    }
}

fn number(error: &Error) -> Option<u16> {
    error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}

fn failed(error: MigrateError) -> DbError {
    match error {
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => DbError::from(cause),
        other => DbError::Other(Error::Migrate(Box::new(other))),
    }
}

fn name(migration: &Migration) -> String {
    format!("{} {}", migration.version, migration.description)
}

fn compare(migrations: &[Migration], rows: &[Applied], needs: i64) -> Option<Misfit> {
    let applied: HashMap<i64, (&[u8], bool)> =
        rows.iter().map(|(version, checksum, success)| (*version, (checksum.as_slice(), *success))).collect();
    let knows = migrations.iter().map(|migration| migration.version).max().unwrap_or(0);
    if needs > knows {
        return Some(Misfit::Ahead { needs, knows });
    }
    let mut missing = Vec::new();
    for migration in migrations {
        match applied.get(&migration.version) {
            None => missing.push(name(migration)),
            Some((_, false)) => return Some(Misfit::Begun(name(migration))),
            Some((checksum, true)) if *checksum != &*migration.checksum => {
                return Some(Misfit::Altered(name(migration)));
            }
            Some(_) => {}
        }
    }
    (!missing.is_empty()).then_some(Misfit::Behind(missing))
}

/// What keeps this build from migrating: the same that keeps its programs from starting, but for what is missing. A migration
/// of a newer release that did not end is nobody's to pass over, either.
fn hindrance(migrations: &[Migration], rows: &[Applied], needs: i64) -> Option<Misfit> {
    match compare(migrations, rows, needs) {
        None | Some(Misfit::Behind(_)) => {
            rows.iter().find(|(_, _, success)| !success).map(|(version, _, _)| Misfit::Begun(version.to_string()))
        }
        misfit => misfit,
    }
}

async fn bring_up_to_date(
    connection: &mut MySqlConnection,
    tell: &impl Fn(&str),
    stop: &CancellationToken,
) -> Result<(), NotMigrated> {
    connection.ensure_migrations_table(TABLE).await.map_err(failed)?;
    let applied: Vec<Applied> = sqlx::query_as(APPLIED).fetch_all(&mut *connection).await?;
    let needs: Vec<(i64,)> = known(sqlx::query_as(NEEDS).fetch_all(&mut *connection).await)?;
    if let Some(misfit) = hindrance(&MIGRATIONS.migrations, &applied, most_needed(&needs)) {
        return Err(misfit.into());
    }
    let is_there = |migration: &&Migration| applied.iter().any(|(version, _, _)| *version == migration.version);
    for migration in MIGRATIONS.iter().filter(|migration| !is_there(migration)) {
        if stop.is_cancelled() {
            return Err(NotMigrated::Stopped(name(migration)));
        }
        let started = Instant::now();
        apply(connection, migration, tell, stop).await?;
        tell(&format!("{}: done in {:.1} s", name(migration), started.elapsed().as_secs_f64()));
    }
    Ok(())
}

/// As sqlx does it, but a statement at a time, so that one that met a lock can come again. Changes of tables commit what
/// is before them; the mark that the migration has begun stays if it does not end after its first statement.
async fn apply(
    connection: &mut MySqlConnection,
    migration: &Migration,
    tell: &impl Fn(&str),
    stop: &CancellationToken,
) -> Result<(), NotMigrated> {
    let started = Instant::now();
    let mut tx = connection.begin().await?;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (?, ?, FALSE, ?, -1)",
    )
    .bind(migration.version)
    .bind(&*migration.description)
    .bind(&*migration.checksum)
    .execute(&mut *tx)
    .await?;
    for (done, statement) in statements(migration.sql.as_str()).into_iter().enumerate() {
        // Then nothing was done, and the mark can go again.
        let is_first = done == 0;
        let waiting = Instant::now();
        let mut pause = LETS_PASS[0];
        while let Err(error) = tx.execute(AssertSqlSafe(statement.to_owned())).await {
            // A lock that did not come in time, on the table (its metadata) or on rows: the statement has done nothing.
            if number(&error) != Some(1205) {
                return Err(error.into());
            }
            let is_over = waiting.elapsed() > PATIENCE;
            if !is_over {
                tell(&format!(
                    "{}: somebody uses the table; letting others pass, {} s so far. A transaction or report that runs long \
                     holds it: end it to go on",
                    name(migration),
                    waiting.elapsed().as_secs()
                ));
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = stop.cancelled(), if is_first => {}
                }
                pause = (pause * 3 / 2).min(LETS_PASS[1]);
            }
            let is_stopped = is_first && stop.is_cancelled();
            if is_over || is_stopped {
                if is_first {
                    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = ? AND NOT success")
                        .bind(migration.version)
                        .execute(&mut *tx)
                        .await?;
                    tx.commit().await?;
                }
                return Err(if is_stopped { NotMigrated::Stopped(name(migration)) } else { error.into() });
            }
        }
    }
    let nanoseconds = i64::try_from(started.elapsed().as_nanos()).unwrap_or(i64::MAX);
    sqlx::query("UPDATE _sqlx_migrations SET success = TRUE, execution_time = ? WHERE version = ?")
        .bind(nanoseconds)
        .bind(migration.version)
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// The statements of a migration: they end with a semicolon that is neither quoted nor in a comment.
fn statements(sql: &str) -> Vec<&str> {
    let bytes = sql.as_bytes();
    let (mut found, mut start, mut at) = (Vec::new(), 0, 0);
    // Whether anything but comments and blanks came since `start`.
    let mut says_something = false;
    while at < bytes.len() {
        let rest = &sql[at..];
        let skipped = match bytes[at] {
            b'-' if rest.starts_with("-- ") || rest.starts_with("--\n") => {
                rest.find('\n').map_or(rest.len(), |end| end + 1)
            }
            b'#' => rest.find('\n').map_or(rest.len(), |end| end + 1),
            b'/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            quote @ (b'\'' | b'"' | b'`') => {
                says_something = true;
                let mut end = 1;
                while end < rest.len() && rest.as_bytes()[end] != quote {
                    end += if rest.as_bytes()[end] == b'\\' && quote != b'`' { 2 } else { 1 };
                }
                (end + 1).min(rest.len())
            }
            b';' => {
                if says_something {
                    found.push(sql[start..at].trim());
                }
                (start, says_something) = (at + 1, false);
                1
            }
            byte => {
                says_something |= !byte.is_ascii_whitespace();
                1
            }
        };
        at += skipped;
        // Into the middle of a letter that is no ASCII: only its first byte was looked at.
        while at < bytes.len() && !sql.is_char_boundary(at) {
            at += 1;
        }
    }
    if says_something {
        found.push(sql[start..].trim());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migrations() -> Vec<Migration> {
        MIGRATIONS.iter().cloned().collect()
    }

    fn applied() -> Vec<(i64, Vec<u8>, bool)> {
        migrations().iter().map(|migration| (migration.version, migration.checksum.to_vec(), true)).collect()
    }

    #[test]
    fn a_newer_schema_fits_until_it_takes_something_away() {
        let mut rows = applied();
        assert_eq!(compare(&migrations(), &rows, 0), None);
        rows.push((i64::MAX - 1, vec![1], true));
        assert_eq!(compare(&migrations(), &rows, 0), None, "an old build goes on while a newer one is rolled out");
        let knows = migrations().last().unwrap().version;
        assert_eq!(compare(&migrations(), &rows, knows), None);
        assert_eq!(compare(&migrations(), &rows, knows + 1), Some(Misfit::Ahead { needs: knows + 1, knows }));
    }

    #[test]
    fn an_older_or_damaged_schema_is_named() {
        let rows = applied();
        let last = name(migrations().last().unwrap());
        assert_eq!(compare(&migrations(), &rows[..rows.len() - 1], 0), Some(Misfit::Behind(vec![last.clone()])));
        let Some(Misfit::Behind(all)) = compare(&migrations(), &[], 0) else { panic!("an empty database") };
        assert_eq!(all.len(), rows.len());
        let text = Misfit::Behind(all).to_string();
        assert!(text.contains("worker migrate") && text.contains(&last), "{text}");
        let mut begun = rows.clone();
        begun.last_mut().unwrap().2 = false;
        assert_eq!(compare(&migrations(), &begun, 0), Some(Misfit::Begun(last.clone())));
        let mut altered = rows;
        altered.last_mut().unwrap().1[0] ^= 1;
        assert_eq!(compare(&migrations(), &altered, 0), Some(Misfit::Altered(last)));
    }

    #[test]
    fn what_programs_refuse_is_not_migrated_either_but_for_what_is_missing() {
        let rows = applied();
        let knows = migrations().last().unwrap().version;
        let last = name(migrations().last().unwrap());
        assert_eq!(hindrance(&migrations(), &rows, 0), None);
        assert_eq!(hindrance(&migrations(), &rows[..rows.len() - 1], 0), None);
        let ahead = Some(Misfit::Ahead { needs: knows + 1, knows });
        assert_eq!(hindrance(&migrations(), &rows, knows + 1), ahead);
        assert_eq!(hindrance(&migrations(), &rows[..rows.len() - 1], knows + 1), ahead);
        let mut begun = rows.clone();
        begun.last_mut().unwrap().2 = false;
        assert_eq!(hindrance(&migrations(), &begun, 0), Some(Misfit::Begun(last)));
        let mut newer = rows;
        newer.push((i64::MAX - 1, vec![1], false));
        assert_eq!(hindrance(&migrations(), &newer, 0), Some(Misfit::Begun((i64::MAX - 1).to_string())));
    }

    #[test]
    fn statements_end_with_semicolons_that_are_neither_quoted_nor_in_comments() {
        let sql = "-- a; b\nCREATE TABLE a (b INT DEFAULT ';'); # c;\n/* d; */ INSERT INTO a VALUES ('it''s; ü', \"\\\";\");\n-- e;\n";
        let found = statements(sql);
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(found[0].ends_with("DEFAULT ';')") && found[1].ends_with("\"\\\";\")"), "{found:#?}");
        assert_eq!(statements("SELECT 1;\n;\nSELECT 2"), ["SELECT 1", "SELECT 2"]);
        for migration in MIGRATIONS.iter() {
            let code = |line: &str| line.split("--").next().unwrap_or_default().trim_end().ends_with(';');
            let ends = migration.sql.as_str().lines().filter(|line| code(line)).count();
            assert_eq!(statements(migration.sql.as_str()).len(), ends, "{}", name(migration));
        }
    }
}
