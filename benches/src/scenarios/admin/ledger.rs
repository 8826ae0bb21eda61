//! A ledger of any size in the shape a busy marketplace gives it: two weeks of jobs of ten kinds, most of them
//! completed, some failed for one of many reasons, a few owners with most of the work and thousands with little.

use anyhow::Context;
use db::Db;
use sqlx::{AssertSqlSafe, Executor};

use crate::report::progress;

/// Rows made by one statement.
const CHUNK: u64 = 50_000;
const DAYS: u64 = 14;
/// Owners; the first one has about 6 % of all jobs, the last ones next to nothing.
const TENANTS: u32 = 5_000;
/// Causes of failures, unevenly frequent.
const CAUSES: u32 = 40;
/// Groups that were seen some time, with or without jobs left.
const GROUPS: u32 = 2_000;
const WORKERS: u64 = 20;
/// The ids of the shape's owners, nanos and workers begin so.
const PREFIX: &str = "0193000000007000";

/// Fills the schema unless it holds such a ledger already.
pub async fn fill(db: &Db, jobs: u64) -> anyhow::Result<()> {
    db.unlimited().execute("CREATE TABLE IF NOT EXISTS bench_filled (jobs BIGINT UNSIGNED NOT NULL)").await?;
    let filled: Option<u64> =
        sqlx::query_scalar("SELECT jobs FROM bench_filled").fetch_optional(db.unlimited()).await?;
    if filled != Some(jobs) {
        anyhow::ensure!(filled.is_none(), "the schema holds another ledger");
        let now = u64::try_from(chrono::Utc::now().timestamp_millis())?;
        let mut first = 1;
        while first <= jobs {
            let last = (first + CHUNK - 1).min(jobs);
            chunk(db, now, jobs, first, last).await.with_context(|| format!("filling jobs {first} to {last}"))?;
            if last.is_multiple_of(CHUNK * 4) || last == jobs {
                progress(&format!("  {last} of {jobs} jobs"));
            }
            first = last + 1;
        }
        groups(db).await?;
        sqlx::query("INSERT INTO bench_filled (jobs) VALUES (?)").bind(jobs).execute(db.unlimited()).await?;
        db.unlimited().execute("ANALYZE TABLE jobs, job_refs, job_failures").await?;
    }
    progress("  rollups of a month");
    rollups(db).await
}

/// A number from 0 to 1 for each row and purpose, the same in every run. (A checksum would do for one purpose; those of
/// two purposes depend on each other.)
fn chance(purpose: &str) -> String {
    format!("(CONV(LEFT(SHA2(CONCAT('{purpose}', seq), 256), 8), 16, 10) / 4294967296)")
}

