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
        unsubscribe: None,
    }
}

impl Mailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.begin(mail).await?.deliver().await
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
async fn a_mail_that_nobody_has_to_get_says_how_to_end_it() {
    let (port, mut received) = server(Plot::Accept).await;
    let mailer = mailer(port, None, SmtpTls::Never);
    mailer.send(&mail()).await.expect("sent");
    let data = received.recv().await.expect("the data");
    assert!(!data.contains("List-Unsubscribe"), "{data}");
    let link = format!("https://nano.example/api/v1/unsubscribe/rating_received/{}", "0123456789abcdef".repeat(4));
    mailer.send(&Mail { unsubscribe: Some(link.clone()), ..mail() }).await.expect("sent");
    let data = received.recv().await.expect("the data");
    for header in
        [format!("List-Unsubscribe: <{link}>"), "List-Unsubscribe-Post: List-Unsubscribe=One-Click".to_owned()]
    {
        assert!(data.lines().any(|line| line == header), "{header} is missing in {data}");
    }
    let smuggled =
        Mail { unsubscribe: Some("https://nano.example/\r\nBcc: everyone@example.org".to_owned()), ..mail() };
    mailer.send(&smuggled).await.expect("sent");
    let data = received.recv().await.expect("the data");
    assert!(!data.contains("\r\nBcc:"), "a header was smuggled in: {data}");
    let outcome = mailer.send(&Mail { unsubscribe: Some("no link".to_owned()), ..mail() }).await;
    assert!(matches!(outcome, Err(MailError::Rejected { .. })), "{outcome:?}");
}

#[tokio::test]
async fn losses_before_the_end_of_data_are_safe_to_repeat() {
    for plot in
        [Plot::HangUpAfter("EHLO"), Plot::HangUpAfter("MAIL"), Plot::HangUpAfter("RCPT"), Plot::HangUpAfter("DATA")]
    {
        assert!(matches!(outcome(plot).await, Err(MailError::NotSent { .. })));
    }
}

#[tokio::test]
async fn what_the_server_puts_off_is_deferred_and_a_server_that_is_away_is_not() {
    let busy = Plot::Answer { to: "RCPT", with: "451 <ada@example.org> later\r\n" };
    let error = outcome(busy).await.expect_err("refused for now");
    assert!(matches!(error, MailError::Deferred { .. }));
    assert!(error.to_string().contains("ada@example.org"), "{error}");
    let shown = error.without_quotes().to_string();
    assert!(shown.contains("RCPT") && shown.contains("451") && !shown.contains("ada"), "{shown}");
    for to in ["MAIL", "DATA", "."] {
        let full = outcome(Plot::Answer { to, with: "452 no space\r\n" }).await;
        assert!(matches!(full, Err(MailError::Deferred { .. })), "{full:?}");
    }
    for to in ["MAIL", "RCPT", "DATA", "."] {
        let away = outcome(Plot::Answer { to, with: "421 closing down\r\n" }).await;
        assert!(matches!(away, Err(MailError::NotSent { .. })), "{away:?}");
    }
}

#[tokio::test]
async fn an_umlaut_domain_goes_out_as_dns_knows_it() {
    let (port, mut received) = server(Plot::Accept).await;
    let mailer = mailer(port, None, SmtpTls::Never);
    let umlaut = Mail { to: "Jörg <joerg@Bücher.example>".to_owned(), ..mail() };
    let (envelope, _) = mailer.compose(&umlaut).expect("a mail");
    assert_eq!(envelope.to()[0].to_string(), "joerg@xn--bcher-kva.example");
    mailer.send(&umlaut).await.expect("sent, by a server without SMTPUTF8");
    let data = received.recv().await.expect("the data");
    assert!(data.contains("<joerg@xn--bcher-kva.example>"), "{data}");
    let local = Mail { to: "jörg@example.org".to_owned(), ..mail() };
    let outcome = mailer.send(&local).await;
    assert!(matches!(outcome, Err(MailError::Rejected { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_loss_inside_the_data_is_safe_to_repeat() {
    let (port, _received) = server(Plot::HangUpInsideTheData).await;
    let mailer = mailer(port, None, SmtpTls::Never);
    let (envelope, _) = mailer.compose(&mail()).expect("a mail");
    // More than the sockets buffer, so that the loss is met while writing.
    let long = b"0123456789\r\n".repeat(1_000_000);
    let mut connection = mailer.begin_on_a_connection(&envelope, &long).await.expect("accepted so far");
    let outcome = connection.deliver(&long).await;
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
