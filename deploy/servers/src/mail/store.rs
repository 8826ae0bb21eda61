//! The mails taken, in memory and as files that any mail program opens.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use mail_parser::{Address, MessageParser};
use serde::Serialize;
use tokio::sync::watch;

/// One mail as it was taken, with its readable parts decoded.
#[derive(Debug, Clone, Serialize)]
pub struct Mail {
    /// 1, 2, 3 … in the order of arrival.
    pub number: usize,
    pub received_at: DateTime<Utc>,
    pub envelope_from: String,
    pub envelope_to: Vec<String>,
    /// Bare address of the `From` header.
    pub from: String,
    /// Bare addresses of the `To` header.
    pub to: Vec<String>,
    pub subject: String,
    /// Without the angle brackets.
    pub message_id: String,
    pub text: Option<String>,
    pub html: Option<String>,
    #[serde(skip)]
    pub raw: Vec<u8>,
}

impl Mail {
    /// The value of a header, unfolded and decoded; the first one when there are several.
    pub fn header(&self, name: &str) -> Option<String> {
        let message = MessageParser::default().parse(&self.raw)?;
        let value = message.header(name.to_owned())?;
        let text = value.as_text().map(str::to_owned);
        text.or_else(|| message.header_raw(name.to_owned()).map(|raw| raw.trim().to_owned()))
    }

    /// The web addresses in the text part, in order.
    pub fn links(&self) -> Vec<String> {
        let words = self.text.as_deref().unwrap_or_default().split(|c: char| c.is_whitespace() || "<>\"".contains(c));
        words.filter(|word| word.starts_with("http://") || word.starts_with("https://")).map(str::to_owned).collect()
    }
}

pub struct Store {
    dir: PathBuf,
    mails: Mutex<Vec<Mail>>,
    arrivals: watch::Sender<usize>,
}

impl Store {
    /// Reads the mails of earlier runs.
    pub fn open(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
        paths.sort();
        let mut mails = Vec::new();
        for path in paths {
            let received_at = path.metadata()?.modified()?.into();
            let (from, to, raw) = split_envelope(&std::fs::read(&path)?);
            mails.push(parse(mails.len() + 1, received_at, from, to, raw));
        }
        let arrivals = watch::Sender::new(mails.len());
        Ok(Self { dir: dir.to_owned(), mails: Mutex::new(mails), arrivals })
    }

    pub fn add(&self, envelope_from: String, envelope_to: Vec<String>, raw: Vec<u8>) -> Result<usize> {
        let mut mails = self.lock();
        let number = mails.len() + 1;
        let mut file = join_envelope(&envelope_from, &envelope_to);
        file.extend_from_slice(&raw);
        std::fs::write(self.dir.join(format!("{number:06}.eml")), file)?;
        mails.push(parse(number, Utc::now(), envelope_from, envelope_to, raw));
        drop(mails);
        self.arrivals.send_replace(number);
        Ok(number)
    }

    pub fn all(&self) -> Vec<Mail> {
        self.lock().clone()
    }

    pub fn get(&self, number: usize) -> Option<Mail> {
        self.lock().get(number.checked_sub(1)?).cloned()
    }

    pub fn find(&self, wanted: impl Fn(&Mail) -> bool) -> Option<Mail> {
        self.lock().iter().find(|mail| wanted(mail)).cloned()
    }

    /// Changes with every mail taken.
    pub fn arrivals(&self) -> watch::Receiver<usize> {
        self.arrivals.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Mail>> {
        self.mails.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The two trace headers a delivering server writes (RFC 5321, section 4.4) keep the envelope in the file.
fn join_envelope(from: &str, to: &[String]) -> Vec<u8> {
    format!("Return-Path: <{from}>\r\nDelivered-To: {}\r\n", to.join(", ")).into_bytes()
}

fn split_envelope(file: &[u8]) -> (String, Vec<String>, Vec<u8>) {
    let mut rest = file;
    let mut line = |prefix: &[u8]| {
        let end = rest.iter().position(|byte| *byte == b'\n')? + 1;
        let value = String::from_utf8_lossy(rest[..end].strip_prefix(prefix)?).trim().to_owned();
        rest = &rest[end..];
        Some(value)
    };
    let from = line(b"Return-Path:").unwrap_or_default();
    let to = line(b"Delivered-To:").unwrap_or_default();
    let to = to.split(", ").filter(|address| !address.is_empty()).map(str::to_owned).collect();
    (from.trim_matches(['<', '>']).to_owned(), to, rest.to_vec())
}

fn parse(
    number: usize,
    received_at: DateTime<Utc>,
    envelope_from: String,
    envelope_to: Vec<String>,
    raw: Vec<u8>,
) -> Mail {
    let message = MessageParser::default().parse(&raw).unwrap_or_default();
    let from = addresses(message.from()).into_iter().next().unwrap_or_default();
    let to = addresses(message.to());
    let subject = message.subject().unwrap_or_default().to_owned();
    let message_id = message.message_id().unwrap_or_default().to_owned();
    // `body_text` and `body_html` would convert the one into the other.
    let text = message.text_bodies().find(|part| part.is_text() && !part.is_text_html());
    let text = text.and_then(|part| part.text_contents()).map(str::to_owned);
    let html = message.html_bodies().find(|part| part.is_text_html());
    let html = html.and_then(|part| part.text_contents()).map(str::to_owned);
    Mail { number, received_at, envelope_from, envelope_to, from, to, subject, message_id, text, html, raw }
}

fn addresses(address: Option<&Address<'_>>) -> Vec<String> {
    let all = address.into_iter().flat_map(|address| address.iter());
    all.filter_map(|address| address.address()).map(str::to_owned).collect()
}
