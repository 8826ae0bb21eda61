//! Outgoing mail over SMTP (RFC 5321), one step at a time.
//!
//! lettre builds the messages and speaks the protocol. Its pooled transport is not used, because its errors do not
//! say whether the server may have accepted the message; here the boundary is exact: a mail's fate is unknown only
//! from the moment the end-of-data mark is written until its answer is read. [`Mailer::begin`] goes as far as the server's
//! invitation to send the message; whoever must know of mails of unknown fate writes that down before
//! [`Handover::deliver`].

mod connection;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lettre::{
    Address, Message,
    address::Envelope,
    message::{Mailbox, MultiPart, header},
};
use secrecy::ExposeSecret;
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use url::Url;

use crate::env::{MailSettings, SmtpTls};
use connection::{Connection, Server};

/// Connections at once: mail servers count them, and mails are rarely urgent within a second.
const MAX_CONNECTIONS: usize = 4;
/// And for one of them nobody waits longer than this: servers that do not answer would hold up a whole queue.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a mail was not sent, by what may be done next.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The server certainly does not have it: send again later. `what` names the step and the server's words, `brief`
    /// the step and the status only: the words may quote the recipient's address.
    #[error("not sent, {what}")]
    NotSent { what: String, brief: String },
    /// The server asks for later (4xx to the sender, the recipient or the message): a full mailbox, greylisting, a server
    /// behind it that is away. Trying again within seconds does not help.
    #[error("deferred, {what}")]
    Deferred { what: String, brief: String },
    /// The server refused this mail for good (5xx), or no such mail can be written. Sending again will not help.
    #[error("rejected, {what}")]
    Rejected { what: String },
    /// The connection was lost between the end of the data and its answer: it may or may not arrive. Never send
    /// again without asking a person.
    #[error("sent with unknown outcome, {what}")]
    Unknown { what: String },
}

impl MailError {
    /// Without what the server said about the mail, for errors and logs that others read.
    #[must_use]
    pub fn without_quotes(self) -> Self {
        match self {
            Self::NotSent { brief, .. } => Self::NotSent { what: brief.clone(), brief },
            Self::Deferred { brief, .. } => Self::Deferred { what: brief.clone(), brief },
            other => other,
        }
    }
}

/// One mail to one person, in both forms.
#[derive(Debug, Clone)]
pub struct Mail {
    /// An address or `Name <address>`.
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// Without angle brackets. The same for every attempt, so that a repeat can be recognised: `{key}@{domain}`.
    pub message_id: String,
    /// Repeated in the header `Idempotency-Key`, where support can find it.
    pub idempotency: String,
    /// Where a POST without anything else ends mails of this kind (RFC 8058); for mails that nobody has to get.
    pub unsubscribe: Option<String>,
}

/// Sends mail; cheap to clone. Holds at most 4 connections and keeps idle ones for a few seconds.
#[derive(Clone)]
pub struct Mailer(Arc<Inner>);

struct Inner {
    server: Server,
    from: Mailbox,
    public_url: Url,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<(Connection, Instant)>>,
}

impl Mailer {
    /// Reads the CA file and prepares TLS; connects when first used.
    ///
    /// # Errors
    /// `NotSent` with what is wrong with the CA file or the host name.
    pub fn connect(settings: &MailSettings) -> Result<Self, MailError> {
        if settings.tls == SmtpTls::Never && settings.login.is_some() {
            tracing::warn!("SMTP_URL has a password and tls=none: it will cross the network in clear text");
        }
        let login = settings.login.as_ref().map(|(user, password)| (user.clone(), password.expose_secret().to_owned()));
        let server = Server::new(&settings.host, settings.port, settings.tls, login, settings.ca_file.as_deref())?;
        Ok(Self(Arc::new(Inner {
            server,
            from: Mailbox::new(settings.from.name.clone(), ascii_domain(&settings.from.email)?),
            public_url: settings.public_url.clone(),
            permits: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            idle: Mutex::default(),
        })))
    }

    /// What links in mails begin with.
    pub fn public_url(&self) -> &Url {
        &self.0.public_url
    }

    /// The domain of the sender's address, for message ids.
    pub fn domain(&self) -> &str {
        self.0.from.email.domain()
    }

    /// Goes as far as the server's invitation to send the message: connection, sender, recipient. Whatever fails here, the
    /// server does not have the mail. Does not try again by itself, except on a fresh connection when an idle one turns
    /// out to be closed.
    pub async fn begin(&self, mail: &Mail) -> Result<Handover, MailError> {
        let (envelope, message) = self.compose(mail)?;
        let permit = timeout(PERMIT_TIMEOUT, self.0.permits.clone().acquire_owned())
            .await
            .map_err(|_| not_sent("waiting", "all connections to the mail server are in use"))?
            // The semaphore is never closed.
            .map_err(|_| not_sent("waiting", "shutting down"))?;
        let started = Instant::now();
        match self.begin_on_a_connection(&envelope, &message).await {
            Ok(connection) => Ok(Handover { mailer: self.clone(), connection, message, started, _permit: permit }),
            Err(error) => {
                measure(started, Some(&error));
                Err(error)
            }
        }
    }