/// Tables of one connection, made anew for each chunk: the draws first, then what is made of them. (As derived tables
/// MariaDB would draw again wherever a column is named.)
fn rows(now: u64, jobs: u64, first: u64, last: u64) -> [String; 2] {
    let millis = DAYS * 86_400_000;
    let begin = now - millis;
    let running = jobs.saturating_sub(200);
    let recent = jobs - jobs / 50;
    let drawn = format!(
        "CREATE OR REPLACE TEMPORARY TABLE bench_drawn ENGINE = Aria
         SELECT seq, {begin} + seq * {millis} DIV {jobs} AS at, {owner} AS owner, {cause} AS cause, {k} AS k, {s} AS s
         FROM seq_{first}_to_{last}",
        owner = chance("owner"),
        cause = chance("cause"),
        k = chance("kind"),
        s = chance("state"),
    );
    let shaped = format!(
        "CREATE OR REPLACE TEMPORARY TABLE bench_rows ENGINE = Aria
         SELECT seq, kind, state, state IN ('discarded', 'quarantined', 'retryable') AS failed,
                IF(state IN ('discarded', 'quarantined'), 10, IF(state = 'retryable', 2, 0)) AS fails,
                UNHEX(CONCAT(LPAD(HEX(at), 12, '0'), '7', LPAD(HEX(seq % 4096), 3, '0'), '8', LPAD(HEX(CRC32(seq)), 15, '0'))) AS id,
                FROM_UNIXTIME(at / 1000) AS created,
                CASE WHEN kind IN ('remove_object', 'expire_uploads', 'prune_ledger') THEN UNHEX(REPEAT('00', 16))
                     ELSE UNHEX(CONCAT('{PREFIX}', 'A000', LPAD(HEX(FLOOR({TENANTS} * POW(owner, 3))), 12, '0'))) END AS tenant,
                UNHEX(CONCAT('{PREFIX}', 'B000', LPAD(HEX(seq DIV 6), 12, '0'))) AS nano,
                UNHEX(LPAD(HEX(FLOOR({CAUSES} * POW(cause, 2))), 32, '0')) AS fingerprint,
                UNHEX(CONCAT('{PREFIX}', 'C000', LPAD(HEX(seq % {WORKERS}), 12, '0'))) AS worker,
                CASE WHEN kind = 'scan_content' AND cause < 0.002 THEN 'heavy'
                     WHEN kind IN ('validate_archive', 'scan_content', 'review_nano', 'publish_nano') THEN 'uploads'
                     WHEN kind = 'make_thumbnails' THEN 'media'
                     WHEN kind = 'index_nano' THEN 'search'
                     WHEN kind = 'send_email' THEN 'mail'
                     ELSE 'maintenance' END AS queue
         FROM (SELECT seq, at, owner, cause,
                      CASE WHEN seq % 70000 = 0 THEN 'prune_ledger' WHEN seq % 140 = 0 THEN 'expire_uploads'
                           WHEN k < 0.12 THEN 'validate_archive' WHEN k < 0.23 THEN 'make_thumbnails'
                           WHEN k < 0.34 THEN 'scan_content' WHEN k < 0.44 THEN 'review_nano'
                           WHEN k < 0.54 THEN 'publish_nano' WHEN k < 0.70 THEN 'index_nano'
                           WHEN k < 0.94 THEN 'send_email' ELSE 'remove_object' END AS kind,
                      CASE WHEN seq > {running} THEN 'running' WHEN s < 0.0005 THEN 'quarantined'
                           WHEN s < 0.02 THEN 'discarded' WHEN s < 0.027 THEN 'cancelled'
                           WHEN s < 0.032 THEN 'retryable' WHEN s < 0.037 THEN 'scheduled'
                           WHEN s < 0.041 THEN 'waiting' WHEN s < 0.043 THEN 'blocked'
                           WHEN seq > {recent} AND s < 0.5 THEN 'available' ELSE 'completed' END AS state
               FROM bench_drawn) shaped"
    );
    [drawn, shaped]
}

async fn chunk(db: &Db, now: u64, jobs: u64, first: u64, last: u64) -> anyhow::Result<()> {
    let [drawn, shaped] = rows(now, jobs, first, last);
    let error = "'the service said no'";
    let statements = [
        drawn,
        shaped,
        "INSERT INTO jobs (id, kind, args_version, queue, priority, tenant, state, runs, failures, max_failures, run_at,
                               worker_id, error_fingerprint, created_at, started_at, finished_at)
             SELECT id, kind, 1, queue, 2, tenant, state, IF(state IN ('completed', 'running'), 1, fails), fails, 10,
                    IF(state IN ('scheduled', 'retryable'), UTC_TIMESTAMP(6) + INTERVAL 30 DAY, created),
                    IF(state = 'running', worker, NULL), IF(failed, fingerprint, NULL), created,
                    IF(state IN ('completed', 'running') OR failed, created + INTERVAL (seq % 900) * 1000 MICROSECOND, NULL),
                    IF(state IN ('completed', 'cancelled', 'discarded', 'quarantined'), created + INTERVAL 2 SECOND, NULL)
             FROM bench_rows".to_owned(),
        "INSERT INTO job_payloads (job_id, args)
             SELECT id, JSON_OBJECT('nano_id', LOWER(HEX(nano)), 'creator_id', LOWER(HEX(tenant))) FROM bench_rows".to_owned(),
        "INSERT INTO job_refs (ref_type, ref_id, job_id)
             SELECT 'nano', nano, id FROM bench_rows WHERE queue IN ('uploads', 'media', 'search', 'heavy')
             UNION ALL SELECT 'version', nano, id FROM bench_rows WHERE queue IN ('uploads', 'media', 'heavy')
             UNION ALL SELECT 'user', tenant, id FROM bench_rows WHERE queue = 'mail'".to_owned(),
        "INSERT INTO job_failures (fingerprint, given_up, job_id)
             SELECT fingerprint, state <> 'retryable', id FROM bench_rows WHERE failed".to_owned(),
        format!(
            "INSERT INTO job_attempts (job_id, run, worker_id, outcome, error_class, error, started_at, finished_at,
                                       worker_name, version)
             SELECT id, n.seq, worker, IF(n.seq = fails AND fails = 10, 'discarded', 'retry'), 'failed', {error}, created,
                    created + INTERVAL 1 SECOND, 'bench:1', '1.0.0'
             FROM (SELECT * FROM bench_rows WHERE failed) failed JOIN seq_1_to_10 n ON n.seq <= fails"
        ),
        format!(
            "INSERT INTO job_logs (job_id, run, seq, at, level, message)
             SELECT id, fails, 1, created, 'warn', {error} FROM bench_rows WHERE failed"
        ),
    ];
    let mut connection = db.unlimited().acquire().await?;
    for statement in statements {
        connection.execute(AssertSqlSafe(statement)).await?;
    }
    Ok(())
}

