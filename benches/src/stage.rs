//! The services of a benchmark: a private MariaDB and two Redis servers, one for us and one of the same settings for
//! the peers.

use std::{
    fs::{self, File, TryLockError},
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use db::Db;
use servers::{
    database::DatabaseServer,
    processes::{Launch, Process},
    redis::{RedisServer, Role},
};
use sqlx::{AssertSqlSafe, Row};

use crate::{
    journal::{self, Journal},
    report::Machine,
    stats,
};

pub const SCHEMA: &str = "nano_bench";

pub struct Stage {
    pub dir: PathBuf,
    pub database: DatabaseServer,
    pub redis: RedisServer,
    pub peers_redis: RedisServer,
    /// The harness' own connections; commits push tickets like the api's.
    pub db: Db,
    workers: std::cell::Cell<u32>,
    _lock: File,
}

/// How many jobs a bench worker runs at a time, and with how many connections.
#[derive(Clone, Copy, Debug)]
pub struct WorkerSize {
    pub concurrency: usize,
    pub pool: u32,
}

pub struct BenchWorker {
    pub process: Process,
    pub journal: Journal,
}

impl BenchWorker {
    /// Stops it as a SIGTERM does, once its journal has the last handlers' starts.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        tokio::time::sleep(journal::EVERY * 4).await;
        self.process.terminate(Duration::from_secs(20)).await?;
        Ok(())
    }
}

impl Stage {
    /// Starts the services with a fresh schema under `dir`. One benchmark at a time.
    pub async fn set(dir: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let dir = dir.canonicalize()?;
        let lock = File::create(dir.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("another benchmark is running in {}; wait for its end", dir.display())
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let (database, redis, peers_redis) = tokio::try_join!(
            DatabaseServer::start(&dir, 0),
            RedisServer::start(dir.join("redis"), Role::Queue, 0),
            RedisServer::start(dir.join("redis-peers"), Role::Queue, 0),
        )?;
        database.query(&format!("DROP DATABASE IF EXISTS {SCHEMA}; CREATE DATABASE {SCHEMA}")).await?;
        let db = Db::connect(&database.url_of(SCHEMA), 20).await?;
        db.migrate().await?;
        for table in [
            "bench_writes (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, n BIGINT UNSIGNED NOT NULL,
                           run INT UNSIGNED NOT NULL, pid INT UNSIGNED NOT NULL, began BIGINT UNSIGNED NOT NULL)",
            "peer_writes (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, n BIGINT UNSIGNED NOT NULL)",
        ] {
            sqlx::query(AssertSqlSafe(format!("CREATE TABLE {table}"))).execute(db.unlimited()).await?;
        }
        queue::ready::connect(&redis.url(), "bench:").await?.push_after_commits(&db);
        let stage = Self { dir, database, redis, peers_redis, db, workers: 0.into(), _lock: lock };
        stage.clear().await?;
        Ok(stage)
    }

    pub fn url(&self) -> String {
        self.database.url_of(SCHEMA)
    }

