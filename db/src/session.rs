//! Sessions: connections of the pool whose every statement has a deadline.
//!
//! A host that dies, or a NAT that forgets a connection, sends neither FIN nor RST: whoever waits for an answer on such a
//! connection waits for ever. Here nobody waits longer than the deadline, and the connection is closed instead of returned
//! to the pool. The same becomes of a connection whose caller goes away in the middle of a statement, since the driver
//! would wait for the answer before the next, and of one to a server that has become read-only or is going away: the next
//! connection finds the new primary.
//!
//! All SQL runs through this: [`Pool`] and [`Session`] are the only executors that [`Db`](crate::Db) hands out.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures::{
    FutureExt, Stream, StreamExt, TryFutureExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Describe, Either, Error, Execute, Executor, MySql, MySqlConnection, MySqlPool, SqlStr,
    mysql::{MySqlDatabaseError, MySqlQueryResult, MySqlRow, MySqlStatement, MySqlTypeInfo},
    pool::PoolConnection,
};
use tokio::time::Sleep;

use crate::keeper::Keeper;

/// How long a connection may take to be put back; it is looked at once more on the way.
const RETURN_WITHIN: Duration = Duration::from_secs(5);

/// Errors of a server that no longer writes or is going away: shutting down (1053), read-only by option (1290), transaction
/// (1792) or mode (1836), connection killed (1927), session killed (3169), ended for its silence (4031).
const LEAVE: [u16; 7] = [1053, 1290, 1792, 1836, 1927, 3169, 4031];

/// When a statement of this program last heard that its server must be left. Reads are not told: sessions that only read look
/// here before they are used again.
#[derive(Clone, Debug)]
pub(crate) struct Left {
    since: Instant,
    /// Milliseconds after `since`; 0 for never.
    at: Arc<AtomicU64>,
}

impl Left {
    pub(crate) fn new() -> Self {
        Self { since: Instant::now(), at: Arc::default() }
    }

    fn now(&self) {
        self.at.store(self.millis().max(1), Ordering::Relaxed);
    }

    /// Whether a connection of this age was opened before then.
    pub(crate) fn is_after_opening(&self, age: Duration) -> bool {
        let opened = self.millis().saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        let at = self.at.load(Ordering::Relaxed);
        at > 0 && opened <= at
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A pool whose statements have a deadline. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Pool {
    inner: MySqlPool,
    deadline: Duration,
    left: Left,
    /// Sessions that somebody holds.
    held: Arc<AtomicUsize>,
    /// Sessions that anybody got so far.
    got: Arc<AtomicU64>,
    _keeper: Keeper,
}

impl Pool {
    /// The server ends sessions that say nothing for `silent_at_most` seconds.
    pub(crate) fn new(inner: MySqlPool, deadline: Duration, silent_at_most: u32, left: Left) -> Self {
        let _keeper = Keeper::start(inner.clone(), silent_at_most);
        Self { inner, deadline, left, held: Arc::default(), got: Arc::default(), _keeper }
    }

    /// A connection for several statements.
    pub async fn acquire(&self) -> Result<Session, Error> {
        let before = self.got.load(Ordering::Relaxed);
        // On the heap: it is large, and every statement would carry it in its own future.
        let connection = self.inner.acquire().boxed().await.map_err(|error| self.told_apart(error, before))?;
        self.got.fetch_add(1, Ordering::Relaxed);
        let (left, held) = (self.left.clone(), Held::one_more(&self.held));
        let connection = Some(connection);
        Ok(Session { connection, deadline: self.deadline, left, spent: false, roll_back: false, _held: held })
    }

    /// The driver asks a server that refuses connections again and again, and says in the end the same as when all connections
    /// are in use. They are when somebody holds them, and when somebody else got one meanwhile: those on their way back to the
    /// pool nobody holds. `before`: how many were got when the waiting began.
    fn told_apart(&self, error: Error, before: u64) -> Error {
        let most = self.inner.options().get_max_connections() as usize;
        match error {
            Error::PoolTimedOut
                if self.got.load(Ordering::Relaxed) == before && self.held.load(Ordering::Relaxed) < most =>
            {
                let text = "it took no connection in time";
                Error::Io(std::io::Error::new(std::io::ErrorKind::ConnectionRefused, text))
            }
            error => error,
        }
    }

    pub(crate) async fn close(&self) {
        self.inner.close().await;
    }

    pub(crate) const fn inner(&self) -> &MySqlPool {
        &self.inner
    }
}

/// One connection of a [`Pool`], until it is dropped.
#[derive(Debug)]
pub struct Session {
    /// There until it is dropped.
    connection: Option<PoolConnection<MySql>>,
    deadline: Duration,
    left: Left,
    /// The connection is of no more use: a statement was sent and not answered, or its server must be left. Set while an
    /// answer is awaited, so that it holds for whoever goes away meanwhile.
    spent: bool,
    roll_back: bool,
    _held: Held,
}

/// Counts a session for as long as it is there.
#[derive(Debug)]
struct Held(Arc<AtomicUsize>);

impl Held {
    fn one_more(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Session {
    /// The connection, and the mark that it is spent.
    fn parts(&mut self) -> (&mut MySqlConnection, &mut bool) {
        (self.connection.as_mut().expect("taken only by drop"), &mut self.spent)
    }

    pub(crate) const fn is_spent(&self) -> bool {
        self.spent
    }

    /// A transaction was left open: the connection goes back to the pool without it.
    pub(crate) const fn roll_back_on_drop(&mut self) {
        self.roll_back = true;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if self.spent {
            metrics::counter!("db_connections_given_up_total").increment(1);
            // Not gracefully: whoever does not answer a statement does not answer a farewell.
            drop(connection.detach());
        } else if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let roll_back = self.roll_back;
            let back = async move {
                if roll_back && connection.execute("ROLLBACK").await.is_err() {
                    drop(connection.detach());
                } else {
                    connection.return_to_pool().await;
                }
            };
            // What does not answer even now is closed, and its place in the pool is free again.
            runtime.spawn(async move { tokio::time::timeout(RETURN_WITHIN, back).await });
        }
    }
}

/// What the server answers to a statement, within the deadline.
struct Answer<'e, T> {
    rows: BoxStream<'e, Result<T, Error>>,
    spent: &'e mut bool,
    left: Left,
    /// The connection was spent before this statement, or this statement's error says so: no later answer changes that.
    leave: bool,
    deadline: Duration,
    /// Set with the first wait.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<'e, T> Answer<'e, T> {
    fn new(rows: BoxStream<'e, Result<T, Error>>, spent: &'e mut bool, deadline: Duration, left: Left) -> Self {
        let leave = *spent;
        Self { rows, spent, left, leave, deadline, alarm: None }
    }
}

impl<T> Stream for Answer<'_, T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Poll::Ready(next) = this.rows.poll_next_unpin(context) {
            if next.as_ref().is_some_and(|next| next.as_ref().is_err_and(ends_the_connection)) {
                this.leave = true;
                this.left.now();
            }
            *this.spent = this.leave;
            return Poll::Ready(next);
        }
        *this.spent = true;
        let deadline = this.deadline;
        let alarm = this.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep(deadline)));
        alarm.as_mut().poll(context).map(|()| Some(Err(silent(deadline))))
    }
}

