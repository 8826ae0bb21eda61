//! Real uploads through the API, and what the API has promised about them.

pub mod archive;
pub mod browser;
pub mod steering;

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, Result};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::town::Town;
use archive::{Expectation, Parcel};
use browser::{Browser, Receipt, Tally};
use steering::Steering;

/// Of every account.
const PASSWORD: &str = "nano-chaos-4711";

const OPERATOR: &str = "operator@nano.example";

/// Creators, each a tenant of the queue.
const CREATORS: usize = 4;
/// Uploads under way at a time.
const UPLOADS_AT_A_TIME: usize = 4;

/// An upload whose finish was answered with 202.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Accepted {
    pub number: usize,
    pub title: String,
    pub word: String,
    pub creator: String,
    pub nano: Uuid,
    pub upload: Uuid,
    pub job: Uuid,
    pub sha256: String,
    pub size: usize,
    pub expect: Expectation,
}

impl Accepted {
    fn new(number: usize, creator: &str, parcel: Parcel, receipt: Receipt) -> Self {
        Self {
            number,
            creator: creator.to_owned(),
            nano: receipt.nano,
            upload: receipt.upload,
            job: receipt.job,
            size: parcel.file.len(),
            title: parcel.title,
            word: parcel.word,
            sha256: parcel.sha256,
            expect: parcel.expect,
        }
    }
}

pub struct Load {
    api_url: String,
    seed: u64,
    creators: Vec<String>,
    accepted: Mutex<Vec<Accepted>>,
    /// One line of JSON for each accepted upload, for those who look into a failure.
    record: PathBuf,
    pub tally: Tally,
}

impl Load {
    /// Makes the accounts.
    pub async fn prepare(town: &Town, seed: u64, record: &Path) -> Result<Self> {
        let creators: Vec<String> = (1..=CREATORS).map(|number| format!("creator-{number}@nano.example")).collect();
        let roles = creators.iter().map(|email| (email.as_str(), "creator")).chain([(OPERATOR, "operator")]);
        for (email, role) in roles {
            let username = email.split('@').next().unwrap_or_default();
            let args = ["admin", "create", "--email", email, "--username", username];
            let rest = ["--role", role, "--language", "en", "--password-stdin"];
            town.worker_command(&[&args[..], &rest].concat(), Some(&format!("{PASSWORD}\n"))).await?;
        }
        let (api_url, record) = (town.api_url.clone(), record.to_owned());
        Ok(Self { api_url, seed, creators, accepted: Mutex::default(), record, tally: Tally::default() })
    }

    /// An operator, signed in.
    pub async fn operator(&self) -> Result<Steering<'_>> {
        Ok(Steering::new(Browser::open(&self.api_url, OPERATOR, PASSWORD, &self.tally).await?))
    }

    /// Uploads until `gate`, asked with the number of each upload, says that it was enough.
    pub async fn run(&self, gate: impl AsyncFn(usize) -> bool) -> Result<()> {
        let open = self.creators.iter().map(|email| Browser::open(&self.api_url, email, PASSWORD, &self.tally));
        let browsers = try_join_all(open).await?;
        let next = AtomicUsize::new(0);
        let uploader = async || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if !gate(number).await {
                    return anyhow::Ok(());
                }
                let browser = &browsers[number % browsers.len()];
                let parcel = Parcel::make(self.seed, number)?;
                let receipt = browser.submit(&parcel).await?;
                self.keep(Accepted::new(number, &browser.email, parcel, receipt))?;
            }
        };
        try_join_all((0..UPLOADS_AT_A_TIME).map(|_| uploader())).await?;
        Ok(())
    }

    fn keep(&self, accepted: Accepted) -> Result<()> {
        let mut all = self.accepted.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&self.record)?;
        writeln!(file, "{}", serde_json::to_string(&accepted)?).context("cannot write the list of uploads")?;
        all.push(accepted);
        Ok(())
    }

    /// What was accepted so far.
    pub fn accepted(&self) -> Vec<Accepted> {
        self.accepted.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    pub fn count(&self) -> usize {
        self.accepted.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).len()
    }
}
