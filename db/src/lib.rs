//! The foundation of all SQL in the project: the pool, transactions with the notices sent after their commit, errors,
//! the clocks, and ids and words as SQL types.
//!
//! Every session that writes is READ COMMITTED in UTC: the ledger's locking relies on it (with REPEATABLE READ's gap locks,
//! claims and the rescuer deadlock). The statements themselves stand in `queue/src/ledger/` and `infra/src/db/`.

mod amended;
pub mod clock;
mod error;
mod hash;
mod keeper;
pub mod literal;
mod notices;
mod pool;
mod replica;
mod retry;
pub mod schema;
mod session;
mod transaction;

pub use error::{DbError, Transience};
pub use hash::Hash;
pub use notices::{Notice, Telegram};
pub use pool::{Db, INSPECTION_LIMIT};
pub use replica::{LAG_AT_MOST, Replica};
pub use retry::{Race, Races};
pub use session::{Pool, Session};
/// A JSON column, as its type.
pub use sqlx::types::Json;
pub use transaction::Tx;
pub use words::{UnknownWord, Words, ids, words};