/// Whether the server, or the way to it, must be left after this error.
fn ends_the_connection(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) => true,
        Error::Database(cause) => {
            let cause = cause.try_downcast_ref::<MySqlDatabaseError>();
            cause.is_some_and(|cause| LEAVE.contains(&cause.number()))
        }
        _ => false,
    }
}

fn silent(deadline: Duration) -> Error {
    let text = format!("the database gave no answer within {deadline:?}; the connection was closed");
    Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, text))
}

type Step = Either<MySqlQueryResult, MySqlRow>;

impl<'c> Executor<'c> for &'c mut Session {
    type Database = MySql;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        let (deadline, left) = (self.deadline, self.left.clone());
        let (connection, spent) = self.parts();
        Answer::new(connection.fetch_many(query), spent, deadline, left).boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<MySqlRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        let mut rows = self.fetch(query);
        async move { rows.try_next().await }.boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [MySqlTypeInfo],
    ) -> BoxFuture<'e, Result<MySqlStatement, Error>>
    where
        'c: 'e,
    {
        let (deadline, left) = (self.deadline, self.left.clone());
        let (connection, spent) = self.parts();
        let asked = connection.prepare_with(sql, parameters).into_stream().boxed();
        let mut answer = Answer::new(asked, spent, deadline, left);
        async move { answer.next().await.expect("one question has one answer") }.boxed()
    }

    #[doc(hidden)]
    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<MySql>, Error>>
    where
        'c: 'e,
    {
        self.parts().0.describe(sql)
    }
}

/// Each statement on any connection that is free.
impl<'p> Executor<'p> for &'p Pool {
    type Database = MySql;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        // All of it at once, so that the stream need not own the session it reads from.
        let all = async move {
            let mut session = self.acquire().await?;
            let steps: Vec<Step> = session.fetch_many(query).try_collect().await?;
            Ok::<_, Error>(stream::iter(steps).map(Ok))
        };
        all.try_flatten_stream().boxed()
    }

    fn execute<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<MySqlQueryResult, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        async move { self.acquire().await?.execute(query).await }.boxed()
    }

    fn fetch_all<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Vec<MySqlRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        async move { self.acquire().await?.fetch_all(query).await }.boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<MySqlRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        async move { self.acquire().await?.fetch_optional(query).await }.boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [MySqlTypeInfo],
    ) -> BoxFuture<'e, Result<MySqlStatement, Error>>
    where
        'p: 'e,
    {
        async move { self.acquire().await?.prepare_with(sql, parameters).await }.boxed()
    }

    #[doc(hidden)]
    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<MySql>, Error>>
    where
        'p: 'e,
    {
        async move { self.acquire().await?.describe(sql).await }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Db, DbError};

    #[tokio::test]
    async fn a_pool_whose_connections_come_and_go_is_in_use_and_not_away() {
        // Nobody holds one at the moment.
        let db = Db::connect("mysql://nobody:nothing@127.0.0.1:1/nowhere", 2).await.unwrap();
        let pool = db.pool();
        assert!(matches!(pool.told_apart(Error::PoolTimedOut, 0), Error::Io(_)));
        pool.got.fetch_add(1, Ordering::Relaxed);
        assert!(matches!(pool.told_apart(Error::PoolTimedOut, 0), Error::PoolTimedOut));
        assert!(matches!(pool.told_apart(Error::PoolTimedOut, 1), Error::Io(_)));
    }

    #[tokio::test]
    async fn a_server_that_refuses_is_away_and_nobody_is_told_that_all_connections_are_in_use() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let db = Db::connect(&format!("mysql://nobody:nothing@127.0.0.1:{port}/nowhere"), 1).await.unwrap();
        // With more callers than connections, too: then some wait for those that try to connect.
        let (one, two) = tokio::join!(db.ping(), db.ping());
        for error in [one.unwrap_err(), two.unwrap_err()] {
            assert!(matches!(error, DbError::Unavailable(_)), "{error}");
            assert!(error.is_transient() && error.to_string().contains("it took no connection in time"), "{error}");
        }
    }
}