    async fn begin_on_a_connection(&self, envelope: &Envelope, message: &[u8]) -> Result<Connection, MailError> {
        let mut connection = self.checkout().await?;
        connection.begin(envelope, message).await?;
        Ok(connection)
    }

    /// Connects, encrypts and logs in, without sending anything; for `/ready` of a mail worker.
    pub async fn ping(&self) -> Result<(), MailError> {
        let connection = self.checkout().await?;
        self.put_back(connection).await;
        Ok(())
    }

    async fn checkout(&self) -> Result<Connection, MailError> {
        loop {
            let idle = self.0.idle.lock().await.pop();
            match idle {
                Some((mut connection, since)) => {
                    if since.elapsed() < connection::MAX_IDLE && connection.is_alive().await {
                        return Ok(connection);
                    }
                }
                None => return Connection::open(&self.0.server).await,
            }
        }
    }

    async fn put_back(&self, connection: Connection) {
        let mut idle = self.0.idle.lock().await;
        idle.retain(|(_, since)| since.elapsed() < connection::MAX_IDLE);
        idle.push((connection, Instant::now()));
    }

    fn compose(&self, mail: &Mail) -> Result<(Envelope, Vec<u8>), MailError> {
        let to: Mailbox = mail.to.parse().map_err(|error| rejected("the recipient", error))?;
        let to = Mailbox::new(to.name, ascii_domain(&to.email)?);
        let mut message = Message::builder()
            .from(self.0.from.clone())
            .to(to)
            .subject(one_line(&mail.subject))
            .message_id(Some(format!("<{}>", one_line(&mail.message_id))))
            .raw_header(header::HeaderValue::new(
                header::HeaderName::new_from_ascii_str("Idempotency-Key"),
                one_line(&mail.idempotency),
            ))
            // RFC 3834: no holiday answers to a machine.
            .raw_header(header::HeaderValue::new(
                header::HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        if let Some(link) = &mail.unsubscribe {
            let header = |name, value: &str| {
                // A line of its own, whole: readers of it do not expect an address that is folded.
                let name = header::HeaderName::new_from_ascii_str(name);
                header::HeaderValue::dangerous_new_pre_encoded(name, value.to_owned(), value.to_owned())
            };
            let link = Url::parse(link).map_err(|error| rejected("the link to unsubscribe", error))?;
            message = message
                .raw_header(header("List-Unsubscribe", &format!("<{link}>")))
                .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
        }
        let message = message
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|error| rejected("writing the mail", error))?;
        Ok((message.envelope().clone(), message.formatted()))
    }
}

/// A mail whose server waits for the message. Dropped, the connection is closed and the server has nothing.
pub struct Handover {
    mailer: Mailer,
    connection: Connection,
    message: Vec<u8>,
    started: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Handover {
    /// Sends the message and waits for the server's word, at most 90 s.
    pub async fn deliver(mut self) -> Result<(), MailError> {
        let outcome = self.connection.deliver(&self.message).await;
        measure(self.started, outcome.as_ref().err());
        if self.connection.is_usable() {
            self.mailer.put_back(self.connection).await;
        }
        outcome
    }
}

fn measure(started: Instant, error: Option<&MailError>) {
    let word = match error {
        None => "sent",
        Some(MailError::NotSent { .. }) => "not_sent",
        Some(MailError::Deferred { .. }) => "deferred",
        Some(MailError::Rejected { .. }) => "rejected",
        Some(MailError::Unknown { .. }) => "unknown",
    };
    metrics::histogram!("mail_send_seconds", "outcome" => word).record(started.elapsed());
}

/// The same address with its domain as DNS and every mail server know it (RFC 5891): `münchen.example` becomes
/// `xn--mnchen-3ya.example`. Only a local part beyond ASCII needs a server with SMTPUTF8.
fn ascii_domain(address: &Address) -> Result<Address, MailError> {
    if address.domain().is_ascii() {
        return Ok(address.clone());
    }
    let domain = idna::domain_to_ascii(address.domain()).map_err(|error| rejected("the domain", error))?;
    Address::new(address.user(), domain).map_err(|error| rejected("the domain", error))
}

/// Headers are lines: nothing from a title or a name may begin another one.
fn one_line(text: &str) -> String {
    text.split(['\r', '\n']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn not_sent(step: &str, why: impl std::fmt::Display) -> MailError {
    let what = format!("{step}: {why}");
    MailError::NotSent { brief: what.clone(), what }
}

fn rejected(step: &str, why: impl std::fmt::Display) -> MailError {
    MailError::Rejected { what: format!("{step}: {why}") }
}

fn unknown(step: &str, why: impl std::fmt::Display) -> MailError {
    MailError::Unknown { what: format!("{step}: {why}") }
}

#[cfg(test)]
mod tests;
