//! The mails as a page and as JSON, for the person at the keyboard.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;

use super::store::{Mail, Store};
use crate::net::TcpServer;

const STYLE: &str = "<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'><style>\
    :root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #8886}\
    iframe{width:100%;height:30rem;border:1px solid #8886;background:#fff}pre{white-space:pre-wrap;overflow-wrap:anywhere}</style>";

/// Links in a mail open in a new tab; scripts, forms and everything remote stay off.
const SANDBOX: &str = "allow-popups allow-popups-to-escape-sandbox";

pub async fn serve(port: u16, store: Arc<Store>) -> std::io::Result<TcpServer> {
    let service = tower::service_fn(move |request: Request<Incoming>| {
        let response = answer(&store, request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(response) }
    });
    TcpServer::start_http(port, service).await
}

fn answer(store: &Store, method: &Method, path: &str) -> Response<Full<Bytes>> {
    if method != Method::GET {
        return respond(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET");
    }
    let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    let mail = |number: &str| number.parse().ok().and_then(|number| store.get(number));
    match words.as_slice() {
        [] => html(&list(&store.all())),
        ["api", "messages"] => match serde_json::to_vec(&store.all()) {
            Ok(json) => respond(StatusCode::OK, "application/json", json),
            Err(error) => respond(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", error.to_string()),
        },
        ["messages", number] => mail(number).map_or_else(not_found, |mail| html(&one(&mail))),
        ["messages", number, "html"] => mail(number).map_or_else(not_found, |mail| body(&mail)),
        ["messages", number, "raw"] => {
            mail(number).map_or_else(not_found, |mail| respond(StatusCode::OK, "text/plain; charset=utf-8", mail.raw))
        }
        _ => not_found(),
    }
}

fn respond(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    response
}

fn html(page: &str) -> Response<Full<Bytes>> {
    respond(StatusCode::OK, "text/html; charset=utf-8", page.to_owned())
}

fn not_found() -> Response<Full<Bytes>> {
    respond(StatusCode::NOT_FOUND, "text/plain", "no such mail")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

fn list(mails: &[Mail]) -> String {
    let row = |mail: &Mail| {
        let time = mail.received_at.format("%Y-%m-%d %H:%M:%S");
        let (to, subject) = (escape(&mail.to.join(", ")), escape(&mail.subject));
        format!("<tr><td>{time}<td>{to}<td><a href='/messages/{}'>{subject}</a>", mail.number)
    };
    let rows: String = mails.iter().rev().map(row).collect();
    format!(
        "{STYLE}<title>Mails</title><meta http-equiv=refresh content=5><h1>{} mails</h1>\
         <table><tr><th>Received (UTC)<th>To<th>Subject{rows}</table>",
        mails.len()
    )
}

fn one(mail: &Mail) -> String {
    let line = |name: &str, value: &str| format!("<tr><th>{name}<td>{}", escape(value));
    let head = [
        line("From", &mail.from),
        line("To", &mail.to.join(", ")),
        line("Message-ID", &mail.message_id),
        line("Received (UTC)", &mail.received_at.to_string()),
    ];
    let text = mail.text.as_deref().map(|text| format!("<h2>Text</h2><pre>{}</pre>", linked(text))).unwrap_or_default();
    let number = mail.number;
    let frame = match mail.html {
        Some(_) => format!("<h2>HTML</h2><iframe sandbox='{SANDBOX}' src='/messages/{number}/html'></iframe>"),
        None => String::new(),
    };
    format!(
        "{STYLE}<title>{subject}</title><p><a href='/'>All mails</a> · <a href='/messages/{number}/raw'>Source</a>\
         <h1>{subject}</h1><table>{}</table>{frame}{text}",
        head.concat(),
        subject = escape(&mail.subject),
    )
}

/// Web addresses become links, everything else is escaped.
fn linked(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    let link = |word: &str| match word.trim_end() {
        address if address.starts_with("http://") || address.starts_with("https://") => {
            let (address, space) = (escape(address), &word[address.len()..]);
            format!("<a href='{address}'>{address}</a>{space}")
        }
        _ => escape(word),
    };
    words.map(link).collect()
}

fn body(mail: &Mail) -> Response<Full<Bytes>> {
    let html = mail.html.as_deref().unwrap_or_default();
    let mut response = respond(StatusCode::OK, "text/html; charset=utf-8", format!("<base target=_blank>{html}"));
    let policy = format!("sandbox {SANDBOX}; default-src 'none'; style-src 'unsafe-inline'; img-src data:");
    if let Ok(policy) = policy.parse() {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
