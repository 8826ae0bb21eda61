//! A replica that answers plain reads, as long as it is known to have everything up to a moment that is recent enough.
//!
//! How far behind it is, the replica itself is not asked: that takes rights that a program has not, and each kind of server says it
//! in another way. A number in one row is raised at the primary twice a second. Whoever has raised it notes when, by this
//! machine's own steady clock, and looks for the number at the replica: what is there has come after everything that was
//! committed before it was raised. No clocks are compared, and it is the same for MariaDB, MySQL and Aurora.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio_util::task::AbortOnDropHandle;

use crate::{Db, DbError};

/// How often the number is raised and looked for.
const EVERY: Duration = Duration::from_millis(500);
/// A replica that does not say within this time what it has is not used until it does.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// What is further behind is not used.
pub const LAG_AT_MOST: Duration = Duration::from_secs(3);
/// Numbers that are waited for: a replica that is further behind begins anew.
const WAITED_FOR: usize = 1024;

/// Cheap to clone; ends with its last clone.
#[derive(Clone)]
pub struct Replica {
    db: Db,
    known: Arc<Mutex<Known>>,
    _watch: Arc<AbortOnDropHandle<()>>,
}

#[derive(Default)]
struct Known {
    /// The moments before numbers were raised, oldest first.
    raised: VecDeque<(u64, Instant)>,
    /// The replica has everything that was committed before this moment. None: it is not to be used.
    up_to: Option<Instant>,
}

impl Known {
    fn raised(&mut self, number: u64, before: Instant) {
        if self.raised.len() >= WAITED_FOR {
            self.raised.pop_front();
        }
        self.raised.push_back((number, before));
    }

    /// The replica has this number.
    fn arrived(&mut self, number: u64) {
        while let Some((_, before)) = self.raised.pop_front_if(|(raised, _)| *raised <= number) {
            self.up_to = Some(before);
        }
    }
}

impl Replica {
    /// Watches how far `replica` is behind `primary`. Needs a tokio runtime.
    pub fn watch(primary: Db, replica: Db) -> Self {
        let known = Arc::<Mutex<Known>>::default();
        let watch = tokio::spawn(watch(primary, replica.clone(), known.clone()));
        Self { db: replica, known, _watch: Arc::new(AbortOnDropHandle::new(watch)) }
    }

    /// The replica, if it has everything that was committed up to [`LAG_AT_MOST`] ago.
    pub fn recent(&self) -> Option<&Db> {
        self.up_to().is_some_and(|up_to| up_to.elapsed() <= LAG_AT_MOST).then_some(&self.db)
    }

    /// The same, if it also has everything that was committed before `moment`.
    pub fn since(&self, moment: Instant) -> Option<&Db> {
        self.recent().filter(|_| self.up_to().is_some_and(|up_to| up_to >= moment))
    }

    /// It has failed: nobody else need find that out.
    pub fn has_failed(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).up_to = None;
    }

    fn up_to(&self) -> Option<Instant> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).up_to
    }
}

async fn watch(primary: Db, replica: Db, known: Arc<Mutex<Known>>) {
    let known = || known.lock().unwrap_or_else(PoisonError::into_inner);
    let mut in_use = false;
    loop {
        let before = Instant::now();
        match raise(&primary).await {
            Ok(number) => known().raised(number, before),
            Err(error) => tracing::debug!(%error, "the replica's number was not raised"),
        }
        match tokio::time::timeout(ANSWERS_WITHIN, arrived(&replica)).await {
            Ok(Ok(number)) => known().arrived(number),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the replica does not answer");
                known().up_to = None;
            }
            Err(_) => known().up_to = None,
        }
        let lag = known().up_to.map(|up_to| up_to.elapsed());
        let usable = lag.is_some_and(|lag| lag <= LAG_AT_MOST);
        metrics::gauge!("db_replica_in_use").set(if usable { 1.0 } else { 0.0 });
        match (in_use, usable) {
            (false, true) => tracing::info!("reads go to the replica"),
            (true, false) => tracing::warn!(?lag, "the replica is away or behind; reads go to the primary"),
            _ => {}
        }
        in_use = usable;
        tokio::time::sleep_until((before + EVERY).into()).await;
    }
}

/// Raises the number; returns what it is now.
async fn raise(primary: &Db) -> Result<u64, DbError> {
    let done = sqlx::query!("UPDATE replica_mark SET number = LAST_INSERT_ID(number + 1) WHERE id = 1")
        .execute(primary.pool())
        .await?;
    Ok(done.last_insert_id())
}

/// The number at the replica.
async fn arrived(replica: &Db) -> Result<u64, DbError> {
    Ok(sqlx::query_scalar!("SELECT number FROM replica_mark WHERE id = 1").fetch_one(replica.pool()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_has_arrived_says_up_to_when_everything_has() {
        let (mut known, start) = (Known::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        known.arrived(7);
        assert_eq!(known.up_to, None, "nothing is known of others' numbers");
        for number in 8..12 {
            known.raised(number, at(number));
        }
        known.arrived(9);
        assert_eq!(known.up_to, Some(at(9)));
        known.arrived(9);
        assert_eq!(known.up_to, Some(at(9)));
        known.arrived(40);
        assert_eq!((known.up_to, known.raised.len()), (Some(at(11)), 0));
        for number in 100..100 + 2 * WAITED_FOR as u64 {
            known.raised(number, at(number));
        }
        assert_eq!(known.raised.len(), WAITED_FOR);
    }
}
