//! The mail catcher, driven by the client the application uses.

use std::{path::Path, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    message::{Message, MultiPart},
    transport::smtp::client::{Certificate, Tls, TlsParameters},
};
use servers::mail::MailCatcher;

type Transport = AsyncSmtpTransport<Tokio1Executor>;

fn transport(url: &str, ca_file: Option<&Path>) -> Transport {
    let mut tls = TlsParameters::builder("localhost".to_owned());
    if let Some(ca_file) = ca_file {
        tls = tls.add_root_certificate(Certificate::from_pem(&std::fs::read(ca_file).unwrap()).unwrap());
    }
    let transport = Transport::from_url(url).unwrap().timeout(Some(Duration::from_secs(5)));
    transport.tls(Tls::Required(tls.build().unwrap())).build()
}

fn mail(subject: &str) -> Message {
    Message::builder()
        .from("Nano <noreply@nano.test>".parse().unwrap())
        .to("Jörg Müller <joerg@example.test>".parse().unwrap())
        .subject(subject)
        .message_id(Some("<abc@nano.test>".to_owned()))
        .multipart(MultiPart::alternative_plain_html(
            "Grüße!\n.\n..two dots\nBestätigen: http://127.0.0.1:1/verify?token=abc123\n".to_owned(),
            "<p>Grüße! <script>alert(1)</script></p>".to_owned(),
        ))
        .unwrap()
}

async fn started() -> (tempfile::TempDir, MailCatcher, Transport) {
    let dir = tempfile::tempdir().unwrap();
    let catcher = MailCatcher::start(dir.path(), 0, 0).await.unwrap();
    let transport = transport(&catcher.smtp_url(), Some(catcher.ca_file()));
    (dir, catcher, transport)
}

#[tokio::test]
async fn a_mail_arrives_over_starttls_decoded_and_is_shown() {
    let (dir, catcher, transport) = started().await;
    transport.send(mail("Willkommen, Jörg – schön, dass du da bist")).await.unwrap();
    let taken = catcher.wait_for(|mail| mail.to == ["joerg@example.test"], Duration::from_secs(5)).await.unwrap();
    assert_eq!(taken.subject, "Willkommen, Jörg – schön, dass du da bist");
    assert_eq!(taken.from, "noreply@nano.test");
    assert_eq!(taken.envelope_to, ["joerg@example.test"]);
    assert_eq!(taken.message_id, "abc@nano.test");
    let text = taken.text.as_deref().unwrap().replace("\r\n", "\n");
    assert_eq!(text.trim_end(), "Grüße!\n.\n..two dots\nBestätigen: http://127.0.0.1:1/verify?token=abc123");
    assert_eq!(taken.links(), ["http://127.0.0.1:1/verify?token=abc123"]);
    assert!(taken.html.as_deref().unwrap().contains("<p>Grüße!"));
    assert_eq!(taken.header("Subject").as_deref(), Some(taken.subject.as_str()));

    let page = catcher.page_url();
    let get = |path: &str| reqwest::get(format!("{page}{path}"));
    assert!(get("/").await.unwrap().text().await.unwrap().contains("schön, dass du da bist"));
    let json: serde_json::Value = get("/api/messages").await.unwrap().json().await.unwrap();
    assert_eq!(json[0]["message_id"], "abc@nano.test");
    assert!(get("/messages/1").await.unwrap().text().await.unwrap().contains("<iframe sandbox='allow-popups"));
    let html = get("/messages/1/html").await.unwrap();
    assert!(html.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    assert_eq!(get("/messages/2").await.unwrap().status(), 404);

    drop(catcher);
    let again = MailCatcher::start(dir.path(), 0, 0).await.unwrap();
    let kept = again.messages();
    assert_eq!((kept.len(), &kept[0].subject, &kept[0].envelope_to), (1, &taken.subject, &taken.envelope_to));
    assert_eq!(kept[0].raw, taken.raw);
}

#[tokio::test]
async fn login_and_a_trusted_certificate_are_required() {
    let (_dir, catcher, _) = started().await;
    let wrong = catcher.smtp_url().replace("nano-mail", "guess");
    assert!(transport(&wrong, Some(catcher.ca_file())).send(mail("wrong password")).await.is_err());
    assert!(transport(&catcher.smtp_url(), None).send(mail("unknown authority")).await.is_err());
    let open = format!("smtp://localhost:{}", catcher.smtp_port());
    assert!(transport(&open, Some(catcher.ca_file())).send(mail("no login")).await.is_err());
    assert!(catcher.messages().is_empty());
}

#[tokio::test]
async fn it_can_be_stopped_and_started_again_on_its_port() {
    let (_dir, mut catcher, transport) = started().await;
    transport.send(mail("before")).await.unwrap();
    catcher.stop().await;
    assert!(transport.send(mail("meanwhile")).await.is_err());
    catcher.resume().await.unwrap();
    transport.send(mail("after")).await.unwrap();
    let subjects: Vec<_> = catcher.messages().into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["before", "after"]);
}

#[tokio::test]
async fn it_refuses_and_stalls_when_told_to() {
    let (_dir, catcher, transport) = started().await;
    catcher.refuse(true);
    let refused = transport.send(mail("refused")).await.unwrap_err();
    assert!(refused.is_transient(), "{refused:?}");
    catcher.refuse(false);

    catcher.stall_after_data(true);
    let sending = tokio::spawn({
        let transport = transport.clone();
        async move { transport.send(mail("of unknown fate")).await }
    });
    catcher.wait_for(|mail| mail.subject == "of unknown fate", Duration::from_secs(5)).await.unwrap();
    assert!(!sending.is_finished());
    catcher.stall_after_data(false);
    sending.await.unwrap().unwrap();
    transport.send(mail("afterwards")).await.unwrap();
    assert_eq!(catcher.messages().len(), 2);
}

#[tokio::test]
async fn waiting_in_vain_says_what_came_instead() {
    let (_dir, catcher, transport) = started().await;
    transport.send(mail("something else")).await.unwrap();
    let error = catcher.wait_for(|mail| mail.subject == "this one", Duration::from_millis(50)).await.unwrap_err();
    assert!(error.to_string().contains("something else"), "{error}");
}
