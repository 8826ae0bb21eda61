//! The worker's side: starts a reader's process, hands its files over, listens, and says how it ended.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, OnceLock},
    time::Duration,
};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
    sync::Mutex,
};
use tokio_util::sync::CancellationToken;

use crate::{
    JobError, Run,
    reader::{
        Confinement, Desk, Input, NOTHING, ReadError, Reader, Readers,
        protocol::{ASSIGNMENT_MAX, Assignment, FILES_MAX, LINE_MAX, SAID_MAX, Said},
    },
    trace,
    worker::child::{
        ChildLimits, ENDS_WITHIN, SETTLES_WITHIN,
        crash::{Crash, oom_kills},
        process::{ChildProcess, Starter},
        relay,
    },
};

/// How long one that reads nothing may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);
/// Longest note of a progress line, in characters.
const NOTE: usize = 100;

/// How readers' processes are started, and what they may use.
#[derive(Clone, Debug)]
pub struct ReaderProgram {
    /// Called without any environment.
    pub program: PathBuf,
    pub args: Vec<OsString>,
    pub limits: ChildLimits,
    /// The memory limit for jobs of the queue `heavy`, in bytes.
    pub heavy_memory: u64,
    /// Whether a series that a reader has measured is one of this program's.
    pub known_metric: fn(&str) -> bool,
    /// Takes spans that a reader has ended on to where this program's own go: an OTLP request.
    pub pass_spans: fn(Vec<u8>),
}

/// The files of a call.
#[derive(Clone, Copy, Debug)]
pub struct Supplies<'a> {
    /// To be read; they must lie outside of the folder.
    pub inputs: &'a [&'a Path],
    /// To be written: made anew. They must lie outside of the folder.
    pub outputs: &'a [&'a Path],
    /// For the reader's own files.
    pub folder: &'a Path,
}

/// The reader processes of one registration.
pub(crate) struct Reading {
    readers: Readers,
    /// Without one, readers run in this process, unconfined: tests of handlers do that.
    program: Option<(ReaderProgram, Starter)>,
    spare: Mutex<Option<Waiting>>,
    stop: CancellationToken,
}

/// A process that waits for an assignment on this socket.
struct Waiting {
    process: ChildProcess,
    socket: UnixStream,
}

/// How a reader ended.
enum Ended {
    Answered(Value),
    Error(ReadError),
    Crashed(Crash),
}

impl Reading {
    /// With `stop` the spare process ends.
    pub(crate) fn new(
        readers: Readers,
        program: Option<ReaderProgram>,
        stop: CancellationToken,
    ) -> io::Result<Arc<Self>> {
        let program = match program {
            Some(program) => Some((program, Starter::new()?)),
            None => None,
        };
        let reading = Arc::new(Self { readers, program, spare: Mutex::default(), stop });
        let (stop, weak) = (reading.stop.clone(), Arc::downgrade(&reading));
        tokio::spawn(async move {
            stop.cancelled().await;
            if let Some(reading) = weak.upgrade() {
                reading.spare.lock().await.take();
            }
        });
        Ok(reading)
    }

    /// In this process.
    pub(crate) fn here(readers: Readers) -> Arc<Self> {
        Arc::new(Self { readers, program: None, spare: Mutex::default(), stop: CancellationToken::new() })
    }

    /// `heavy`: with the memory of the queue for it.
    pub(crate) async fn read<R: Reader>(
        self: &Arc<Self>,
        run: &Run,
        heavy: bool,
        task: &R::Task,
        supplies: Supplies<'_>,
    ) -> Result<R::Answer, JobError> {
        let task = serde_json::to_value(task).map_err(JobError::failed)?;
        let ended = match &self.program {
            Some((program, starter)) => {
                let files = open(supplies)?;
                let mut limits = program.limits;
                if heavy {
                    limits.memory = program.heavy_memory;
                }
                let assignment = Assignment {
                    reader: R::NAME.to_owned(),
                    task,
                    inputs: supplies.inputs.iter().map(|path| path.to_path_buf()).collect(),
                    folder: supplies.folder.to_owned(),
                    programs: found(R::PROGRAMS),
                    limits,
                    trace_parent: trace::trace_parent(),
                };
                self.supervise(program, starter, &assignment, &files, run).await?
            }
            None => self.read_here(run, R::NAME, task, supplies).await?,
        };
        match ended {
            Ended::Answered(answer) => serde_json::from_value(answer)
                .map_err(|error| JobError::failed(anyhow::anyhow!("{} answered nonsense: {error}", R::NAME))),
            Ended::Error(ReadError::Machine(why)) => Err(JobError::Transient(anyhow::anyhow!(why))),
            Ended::Error(ReadError::Failed(why)) => Err(JobError::failed(anyhow::anyhow!(why))),
            Ended::Error(ReadError::Cancelled) => Err(JobError::failed(anyhow::anyhow!("cancelled"))),
            Ended::Crashed(crash) => Err(JobError::Crashed { how: crash.how, out_of_memory: crash.out_of_memory }),
        }
    }

