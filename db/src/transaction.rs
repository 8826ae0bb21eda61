//! Transactions, and the notices that are sent once one has committed.

use std::{
    mem,
    ops::{Deref, DerefMut},
};

use sqlx::Executor;

use crate::{
    DbError, Pool, Session,
    notices::{Board, Notice, Pinned},
};

/// What runs after the commit. It must not block, and nothing true may depend on it: a process can die before.
type Hook = Box<dyn FnOnce() + Send>;

/// A transaction; rolled back unless committed. Use `&mut **tx` as an executor.
pub struct Tx {
    session: Session,
    /// Begun, and neither committed nor rolled back.
    open: bool,
    board: Board,
    notices: Vec<Pinned>,
    hooks: Vec<Hook>,
}

impl Tx {
    pub(crate) async fn begin(pool: &Pool, board: Board) -> Result<Self, DbError> {
        let mut session = pool.acquire().await?;
        session.execute("BEGIN").await?;
        Ok(Self { session, open: true, board, notices: Vec::new(), hooks: Vec::new() })
    }

    /// Sends the notice once this transaction has committed; the same notice is sent once.
    pub fn notify<N: Notice>(&mut self, notice: N) {
        if !self.notices.iter().any(|known| known.is(&notice)) {
            self.notices.push(Pinned::new(notice));
        }
    }

    /// To be done once this transaction has committed.
    pub fn after_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    /// An error says that nobody knows whether it committed, unless the server itself refused.
    pub async fn commit(mut self) -> Result<(), DbError> {
        self.session.execute("COMMIT").await?;
        self.open = false;
        mem::take(&mut self.hooks).into_iter().for_each(|hook| hook());
        self.board.tell(mem::take(&mut self.notices));
        Ok(())
    }

    /// What a drop does later, now: what the transaction had locked is free when this returns. A connection that no longer
    /// answers is not asked once more; it is closed.
    pub async fn rollback(mut self) -> Result<(), DbError> {
        if self.session.is_spent() {
            return Ok(());
        }
        self.session.execute("ROLLBACK").await?;
        self.open = false;
        Ok(())
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if self.open {
            self.session.roll_back_on_drop();
        }
    }
}

impl Deref for Tx {
    type Target = Session;
    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}
