//! A job, a worker and an enqueue, without the marketplace: `hello DATABASE_URL REDIS_URL NAME`. The database is empty or has
//! the ledger's schema; the process ends when the job has run.

#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use db::{Db, clock::Clock};
use queue::{
    Job, JobError, Outcome, Queue, QueueContext, Queues, Registry, Run, Worker, WorkerSettings, enqueue, ready,
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

const GREETINGS: Queue = Queue::named("greetings");

#[derive(Serialize, Deserialize)]
struct Greet {
    name: String,
}

impl Job<Context> for Greet {
    const KIND: &'static str = "greet";
    const QUEUE: Queue = GREETINGS;

    async fn run(&self, context: &Context, _: &Run) -> Result<Outcome, JobError> {
        context.greeted.cancel();
        println!("Hello, {}!", self.name);
        Ok(Outcome::Done)
    }
}

#[derive(Clone)]
struct Context {
    db: Db,
    clock: Clock,
    greeted: CancellationToken,
}

impl QueueContext for Context {
    fn db(&self) -> &Db {
        &self.db
    }
    fn clock(&self) -> &Clock {
        &self.clock
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let [database_url, redis_url, name] = std::env::args().skip(1).collect::<Vec<_>>().try_into().expect("3 arguments");
    let db = Db::connect_worker(&database_url, 4).await?;
    db.migrate().await?;
    let ready = ready::connect(&redis_url, "hello:").await?;
    let mut tx = db.begin().await?;
    enqueue(&mut tx, &Greet { name }).await?;
    tx.commit().await?;
    let context = Context { db, clock: Clock::System, greeted: CancellationToken::new() };
    let greeted = context.greeted.clone();
    let registry = Registry::new(Queues { all: &[GREETINGS], heavy: None }).with::<Greet>();
    let settings = WorkerSettings::new("hello", database_url, vec![(GREETINGS, 2)]);
    Worker { settings, registry, context, ready }.run(greeted).await
}
