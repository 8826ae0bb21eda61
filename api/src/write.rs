//! Writing transactions, tried again when they lose a lock race, and answered once under a key.

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
                    // Before the answer: whoever asks again at once must not meet the locks of what was refused.
                    if let Err(error) = transaction.rollback().await {
                        tracing::debug!(%error, "the connection is given up, and its transaction with it");
                    }
                    if let Err(error) = retries.pause_or_give_up(error).await {
                        break Err(error);
                    }
                }
            }
        }
    }};
}
pub(crate) use transaction;

/// The same for a request that may be repeated under a key: the block makes the reply, and runs only if the key is new.
/// Whatever comes before it runs unless the answer is there already, perhaps several times, and must have made nothing.
macro_rules! once {
    ($state:expr, $key:expr, $now:expr, |$tx:ident| $block:block) => {
        $crate::write::transaction!($state.db, |$tx| {
            if let Some(answered) = $key.claim($tx, $now).await? {
                return Ok(answered);
            }
            let reply: Result<_, $crate::reply::Error> = async { $block }.await;
            $key.settle($tx, reply?).await
        })
    };
}
pub(crate) use once;

impl db::Race for crate::reply::Error {
    fn is_race(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_race())
    }
}
