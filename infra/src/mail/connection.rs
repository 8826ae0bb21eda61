//! One SMTP connection, and for each step what its failure means for the mail.

use std::{
    future::Future,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use lettre::{
    address::Envelope,
    transport::smtp::{
        Error,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        commands::{Data, Mail as MailFrom, Rcpt},
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    },
};
use tokio::time::timeout;

use super::{MailError, not_sent, rejected, unknown};
use crate::env::SmtpTls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For the answer to one command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);
/// For writing the message and the server's verdict on it. Servers scan before they answer, and giving up early
/// turns a sent mail into an unknown one (RFC 5321, section 4.5.3.2.6, asks for ten minutes).
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(90);
/// An idle connection must answer a NOOP this fast to be used again.
const ALIVE_TIMEOUT: Duration = Duration::from_secs(2);
/// Kept no longer than this without use; servers hang up after minutes.
pub(super) const MAX_IDLE: Duration = Duration::from_secs(20);

/// Where to connect and how to introduce oneself.
pub(super) struct Server {
    host: String,
    port: u16,
    tls: SmtpTls,
    parameters: Option<TlsParameters>,
    login: Option<Credentials>,
    hello: ClientId,
}

impl Server {
    pub(super) fn new(
        host: &str,
        port: u16,
        tls: SmtpTls,
        login: Option<(String, String)>,
        ca_file: Option<&Path>,
    ) -> Result<Self, MailError> {
        let parameters = match tls {
            SmtpTls::Never => None,
            _ => {
                let mut builder = TlsParameters::builder(host.to_owned());
                if let Some(file) = ca_file {
                    let unusable = |error: &dyn std::fmt::Display| {
                        not_sent("reading SMTP_CA_FILE", format!("{}: {error}", file.display()))
                    };
                    let pem = std::fs::read(file).map_err(|error| unusable(&error))?;
                    let certificate = Certificate::from_pem(&pem).map_err(|error| unusable(&error))?;
                    builder = builder.add_root_certificate(certificate);
                }
                Some(builder.build().map_err(|error| not_sent("preparing TLS", error))?)
            }
        };
        let login = login.map(|(user, password)| Credentials::new(user, password));
        Ok(Self { host: host.to_owned(), port, tls, parameters, login, hello: ClientId::default() })
    }
}

pub(super) struct Connection {
    smtp: AsyncSmtpConnection,
    usable: bool,
}

