//! The heartbeat: on a thread and a connection of its own, so that busy handlers cannot starve it, and silent when the main
//! runtime or one of the worker's loops stands still, so that a process that does no work does not keep its jobs.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use db::Db;
use tokio_util::sync::CancellationToken;

use crate::{
    ids::WorkerId,
    ledger::workers,
    worker::{metrics::memory, progress::Loops, running::RunningJobs},
};

const INTERVAL: Duration = Duration::from_secs(1);
/// While nothing runs here there is nothing to take away: a third of what a lease allows.
const AT_REST: Duration = Duration::from_secs(2);
/// The main runtime counts as hung when it has not moved for this long.
const HUNG: Duration = Duration::from_secs(4);

/// Starts the heartbeat of one registration. `lost` is cancelled when the lease is gone; the thread ends with `ended`.
/// `alive_file` is touched at each heartbeat, for the container's health check.
pub(super) fn start(
    worker: WorkerId,
    database_url: String,
    alive_file: PathBuf,
    loops: Arc<Loops>,
    running: Arc<RunningJobs>,
    lost: CancellationToken,
    ended: CancellationToken,
) -> std::io::Result<thread::JoinHandle<()>> {
    let moved = Arc::new(AtomicU64::new(0));
    tokio::spawn(move_on(moved.clone(), ended.clone()));
    thread::Builder::new().name("heartbeat".into()).spawn(move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!(%error, "the heartbeat cannot start");
                lost.cancel();
                return;
            }
        };
        runtime.block_on(beat(worker, &database_url, &alive_file, &moved, &loops, &running, &lost, &ended));
    })
}

async fn move_on(moved: Arc<AtomicU64>, ended: CancellationToken) {
    while !ended.is_cancelled() {
        moved.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(INTERVAL / 4).await;
    }
}

#[expect(clippy::too_many_arguments, reason = "the thread's own function, called once")]
async fn beat(
    worker: WorkerId,
    database_url: &str,
    alive_file: &std::path::Path,
    moved: &AtomicU64,
    loops: &Loops,
    running: &RunningJobs,
    lost: &CancellationToken,
    ended: &CancellationToken,
) {
    let db = match Db::connect_worker(database_url, 1).await {
        Ok(db) => db,
        Err(error) => {
            tracing::error!(%error, "the heartbeat has no database");
            lost.cancel();
            return;
        }
    };
    let mut heartbeat = workers::Heartbeat::new(db, worker);
    let (mut seen, mut seen_at) = (0, Instant::now());
    let mut away = false;
    // While the heartbeat itself gets no answer, nobody's loops can do anything.
    let mut answered = Instant::now();
    while !ended.is_cancelled() {
        let at_rest = running.len() == 0;
        let now = moved.load(Ordering::Relaxed);
        if now != seen {
            (seen, seen_at) = (now, Instant::now());
        }
        if let Some((which, still)) = loops.standing_still(answered) {
            tracing::error!(%worker, which, ?still, "a loop of this worker stands still; its jobs go to others, and it starts over");
            metrics::counter!("queue_loops_stood_still_total").increment(1);
            lost.cancel();
            return;
        }
        if seen_at.elapsed() < HUNG {
            // Before the database is asked: a worker that waits for it is well.
            crate::alive::touch(alive_file);
            match heartbeat.beat(memory::resident(), at_rest).await {
                Ok(true) => {
                    away = false;
                    metrics::gauge!("queue_database_up").set(1.0);
                }
                Ok(false) => {
                    tracing::error!(%worker, "this worker counts as dead; starting over under a new name");
                    lost.cancel();
                    return;
                }
                // No lease ages while the database is away: its clock stands still too.
                Err(error) => {
                    if !away {
                        tracing::warn!(%error, "the heartbeat waits for the database");
                    }
                    away = true;
                    answered = Instant::now();
                    metrics::gauge!("queue_database_up").set(0.0);
                }
            }
        }
        tokio::select! {
            () = ended.cancelled() => {}
            () = tokio::time::sleep(if at_rest && !away { AT_REST } else { INTERVAL }) => {}
        }
    }
    heartbeat.end().await;
}
