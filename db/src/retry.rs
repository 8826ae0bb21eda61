//! The retry of transactions that lost a lock race: the one place that says how often, and after what pause.

use std::time::Duration;

use crate::DbError;

/// How often a transaction that lost a lock race runs again. It has written nothing, so that is safe.
const RETRIES: u32 = 3;

/// An error that may be a lost lock race.
pub trait Race {
    fn is_race(&self) -> bool;
}

impl Race for DbError {
    /// True when the whole transaction is worth another try at once.
    fn is_race(&self) -> bool {
        matches!(self, Self::Deadlock(_))
    }
}

/// The lock races that one transaction has lost.
///
/// A counter and not a function around the transaction: the futures of closures that borrow both their surroundings and the
/// transaction cannot be shown to be `Send` yet.
#[derive(Default)]
pub struct Races(u32);

impl Races {
    /// Waits a little if the error is worth another try, and hands it back if not.
    pub async fn pause_or_give_up<E: Race>(&mut self, error: E) -> Result<(), E> {
        if self.0 >= RETRIES || !error.is_race() {
            return Err(error);
        }
        self.0 += 1;
        metrics::counter!("db_transaction_retries_total").increment(1);
        tokio::time::sleep(Duration::from_millis(rand::random_range(5..=20) << self.0)).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_race_is_run_again_a_few_times_and_anything_else_is_not() {
        let mut races = Races::default();
        let race = || DbError::Deadlock(sqlx::Error::RowNotFound);
        for _ in 0..RETRIES {
            assert!(races.pause_or_give_up(race()).await.is_ok());
        }
        assert!(races.pause_or_give_up(race()).await.unwrap_err().is_race());
        assert!(matches!(Races::default().pause_or_give_up(DbError::Busy).await, Err(DbError::Busy)));
    }
}
