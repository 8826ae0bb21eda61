//! Bad uploads: each ends in a clear report, nothing is retried, and no object without an owner is left in S3.

use archive::hostile;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tests::{TestApp, User, archives, client};

/// Uploads, waits for the verdict, returns the report.
async fn rejected(app: &TestApp, creator: &User, title: &str, file: Vec<u8>) -> Value {
    let nano = creator.submit(app, title, file).await;
    app.wait_for_status(creator, &nano, &["rejected", "published"]).await;
    let answer = creator.get(app, &format!("/api/v1/nanos/{nano}/versions/1")).await;
    let version = answer.data(StatusCode::OK);
    assert_eq!(version["state"], "rejected", "{title}: {version:#}");
    let jobs = app.jobs_of_nano(nano.parse().unwrap()).await.unwrap();
    assert_eq!(jobs.iter().map(|job| (job.kind.as_str(), job.runs)).collect::<Vec<_>>(), [("validate_archive", 1)]);
    version["report"].clone()
}

fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().filter_map(|finding| finding["code"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_archives_get_a_report_with_code_entry_and_hint() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let creator = app.creator("eve").await;
    let whole = archives::unit();
    let bomb = archives::archive(&[("bomb.txt", vec![b'a'; 80 << 20].as_slice())]);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("not a zip", b"just some text, no archive".to_vec()),
        ("truncated", whole[..whole.len() * 2 / 3].to_vec()),
        ("zip bomb", bomb),
        (
            "program inside",
            archives::unit_with(&[("setup.exe", b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff")]),
        ),
        (
            "program with a harmless name",
            archives::unit_with(&[("photo.jpg", b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff")]),
        ),
        ("path traversal", archives::unit_with(&[("../evil.html", b"<p>out</p>")])),
    ];
    let mut seen = Vec::new();
    for (title, file) in cases {
        let report = rejected(&app, &creator, title, file).await;
        for finding in report["findings"].as_array().unwrap() {
            for field in ["code", "message_en", "message_de", "hint_en", "hint_de"] {
                assert!(
                    finding[field].as_str().is_some_and(|text| !text.is_empty()),
                    "{title}: {field} in {finding:#}"
                );
            }
        }
        seen.push(format!("{title}: {}", codes(&report).join(", ")));
    }
    app.drained().await;
    insta::assert_snapshot!(seen.join("\n"));

    assert_eq!(app.objects().await, Vec::<String>::new(), "a rejected upload leaves nothing in the store");
    assert_eq!(app.mail.messages().len(), 6, "each rejection was announced once");
    worker.stop().await;
    app.finish().await;
}

/// One archive per known trick, all through the real pipeline.
#[tokio::test(flavor = "multi_thread")]
async fn no_hostile_archive_of_the_corpus_is_accepted() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let creator = app.creator("mallory").await;
    let mut nanos = Vec::new();
    for case in hostile::corpus().into_iter().filter(|case| !case.bytes.is_empty()).step_by(16) {
        let name = case.name.to_string();
        nanos.push((name.clone(), case.expected, creator.submit(&app, &name, case.bytes).await));
    }
    app.drained().await;
    for (name, expected, nano) in nanos {
        let answer = creator.get(&app, &format!("/api/v1/nanos/{nano}/versions/1")).await;
        let version = answer.data(StatusCode::OK);
        assert_eq!(version["state"], "rejected", "{name}");
        let expected = serde_json::to_value(expected).unwrap();
        let report = &version["report"];
        // What the directory alone refuses is not downloaded, so that what its content is too is not looked at.
        let by_directory = report["content_checked"] == false && !codes(report).is_empty();
        assert!(codes(report).contains(&expected.as_str().unwrap()) || by_directory, "{name}: {report:#}");
    }
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_picture_costs_the_thumbnail_not_the_upload() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let creator = app.creator("paul").await;
    let mut broken = archives::picture(640, 360);
    let middle = broken.len() / 2;
    broken[middle..].fill(0);
    let text: &[u8] = b"A unit with a broken picture.";
    let nano = creator.submit(&app, "Broken", archives::archive(&[("cover.png", &broken), ("notes.txt", text)])).await;
    let view = app.wait_for_status(&creator, &nano, &["published", "rejected"]).await;
    assert_eq!(view["status"], "published", "{view:#}");
    app.drained().await;
    assert!(!app.objects().await.iter().any(|key| key.ends_with(".webp")));
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_and_a_wrong_length_are_refused_at_the_door() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let creator = app.creator("ines").await;
    let nano = creator.draft(&app, "Empty").await;
    let empty = creator.put_file(&app, &nano, Vec::new()).await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST, "{:#}", empty.body);
    assert_eq!(empty.error(StatusCode::BAD_REQUEST), "FILE_EMPTY");

    // Declares more than it sends, then hangs up: nothing may be left of it.
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = app.url.trim_start_matches("http://").to_owned();
    let mut socket = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "PUT /api/v1/nanos/{nano}/file HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: application/zip\r\ncontent-length: 100000\r\n\r\n",
        creator.token
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&[b'x'; 5000]).await.unwrap();
    socket.shutdown().await.unwrap();
    let mut reply = String::new();
    let _ = tokio::time::timeout(std::time::Duration::from_secs(10), socket.read_to_string(&mut reply)).await;
    drop(socket);
    let started = std::time::Instant::now();
    while !app.objects().await.is_empty() {
        assert!(started.elapsed() < tests::app::PATIENCE, "a broken-off upload left an object");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }

    // Too large is said before the body is read.
    let request = creator
        .request(&app, Method::PUT, &format!("/api/v1/nanos/{nano}/file"))
        .header("content-type", "application/zip")
        .header("expect", "100-continue")
        .body(reqwest::Body::wrap_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>()))
        .header("content-length", (2_u64 << 30).to_string());
    let too_large = client::answer(request).await;
    assert_eq!(too_large.status, StatusCode::PAYLOAD_TOO_LARGE, "{:#}", too_large.body);
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}
