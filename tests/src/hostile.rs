//! What the tests and the program that attacks from a reader's place have in common.

use std::path::PathBuf;

use queue::reader::{Desk, ReadError, Reader};
use serde::{Deserialize, Serialize};

/// Never read in the test's process: `hostile-reader` has a reader of the same name.
pub struct Attack;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AttackTask {
    pub name: String,
    /// Of a service that answers.
    pub address: String,
    /// A socket that answers.
    pub socket: PathBuf,
    /// A file of another job.
    pub secret: PathBuf,
    /// Another job.
    pub other: String,
}

impl Reader for Attack {
    const NAME: &'static str = "attack";
    type Task = AttackTask;
    type Tools = ();
    type Answer = Vec<(String, String)>;

    fn tools(_: &AttackTask) -> Result<(), ReadError> {
        Ok(())
    }

    fn read(_: AttackTask, (): (), _: &Desk<'_>) -> Result<Self::Answer, ReadError> {
        Err(ReadError::Failed("attacks need a process of their own".into()))
    }
}
