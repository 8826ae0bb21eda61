//! The keeper of a pool: lets idle connections say something before the server ends them for their silence.
//!
//! The driver's own idle timeout cannot be used for that. Each time it looks, it takes what it leaves for just used; so idle
//! connections live on until the server ends them, and `before_acquire` hears that a connection which nobody used for ten
//! seconds was idle for a fraction of one. Whoever took it met the error 4031 of MySQL, or the silence of MariaDB.

use std::{sync::Arc, time::Duration};

use sqlx::MySqlPool;
use tokio::sync::watch;

/// How often within the server's patience.
const TIMES: u32 = 3;
/// A connection that gives no sign of life within this time is closed.
const PONG_WITHIN: Duration = Duration::from_secs(1);

/// Ends with its last clone.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    _while_held: Arc<watch::Sender<()>>,
}

impl Keeper {
    pub(crate) fn start(pool: MySqlPool, silent_at_most: u32) -> Self {
        let (sender, mut over) = watch::channel(());
        let every = Duration::from_secs(silent_at_most.into()) / TIMES;
        tokio::spawn(async move {
            while tokio::time::timeout(every, over.changed()).await.is_err() && !pool.is_closed() {
                ask_idle(&pool).await;
            }
        });
        Self { _while_held: Arc::new(sender) }
    }
}

/// One after the other, so that hardly a place in the pool is taken by it.
async fn ask_idle(pool: &MySqlPool) {
    for _ in 0..pool.num_idle() {
        let Some(mut connection) = pool.try_acquire() else { return };
        // On its way back a connection is asked whether it is alive. What does not answer is closed.
        let _ = tokio::time::timeout(PONG_WITHIN, connection.return_to_pool()).await;
    }
}
