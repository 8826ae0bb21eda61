//! A mail catcher: speaks SMTP with STARTTLS and login, keeps every mail, shows them on a page.
//!
//! It is our own because no library or program found does what the tests ask of it with less code. `mailin-embedded` runs
//! on blocking threads and its listener never stops, so it cannot go away and come back on its port; `mailin` alone, the
//! state machine below it, knows neither SIZE nor SMTPUTF8 and leaves connections, encryption and waiting to us;
//! `smtp-proto` only parses commands; `samotop` stands on async-std and `smtpd` on trust-dns, which have been given up, and
//! `smtp-server` 0.1.0 on a second runtime, smol. Mailpit would make Go a need of `make run`, and it cannot take a mail and
//! withhold the answer, which is how the tests make a mail of unknown fate.

mod page;
mod smtp;
mod store;
mod tls;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::net::TcpServer;
use store::Store;

pub use store::Mail;

pub const USER: &str = "nano";
pub const PASSWORD: &str = "nano-mail";

/// Misbehaviour a test asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Faults {
    refuse: bool,
    stall_after_data: bool,
    stall_at: Option<Step>,
    put_off: bool,
    ascii_only: bool,
}

/// A step of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The server's first word.
    Greeting,
    Mail,
    Recipient,
    /// The command, not the message.
    Data,
}

pub struct MailCatcher {
    store: Arc<Store>,
    faults: watch::Sender<Faults>,
    tls: TlsAcceptor,
    ca_file: PathBuf,
    smtp_port: u16,
    smtp: Option<TcpServer>,
    page: TcpServer,
}

impl MailCatcher {
    /// Keeps mails and certificates under `dir` and shows the mails of earlier runs again; port 0 takes a free one.
    pub async fn start(dir: &Path, smtp_port: u16, page_port: u16) -> Result<Self> {
        let certificate = tls::load_or_make(dir)?;
        let store = Arc::new(Store::open(&dir.join("mails"))?);
        let page = page::serve(page_port, store.clone()).await.context("the mail page cannot listen")?;
        let mut catcher = Self {
            store,
            faults: watch::Sender::new(Faults::default()),
            tls: certificate.acceptor,
            ca_file: certificate.ca_file,
            smtp_port,
            smtp: None,
            page,
        };
        catcher.resume().await?;
        Ok(catcher)
    }

    /// Starts a stopped SMTP server again, on the same port and with the same certificate.
    pub async fn resume(&mut self) -> Result<()> {
        if self.smtp.is_some() {
            return Ok(());
        }
        let (store, faults, tls) = (self.store.clone(), self.faults.subscribe(), self.tls.clone());
        let server = TcpServer::start(self.smtp_port, move |stream| {
            let session = smtp::Session::new(store.clone(), faults.clone(), tls.clone());
            async move {
                if let Err(error) = session.run(stream).await {
                    tracing::debug!(%error, "an SMTP session ended early");
                }
            }
        })
        .await
        .context("the SMTP server cannot listen")?;
        self.smtp_port = server.port();
        self.smtp = Some(server);
        Ok(())
    }

    /// Closes the SMTP listener and every SMTP connection; the page stays.
    pub async fn stop(&mut self) {
        if let Some(server) = self.smtp.take() {
            server.stop().await;
        }
    }

    /// While set, new connections and new mails are answered with 421.
    pub fn refuse(&self, on: bool) {
        self.faults.send_modify(|faults| faults.refuse = on);
    }

    /// While set, a mail is taken after DATA but the answer is withheld: its sender cannot know its fate.
    pub fn stall_after_data(&self, on: bool) {
        self.faults.send_modify(|faults| faults.stall_after_data = on);
    }

    /// While set, the server falls silent at this step.
    pub fn stall_at(&self, step: Option<Step>) {
        self.faults.send_modify(|faults| faults.stall_at = step);
    }

    /// While set, recipients are answered with 451: later.
    pub fn put_off(&self, on: bool) {
        self.faults.send_modify(|faults| faults.put_off = on);
    }

    /// While set, the server knows no SMTPUTF8.
    pub fn ascii_only(&self, on: bool) {
        self.faults.send_modify(|faults| faults.ascii_only = on);
    }

    /// Takes a mail once more, as from a sender that repeats itself; false when there is none of this number.
    pub fn repeat(&self, number: usize) -> Result<bool> {
        let Some(mail) = self.store.get(number) else { return Ok(false) };
        self.store.add(mail.envelope_from, mail.envelope_to, mail.raw)?;
        Ok(true)
    }

    /// All mails taken, oldest first.
    pub fn messages(&self) -> Vec<Mail> {
        self.store.all()
    }

    /// The first mail, taken before or from now on, for which `wanted` holds.
    pub async fn wait_for(&self, wanted: impl Fn(&Mail) -> bool, limit: Duration) -> Result<Mail> {
        let mut arrivals = self.store.arrivals();
        let search = async {
            loop {
                arrivals.mark_unchanged();
                if let Some(mail) = self.store.find(&wanted) {
                    return Ok(mail);
                }
                arrivals.changed().await.context("the mail store is gone")?;
            }
        };
        tokio::time::timeout(limit, search).await.unwrap_or_else(|_| {
            let subjects: Vec<String> =
                self.messages().iter().map(|mail| format!("{:?} to {:?}", mail.subject, mail.to)).collect();
            anyhow::bail!("no such mail within {} s; received: [{}]", limit.as_secs(), subjects.join(", "))
        })
    }

    pub fn smtp_port(&self) -> u16 {
        self.smtp_port
    }

    /// With login, and with STARTTLS required.
    pub fn smtp_url(&self) -> String {
        format!("smtp://{USER}:{PASSWORD}@localhost:{}?tls=required", self.smtp_port)
    }

    /// The certificate authority that signed the server's certificate, as PEM (`SMTP_CA_FILE`).
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    pub fn page_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.page.port())
    }
}