    async fn supervise(
        self: &Arc<Self>,
        program: &ReaderProgram,
        starter: &Starter,
        assignment: &Assignment,
        files: &[OwnedFd],
        run: &Run,
    ) -> Result<Ended, JobError> {
        let oom_kills_before = oom_kills();
        let unready = |error: io::Error| JobError::Transient(anyhow::anyhow!("no reader can be started: {error}"));
        let mut line = serde_json::to_vec(assignment).map_err(JobError::failed)?;
        line.push(b'\n');
        let mut waiting = self.hand_over(program, starter, &line, files).await.map_err(unready)?;
        self.refill();
        let tell = |done: u64, total: Option<u64>, note: &str| run.progress(done, total, note);
        let begun = OnceLock::new();
        let child = waiting.process.pid();
        let confined = |confined| {
            tracing::debug!(child, reader = assignment.reader, "runs in a child process");
            tell_confinement(confined);
            let _ = begun.set(());
        };
        let said = listen(&mut waiting.process, program, confined, tell).await;
        let status = match tokio::time::timeout(ENDS_WITHIN, waiting.process.wait()).await {
            Ok(status) if said.is_ok() => status,
            _ => waiting.process.kill().await,
        };
        match (said, status) {
            (Ok(Some(ended)), _) => Ok(ended),
            // It had not read a byte yet: a service manager ends everything it finds, or the machine is in need.
            (Ok(None), Ok(status)) if begun.get().is_none() => {
                let last = waiting.process.last_lines().await.pop_back().unwrap_or_default();
                Err(JobError::Transient(anyhow::anyhow!("the reader ended before it began ({status}): {last}")))
            }
            (Ok(None), Ok(status)) => {
                tokio::time::sleep(SETTLES_WITHIN).await;
                let last = waiting.process.last_lines().await;
                let kills = oom_kills().saturating_sub(oom_kills_before);
                Ok(Ended::Crashed(Crash::of(status, &last, &assignment.limits, kills)))
            }
            (Err(TooMuch), _) => {
                let how = format!("the reader was killed: it said more than {} MiB", LINE_MAX >> 20);
                Ok(Ended::Crashed(Crash { how, out_of_memory: false }))
            }
            (Ok(None), Err(error)) => {
                Err(JobError::Transient(anyhow::anyhow!("nobody knows how the reader ended: {error}")))
            }
        }
    }

    /// Starts a process that reads nothing and says what holds it, and the spare one; `None` where readers run in this
    /// process.
    ///
    /// # Errors
    /// It cannot be started, or does not say so.
    pub(crate) async fn confinement(self: &Arc<Self>) -> io::Result<Option<Confinement>> {
        let Some((program, starter)) = &self.program else { return Ok(None) };
        self.refill();
        let folder = std::env::temp_dir();
        let assignment = Assignment {
            reader: NOTHING.to_owned(),
            task: Value::Null,
            inputs: Vec::new(),
            folder,
            programs: BTreeMap::new(),
            limits: program.limits,
            trace_parent: None,
        };
        let mut line = serde_json::to_vec(&assignment)?;
        line.push(b'\n');
        let mut waiting = start(program, starter).await?;
        send(&waiting.socket, &line, &[])?;
        let found = OnceLock::new();
        let listening = listen(&mut waiting.process, program, |confined| _ = found.set(confined), |_, _, _| {});
        let _ = tokio::time::timeout(ANSWERS_WITHIN, listening).await;
        let found = found.get().copied();
        if let Some(confined) = found {
            tell_confinement(confined);
        }
        found.map(Some).ok_or_else(|| io::Error::other("a reader does not say what holds it"))
    }

    /// Starts the spare process, in the background.
    fn refill(self: &Arc<Self>) {
        let reading = self.clone();
        tokio::spawn(async move {
            let Some((program, starter)) = &reading.program else { return };
            let mut spare = reading.spare.lock().await;
            if reading.stop.is_cancelled() || spare.as_mut().is_some_and(|spare| spare.process.is_running()) {
                return;
            }
            match start(program, starter).await {
                Ok(waiting) => *spare = Some(waiting),
                Err(error) => tracing::warn!(%error, "no reader's process can be started"),
            }
        });
    }

    /// Gives the assignment to the spare process, or to a new one.
    async fn hand_over(
        &self,
        program: &ReaderProgram,
        starter: &Starter,
        line: &[u8],
        files: &[OwnedFd],
    ) -> io::Result<Waiting> {
        if let Some(mut spare) = self.spare.lock().await.take()
            && spare.process.is_running()
            && send(&spare.socket, line, files).is_ok()
        {
            return Ok(spare);
        }
        let fresh = start(program, starter).await?;
        send(&fresh.socket, line, files)?;
        Ok(fresh)
    }

