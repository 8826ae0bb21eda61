//! Outgoing mail over SMTP (RFC 5321), one step at a time.
//!
//! lettre builds the messages and speaks the protocol. Its pooled transport is not used, because its errors do not
//! say whether the server may have accepted the message; here the boundary is exact: a mail's fate is unknown only
//! from the moment the end-of-data mark is written until its answer is read.

mod connection;

use std::{sync::Arc, time::Instant};

use lettre::{
    Message,
    address::Envelope,
    message::{Mailbox, MultiPart, header},
};
use secrecy::ExposeSecret;
use tokio::sync::{Mutex, Semaphore};
use url::Url;

use crate::env::{MailSettings, SmtpTls};
use connection::{Connection, Server};

/// Connections at once: mail servers count them, and mails are rarely urgent within a second.
const MAX_CONNECTIONS: usize = 4;

/// Why a mail was not sent, by what may be done next.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The server certainly does not have it: send again later. `what` names the step and the server's words, `brief`
    /// the step and the status only: the words may quote the recipient's address.
    #[error("not sent, {what}")]
    NotSent { what: String, brief: String },
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
}

/// Sends mail; cheap to clone. Holds at most 4 connections and keeps idle ones for a few seconds.
#[derive(Clone)]
pub struct Mailer(Arc<Inner>);

struct Inner {
    server: Server,
    from: Mailbox,
    public_url: Url,
    permits: Semaphore,
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
            from: settings.from.clone(),
            public_url: settings.public_url.clone(),
            permits: Semaphore::new(MAX_CONNECTIONS),
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

    /// Sends one mail and waits for the server's word, at most about two minutes. Does not try again by itself,
    /// except on a fresh connection when an idle one turns out to be closed.
    pub async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let (envelope, bytes) = self.compose(mail)?;
        // The semaphore is never closed.
        let _permit = self.0.permits.acquire().await.map_err(|_| not_sent("waiting", "shutting down"))?;
        let start = Instant::now();
        let outcome = self.transfer(&envelope, &bytes).await;
        let word = match &outcome {
            Ok(()) => "sent",
            Err(MailError::NotSent { .. }) => "not_sent",
            Err(MailError::Rejected { .. }) => "rejected",
            Err(MailError::Unknown { .. }) => "unknown",
        };
        metrics::histogram!("mail_send_seconds", "outcome" => word).record(start.elapsed());
        outcome
    }

    /// Connects, encrypts and logs in, without sending anything; for `/ready` of a mail worker.
    pub async fn ping(&self) -> Result<(), MailError> {
        let connection = self.checkout().await?;
        self.put_back(connection).await;
        Ok(())
    }

    async fn transfer(&self, envelope: &Envelope, bytes: &[u8]) -> Result<(), MailError> {
        let mut connection = self.checkout().await?;
        let outcome = connection.send(envelope, bytes).await;
        if connection.is_usable() {
            self.put_back(connection).await;
        }
        outcome
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
        let message = Message::builder()
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
            ))
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|error| rejected("writing the mail", error))?;
        Ok((message.envelope().clone(), message.formatted()))
    }
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
mod tests {
    use tokio::{
        io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
        net::TcpListener,
    };

    use super::*;

    /// Where the server of a test hangs up, or what it refuses.
    #[derive(Clone, Copy, PartialEq)]
    enum Plot {
        Accept,
        Answer { to: &'static str, with: &'static str },
        HangUpAfter(&'static str),
        HangUpAfterTheEnd,
        HangUpInsideTheData,
    }

