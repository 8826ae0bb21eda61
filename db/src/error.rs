//! The errors of database calls, and which of them pass by themselves.

use crate::INSPECTION_LIMIT;

/// What a database call can end in. Callers that serve people turn `Unavailable`, `Deadlock` and `Busy`
/// into "try again"; nothing here is the caller's input, except `Conflict`.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A unique key already has this value; `constraint` is the key's name.
    #[error("the value is taken already ({constraint})")]
    Conflict { constraint: String },
    /// The server cannot be reached, or went away in the middle.
    #[error("the database is away: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// MySQL 1213, 1205, or 3572 where nobody waits (`NOWAIT`): the whole transaction is worth another try.
    #[error("the transaction lost a lock race: {0}")]
    Deadlock(#[source] sqlx::Error),
    /// The pool and its short queue are full.
    #[error("all database connections are in use")]
    Busy,
    /// A look-up took longer than [`INSPECTION_LIMIT`].
    #[error("the statement was stopped after {INSPECTION_LIMIT:?}: {0}")]
    TooSlow(#[source] sqlx::Error),
    #[error("database error: {0}")]
    Other(#[source] sqlx::Error),
}

impl DbError {
    /// True when the same call may succeed later without any change to it.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Deadlock(_) | Self::Busy | Self::TooSlow(_))
    }

    /// True when certainly nothing of the statement has been done: not when its answer is missing.
    pub fn is_undone(&self) -> bool {
        match self {
            Self::Deadlock(_) | Self::Busy => true,
            // Nothing was sent.
            Self::Unavailable(sqlx::Error::Io(error)) => error.kind() == std::io::ErrorKind::ConnectionRefused,
            _ => false,
        }
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Self::Unavailable(error)
            }
            // The driver reports a connection cut inside a packet as a protocol error.
            sqlx::Error::Protocol(_) => Self::Unavailable(error),
            sqlx::Error::Database(cause) => {
                let number = cause.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map(|e| e.number());
                match number {
                    Some(1213 | 1205 | 3572) => Self::Deadlock(error),
                    Some(1062) => Self::Conflict { constraint: constraint_name(cause.message()) },
                    // By MariaDB, by MySQL.
                    Some(1969 | 3024) => Self::TooSlow(error),
                    Some(number) if AWAY.contains(&number) => Self::Unavailable(error),
                    _ => Self::Other(error),
                }
            }
            _ => Self::Other(error),
        }
    }
}

/// Errors that the server is to blame for, never the statement: whoever meets one waits for the server.
const AWAY: [u16; 26] = [
    // Full: disk (1021, 1030 with its own number in the text), table space or temporary table (1114), log (1026, 3167).
    1021, 1026, 1030, 1114, 3167, //
    // Nobody else gets in: too many connections (1040, 1203), host blocked (1129), resources of the user used up (1226),
    // password or rights changed under way (1044, 1045, 1698).
    1040, 1044, 1045, 1129, 1203, 1226, 1698, //
    // Going away: shutting down (1053), query or session killed (1317, 1927, 3169), ended for its silence (4031).
    1053, 1317, 1927, 3169, 4031, //
    // The network in the middle of a packet.
    1152, 1158, 1159, 1160, 1161, 1184, //
    // Not the primary: read-only by option, transaction or mode.
    1290, 1792, 1836,
];

/// The key's name from "Duplicate entry 'x' for key 'table.key'"; MariaDB leaves the table out.
fn constraint_name(message: &str) -> String {
    let key = message.rsplit("for key ").next().unwrap_or_default().trim_matches('\'');
    key.rsplit('.').next().unwrap_or(key).to_owned()
}

/// An error that says whether the same call may succeed later without any change to it: a service that is away, a lock
/// race that was lost. A job that meets one waits and burns no attempt.
pub trait Transience: std::error::Error + Send + Sync + 'static {
    fn is_transient(&self) -> bool;
}

impl Transience for DbError {
    fn is_transient(&self) -> bool {
        Self::is_transient(self)
    }
}

/// A local disk that is full or failing says nothing about the work.
impl Transience for std::io::Error {
    fn is_transient(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{DbError, constraint_name};

    #[test]
    fn what_was_certainly_not_done_is_told_from_what_may_have_been() {
        let io = |kind: std::io::ErrorKind| DbError::Unavailable(sqlx::Error::Io(kind.into()));
        assert!(DbError::Busy.is_undone() && io(std::io::ErrorKind::ConnectionRefused).is_undone());
        // The answer is missing, not the deed.
        assert!(!io(std::io::ErrorKind::TimedOut).is_undone());
    }

    #[test]
    fn the_key_name_is_found_in_both_dialects() {
        assert_eq!(constraint_name("Duplicate entry 'a' for key 'users_email'"), "users_email");
        assert_eq!(constraint_name("Duplicate entry 'a' for key 'users.users_email'"), "users_email");
    }
}