    async fn read_here(&self, run: &Run, name: &str, task: Value, supplies: Supplies<'_>) -> Result<Ended, JobError> {
        let inputs: io::Result<Vec<Input>> = supplies
            .inputs
            .iter()
            .map(|path| Ok(Input { file: File::open(path)?, path: path.to_path_buf() }))
            .collect();
        let outputs: io::Result<Vec<File>> = supplies.outputs.iter().map(output).collect();
        let (inputs, outputs, folder) = (inputs?, outputs?, supplies.folder.to_owned());
        let (readers, name) = (self.readers.clone(), name.to_owned());
        let read = run
            .blocking(move |run| {
                let prepared = readers.prepare(&name, task)?;
                let tell = |done: u64, total: Option<u64>, note: &str| run.progress(done, total, note);
                let cancelled = || run.cancelled().is_cancelled();
                // The names themselves: whoever starts them looks on the path.
                let programs = BTreeMap::new();
                let desk = Desk { inputs, outputs, folder, programs, tell: &tell, cancelled: &cancelled };
                prepared(&desk)
            })
            .await?;
        Ok(read.map_or_else(Ended::Error, Ended::Answered))
    }
}

/// It said more than a reader may.
struct TooMuch;

/// Passes on what a reader says until it answers (`Some`) or ends.
async fn listen(
    process: &mut ChildProcess,
    program: &ReaderProgram,
    confined: impl Fn(Confinement),
    tell: impl Fn(u64, Option<u64>, &str),
) -> Result<Option<Ended>, TooMuch> {
    let Some(output) = process.output() else { return Ok(None) };
    let mut output = BufReader::new(output).take(SAID_MAX);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut bounded = (&mut output).take(LINE_MAX);
        match bounded.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) if output.limit() == 0 => return Err(TooMuch),
            Ok(0) | Err(_) => return Ok(None),
            Ok(_) if line.last() != Some(&b'\n') && (line.len() as u64 >= LINE_MAX || output.limit() == 0) => {
                return Err(TooMuch);
            }
            Ok(_) => {}
        }
        // What is no message is skipped.
        match serde_json::from_slice(&line) {
            Ok(Said::Confined(found)) => confined(found),
            Ok(Said::Progress { done, total, note }) => {
                tell(done, total, &note.chars().filter(|c| !c.is_control()).take(NOTE).collect::<String>());
            }
            Ok(Said::Measured(measured)) => relay::add(&measured, program.known_metric),
            Ok(Said::Spans(spans)) => (program.pass_spans)(hex::decode(spans).unwrap_or_default()),
            Ok(Said::Answer(answer)) => return Ok(Some(Ended::Answered(answer))),
            Ok(Said::Error(error)) => return Ok(Some(Ended::Error(error))),
            Ok(Said::OutOfMemory(how)) => return Ok(Some(Ended::Crashed(Crash { how, out_of_memory: true }))),
            Err(_) => {}
        }
    }
}

fn tell_confinement(confined: Confinement) {
    metrics::gauge!("reader_confined", "layer" => "landlock").set(f64::from(confined.landlock));
    metrics::gauge!("reader_confined", "layer" => "seccomp").set(f64::from(u8::from(confined.system_calls)));
    metrics::gauge!("reader_confined", "layer" => "capabilities").set(f64::from(u8::from(confined.capabilities)));
}

async fn start(program: &ReaderProgram, starter: &Starter) -> io::Result<Waiting> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new(&program.program);
    command.args(&program.args).env_clear();
    let process = starter.start(command, Stdio::from(OwnedFd::from(theirs))).await?;
    Ok(Waiting { process, socket: ours })
}

fn send(socket: &UnixStream, line: &[u8], files: &[OwnedFd]) -> io::Result<()> {
    if line.len() > ASSIGNMENT_MAX || files.len() > FILES_MAX {
        return Err(io::Error::other(format!("an assignment of {} bytes and {} files", line.len(), files.len())));
    }
    let files: Vec<_> = files.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(io::Error::other("too many files"));
    }
    let sent = sendmsg(socket, &[IoSlice::new(line)], &mut control, SendFlags::NOSIGNAL)?;
    if sent < line.len() {
        return Err(io::Error::other("the socket took a part of the assignment"));
    }
    Ok(())
}

/// Inputs, then outputs.
fn open(supplies: Supplies<'_>) -> io::Result<Vec<OwnedFd>> {
    let inputs = supplies.inputs.iter().map(File::open);
    let outputs = supplies.outputs.iter().map(output);
    inputs.chain(outputs).map(|file| file.map(OwnedFd::from)).collect()
}

/// Space that was taken for it stays taken.
fn output(path: &&Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Where programs lie, as far as this machine has them.
fn found(names: &[&str]) -> BTreeMap<String, PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let find = |name: &str| {
        let candidates = std::env::split_paths(&path).map(|folder| folder.join(name));
        candidates.filter_map(|file| file.canonicalize().ok()).find(|file| file.is_file())
    };
    names.iter().filter_map(|name| Some(((*name).to_owned(), find(name)?))).collect()
}
