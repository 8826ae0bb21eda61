//! The bare SQL loop: what the ledger must write for a job and nothing else. No ready list, no lease, no fence to
//! check, no handler: the ceiling for a queue whose truth is in this database.

use std::{sync::Arc, time::Instant};

use clap::ValueEnum;
use sqlx::{AssertSqlSafe, Executor, MySqlPool, mysql::MySqlPoolOptions};
use tokio::{sync::Mutex, task::JoinSet};
use uuid::Uuid;

use super::Measured;

/// The bare SQL loop as a peer of the benchmarks.
#[derive(Debug, clap::Args)]
pub struct Args {
    scenario: Scenario,
    #[arg(long)]
    database: String,
    #[arg(long, default_value_t = 50_000)]
    jobs: usize,
    /// Rows a statement.
    #[arg(long, default_value_t = 1_000)]
    batch: usize,
    #[arg(long, default_value_t = 2)]
    connections: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scenario {
    Enqueue,
    /// Claims and completes ids it knows by heart: the writes alone.
    Drain,
    /// Finds the ids in the ledger first, as a queue must.
    FindAndDrain,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    // The driver's own pool: bare SQL has no deadlines either.
    let pool = MySqlPoolOptions::new()
        .max_connections(args.connections)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
                Ok(())
            })
        })
        .connect(&args.database)
        .await?;
    let mut measured = Measured { jobs: args.jobs as u64, ..Measured::default() };
    let (ids, enqueued) = enqueue(&pool, args.jobs, args.batch).await?;
    match args.scenario {
        Scenario::Enqueue => {
            measured.peer = "bare SQL".into();
            measured.scenario = "enqueue".into();
            measured.seconds = Some(enqueued);
            measured.note = "one connection, multi-row INSERTs as text".into();
        }
        Scenario::Drain | Scenario::FindAndDrain => {
            let find = matches!(args.scenario, Scenario::FindAndDrain);
            measured.peer = if find { "bare SQL, finding its rows" } else { "bare SQL, writes alone" }.into();
            measured.scenario = "drain".into();
            let started = Instant::now();
            drain(&pool, ids, find, &args).await?;
            measured.seconds = Some(started.elapsed().as_secs_f64());
            measured.note = format!("{} connections, batches of {}", args.connections, args.batch);
        }
    }
    let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM jobs WHERE state <> 'completed'").fetch_one(&pool).await?;
    anyhow::ensure!(left == 0 || matches!(args.scenario, Scenario::Enqueue), "{left} jobs were not drained");
    super::print(&measured)
}

async fn enqueue(pool: &MySqlPool, jobs: usize, batch: usize) -> anyhow::Result<(Vec<Uuid>, f64)> {
    let ids: Vec<Uuid> = (0..jobs).map(|_| Uuid::now_v7()).collect();
    let nil = literal(Uuid::nil());
    let started = Instant::now();
    for batch in ids.chunks(batch) {
        let mut rows = Vec::with_capacity(batch.len());
        let mut payloads = Vec::with_capacity(batch.len());
        for (n, id) in batch.iter().enumerate() {
            let id = literal(*id);
            rows.push(format!(
                "({id},'bench_noop',1,'uploads',2,{nil},'available',10,UTC_TIMESTAMP(6),NULL,NULL,UTC_TIMESTAMP(6))"
            ));
            payloads.push(format!("({id},'{{\"n\":{n}}}')"));
        }
        let mut tx = pool.begin().await?;
        let statements = format!(
            "INSERT INTO jobs (id, kind, args_version, queue, priority, tenant, state, max_failures, run_at, flow_id,
                               trace_parent, created_at) VALUES {};
             INSERT INTO job_payloads (job_id, args) VALUES {}",
            rows.join(","),
            payloads.join(",")
        );
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut *tx).await?;
        tx.commit().await?;
    }
    Ok((ids, started.elapsed().as_secs_f64()))
}

async fn drain(pool: &MySqlPool, ids: Vec<Uuid>, find: bool, args: &Args) -> anyhow::Result<()> {
    let worker = Uuid::now_v7();
    let total = ids.len();
    // Who finds rows claims them before the next one looks.
    let line = Arc::new(Mutex::new((ids.into_iter(), 0)));
    let mut loops = JoinSet::new();
    for _ in 0..args.connections {
        let (pool, line, batch) = (pool.clone(), line.clone(), args.batch);
        loops.spawn(async move {
            loop {
                let (ids, token) = {
                    let mut line = line.lock().await;
                    let ids = if find { heads(&pool, batch).await? } else { line.0.by_ref().take(batch).collect() };
                    line.1 += ids.len();
                    let token = Uuid::now_v7();
                    if !find {
                        drop(line);
                    }
                    if !ids.is_empty() {
                        claim(&pool, worker, token, &ids).await?;
                    }
                    (ids, token)
                };
                if ids.is_empty() {
                    return anyhow::Ok(());
                }
                complete(&pool, token, &ids).await?;
            }
        });
    }
    while let Some(ended) = loops.join_next().await {
        ended??;
    }
    anyhow::ensure!(line.lock().await.1 == total, "not every row was found");
    Ok(())
}

async fn heads(pool: &MySqlPool, batch: usize) -> anyhow::Result<Vec<Uuid>> {
    let mut ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM jobs WHERE queue = 'uploads' AND state = 'available' AND tenant = ?
         ORDER BY priority, run_at, id LIMIT ?",
    )
    .bind(Uuid::nil())
    .bind(batch as u64)
    .fetch_all(pool)
    .await?;
    ids.sort();
    Ok(ids)
}

/// The claim and the read of what it took, in one round trip.
async fn claim(pool: &MySqlPool, worker: Uuid, token: Uuid, ids: &[Uuid]) -> anyhow::Result<()> {
    let (list, token, worker) = (literals(ids), literal(token), literal(worker));
    let statements = format!(
        "UPDATE jobs SET state = 'running', runs = runs + 1, started_at = UTC_TIMESTAMP(6), token = {token},
                worker_id = {worker} WHERE id IN ({list}) AND state = 'available';
         SELECT j.id, j.runs, j.kind, j.args_version, j.queue, j.failures, j.max_failures, j.flow_id, j.trace_parent,
                p.args FROM jobs j JOIN job_payloads p ON p.job_id = j.id WHERE j.id IN ({list}) AND j.token = {token}"
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(statements)).fetch_all(pool).await?;
    anyhow::ensure!(rows.len() == ids.len(), "claimed {} of {}", rows.len(), ids.len());
    Ok(())
}

async fn complete(pool: &MySqlPool, token: Uuid, ids: &[Uuid]) -> anyhow::Result<()> {
    let statement = format!(
        "UPDATE jobs SET state = 'completed', finished_at = UTC_TIMESTAMP(6), unique_live = NULL, worker_id = NULL
         WHERE state = 'running' AND token = {} AND id IN ({})",
        literal(token),
        literals(ids)
    );
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(pool).await?;
    Ok(())
}

fn literal(id: Uuid) -> String {
    format!("x'{}'", id.simple())
}

fn literals(ids: &[Uuid]) -> String {
    ids.iter().map(|id| literal(*id)).collect::<Vec<_>>().join(",")
}
