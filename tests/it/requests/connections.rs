//! Connections: clients that are silent, slow, too many or too loud, spoken to by hand.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use api::Settings;
use reqwest::StatusCode;
use servers::{processes::Launch, programs};
use tests::{
    TestApp,
    app::{Overrides, PATIENCE},
    archives,
    events::EventStream,
    socket::Socket,
};
use tokio::io::AsyncWriteExt;

use crate::operators::metrics::{address, scrape, value};

const SECOND: Duration = Duration::from_secs(1);

async fn app(change: fn(&mut Settings)) -> TestApp {
    TestApp::start_with(Overrides { settings: Some(change), ..Overrides::default() }).await
}

fn local(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, last)
}

/// Nobody holds a connection by saying nothing, or never coming to an end; who has asked something keeps it for a while.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_ask_nothing_end() {
    let app = app(|settings| {
        settings.connections.head = 2 * SECOND;
        settings.connections.idle = 25 * SECOND;
    })
    .await;
    let mut honest = app.connect().await;
    assert_eq!(honest.get("/health").await.status, 200);
    let mut silent = app.connect().await;
    let mut half = app.connect().await;
    half.say("GET /health HTTP/1.1\r\nHost: nano.").await;
    // Whatever could still become the beginning of HTTP/2.
    let mut preface = app.connect().await;
    preface.say("PRI * HTTP/2.0\r\n\r\n").await;
    let mut dripping = app.connect().await;
    let drip = async {
        let mut sent = 0;
        while dripping.0.write_all(b"x").await.is_ok() {
            sent += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        sent
    };
    let started = Instant::now();
    let (drips, ..) = tokio::join!(drip, async { assert!(silent.ends_within(20 * SECOND).await) }, async {
        assert!(half.ends_within(20 * SECOND).await);
    });
    assert!(started.elapsed() < 20 * SECOND, "{:?}", started.elapsed());
    assert!(drips > 5, "cut off after {drips}");
    while preface.hear().await.is_some() {}
    assert!(started.elapsed() < 20 * SECOND, "{:?}", started.elapsed());
    assert_eq!(honest.get("/health").await.status, 200, "it has asked in time, and waits for its next request");
    assert!(honest.ends_within(60 * SECOND).await, "but not for ever");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_refused_at_once() {
    let app = TestApp::start().await;
    let mut socket = app.connect().await;
    // The preface and an empty SETTINGS frame, as clients with prior knowledge send them.
    let started = Instant::now();
    socket.say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0").await;
    let refused = socket.hear().await.expect("an answer that says so");
    assert!([400, 505].contains(&refused.status), "{refused:?}");
    assert!(refused.head.contains("connection: close"), "{refused:?}");
    assert!(socket.ends_within(8 * SECOND).await && started.elapsed() < 8 * SECOND);
    app.finish().await;
}

/// Who has no place learns so at once, and load balancers still learn how the process is.
#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_caps_there_is_a_short_503() {
    let app = app(|settings| {
        settings.connections.all = 8;
        settings.connections.per_address = 6;
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..6 {
        let mut socket = app.connect().await;
        assert_eq!(socket.get("/health").await.status, 200);
        held.push(socket);
    }
    let seventh = app.connect().await.get("/api/v1/nanos").await;
    assert_eq!((seventh.status, seventh.code()), (503, "TOO_MANY_CONNECTIONS"), "{seventh:?}");
    for header in ["connection: close", "retry-after: 2", "x-content-type-options: nosniff", "x-request-id: "] {
        assert!(seventh.head.contains(header), "{header}: {}", seventh.head);
    }
    for probe in ["/health", "/ready"] {
        let probed = app.connect().await.get(probe).await;
        assert_eq!(probed.status, 200, "{probed:?}");
        assert!(probed.head.contains("connection: close"), "{probed:?}");
    }
    // Others have their own, until there is none for anybody.
    for _ in 0..2 {
        let mut socket = app.connect_from(local(2)).await;
        assert_eq!(socket.get("/api/v1/categories").await.status, 200);
        held.push(socket);
    }
    assert_eq!(app.connect_from(local(3)).await.get("/api/v1/categories").await.code(), "TOO_MANY_CONNECTIONS");
    assert_eq!(app.connect_from(local(3)).await.get("/ready").await.status, 200);
    // The side door has a cap as well: there is an answer without a question, and no waiting.
    let mut crowd = Vec::new();
    for _ in 0..20 {
        crowd.push(app.connect_from(local(4)).await);
    }
    let mut last = app.connect_from(local(4)).await;
    let asked = Instant::now();
    assert_eq!(last.hear().await.map(|heard| heard.status), Some(503));
    assert!(last.ends_within(5 * SECOND).await && asked.elapsed() < 5 * SECOND);
    assert_eq!(app.connect_from(local(3)).await.get("/health").await.status, 200);
    // Who was served still is, and places come back.
    assert_eq!(held[0].get("/api/v1/categories").await.status, 200);
    held.clear();
    let started = Instant::now();
    while app.connect().await.get("/api/v1/categories").await.status != 200 {
        assert!(started.elapsed() < PATIENCE);
    }
    app.finish().await;
}

/// Behind a load balancer all connections come from its addresses.
#[tokio::test(flavor = "multi_thread")]
async fn connections_of_our_own_proxies_are_not_counted_by_address() {
    let app = app(|settings| {
        settings.connections.per_address = 1;
        settings.trusted_proxies = api::TrustedProxies::parse("127.0.0.2").unwrap();
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..5 {
        let mut socket = app.connect_from(local(2)).await;
        assert_eq!(socket.get("/api/v1/categories").await.status, 200);
        held.push(socket);
    }
    let mut one = app.connect().await;
    assert_eq!(one.get("/api/v1/categories").await.status, 200);
    assert_eq!(app.connect().await.get("/api/v1/categories").await.status, 503);
    app.finish().await;
}

/// The program with as few files as some machines allow, and more silent connections than that.
#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_do_not_stop_a_process_with_300_files() {
    let mut app = TestApp::start().await;
    let (api, metrics) = (format!("127.0.0.1:{}", servers::ports::free().unwrap()), address());
    let launch = Launch::new("few-files", "sh", app.folder.path().join("few-files.log"))
        .args(["-c", "ulimit -n 300; exec \"$0\" serve"])
        .arg(programs::sibling("api").unwrap())
        .envs(app.environment())
        .env("JWT_KEY", rcgen::KeyPair::generate().unwrap().serialize_pem())
        .env("API_ADDR", &api)
        .env("METRICS_ADDR", &metrics)
        .env("HEAD_TIMEOUT", "12s")
        .env("SHUTDOWN_NOTICE", "0s");
    let mut process = launch.start().await.unwrap();
    app.url = format!("http://{api}");
    process.wait_http(&format!("{}/health", app.url), PATIENCE).await.unwrap();

    let mut silent: Vec<Socket> = Vec::new();
    for number in 0..320_u32 {
        silent.push(app.connect_from(local(10 + u8::try_from(number % 16).unwrap())).await);
    }
    let full = scrape(&metrics).await;
    assert!(value(&full, "http_connections_refused_total", &["all"]).is_some_and(|refused| refused > 100.0), "{full}");
    // The side door is let go of within 2 s, whoever stands in it.
    let asked = Instant::now();
    loop {
        let mut probe = app.connect_from(local(9)).await;
        let _ = probe.0.write_all(b"GET /ready HTTP/1.1\r\nHost: 10.0.0.7:8000\r\n\r\n").await;
        if probe.hear().await.is_some_and(|heard| heard.status == 200) {
            break;
        }
        assert!(asked.elapsed() < 10 * SECOND, "{}", process.log_tail(20));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Those who have a place lose it when they go on saying nothing.
    while app.connect_from(local(9)).await.get("/api/v1/categories").await.status != 200 {
        assert!(asked.elapsed() < 45 * SECOND, "{}", process.log_tail(20));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for mut socket in silent {
        while socket.hear().await.is_some() {}
    }
    tokio::time::sleep(2 * SECOND).await;
    let free = scrape(&metrics).await;
    assert_eq!(value(&free, "http_connections_limit", &[]), Some(86.0), "{free}");
    assert!(value(&free, "http_connections", &[]).is_some_and(|open| open < 10.0), "{free}");
    assert!(value(&free, "http_connections_cut_total", &["head"]).is_some_and(|cut| cut >= 80.0), "{free}");
    assert!(process.terminate(20 * SECOND).await.unwrap().success(), "{}", process.log_tail(20));
    app.discard().await;
}

/// A client that asks and asks and never reads gives its place back; one that only waits for events keeps it.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_no_answer_is_cut_off() {
    let app = app(|settings| {
        settings.connections.all = 100;
        settings.connections.per_address = 1;
        settings.connections.head = SECOND;
        settings.connections.idle = 2 * SECOND;
        settings.connections.stall = 2 * SECOND;
        settings.trusted_proxies = api::TrustedProxies::parse("127.0.0.1").unwrap();
    })
    .await;
    let creator = app.creator("leo").await;
    let nano = creator.draft(&app, "Waited for").await;
    let mut stream = EventStream::open(&app, &creator, &format!("/api/v1/nanos/{nano}/events"), None).await;
    stream.next().await.expect("the draft's own event");

    let mut deaf = app.connect_from(local(5)).await;
    let started = Instant::now();
    let request = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: nano.test\r\n\r\n".repeat(200);
    // All these answers fit into no buffer on the way.
    let _ = tokio::time::timeout(SECOND, deaf.0.write_all(request.as_bytes())).await;
    assert_eq!(app.connect_from(local(5)).await.get("/api/v1/categories").await.status, 503, "its only place is taken");
    while app.connect_from(local(5)).await.get("/api/v1/categories").await.status != 200 {
        assert!(started.elapsed() < 20 * SECOND, "it still has its place");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(deaf);
    while started.elapsed() < 6 * SECOND {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let uploaded = creator.put_file(&app, &nano, archives::unit()).await;
    let upload = uploaded.data(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
    creator.finish(&app, &upload).await;
    stream.next().await.expect("an event long after every limit");
    app.discard().await;
}

/// Each byte comes before a pause would be too long, and the file would take a week.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_drips_in_is_given_up() {
    let app = app(|settings| settings.connections.stall = 2 * SECOND).await;
    let creator = app.creator("mia").await;
    let nano = creator.draft(&app, "Dripping").await;
    let mut socket = app.connect().await;
    let token = &creator.token;
    socket
        .say(&format!(
            "PUT /api/v1/nanos/{nano}/file HTTP/1.1\r\nHost: nano.test\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: 1000000\r\n\r\n"
        ))
        .await;
    let started = Instant::now();
    let (mut read, mut write) = socket.0.into_split();
    let drip = async {
        for _ in 0..100 {
            let _ = write.write_all(b"x").await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let mut answer = [0; 12];
    tokio::select! {
        () = drip => panic!("nobody was fed up within {:?}", started.elapsed()),
        read = tokio::io::AsyncReadExt::read_exact(&mut read, &mut answer) => { read.unwrap(); }
    }
    assert_eq!(&answer, b"HTTP/1.1 400");
    assert!(started.elapsed() > SECOND && started.elapsed() < 20 * SECOND, "{:?}", started.elapsed());
    // What is left over of the upload is removed by a job.
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_room_for_64_kib() {
    let app = TestApp::start().await;
    let head =
        |bytes: usize| format!("GET /health HTTP/1.1\r\nHost: nano.test\r\nCookie: {}\r\n\r\n", "x".repeat(bytes));
    let mut large = app.connect().await;
    large.say(&head(60 << 10)).await;
    assert_eq!(large.hear().await.map(|heard| heard.status), Some(200));
    for bytes in [70 << 10, 2 << 20] {
        let mut endless = app.connect().await;
        endless.say(&head(bytes)).await;
        let refused = endless.hear().await.expect("an answer, not a reset");
        assert_eq!(refused.status, 431);
        assert!(refused.head.contains("connection: close"), "{refused:?}");
    }
    app.finish().await;
}

/// Proxies and simple clients send a whole body before they look for an answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_upload_shows_why() {
    let app = TestApp::start().await;
    let creator = app.creator("noa").await;
    let nano = creator.draft(&app, "Too large").await;
    let head = |token: &str, length: u64| {
        format!(
            "PUT /api/v1/nanos/{nano}/file HTTP/1.1\r\nHost: nano.test\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {length}\r\n\r\n"
        )
    };
    let bytes = vec![b'x'; 6 << 20];
    for (token, length, status, code) in [
        (creator.token.as_str(), 2 << 30, 413, "FILE_TOO_LARGE"),
        (creator.token.as_str(), 0xffff_ffff_ffff, 413, "FILE_TOO_LARGE"),
        ("nobody", 6 << 20, 401, "UNAUTHORIZED"),
    ] {
        let mut socket = app.connect().await;
        socket.say(&head(token, length)).await;
        socket.0.write_all(&bytes).await.expect("the body is read on for a while");
        let refused = socket.hear().await.expect("an answer, not a reset");
        assert_eq!((refused.status, refused.code()), (status, code), "{refused:?}");
        assert!(refused.head.contains("connection: close"), "{refused:?}");
    }
    // Not for ever.
    let mut socket = app.connect().await;
    socket.say(&head(&creator.token, 2 << 30)).await;
    let (started, mut sent) = (Instant::now(), 0);
    while socket.0.write_all(&bytes).await.is_ok() {
        sent += bytes.len();
        assert!(started.elapsed() < 30 * SECOND, "{sent} bytes were read");
    }
    assert!(sent <= 32 << 20, "{sent} bytes were read");
    // A small body that nobody wants costs no connection.
    let mut socket = app.connect().await;
    for _ in 0..2 {
        socket.say("POST /api/v1/nanos HTTP/1.1\r\nHost: nano.test\r\nContent-Length: 2\r\n\r\n{}").await;
        assert_eq!(socket.hear().await.map(|heard| heard.status), Some(401));
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_said_all_still_hears_its_answer() {
    let app = TestApp::start().await;
    let mut socket = app.connect().await;
    socket.say("GET /api/v1/categories HTTP/1.1\r\nHost: nano.test\r\n\r\n").await;
    socket.0.shutdown().await.unwrap();
    assert_eq!(socket.hear().await.map(|heard| heard.status), Some(200));
    assert!(socket.ends_within(5 * SECOND).await);
    app.finish().await;
}
