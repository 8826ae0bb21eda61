//! Jobs in child processes: what a child's death costs, and whom.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use domain::review::ReviewPolicy;
use infra::db::nano_events;
use jobs::Context;
use queue::{
    Job, JobError, Outcome, Queue, RetryPolicy, Run,
    builtin::PruneLedger,
    child::{ChildLimits, ChildProgram},
    enqueue,
    ids::{JobId, WorkerId},
    ledger::{self as ledger, JobRow, State, workers},
};
use reqwest::StatusCode;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde::{Deserialize, Serialize};
use servers::processes::Process;
use tests::{
    TestApp, User,
    app::{AT_ONCE, PATIENCE},
    archives,
    fleet::Worker,
};
use uuid::Uuid;

/// Says which process runs which job.
const VERBOSE: (&str, &str) = ("RUST_LOG", "info,queue=debug");

/// Enough text that its check takes a moment: longer than a busy machine needs from reading who checks it to the kill.
fn long_unit() -> Vec<u8> {
    archives::unit_with(&[("long.txt", lines(1_200_000).as_bytes())])
}

fn lines(count: u32) -> String {
    (0..count).map(|line| format!("Line {line}: a fraction is a part of a whole.\n")).collect()
}

/// Children that use up memory and processor time, while other tests want the same two cores, need more of it than others.
const LONG: Duration = Duration::from_secs(2 * PATIENCE.as_secs());

async fn soon<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < LONG, "{what}");
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

async fn check_of(app: &TestApp, nano: &str) -> JobRow {
    let jobs = app.jobs_of_nano(nano.parse().unwrap()).await.unwrap();
    jobs.into_iter().find(|job| job.kind == "validate_archive").expect("the check was enqueued")
}

/// The child that the worker gave this run of the job to, by the worker's own log.
async fn child_of(worker: &Process, job: JobId, run: u32) -> Pid {
    let log = worker.log().unwrap().to_owned();
    let pid = soon(&format!("run {run} of {job} never began"), async || logged_child(&log, job, run)).await;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let parent = stat.rsplit(')').next().unwrap().split_whitespace().nth(1).unwrap();
    assert_eq!(parent, worker.pid().to_string(), "a child of the worker");
    Pid::from_raw(pid).unwrap()
}

fn logged_child(log: &Path, job: JobId, run: u32) -> Option<i32> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().rev().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()).find_map(|line| {
        let span = &line["span"];
        let is_it = line["message"] == "runs in a child process"
            && span["job.id"] == job.to_string()
            && span["job.run"] == serde_json::json!(run);
        line["child"].as_i64().filter(|_| is_it).and_then(|pid| i32::try_from(pid).ok())
    })
}

/// True once the process is gone, or dead and not yet reaped by its parent.
fn is_gone(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.is_empty() || stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X']))
}

/// SIGKILL in the middle of the check; returns how long it took until it ran again or was quarantined.
async fn kill_check(app: &TestApp, worker: &Process, nano: &str, run: u32) -> Duration {
    let job = check_of(app, nano).await.id;
    kill_process(child_of(worker, job, run).await, Signal::KILL).unwrap();
    let killed = Instant::now();
    soon("the crash has no consequence", async || {
        let row = check_of(app, nano).await;
        (row.runs > run || row.state == State::Quarantined).then_some(())
    })
    .await;
    killed.elapsed()
}

