use std::path::PathBuf;

use lettre::message::Mailbox;
use url::Url;

use super::{Login, Problems, login::login, optional};

const SMTP_EXAMPLE: &str = "smtp://user:password@mail.nano.example:587?tls=required";

// Raw settings of outgoing mail.
#[derive(clap::Args)]
#[command(next_help_heading = "Mail")]
pub struct MailArgs {
    /// smtp://[user:password@]host[:587][?tls=required|starttls|none], or smtps:// for TLS from the first byte (465). tls=required (default): STARTTLS or nothing is sent. tls=starttls: encrypted when the server offers it, and a password is never sent without. tls=none: clear text, for tests on one machine. Special characters in user and password are percent-encoded. Required.
    #[arg(long, env = "SMTP_URL", hide_env_values = true, value_name = "URL")]
    smtp_url: Option<String>,
    /// A PEM file with the certificate authority of a mail server that no public one vouches for. Example: /etc/nano/mail-ca.pem
    #[arg(long, env = "SMTP_CA_FILE", value_name = "FILE")]
    smtp_ca_file: Option<String>,
    /// The sender. Required. Example: Nano <no-reply@nano.example>
    #[arg(long, env = "MAIL_FROM", value_name = "MAILBOX")]
    mail_from: Option<String>,
    /// Where people reach the site; links in mails begin with it. Required. Example: https://nano.example
    #[arg(long, env = "PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
}

/// When the connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// STARTTLS must succeed before anything else is said.
    Required,
    /// STARTTLS when the server offers it; without it no password is sent.
    WhenOffered,
    /// TLS from the first byte (smtps).
    FromTheStart,
    /// Clear text.
    Never,
}

/// Where mail goes out, and in whose name.
#[derive(Debug, Clone)]
pub struct MailSettings {
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    /// User and password.
    pub login: Option<Login>,
    pub ca_file: Option<PathBuf>,
    pub from: Mailbox,
    /// Prints with a trailing `/` when it has no path.
    pub public_url: Url,
}

impl MailArgs {
    pub fn check(&self, problems: &mut Problems) -> Option<MailSettings> {
        let smtp = problems
            .required("SMTP_URL", &self.smtp_url, SMTP_EXAMPLE)
            .and_then(|text| problems.url("SMTP_URL", text, &["smtp", "smtps"], SMTP_EXAMPLE))
            .and_then(|url| server(&url, problems));
        let ca_file = optional(&self.smtp_ca_file).map(PathBuf::from);
        if let Some(file) = ca_file.as_ref().filter(|file| !file.is_file()) {
            problems.add("SMTP_CA_FILE", format!("is not a file: {}", file.display()), "/etc/nano/mail-ca.pem");
            return None;
        }
        let from_example = "Nano <no-reply@nano.example>";
        let from = problems.required("MAIL_FROM", &self.mail_from, from_example).and_then(|text| {
            let mailbox = text.parse::<Mailbox>().ok();
            if mailbox.is_none() {
                problems.add("MAIL_FROM", format!("is not a mail address: {text:?}"), from_example);
            }
            mailbox
        });
        let public_example = "https://nano.example";
        let public_url = problems.required("PUBLIC_URL", &self.public_url, public_example).and_then(|text| {
            problems.url("PUBLIC_URL", text.trim_end_matches('/'), &["http", "https"], public_example)
        });
        let (host, port, tls, login) = smtp?;
        Some(MailSettings { host, port, tls, login, ca_file, from: from?, public_url: public_url? })
    }
}

/// A list of mail addresses, separated by commas; what is none is added to `problems`.
pub fn mail_addresses(
    problems: &mut Problems,
    variable: &'static str,
    text: &str,
    example: &'static str,
) -> Option<Vec<String>> {
    let mut addresses = Vec::new();
    let mut all_are = true;
    for address in text.split(',').map(str::trim).filter(|address| !address.is_empty()) {
        if address.parse::<Mailbox>().is_err() || address.len() > 320 {
            problems.add(variable, format!("has {address:?}, which is not a mail address"), example);
            all_are = false;
        }
        addresses.push(address.to_owned());
    }
    all_are.then_some(addresses)
}

type Server = (String, u16, SmtpTls, Option<Login>);

fn server(url: &Url, problems: &mut Problems) -> Option<Server> {
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    let mut tls = if url.scheme() == "smtps" { SmtpTls::FromTheStart } else { SmtpTls::Required };
    for (name, value) in url.query_pairs() {
        tls = match (name.as_ref(), value.as_ref(), url.scheme()) {
            ("tls", "required", "smtp") => SmtpTls::Required,
            ("tls", "starttls", "smtp") => SmtpTls::WhenOffered,
            ("tls", "none", "smtp") => SmtpTls::Never,
            ("tls", _, "smtps") => {
                problems.add(
                    "SMTP_URL",
                    "is smtps:// (TLS from the first byte) and cannot have ?tls= too",
                    SMTP_EXAMPLE,
                );
                return None;
            }
            ("tls", ..) => {
                problems.add("SMTP_URL", "has a ?tls= other than required, starttls or none", SMTP_EXAMPLE);
                return None;
            }
            _ => {
                problems.add("SMTP_URL", format!("has an unknown option {name:?}"), SMTP_EXAMPLE);
                return None;
            }
        };
    }
    let port = url.port().unwrap_or(if tls == SmtpTls::FromTheStart { 465 } else { 587 });
    let login = match login(url) {
        Ok(login) => login,
        Err(what) => {
            problems.add("SMTP_URL", what, SMTP_EXAMPLE);
            return None;
        }
    };
    Some((host, port, tls, login))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Server> {
        server(&Url::parse(text).expect("a URL"), &mut Problems::default())
    }

    #[test]
    fn the_scheme_and_option_choose_encryption_and_port() {
        let of = |text: &str| parse(text).map(|(_, port, tls, _)| (port, tls));
        assert_eq!(of("smtp://mail.example"), Some((587, SmtpTls::Required)));
        assert_eq!(of("smtp://mail.example:25?tls=starttls"), Some((25, SmtpTls::WhenOffered)));
        assert_eq!(of("smtp://127.0.0.1:1025?tls=none"), Some((1025, SmtpTls::Never)));
        assert_eq!(of("smtps://mail.example"), Some((465, SmtpTls::FromTheStart)));
        assert_eq!(of("smtp://mail.example?tls=maybe"), None);
        assert_eq!(of("smtp://mail.example?pool=3"), None);
        assert_eq!(of("smtps://mail.example?tls=none"), None);
    }
}
