//! A program in a reader's place that does what an attacker would.

use std::{
    collections::HashMap,
    net::TcpListener,
    os::unix::net::UnixListener,
    path::PathBuf,
    sync::{LazyLock, Mutex},
    time::Duration,
};

use domain::review::ReviewPolicy;
use jobs::Context;
use queue::{
    Job, JobError, Outcome, Queue, Registry, RetryPolicy, Run,
    child::ChildLimits,
    enqueue,
    ids::JobId,
    ledger::{JobRow, State},
    reader::{ReaderProgram, Readers, Supplies},
};
use serde::{Deserialize, Serialize};
use tests::{
    TestApp,
    fleet::Worker,
    hostile::{Attack, AttackTask},
};
use uuid::Uuid;

/// What each attack answered, by its job's token.
type Answers = HashMap<Uuid, Vec<(String, String)>>;
static ANSWERS: LazyLock<Mutex<Answers>> = LazyLock::new(Default::default);

#[derive(Serialize, Deserialize)]
struct Attacked {
    token: Uuid,
    task: AttackTask,
}

impl Job<Context> for Attacked {
    const KIND: &'static str = "test_attacked";
    const QUEUE: Queue = jobs::queues::MAINTENANCE;
    const RETRY: RetryPolicy = RetryPolicy { max_failures: 1, ..RetryPolicy::DEFAULT };
    const TIMEOUT: Duration = Duration::from_secs(20);
    const MAX_CRASHES: u32 = 1;

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let scratch = tempfile::tempdir_in(&context.settings.scratch)?;
        let (input, output) = (scratch.path().join("input"), scratch.path().join("output"));
        std::fs::write(&input, "the only file it may read")?;
        let folder = scratch.path().join("desk");
        std::fs::create_dir(&folder)?;
        let supplies = Supplies { inputs: &[&input], outputs: &[&output], folder: &folder };
        let said = run.read::<Attack>(&self.task, supplies).await?;
        ANSWERS.lock().unwrap().insert(self.token, said);
        assert_eq!(std::fs::read(&input)?, b"the only file it may read");
        Ok(Outcome::Done)
    }
}

struct Attackable {
    app: TestApp,
    worker: Worker,
    task: AttackTask,
    _listener: TcpListener,
    _socket: UnixListener,
}

impl Attackable {
    /// A worker whose readers are the attacker's, beside what there is to be stolen.
    async fn start() -> Self {
        let app = TestApp::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket_at = app.folder.path().join("service.sock");
        let socket = UnixListener::bind(&socket_at).unwrap();
        let other = app.folder.path().join("scratch-of-another-job");
        std::fs::create_dir(&other).unwrap();
        let secret = other.join("upload.zip");
        std::fs::write(&secret, "another creator's work").unwrap();
        let task = AttackTask {
            name: String::new(),
            address: listener.local_addr().unwrap().to_string(),
            socket: socket_at,
            secret,
            other: Uuid::now_v7().to_string(),
        };
        let registry = Registry::new(jobs::QUEUES).with::<Attacked>().with_readers(Readers::default().with::<Attack>());
        let mut worker = app.prepared_worker(ReviewPolicy::FlaggedOnly, registry).await;
        worker.settings.reader = Some(ReaderProgram {
            program: PathBuf::from(env!("CARGO_BIN_EXE_hostile-reader")),
            args: Vec::new(),
            limits: ChildLimits { memory: 256 << 20, cpu: Duration::from_secs(5), file: 64 << 20 },
            heavy_memory: 256 << 20,
            ..TestApp::reader_program()
        });
        Self { app, worker: Worker::start(worker), task, _listener: listener, _socket: socket }
    }

    async fn attack(&self, name: &str) -> (JobRow, Vec<(String, String)>) {
        let token = Uuid::now_v7();
        let task = AttackTask { name: name.to_owned(), ..self.task.clone() };
        let mut tx = self.app.db.begin().await.unwrap();
        let job: JobId = enqueue(&mut tx, &Attacked { token, task }).await.unwrap();
        tx.commit().await.unwrap();
        let ended = [State::Completed, State::Discarded, State::Quarantined];
        let row = self.app.wait_for_state(job, &ended).await;
        assert!(self.worker.is_running(), "{name}: the worker lives");
        assert_eq!(std::fs::read_to_string(&self.task.secret).unwrap(), "another creator's work", "{name}");
        (row, ANSWERS.lock().unwrap().remove(&token).unwrap_or_default())
    }

    async fn finish(self) {
        self.worker.stop().await;
        self.app.discard().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_over_reader_reaches_nothing() {
    let place = Attackable::start().await;
    let (row, said) = place.attack("everything").await;
    assert_eq!(row.state, State::Completed, "{row:?}");
    let done: Vec<_> = said.iter().filter(|(_, came)| !came.starts_with("refused: ")).collect();
    assert!(done.is_empty(), "{done:#?}");
    assert!(said.len() >= 70, "{} attempts", said.len());
    assert!(!std::env::temp_dir().join("hostile-reader-was-here").exists());
    place.finish().await;
}

/// What an error cannot stop, a limit does: the job ends as a crash or a failure, and the worker lives.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_eats_all_it_can_ends_as_a_crash() {
    let place = Attackable::start().await;
    for (attack, words) in [
        ("memory", "memory"),
        ("busy", "processor time"),
        ("gigabyte", "said more than"),
        ("many lines", "said more than"),
        ("big file", "bytes"),
        ("abort", "SIGABRT"),
    ] {
        let (row, _) = place.attack(attack).await;
        let error = row.last_error.clone().unwrap_or_default();
        assert_eq!((row.state, row.crashes), (State::Quarantined, 1), "{attack}: {row:?}");
        assert!(error.contains(words), "{attack}: {error}");
    }
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_hangs_is_killed_when_its_job_has_taken_too_long() {
    let place = Attackable::start().await;
    let (row, _) = place.attack("hang").await;
    assert_eq!((row.state, row.crashes, row.failures), (State::Discarded, 0, 1), "{row:?}");
    assert!(row.last_error.as_deref().is_some_and(|error| error.contains("took longer")), "{row:?}");
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_cannot_be_forged() {
    let place = Attackable::start().await;
    let (row, said) = place.attack("forge").await;
    assert_eq!((row.state, said.len()), (State::Discarded, 0), "{row:?}");
    assert!(row.last_error.as_deref().is_some_and(|error| error.contains("forged")), "{row:?}");
    place.finish().await;
}