/// A stopped process cannot stop by itself: it is killed.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_check_ends_at_once_although_its_child_hangs() {
    let app = TestApp::start().await;
    let mut worker = app.worker_process_with("worker", &[VERBOSE]).await;
    let creator = app.creator("kim").await;
    let nano = creator.submit(&app, "Withdrawn", long_unit()).await;
    let job = check_of(&app, &nano).await.id;
    let child = child_of(&worker, job, 1).await;
    kill_process(child, Signal::STOP).unwrap();
    let mut tx = app.db.begin().await.unwrap();
    let by = ledger::By::system("its creator withdrew it");
    let change =
        queue::control::act::operate(&mut tx, &jobs::KINDS, job, ledger::Action::Cancel, &by).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert_eq!(change.result, ledger::Operated::Asked);
    let asked = Instant::now();
    soon("the check goes on", async || (check_of(&app, &nano).await.state == State::Cancelled).then_some(())).await;
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    soon("the child goes on", async || is_gone(child).then_some(())).await;
    let check = check_of(&app, &nano).await;
    assert_eq!((check.crashes, check.failures, check.lost), (0, 0, 0), "being cancelled is no crash");
    let events = nano_events::since(&app.db, nano.parse().unwrap(), 0, 100).await.unwrap();
    assert!(events.iter().any(|event| event.kind == "step_failed"), "the creator is told");

    // Retried, it goes all the way.
    let mut tx = app.db.begin().await.unwrap();
    queue::control::act::operate(&mut tx, &jobs::KINDS, job, ledger::Action::Retry, &by).await.unwrap();
    tx.commit().await.unwrap();
    published(&app, &creator, &nano).await;
    app.drained().await;
    assert!(worker.terminate(Duration::from_secs(20)).await.unwrap().success());
    app.finish().await;
}

/// What lies in the folders below this one.
fn walk(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let within = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let folders: Vec<PathBuf> = within(folder).collect();
    folders.into_iter().flat_map(move |folder| within(&folder).collect::<Vec<_>>())
}

