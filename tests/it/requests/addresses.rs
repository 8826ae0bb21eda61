//! Whom a request is for, and whom it is from: `Host` and `X-Forwarded-For`.

use api::TrustedProxies;
use infra::db::audit_log;
use serde_json::json;
use tests::{TestApp, app::Overrides, socket::Heard};

async fn asked(app: &TestApp, head: &str) -> Heard {
    let mut socket = app.connect().await;
    socket.say(&format!("{head}\r\n\r\n")).await;
    socket.hear().await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_names_one_host() {
    let app = TestApp::start().await;
    let path = "/api/v1/categories";
    for (lines, reason) in [
        (format!("GET {path} HTTP/1.1"), "missing"),
        (format!("GET {path} HTTP/1.1\r\nHost: nano.test\r\nHost: nano.test"), "repeated"),
        (format!("GET {path} HTTP/1.1\r\nHost: nano.test\r\nX: y\r\nhost: evil.test"), "repeated"),
        (format!("GET {path} HTTP/1.1\r\nHost:"), "malformed"),
        (format!("GET {path} HTTP/1.1\r\nHost: nano.test/{path}"), "malformed"),
        (format!("GET {path} HTTP/1.1\r\nHost: me@nano.test"), "malformed"),
        (format!("GET http://evil.test{path} HTTP/1.1\r\nHost: nano.test"), "not_the_target"),
        (format!("GET http://nano.test:81{path} HTTP/1.1\r\nHost: nano.test"), "not_the_target"),
        (format!("GET http://nano.test{path} HTTP/1.1"), "missing"),
        ("POST /no/such/address HTTP/1.1".to_owned(), "missing"),
    ] {
        let refused = asked(&app, &lines).await;
        assert_eq!((refused.status, refused.code()), (400, "HOST_INVALID"), "{lines}: {refused:?}");
        assert_eq!(refused.body["error"]["details"], json!({ "reason": reason }), "{lines}");
        assert!(refused.head.contains("x-content-type-options: nosniff"), "{lines}: {}", refused.head);
    }
    // Load balancers ask a process by its address, some in HTTP/1.0.
    for lines in [
        "GET /ready HTTP/1.1\r\nHost: 10.0.0.7:8000".to_owned(),
        "GET /health HTTP/1.1\r\nHost: [fd00::7]".to_owned(),
        "GET /health HTTP/1.0".to_owned(),
        format!("GET {path} HTTP/1.1\r\nHost: NANO.test"),
        format!("GET http://nano.test:80{path} HTTP/1.1\r\nHost: Nano.test"),
    ] {
        assert_eq!(asked(&app, &lines).await.status, 200, "{lines}");
    }
    app.finish().await;
}

/// Signs in with these lines of `X-Forwarded-For`; the network that the audit log has of it.
async fn network(app: &TestApp, email: &str, lines: &[&str]) -> Option<String> {
    let login = json!({"email": email, "password": tests::client::PASSWORD}).to_string();
    let forwarded: String = lines.iter().map(|line| format!("X-Forwarded-For: {line}\r\n")).collect();
    let head = format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: nano.test\r\nContent-Type: application/json\r\n{forwarded}\
         Content-Length: {}",
        login.len()
    );
    let mut socket = app.connect().await;
    socket.say(&format!("{head}\r\n\r\n{login}")).await;
    assert_eq!(socket.hear().await.map(|heard| heard.status), Some(200));
    let logins = audit_log::Filter { actor: None, action: Some("auth.login".into()) };
    let (mut newest, _) = audit_log::page(&app.db, &logins, 0, 1).await.unwrap();
    newest.remove(0).entry.ip_prefix
}

/// A client writes what it likes in front; each proxy appends what it has seen, to the line or as a line of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_who_our_own_proxies_say() {
    let one = Overrides {
        settings: Some(|settings| settings.trusted_proxies = TrustedProxies::Number(1)),
        ..Overrides::default()
    };
    let app = TestApp::start_with(one).await;
    let email = app.creator("pia").await.email;
    for (lines, seen) in [
        (&["6.6.6.6, 203.0.113.7"][..], "203.0.113.0/24"),
        (&["6.6.6.6", "203.0.113.7"], "203.0.113.0/24"),
        (&["203.0.113.7", "6.6.6.6, 198.51.100.9:4711"], "198.51.100.0/24"),
        (&["6.6.6.6", "nonsense"], "127.0.0.0/24"),
        (&["6.6.6.6,"], "127.0.0.0/24"),
        (&[], "127.0.0.0/24"),
    ] {
        assert_eq!(network(&app, &email, lines).await.as_deref(), Some(seen), "{lines:?}");
    }
    app.finish().await;

    let named = Overrides {
        settings: Some(|settings| {
            settings.trusted_proxies = TrustedProxies::parse("127.0.0.0/8, 198.51.100.0/24").unwrap();
        }),
        ..Overrides::default()
    };
    let app = TestApp::start_with(named).await;
    let email = app.creator("pia").await.email;
    for (lines, seen) in [
        (&["6.6.6.6", "203.0.113.7", "198.51.100.9"][..], "203.0.113.0/24"),
        (&["6.6.6.6, 203.0.113.7"], "203.0.113.0/24"),
        (&["203.0.113.7, unknown, 198.51.100.9"], "198.51.100.0/24"),
    ] {
        assert_eq!(network(&app, &email, lines).await.as_deref(), Some(seen), "{lines:?}");
    }
    app.finish().await;
}