    /// A mail server that serves connections for as long as the test runs, with the same plot each time. Answers
    /// with what it was sent as data.
    async fn server(plot: Plot) -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let (sender, received) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, plot, sender.clone()));
            }
        });
        (port, received)
    }

    async fn serve(
        stream: tokio::net::TcpStream,
        plot: Plot,
        sender: tokio::sync::mpsc::UnboundedSender<String>,
    ) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 unit test\r\n").await?;
        let mut line = String::new();
        while stream.read_line(&mut line).await? > 0 {
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            line.clear();
            match plot {
                Plot::HangUpAfter(at) if at == verb => return Ok(()),
                Plot::Answer { to, with } if to == verb => {
                    stream.write_all(with.as_bytes()).await?;
                    continue;
                }
                _ => {}
            }
            match verb.as_str() {
                "EHLO" => stream.write_all(b"250-unit\r\n250 8BITMIME\r\n").await?,
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    let mut data = String::new();
                    while !data.ends_with("\r\n.\r\n") {
                        if stream.read_line(&mut data).await? == 0 || plot == Plot::HangUpInsideTheData {
                            return Ok(());
                        }
                    }
                    let _ = sender.send(data);
                    match plot {
                        Plot::HangUpAfterTheEnd => return Ok(()),
                        Plot::Answer { to: ".", with } => stream.write_all(with.as_bytes()).await?,
                        _ => stream.write_all(b"250 taken\r\n").await?,
                    }
                }
                "QUIT" => return stream.write_all(b"221 bye\r\n").await,
                _ => stream.write_all(b"250 fine\r\n").await?,
            }
        }
        Ok(())
    }

    fn mailer(port: u16, login: Option<(String, secrecy::SecretString)>, tls: SmtpTls) -> Mailer {
        Mailer::connect(&MailSettings {
            host: "127.0.0.1".to_owned(),
            port,
            tls,
            login,
            ca_file: None,
            from: "Nano <no-reply@nano.example>".parse().expect("a mailbox"),
            public_url: Url::parse("https://nano.example").expect("a URL"),
        })
        .expect("usable settings")
    }

    fn mail() -> Mail {
        Mail {
            to: "Jörg <joerg@example.org>".to_owned(),
            subject: "Überraschung\r\nBcc: everyone@example.org".to_owned(),
            text: "Grüße\n.\nEnde".to_owned(),
            html: "<p>Grüße</p>".to_owned(),
            message_id: "job-1@nano.example".to_owned(),
            idempotency: "publish:1".to_owned(),
        }
    }

    async fn outcome(plot: Plot) -> Result<(), MailError> {
        let (port, _received) = server(plot).await;
        mailer(port, None, SmtpTls::Never).send(&mail()).await
    }

    #[tokio::test]
    async fn a_mail_arrives_whole_in_both_forms() {
        let (port, mut received) = server(Plot::Accept).await;
        let mailer = mailer(port, None, SmtpTls::Never);
        mailer.send(&mail()).await.expect("sent");
        let data = received.recv().await.expect("the data");
        for part in [
            "Message-ID: <job-1@nano.example>",
            "Idempotency-Key: publish:1",
            "Auto-Submitted: auto-generated",
            "multipart/alternative",
            "text/plain",
            "text/html",
            "To: =?utf-8?",
        ] {
            assert!(data.contains(part), "{part} is missing in {data}");
        }
        assert!(!data.contains("\r\nBcc:"), "a header was smuggled in: {data}");
        // The second goes over the kept connection.
        mailer.send(&mail()).await.expect("sent");
        assert!(received.recv().await.is_some());
        assert_eq!(mailer.0.idle.lock().await.len(), 1);
    }

    #[tokio::test]
    async fn losses_before_the_end_of_data_are_safe_to_repeat() {
        for plot in
            [Plot::HangUpAfter("EHLO"), Plot::HangUpAfter("MAIL"), Plot::HangUpAfter("RCPT"), Plot::HangUpAfter("DATA")]
        {
            assert!(matches!(outcome(plot).await, Err(MailError::NotSent { .. })));
        }
        let busy = Plot::Answer { to: "RCPT", with: "451 <ada@example.org> later\r\n" };
        let error = outcome(busy).await.expect_err("refused for now");
        assert!(matches!(error, MailError::NotSent { .. }));
        assert!(error.to_string().contains("ada@example.org"), "{error}");
        let shown = error.without_quotes().to_string();
        assert!(shown.contains("RCPT") && shown.contains("451") && !shown.contains("ada"), "{shown}");
        let full = Plot::Answer { to: ".", with: "452 no space\r\n" };
        assert!(matches!(outcome(full).await, Err(MailError::NotSent { .. })));
    }

    #[tokio::test]
    async fn a_loss_inside_the_data_is_safe_to_repeat() {
        let (port, _received) = server(Plot::HangUpInsideTheData).await;
        let mailer = mailer(port, None, SmtpTls::Never);
        let (envelope, _) = mailer.compose(&mail()).expect("a mail");
        // More than the sockets buffer, so that the loss is met while writing.
        let long = b"0123456789\r\n".repeat(1_000_000);
        let outcome = mailer.transfer(&envelope, &long).await;
        assert!(matches!(outcome, Err(MailError::NotSent { .. })), "{outcome:?}");
    }

    #[tokio::test]
    async fn only_a_loss_after_the_end_of_data_is_unknown() {
        assert!(matches!(outcome(Plot::HangUpAfterTheEnd).await, Err(MailError::Unknown { .. })));
        let nonsense = Plot::Answer { to: ".", with: "what?\r\n" };
        assert!(matches!(outcome(nonsense).await, Err(MailError::Unknown { .. })));
    }

    #[tokio::test]
    async fn refusals_of_the_mail_are_final_and_refusals_of_us_are_not() {
        for plot in [
            Plot::Answer { to: "RCPT", with: "550 no such user\r\n" },
            Plot::Answer { to: ".", with: "554 looks like spam\r\n" },
        ] {
            let outcome = outcome(plot).await;
            assert!(matches!(outcome, Err(MailError::Rejected { .. })), "{outcome:?}");
        }
        let relay_closed = Plot::Answer { to: "MAIL", with: "530 authentication required\r\n" };
        assert!(matches!(outcome(relay_closed).await, Err(MailError::NotSent { .. })));
        let (port, _received) = server(Plot::Accept).await;
        let nobody = Mail { to: "not an address".to_owned(), ..mail() };
        let outcome = mailer(port, None, SmtpTls::Never).send(&nobody).await;
        assert!(matches!(outcome, Err(MailError::Rejected { .. })), "{outcome:?}");
    }

    #[tokio::test]
    async fn nothing_is_said_in_clear_text_that_must_be_encrypted() {
        let (port, mut received) = server(Plot::Accept).await;
        let outcome = mailer(port, None, SmtpTls::Required).send(&mail()).await;
        assert!(matches!(outcome, Err(MailError::NotSent { .. })), "{outcome:?}");
        let login = Some(("me".to_owned(), "secret".into()));
        let outcome = mailer(port, login, SmtpTls::WhenOffered).send(&mail()).await;
        assert!(matches!(outcome, Err(MailError::NotSent { .. })), "{outcome:?}");
        assert!(received.try_recv().is_err());
        mailer(port, None, SmtpTls::WhenOffered).send(&mail()).await.expect("no password, no need to encrypt");
    }

    #[tokio::test]
    async fn a_connection_closed_while_idle_costs_nothing() {
        let (port, mut received) = server(Plot::HangUpAfter("NOOP")).await;
        let mailer = mailer(port, None, SmtpTls::Never);
        mailer.send(&mail()).await.expect("sent");
        mailer.send(&mail()).await.expect("sent over a fresh connection");
        assert!(received.recv().await.is_some() && received.recv().await.is_some());
    }
}