async fn groups(db: &Db) -> anyhow::Result<()> {
    let statements = [
        format!(
            "INSERT INTO job_errors (fingerprint, kind, class, message, failures, first_seen, last_seen, first_version,
                                     last_version, last_job)
             SELECT UNHEX(LPAD(HEX(seq), 32, '0')), ELT(1 + seq % 3, 'send_email', 'index_nano', 'scan_content'),
                    ELT(1 + seq % 2, 'failed', 'timeout'), 'the service said no', 100 + seq,
                    UTC_TIMESTAMP(6) - INTERVAL 13 DAY, UTC_TIMESTAMP(6) - INTERVAL seq MINUTE, '1.0.0', '1.1.0',
                    UNHEX(REPEAT('01', 16))
             FROM seq_0_to_{}",
            GROUPS - 1
        ),
        format!(
            "INSERT INTO workers (id, name, version, queues, slots, memory_bytes, seen_tick, started_at, seen_at)
             SELECT UNHEX(CONCAT('{PREFIX}', 'C000', LPAD(HEX(seq), 12, '0'))), CONCAT('bench-', seq), '1.0.0',
                    'uploads,media,search,mail,maintenance,heavy', 16, 100000000, 0, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6)
             FROM seq_0_to_{}",
            WORKERS - 1
        ),
    ];
    for statement in statements {
        db.unlimited().execute(AssertSqlSafe(statement)).await?;
    }
    Ok(())
}

/// Made anew for each run, since they count back from now: minutes of two days, hours of 31.
async fn rollups(db: &Db) -> anyhow::Result<()> {
    let kinds =
        "ELT(k.seq, 'validate_archive', 'make_thumbnails', 'scan_content', 'review_nano', 'publish_nano', 'index_nano',
                     'send_email', 'remove_object', 'expire_uploads', 'bulk_action')";
    let queues = "ELT(k.seq, 'uploads', 'media', 'uploads', 'uploads', 'uploads', 'search', 'mail', 'maintenance',
                      'maintenance', 'maintenance')";
    for table in ["job_stats", "job_durations"] {
        db.unlimited().execute(AssertSqlSafe(format!("TRUNCATE TABLE {table}"))).await?;
    }
    for (times, unit, form) in [("seq_1_to_2880", "MINUTE", "%i"), ("seq_49_to_744", "HOUR", "00")] {
        let minute =
            format!("CAST(DATE_FORMAT(UTC_TIMESTAMP() - INTERVAL t.seq {unit}, '%Y-%m-%d %H:{form}:00') AS DATETIME)");
        let statements = [
            format!(
                "INSERT INTO job_stats (minute, queue, kind, outcome, runs)
                 SELECT {minute}, {queues}, {kinds}, ELT(o.seq, 'completed', 'retry'), 1 + (t.seq + k.seq) % 50
                 FROM {times} t, seq_1_to_10 k, seq_1_to_2 o"
            ),
            format!(
                "INSERT INTO job_durations (minute, queue, kind, what, bucket, runs)
                 SELECT {minute}, {queues}, {kinds}, ELT(w.seq, 'wait', 'run'), 4 + b.seq, 1 + (t.seq + b.seq) % 20
                 FROM {times} t, seq_1_to_10 k, seq_1_to_2 w, seq_1_to_6 b"
            ),
        ];
        for statement in statements {
            db.unlimited().execute(AssertSqlSafe(statement)).await?;
        }
    }
    Ok(())
}
