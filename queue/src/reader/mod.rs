//! Readers: work on bytes from outside, each run in a process that holds nothing worth stealing.
//!
//! A handler fetches what is to be read, calls [`Run::read`](crate::Run::read), and writes the outcome itself, fenced like
//! any other. The reader's process has no environment, no connection, no network, no file but its inputs, its outputs and
//! one folder, and the limits of memory, processor time and file size of a child process; it says how far it is and answers
//! through a pipe. What it answers is as hostile as what it read: the handler checks it as it would check a stranger's.

pub(crate) mod confine;
mod inside;
mod outside;
mod protocol;
#[cfg(target_os = "linux")]
mod system_calls;

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use confine::Confinement;
pub use inside::{confine_this_process, serve, span_pipe};
pub(crate) use outside::Reading;
pub use outside::{ReaderProgram, Supplies};

/// One way to read bytes from outside.
pub trait Reader: 'static {
    /// How the worker and the reader's process call it.
    const NAME: &'static str;
    /// Programs it starts, as they are found on the worker's `PATH`. Only these can be executed; with none, no process can
    /// be started at all.
    const PROGRAMS: &'static [&'static str] = &[];
    /// What is asked. No secrets: whoever takes the process over reads it.
    type Task: Serialize + DeserializeOwned + Send + Sync;
    /// What it needs from this machine, made before the process is confined and before the first byte is read.
    type Tools;
    type Answer: Serialize + DeserializeOwned + Send;

    fn tools(task: &Self::Task) -> Result<Self::Tools, ReadError>;

    fn read(task: Self::Task, tools: Self::Tools, desk: &Desk<'_>) -> Result<Self::Answer, ReadError>;
}

/// Why a reader gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ReadError {
    /// This machine is at fault (a disk, a file that is away): worth another try, and no failure of the job.
    #[error("{0}")]
    Machine(String),
    #[error("{0}")]
    Failed(String),
    #[error("cancelled")]
    Cancelled,
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Machine(error.to_string())
    }
}

/// What a reader has before it.
pub struct Desk<'a> {
    /// Opened for reading, in the order of the call.
    pub inputs: Vec<Input>,
    /// Opened for writing, in the order of the call; empty files.
    pub outputs: Vec<File>,
    /// The one folder where it may make files.
    pub folder: PathBuf,
    programs: BTreeMap<String, PathBuf>,
    tell: &'a (dyn Fn(u64, Option<u64>, &str) + Sync),
    cancelled: &'a (dyn Fn() -> bool + Sync),
}

/// A file to read. Libraries that want a path may open it once more by its own.
pub struct Input {
    pub file: File,
    pub path: PathBuf,
}

impl Desk<'_> {
    /// The input of this place in the call.
    pub fn input(&self, place: usize) -> Result<&Input, ReadError> {
        self.inputs.get(place).ok_or_else(|| ReadError::Failed(format!("there is no input {place}")))
    }

    pub fn output(&self, place: usize) -> Result<&File, ReadError> {
        self.outputs.get(place).ok_or_else(|| ReadError::Failed(format!("there is no output {place}")))
    }

    /// Where a program of [`Reader::PROGRAMS`] is; `None` when this machine does not have it.
    pub fn program(&self, name: &str) -> Option<&Path> {
        self.programs.get(name).map(PathBuf::as_path)
    }

    /// Says how far the work is; call it as often as you like.
    pub fn progress(&self, done: u64, total: Option<u64>, note: &str) {
        (self.tell)(done, total, note);
    }

    /// True when nobody wants the answer any more. In a process of its own it is simply killed.
    pub fn is_cancelled(&self) -> bool {
        (self.cancelled)()
    }
}

/// Reads nothing: what a worker asks for at its start, to know what holds its readers.
const NOTHING: &str = "nothing";

/// A reader with its types erased: the task as JSON, and what it needs from this machine already at hand.
type Prepared = Box<dyn FnOnce(&Desk<'_>) -> Result<Value, ReadError>>;
type Prepare = fn(Value) -> Result<Prepared, ReadError>;

/// The readers of a program, by name.
#[derive(Clone, Default)]
pub struct Readers(Arc<HashMap<&'static str, Prepare>>);

impl Readers {
    /// Adds a reader.
    #[must_use]
    pub fn with<R: Reader>(mut self) -> Self {
        Arc::make_mut(&mut self.0).insert(R::NAME, prepare::<R>);
        self
    }

    pub(crate) fn prepare(&self, name: &str, task: Value) -> Result<Prepared, ReadError> {
        if name == NOTHING {
            return Ok(Box::new(|_| Ok(Value::Null)));
        }
        match self.0.get(name) {
            Some(prepare) => prepare(task),
            None => Err(ReadError::Machine(format!("this build has no reader {name:?}"))),
        }
    }
}

fn prepare<R: Reader>(task: Value) -> Result<Prepared, ReadError> {
    let unfit = |error: serde_json::Error| ReadError::Failed(format!("{}: {error}", R::NAME));
    let task: R::Task = serde_json::from_value(task).map_err(unfit)?;
    let tools = R::tools(&task)?;
    Ok(Box::new(move |desk| serde_json::to_value(R::read(task, tools, desk)?).map_err(unfit)))
}