impl Connection {
    /// Connects, encrypts as configured and logs in. Whatever fails here, no mail is involved: always `NotSent`,
    /// wrong passwords included (the operator can mend them, and the mail then goes out).
    pub(super) async fn open(server: &Server) -> Result<Self, MailError> {
        let from_the_start = server.parameters.clone().filter(|_| server.tls == SmtpTls::FromTheStart);
        let address = (server.host.as_str(), server.port);
        let connecting =
            AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT_TIMEOUT), &server.hello, from_the_start, None);
        let mut smtp = within(CONNECT_TIMEOUT * 2, connecting).await.map_err(|why| not_sent("connecting", why))?;

        if let (Some(parameters), true) = (&server.parameters, !smtp.is_encrypted()) {
            if smtp.can_starttls() {
                let upgrading = smtp.starttls(parameters.clone(), &server.hello);
                within(COMMAND_TIMEOUT, upgrading).await.map_err(|why| not_sent("STARTTLS", why))?;
            } else if server.tls == SmtpTls::Required {
                return Err(not_sent("STARTTLS", "the server does not offer it, and SMTP_URL requires it"));
            }
        }
        if let Some(login) = &server.login {
            if !smtp.is_encrypted() && server.tls != SmtpTls::Never {
                return Err(not_sent("AUTH", "the password is not sent over an unencrypted connection"));
            }
            within(COMMAND_TIMEOUT, smtp.auth(DEFAULT_MECHANISMS, login)).await.map_err(|why| not_sent("AUTH", why))?;
        }
        Ok(Self { smtp, usable: true })
    }

    /// Whether the next mail may go over this connection.
    pub(super) fn is_usable(&self) -> bool {
        self.usable && !self.smtp.has_broken()
    }

    pub(super) async fn is_alive(&mut self) -> bool {
        timeout(ALIVE_TIMEOUT, self.smtp.test_connected()).await.unwrap_or(false)
    }

    /// Everything before the message: the server has accepted sender, recipients and DATA, and waits for it. On an error,
    /// or without [`Connection::deliver`] next, the connection is not used again.
    pub(super) async fn begin(&mut self, envelope: &Envelope, message: &[u8]) -> Result<(), MailError> {
        self.usable = false;
        let options = self.options(envelope, message)?;
        let from = MailFrom::new(envelope.from().cloned(), options);
        within(COMMAND_TIMEOUT, self.smtp.command(from)).await.map_err(|why| why.of_command("MAIL"))?;
        for to in envelope.to() {
            let recipient = Rcpt::new(to.clone(), Vec::new());
            within(COMMAND_TIMEOUT, self.smtp.command(recipient)).await.map_err(|why| why.of_command("RCPT"))?;
        }
        within(COMMAND_TIMEOUT, self.smtp.command(Data)).await.map_err(|why| why.of_command("DATA"))?;
        Ok(())
    }

    /// Sends the message that [`Connection::begin`] announced. On an error the connection is not used again.
    pub(super) async fn deliver(&mut self, message: &[u8]) -> Result<(), MailError> {
        // lettre asks for the next piece only when it has written the one before, and writes the end-of-data mark
        // once there is none left: from then on the server may have the mail.
        let ended = AtomicBool::new(false);
        let pieces = message.chunks(64 * 1024).chain(std::iter::from_fn(|| {
            ended.store(true, Ordering::Relaxed);
            None
        }));
        let outcome = within(MESSAGE_TIMEOUT, self.smtp.message_iter(pieces)).await;
        self.usable = outcome.is_ok();
        match outcome {
            Ok(_) => Ok(()),
            Err(why) if why.is_permanent() => Err(rejected("the message", why)),
            Err(why) if why.is_transient() || !ended.load(Ordering::Relaxed) => Err(why.of_mail("the message")),
            Err(why) => Err(unknown("waiting for the answer to the message", why)),
        }
    }

    fn options(&self, envelope: &Envelope, message: &[u8]) -> Result<Vec<MailParameter>, MailError> {
        let server = self.smtp.server_info();
        let mut options = Vec::new();
        let mut addresses = envelope.from().into_iter().chain(envelope.to());
        if addresses.any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !server.supports_feature(Extension::SmtpUtfEight) {
                return Err(rejected("the recipient", "the mail server takes no addresses beyond ASCII"));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        // Bodies are encoded to ASCII when written, so this is for headers that could not be.
        if !message.is_ascii() && server.supports_feature(Extension::EightBitMime) {
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(options)
    }
}

/// Why a step failed.
#[derive(Debug)]
enum Failure {
    Smtp(Error),
    Timeout(Duration),
}

impl Failure {
    fn is_permanent(&self) -> bool {
        matches!(self, Self::Smtp(error) if error.is_permanent())
    }

    fn is_transient(&self) -> bool {
        matches!(self, Self::Smtp(error) if error.is_transient())
    }

    /// Before the data: a 5xx refuses this mail, unless it is about us and not about the mail (530, 535 and 538 ask
    /// for a login; 500 to 504 say that we and the server do not understand each other).
    fn of_command(self, step: &str) -> MailError {
        let code = match &self {
            Self::Smtp(error) if error.is_permanent() => error.status().map(u16::from),
            _ => None,
        };
        match code {
            None | Some(500..=504 | 530 | 534 | 535 | 538) => self.of_mail(step),
            Some(_) => rejected(step, self),
        }
    }
}

impl Failure {
    /// Not sent, at a step where the server may have said whose mail it was. A 4xx is about this mail and asks for later,
    /// but for 421, which is about the server (RFC 5321, section 3.8).
    fn of_mail(&self, step: &str) -> MailError {
        let status = match self {
            Self::Smtp(error) => error.status(),
            Self::Timeout(_) => None,
        };
        let what = format!("{step}: {self}");
        let brief = status.map_or_else(|| what.clone(), |status| format!("{step}: the mail server answered {status}"));
        if self.is_transient() && status.map(u16::from) != Some(421) {
            MailError::Deferred { what, brief }
        } else {
            MailError::NotSent { what, brief }
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Smtp(error) => error.fmt(f),
            Self::Timeout(after) => write!(f, "no answer within {after:?}"),
        }
    }
}

async fn within<T>(limit: Duration, step: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    match timeout(limit, step).await {
        Ok(outcome) => outcome.map_err(Failure::Smtp),
        Err(_) => Err(Failure::Timeout(limit)),
    }
}