    /// Empties the ledger, the ready list and the peers' Redis, so that no run pays for the one before.
    pub async fn clear(&self) -> anyhow::Result<()> {
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT CAST(table_name AS CHAR) FROM information_schema.tables WHERE table_schema = DATABASE()
             AND (table_name LIKE 'job%' OR table_name IN ('flows', 'flow_children', 'workers', 'queue_leases', 'limit_tenants', 'blocked_jobs', 'rate_slots', 'bench_writes',
                                                                      'peer_writes'))",
        )
        .fetch_all(self.db.unlimited())
        .await?;
        let mut connection = self.db.unlimited().acquire().await?;
        for table in tables {
            sqlx::query(AssertSqlSafe(format!("TRUNCATE TABLE {table}"))).execute(&mut *connection).await?;
        }
        for server in [&self.redis, &self.peers_redis] {
            let mut connection = redis::Client::open(server.url())?.get_multiplexed_async_connection().await?;
            redis::cmd("FLUSHALL").query_async::<()>(&mut connection).await?;
        }
        // Dirty pages and append-only files settle.
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(())
    }

    /// Starts a bench worker and waits until it is a member of the fleet.
    pub async fn worker(&self, size: WorkerSize, starts: bool) -> anyhow::Result<BenchWorker> {
        let mut worker = self.start_worker(size, if starts { &["--starts"] } else { &[] }).await?;
        let name = format!("bench:{}", worker.process.pid());
        worker
            .process
            .wait_until(Duration::from_secs(30), || async {
                self.count(&format!("SELECT COUNT(*) FROM workers WHERE state = 'alive' AND name = '{name}'"))
                    .await
                    .is_ok_and(|members| members > 0)
            })
            .await?;
        Ok(worker)
    }

    /// Starts a bench worker, with more arguments than each has.
    pub async fn start_worker(&self, size: WorkerSize, more: &[&str]) -> anyhow::Result<BenchWorker> {
        let number = self.workers.get() + 1;
        self.workers.set(number);
        let folder = self.dir.join(format!("worker-{number}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let name = format!("bench-worker-{number}");
        let process = Launch::sibling(&name, "bench-worker", folder.join("log"))?
            .args(["--database", &self.url(), "--redis", &self.redis.url()])
            .args(["--concurrency", &size.concurrency.to_string(), "--pool", &size.pool.to_string()])
            .args(["--drain", "100"])
            .env("AWS_ACCESS_KEY_ID", "unused")
            .env("AWS_SECRET_ACCESS_KEY", "unused")
            .arg("--folder")
            .arg(&folder)
            .args(more)
            .start()
            .await?;
        Ok(BenchWorker { process, journal: Journal { folder } })
    }

    /// A number from the database.
    pub async fn count(&self, sql: &str) -> anyhow::Result<i64> {
        Ok(sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(self.db.unlimited()).await?)
    }

    /// Rows that have not completed.
    pub async fn unfinished(&self) -> anyhow::Result<i64> {
        self.count("SELECT COUNT(*) FROM jobs WHERE state <> 'completed'").await
    }

    /// Waits until every job has completed.
    pub async fn wait_completed(&self, limit: Duration) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            let left = self.unfinished().await?;
            if left == 0 {
                return Ok(());
            }
            ensure!(started.elapsed() < limit, "{left} jobs have not completed within {limit:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// From the first claim to the last completion, by the ledger.
    pub async fn seconds_of_work(&self) -> anyhow::Result<f64> {
        let micros = self
            .count("SELECT TIMESTAMPDIFF(MICROSECOND, MIN(started_at), MAX(finished_at)) FROM jobs WHERE state = 'completed'")
            .await?;
        Ok(micros as f64 / 1e6)
    }

    /// Bytes our Redis uses.
    pub async fn redis_memory(&self) -> anyhow::Result<u64> {
        let mut connection = redis::Client::open(self.redis.url())?.get_multiplexed_async_connection().await?;
        let info: String = redis::cmd("INFO").arg("memory").query_async(&mut connection).await?;
        let line =
            info.lines().find_map(|line| line.strip_prefix("used_memory:")).context("INFO has no used_memory")?;
        Ok(line.trim().parse()?)
    }

    /// What the figures depend on.
    pub async fn machine(&self) -> anyhow::Result<Machine> {
        let machine = database_of(&self.db, &self.dir, Machine::without_services()).await?;
        Ok(Machine { redis: "appendonly=yes appendfsync=everysec".into(), ..machine })
    }

    pub async fn strike(mut self) -> anyhow::Result<()> {
        self.db.close().await;
        let (database, redis, peers) = tokio::join!(self.database.stop(), self.redis.stop(), self.peers_redis.stop());
        database.and(redis).and(peers)
    }
}

/// What is known of a machine, with the database whose files are under `dir`.
pub async fn database_of(db: &Db, dir: &Path, machine: Machine) -> anyhow::Result<Machine> {
    let rows = sqlx::query(
        "SHOW GLOBAL VARIABLES WHERE variable_name IN ('version', 'innodb_flush_log_at_trx_commit', 'log_bin',
         'sync_binlog', 'innodb_doublewrite', 'innodb_flush_method', 'innodb_buffer_pool_size', 'innodb_log_file_size')",
    )
    .fetch_all(db.unlimited())
    .await?;
    let mut database: Vec<String> = Vec::new();
    for row in rows {
        database.push(format!("{}={}", row.try_get::<String, _>(0)?, row.try_get::<String, _>(1)?));
    }
    Ok(Machine { fsync_micros: fsync_micros(dir)?, database, ..machine })
}

/// What a commit has to wait for at least on this disk: the median of 100 writes of 4 KiB.
fn fsync_micros(dir: &Path) -> anyhow::Result<f64> {
    let path = dir.join("fsync");
    let mut file = File::create(&path)?;
    let mut samples = Vec::new();
    for _ in 0..100 {
        let started = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        samples.push(stats::micros(started.elapsed()) as f64);
    }
    fs::remove_file(path)?;
    Ok(stats::median(&samples))
}
