//! Writing transactions, tried again when they lose a lock race.

/// Runs a block in a transaction and commits it; a block that lost a deadlock or a lock wait runs again, up to three
/// times. It must have no effect but its writes. `?` and `return` leave the block, and what is not `Ok` is rolled back.
///
/// A macro and not a function: the futures of closures that borrow both their surroundings and the transaction cannot
/// be shown to be `Send` yet.
macro_rules! transaction {
    ($db:expr, |$tx:ident| $block:block) => {{
        let mut retries = db::Races::default();
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

impl db::Race for crate::reply::Error {
    fn is_race(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_race())
    }
}
