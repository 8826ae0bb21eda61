//! The scan rules, compiled when they are first needed: only one kind of job wants them, and each of its runs has a
//! process of its own.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use crate::scan::{RulesError, Scanner};

/// A [`Scanner`] to be.
#[derive(Debug, Default)]
pub struct LazyScanner {
    rules_dir: Option<PathBuf>,
    made: Mutex<Option<Arc<Scanner>>>,
}

impl LazyScanner {
    /// Our own rules and those in `rules_dir`.
    pub fn new(rules_dir: Option<PathBuf>) -> Self {
        Self { rules_dir, made: Mutex::default() }
    }

    /// The scanner; the first call compiles the rules, some milliseconds.
    pub fn get(&self) -> Result<Arc<Scanner>, RulesError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(scanner) = &*made {
            return Ok(scanner.clone());
        }
        let scanner = Arc::new(Scanner::new(self.rules_dir.as_deref())?);
        *made = Some(scanner.clone());
        Ok(scanner)
    }
}
