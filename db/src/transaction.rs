//! Transactions, and the notices that are sent once one has committed.

use std::ops::{Deref, DerefMut};

use sqlx::{MySql, MySqlConnection, Transaction};

use crate::{
    DbError,
    notices::{Board, Notice, Pinned},
};

/// What runs after the commit. It must not block, and nothing true may depend on it: a process can die before.
type Hook = Box<dyn FnOnce() + Send>;

/// A transaction; rolled back unless committed. Use `&mut **tx` as an executor.
pub struct Tx {
    inner: Transaction<'static, MySql>,
    board: Board,
    notices: Vec<Pinned>,
    hooks: Vec<Hook>,
}

impl Tx {
    pub(crate) fn new(inner: Transaction<'static, MySql>, board: Board) -> Self {
        Self { inner, board, notices: Vec::new(), hooks: Vec::new() }
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

    pub async fn commit(self) -> Result<(), DbError> {
        self.inner.commit().await?;
        self.hooks.into_iter().for_each(|hook| hook());
        self.board.tell(self.notices);
        Ok(())
    }

    pub async fn rollback(self) -> Result<(), DbError> {
        Ok(self.inner.rollback().await?)
    }
}

impl Deref for Tx {
    type Target = MySqlConnection;
    fn deref(&self) -> &MySqlConnection {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut MySqlConnection {
        &mut self.inner
    }
}