async fn published(app: &TestApp, creator: &User, nano: &str) {
    let view = app.wait_for_status(creator, nano, &["published", "rejected"]).await;
    assert_eq!(view["status"], "published", "{view:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_child_costs_one_crash_and_its_job_runs_again_at_once() {
    let app = TestApp::start().await;
    let mut worker = app.worker_process_with("worker", &[VERBOSE]).await;
    let creator = app.creator("kim").await;
    let mut delays = Vec::new();
    for title in ["One", "Two", "Three"] {
        let nano = creator.submit(&app, title, long_unit()).await;
        delays.push(kill_check(&app, &worker, &nano, 1).await);
        delays.push(kill_check(&app, &worker, &nano, 2).await);
        published(&app, &creator, &nano).await;
        let check = check_of(&app, &nano).await;
        assert_eq!((check.crashes, check.failures, check.lost, check.runs), (2, 0, 0, 3), "{check:?}");
        assert!(check.last_error.as_deref().is_some_and(|error| error.contains("SIGKILL")), "{check:?}");
    }
    app.drained().await;
    let folders = || walk(&app.folder.path().join("scratch")).filter(|path| path.to_string_lossy().contains("/run-"));
    soon("a run's folder is left over", async || folders().next().is_none().then_some(())).await;
    delays.sort();
    assert!(delays[delays.len() / 2] < AT_ONCE, "{delays:?}");
    assert!(worker.terminate(Duration::from_secs(20)).await.unwrap().success());
    let scratch = std::fs::read_dir(app.folder.path().join("scratch")).unwrap();
    let left: Vec<_> = scratch.map(|entry| entry.unwrap()).filter(|entry| entry.path().is_dir()).collect();
    assert!(left.is_empty(), "{left:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_third_crash_quarantines_and_the_creator_is_told() {
    let app = TestApp::start().await;
    let mut worker = app.worker_process_with("worker", &[VERBOSE]).await;
    let creator = app.creator("eve").await;
    let nano = creator.submit(&app, "Poison", long_unit()).await;
    for run in 1..=3 {
        kill_check(&app, &worker, &nano, run).await;
    }
    let check = check_of(&app, &nano).await;
    assert_eq!((check.state, check.crashes, check.failures), (State::Quarantined, 3, 0), "{check:?}");
    assert!(check.finished_at.is_some());
    let events = nano_events::since(&app.db, nano.parse().unwrap(), 0, 100).await.unwrap();
    assert_eq!(events.last().map(|event| event.kind.as_str()), Some("step_failed"));

    // Nothing is lost: once the reason is mended, the step runs with a clean slate.
    let mut tx = app.db.begin().await.unwrap();
    assert!(
        ledger::operate(&mut tx, check.id, ledger::Action::Retry, &ledger::By::system("a test"))
            .await
            .unwrap()
            .is_some()
    );
    tx.commit().await.unwrap();
    published(&app, &creator, &nano).await;
    app.drained().await;
    assert!(worker.terminate(Duration::from_secs(20)).await.unwrap().success());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_out_of_memory_goes_to_the_heavy_queue_and_succeeds_there() {
    let app = TestApp::start().await;
    // With backtraces, which follow what the runtime says of the memory.
    let settings = [VERBOSE, ("CHILD_MEMORY_MIB", "32"), ("RUST_BACKTRACE", "1")];
    let mut worker = app.worker_process_with("worker", &settings).await;
    let creator = app.creator("max").await;
    let nano = creator.submit(&app, "Large", archives::unit()).await;
    published(&app, &creator, &nano).await;
    app.drained().await;
    let jobs = app.jobs_of_nano(nano.parse().unwrap()).await.unwrap();
    let moved: Vec<_> = jobs.into_iter().filter(|job| job.queue == "heavy").collect();
    assert!(moved.iter().any(|job| job.kind == "make_thumbnails"), "a decoder does not fit: {moved:?}");
    for job in moved {
        assert_eq!((job.crashes, job.failures, job.runs), (0, 0, 2), "{job:?}");
        assert!(job.last_error.as_deref().is_some_and(|error| error.contains("memory")), "{job:?}");
    }
    assert!(worker.terminate(Duration::from_secs(20)).await.unwrap().success());
    app.finish().await;
}

/// A job must not wait for ever in a queue that nobody takes, and a picture is not worth an upload.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_heavy_worker_running_out_of_memory_costs_the_thumbnail() {
    let app = TestApp::start().await;
    let settings = [VERBOSE, ("CHILD_MEMORY_MIB", "32"), ("WORKER_QUEUES", "uploads,media,search,mail")];
    let mut worker = app.worker_process_with("worker", &settings).await;
    let creator = app.creator("mia").await;
    let nano = creator.submit(&app, "Large", archives::unit()).await;
    published(&app, &creator, &nano).await;
    let jobs = app.jobs_of_nano(nano.parse().unwrap()).await.unwrap();
    let job = jobs.into_iter().find(|job| job.kind == "make_thumbnails").unwrap();
    assert_eq!((job.state, job.crashes, job.failures, job.runs), (State::Completed, 1, 0, 2), "{job:?}");
    assert_ne!(job.queue, "heavy");
    // The creator reads what it cost, and nothing of our machine.
    let answer = creator.get(&app, &format!("/api/v1/nanos/{nano}/versions/1")).await;
    let view = answer.data(StatusCode::OK);
    assert_eq!(view["notes"][0]["code"], "decoder_failed", "{view:#}");
    assert!(view["notes"][0]["hint"]["de"].is_string() && !view["notes"].to_string().contains("scratch"), "{view:#}");
    app.drained().await;
    assert!(worker.terminate(Duration::from_secs(20)).await.unwrap().success());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn using_up_the_processor_time_is_a_crash() {
    let app = TestApp::start().await;
    let mut worker = app.worker_process_with("worker", &[VERBOSE, ("CHILD_CPU_SECONDS", "1")]).await;
    let creator = app.creator("uma").await;
    // The check takes a fraction of it, and the scan reads every word several times.
    let text = lines(1_000_000);
    let files = [("long-1.txt", text.as_bytes()), ("long-2.txt", text.as_bytes()), ("long-3.txt", text.as_bytes())];
    let nano = creator.submit(&app, "Endless", archives::unit_with(&files)).await;
    let scan = soon("the scan was not enqueued", async || {
        let jobs = app.jobs_of_nano(nano.parse().unwrap()).await.unwrap();
        jobs.into_iter().find(|job| job.kind == "scan_content")
    });
    let scan = scan.await;
    let job = app.wait_for_state(scan.id, &[State::Quarantined, State::Discarded, State::Completed]).await;
    assert_eq!((job.state, job.crashes, job.failures), (State::Quarantined, 3, 0), "{job:?}");
    assert!(job.last_error.as_deref().is_some_and(|error| error.contains("CHILD_CPU_SECONDS")), "{job:?}");
    assert!(worker.terminate(Duration::from_secs(20)).await.unwrap().success());
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_dies_with_its_worker_and_the_job_is_not_blamed() {
    let app = TestApp::start().await;
    let mut worker = app.worker_process_with("first", &[VERBOSE]).await;
    let creator = app.creator("ada").await;
    let nano = creator.submit(&app, "Orphan", long_unit()).await;
    let child = child_of(&worker, check_of(&app, &nano).await.id, 1).await;
    // Alone: its group is not what ends the child.
    worker.signal(Signal::KILL).unwrap();
    let killed = Instant::now();
    soon("the child lives on", async || is_gone(child).then_some(())).await;
    assert!(killed.elapsed() < AT_ONCE, "{:?}", killed.elapsed());
    worker.wait().await.unwrap();

    let mut second = app.worker_process("second").await;
    published(&app, &creator, &nano).await;
    let check = check_of(&app, &nano).await;
    assert_eq!((check.lost, check.crashes, check.failures, check.runs), (1, 0, 0, 2), "{check:?}");
    app.drained().await;
    assert!(second.terminate(Duration::from_secs(20)).await.unwrap().success());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_lets_its_children_finish() {
    let app = TestApp::start().await;
    let mut worker = app.worker_process_with("worker", &[VERBOSE]).await;
    let creator = app.creator("ida").await;
    let nano = creator.submit(&app, "Draining", long_unit()).await;
    let child = child_of(&worker, check_of(&app, &nano).await.id, 1).await;
    // As a service manager does it: to every process of the service.
    kill_process(child, Signal::TERM).unwrap();
    assert!(worker.terminate(Duration::from_secs(60)).await.unwrap().success());
    assert!(test_kill_process(child).is_err(), "the worker waited for its child");
    let check = check_of(&app, &nano).await;
    assert_eq!((check.state, check.runs, check.crashes), (State::Completed, 1, 0), "{check:?}");
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_kills_its_children_after_the_drain_time_and_hands_back() {
    let app = TestApp::start().await;
    let mut worker = app.worker_process_with("first", &[VERBOSE, ("WORKER_DRAIN_SECONDS", "0")]).await;
    let creator = app.creator("ina").await;
    let nano = creator.submit(&app, "Handed back", long_unit()).await;
    let child = child_of(&worker, check_of(&app, &nano).await.id, 1).await;
    kill_process(child, Signal::STOP).unwrap();
    assert!(worker.terminate(Duration::from_secs(20)).await.unwrap().success());
    assert!(is_gone(child));
    let check = check_of(&app, &nano).await;
    assert_eq!((check.state, check.crashes, check.failures, check.lost), (State::Available, 0, 0, 0), "{check:?}");
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_lost_twice_runs_in_a_child_from_then_on() {
    let app = TestApp::start().await;
    let mut tx = app.db.begin().await.unwrap();
    let job = enqueue::<_, Context>(&mut tx, &PruneLedger {}).await.unwrap();
    tx.commit().await.unwrap();
    for _ in 0..2 {
        let dead = workers::NewWorker {
            id: WorkerId(Uuid::now_v7()),
            name: "dead".into(),
            version: "test".into(),
            queues: "maintenance".into(),
            slots: 1,
        };
        workers::register(&app.db, &dead).await.unwrap();
        assert_eq!(ledger::claim(&app.db, dead.id, vec![job]).await.unwrap().len(), 1);
        assert_eq!(queue::control::act::rescue_jobs_of(&app.db, &jobs::KINDS, dead.id).await.unwrap(), 1);
    }
    let mut worker = app.worker_process_with("worker", &[VERBOSE]).await;
    let log = worker.log().unwrap().to_owned();
    soon("the third run never began", async || logged_child(&log, job, 3)).await;
    app.drained().await;
    let row = ledger::get(&app.db, job).await.unwrap().unwrap();
    assert_eq!((row.state, row.lost, row.runs), (State::Completed, 2, 3));
    assert!(worker.terminate(Duration::from_secs(20)).await.unwrap().success());
    app.finish().await;
}

/// Runs in whatever program the test names.
#[derive(Serialize, Deserialize)]
struct Isolated {}

impl Job<Context> for Isolated {
    const KIND: &'static str = "test_isolated";
    const QUEUE: Queue = jobs::queues::MAINTENANCE;
    const RETRY: RetryPolicy = RetryPolicy { max_failures: 1, ..RetryPolicy::DEFAULT };
    const TIMEOUT: Duration = Duration::from_secs(1);
    const ISOLATED: bool = true;

    async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
        panic!("runs in the worker although it is isolated")
    }
}

/// A worker whose children are this program.
async fn worker_with_children(app: &TestApp, program: &str, args: &[&str]) -> (Worker, JobId) {
    let mut worker = app.prepared_worker(ReviewPolicy::FlaggedOnly, jobs::registry().with::<Isolated>()).await;
    worker.settings.child = Some(ChildProgram {
        program: program.into(),
        args: args.iter().map(Into::into).collect(),
        envs: Vec::new(),
        limits: ChildLimits { memory: 1 << 30, cpu: Duration::from_secs(60), file: 1 << 30 },
        heavy_memory: 1 << 30,
        ..app.child_program()
    });
    let mut tx = app.db.begin().await.unwrap();
    let job = enqueue(&mut tx, &Isolated {}).await.unwrap();
    tx.commit().await.unwrap();
    (Worker::start(worker), job)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timeout_kills_a_child_that_does_not_answer_and_what_it_started() {
    let app = TestApp::start().await;
    let pids = app.folder.path().join("pids");
    let script = format!("read job; sleep 300 & echo $$ $! > {}; wait", pids.display());
    let (worker, job) = worker_with_children(&app, "/bin/sh", &["-c", &script]).await;
    let row = soon("the timeout does not act", async || {
        let row = ledger::get(&app.db, job).await.unwrap().unwrap();
        (row.state == State::Discarded).then_some(row)
    })
    .await;
    assert_eq!((row.failures, row.crashes), (1, 0));
    assert!(row.last_error.as_deref().is_some_and(|error| error.contains("took longer than 1s")), "{row:?}");
    for pid in std::fs::read_to_string(pids).unwrap().split_whitespace() {
        let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
        soon("it lives on", async || is_gone(pid).then_some(())).await;
    }
    worker.stop().await;
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_cannot_work_costs_the_job_nothing() {
    let app = TestApp::start().await;
    for (program, args, why) in [
        ("/no/such/program", &[][..], "no child process can be started"),
        ("/bin/sh", &["-c", r#"read job; echo '{"unready":"no storage"}'"#][..], "no storage"),
    ] {
        let (worker, job) = worker_with_children(&app, program, args).await;
        let row = soon("the run does not end", async || {
            let row = ledger::get(&app.db, job).await.unwrap().unwrap();
            (row.state == State::Scheduled).then_some(row)
        })
        .await;
        assert_eq!((row.failures, row.crashes), (0, 0));
        assert!(row.last_error.as_deref().is_some_and(|error| error.contains(why)), "{row:?}");
        worker.stop().await;
    }
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn run_one_by_hand_says_what_it_is_for() {
    let app = TestApp::start().await;
    let run_one = app.child_program();
    let call = |stdin: &str| {
        std::process::Command::new("/bin/sh")
            .args(["-c", &format!("{stdin} | exec \"$0\" run-one")])
            .arg(&run_one.program)
            .envs(run_one.envs.iter().cloned())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    for (stdin, why) in [("true", "ended without one"), ("{ echo nonsense; sleep 5; }", "the line is none")] {
        let answer = call(stdin);
        let text = String::from_utf8_lossy(&answer.stderr).into_owned();
        assert_eq!(answer.status.code(), Some(2), "{text}");
        assert!(text.contains(why) && text.contains("worker run-one --help"), "{text}");
    }
    app.finish().await;
}
