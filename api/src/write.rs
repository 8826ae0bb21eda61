//! Writing transactions, tried again when they lose a lock race.

use std::time::Duration;

use infra::db::DbError;

use crate::reply::Error;

/// Runs a block in a transaction and commits it; a block that lost a deadlock or a lock wait runs again, up to three
/// times. It must have no effect but its writes. `?` and `return` leave the block, and what is not `Ok` is rolled back.
///
/// A macro and not a function: the futures of closures that borrow both their surroundings and the transaction cannot
/// be shown to be `Send` yet.
macro_rules! transaction {
    ($db:expr, |$tx:ident| $block:block) => {{
        let mut retries = $crate::write::Retries::default();
        loop {
            let mut transaction = $db.begin().await?;
            let outcome: Result<_, $crate::reply::Error> = {
                let $tx = &mut transaction;
                async { $block }.await
            };
            match outcome {
                Ok(value) => {
                    transaction.commit().await?;
                    break Ok::<_, $crate::reply::Error>(value);
                }
                Err(error) => {
                    drop(transaction);
                    if let Err(error) = retries.pause_or_give_up(error).await {
                        break Err(error);
                    }
                }
            }
        }
    }};
}
pub(crate) use transaction;

/// How often a transaction that lost a lock race runs again. It has written nothing, so that is safe.
const RETRIES: u32 = 3;

/// The retries of one transaction.
#[derive(Default)]
pub(crate) struct Retries(u32);

impl Retries {
    /// Waits a little if the error is worth another try, and hands it back if not.
    pub(crate) async fn pause_or_give_up(&mut self, error: Error) -> Result<(), Error> {
        if self.0 >= RETRIES || !matches!(error, Error::Db(DbError::Deadlock(_))) {
            return Err(error);
        }
        self.0 += 1;
        metrics::counter!("db_transaction_retries_total").increment(1);
        tokio::time::sleep(Duration::from_millis(rand::random_range(5..=20) << self.0)).await;
        Ok(())
    }
}
