//! Files on their way in and out: what is kept, what is let go, what is counted.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use db::clock::Clock;
use domain::{
    ids::{NanoId, UploadId},
    upload::UploadState,
    user::Role,
};
use infra::{
    db::{
        uploads::{self, NewUpload, Upload},
        users,
    },
    storage::Key,
};
use jobs::ExpireUploads;
use reqwest::{Method, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};
use tests::{TestApp, User, app::PATIENCE, archives, client::answer, snapshot::redacted};
use tokio::io::AsyncWriteExt;

async fn row(app: &TestApp, upload: &str) -> Upload {
    uploads::get(&app.db, upload.parse().unwrap()).await.unwrap().expect("the upload's row")
}

/// The one upload of the nano that is still coming in.
async fn receiving(app: &TestApp, nano: &str) -> UploadId {
    let started = Instant::now();
    loop {
        let mut tx = app.db.begin().await.unwrap();
        let open = uploads::open_of_nano(&mut tx, nano.parse().unwrap()).await.unwrap();
        tx.rollback().await.unwrap();
        if let Some(upload) = open.iter().find(|upload| upload.state == UploadState::Receiving) {
            return upload.id;
        }
        assert!(started.elapsed() < PATIENCE, "no upload begins: {open:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the upload is in this state.
async fn settled(app: &TestApp, upload: UploadId, state: UploadState) {
    let started = Instant::now();
    loop {
        let row = uploads::get(&app.db, upload).await.unwrap().unwrap();
        if row.state == state {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "not {state}: {row:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Neither an object nor a part of one is left.
async fn assert_store_empty(app: &TestApp) {
    app.drained().await;
    assert_eq!(app.objects().await, Vec::<String>::new());
    assert_eq!(app.storage.abort_multiparts_older_than(Duration::ZERO).await.unwrap(), 0, "unfinished multiparts");
}

/// The store asks for less in the middle of an upload, for longer than its library tries again: nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_waits_for_a_store_that_asks_for_less() {
    let app = TestApp::start().await;
    let creator = app.creator("slo").await;
    // In one request, and in parts.
    for size in [100_000, 17 << 20] {
        let nano = creator.draft(&app, &format!("{size} bytes")).await;
        let (bytes, mut sender) = tokio::io::duplex(1 << 20);
        let body = reqwest::Body::wrap_stream(tokio_util::io::ReaderStream::new(bytes));
        let path = format!("/api/v1/nanos/{nano}/file?filename=unit.zip");
        let request = creator.request(&app, Method::PUT, &path).header("content-type", "application/zip").body(body);
        let uploading = tokio::spawn(answer(request));
        let file: Vec<u8> = (0..size).map(|at: usize| (at % 251) as u8).collect();
        let (first, rest) = file.split_at(size / 2);
        sender.write_all(first).await.unwrap();
        app.s3.slow_down(true);
        let slow = Instant::now();
        let busy = async {
            tokio::time::sleep(Duration::from_secs(12)).await;
            app.s3.slow_down(false);
        };
        let sending = async {
            sender.write_all(rest).await.unwrap();
            drop(sender);
        };
        tokio::join!(busy, sending);
        let done = uploading.await.unwrap();
        let sha256 = hex::encode(Sha256::digest(&file));
        assert_eq!(done.data(StatusCode::CREATED)["sha256"], sha256, "after {:?}", slow.elapsed());
        let upload = row(&app, done.body["data"]["id"].as_str().unwrap()).await;
        let kept = app.storage.head(&upload.object_key.parse::<Key>().unwrap()).await.unwrap();
        assert_eq!(kept.unwrap().size, size as u64);
    }
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finishing_twice_gives_the_same_job() {
    let app = TestApp::start().await;
    let creator = app.creator("fin").await;
    let nano = creator.draft(&app, "Twice").await;
    let file = archives::unit();
    let received = creator.put_file(&app, &nano, file.clone()).await;
    assert_eq!(received.data(StatusCode::CREATED)["sha256"], hex::encode(Sha256::digest(&file)));
    let mut snapshot = received.snapshot();
    snapshot["body"]["data"]["sha256"] = json!("[hash]");
    snapshot["body"]["data"]["size"] = json!("[bytes]");
    insta::assert_json_snapshot!("received", snapshot);
    let upload = received.data(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();

    let finish = format!("/api/v1/uploads/{upload}/finish");
    let form = json!({"semver": "1.2.0", "changelog": "First."});
    let (first, second) = tokio::join!(creator.post(&app, &finish, &form), creator.post(&app, &finish, &form));
    let third = answer(creator.request(&app, Method::POST, &finish)).await;
    let mut data = redacted(first.data(StatusCode::ACCEPTED));
    data["upload"]["sha256"] = json!("[hash]");
    data["upload"]["size"] = json!("[bytes]");
    insta::assert_json_snapshot!("finished", data);
    for again in [&second, &third] {
        assert_eq!(again.data(StatusCode::ACCEPTED), first.data(StatusCode::ACCEPTED));
        assert_eq!(again.location(), first.location());
    }
    assert_eq!(app.jobs_of_nano(nano.parse().unwrap()).await.unwrap().len(), 1);
    let versions = creator.get(&app, &format!("/api/v1/nanos/{nano}/versions")).await;
    assert_eq!(versions.data(StatusCode::OK).as_array().unwrap().len(), 1);

    // While it is checked, neither another file nor a change of mind.
    let busy = creator.put_file(&app, &nano, archives::unit()).await;
    assert_eq!(busy.error(StatusCode::CONFLICT), "VERSION_IN_PROGRESS");
    let gone = creator.delete(&app, &format!("/api/v1/uploads/{upload}")).await;
    assert_eq!(gone.error(StatusCode::CONFLICT), "UPLOAD_CLOSED");

    let worker = app.worker().await;
    app.wait_for_status(&creator, &nano, &["published"]).await;
    app.drained().await;
    let same = creator.post(&app, &finish, &json!({})).await;
    assert_eq!(same.location(), first.location(), "and the same answer after it was published");
    app.drained().await;

    // The next version has to be higher, and is by itself.
    let next = creator.upload(&app, &nano, archives::unit_with(&[("new.txt", b"New.")])).await;
    let finish = format!("/api/v1/uploads/{next}/finish");
    let low = creator.post(&app, &finish, &json!({"semver": "1.2.0"})).await;
    assert_eq!(low.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    assert_eq!(low.body["error"]["details"]["fields"][0]["code"], "NOT_HIGHER");
    assert_eq!(creator.post(&app, &finish, &json!({})).await.data(StatusCode::ACCEPTED)["semver"], "1.2.1");
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_given_up_or_superseded_upload_leaves_no_object() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let creator = app.creator("gil").await;
    let nano = creator.draft(&app, "Second thoughts").await;
    let first = creator.upload(&app, &nano, archives::unit()).await;
    let second = creator.upload(&app, &nano, archives::unit_with(&[("b.txt", b"B")])).await;
    assert_eq!(row(&app, &first).await.state, UploadState::Aborted, "the second file takes the first one's place");
    app.drained().await;
    assert_eq!(app.objects().await, [row(&app, &second).await.object_key]);
    let late = creator.post(&app, &format!("/api/v1/uploads/{first}/finish"), &json!({})).await;
    assert_eq!(late.error(StatusCode::CONFLICT), "UPLOAD_CLOSED");
    assert_eq!(late.body["error"]["details"]["state"], "aborted");

    let path = format!("/api/v1/uploads/{second}");
    for _ in 0..2 {
        assert_eq!(creator.delete(&app, &path).await.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(creator.get(&app, &path).await.data(StatusCode::OK)["state"], "aborted");
    assert_store_empty(&app).await;

    // So does a draft that is deleted with its file.
    let third = creator.upload(&app, &nano, archives::unit()).await;
    assert_eq!(creator.delete(&app, &format!("/api/v1/nanos/{nano}")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(row(&app, &third).await.state, UploadState::Aborted);
    assert_eq!(creator.get(&app, &format!("/api/v1/nanos/{nano}")).await.status, StatusCode::NOT_FOUND);
    assert_store_empty(&app).await;
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_what_was_announced_is_not_kept() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let creator = app.creator("sha").await;
    let nano = creator.draft(&app, "Announced").await;
    let file = archives::unit();
    let put = async |digest: &str| {
        let request = creator.request(&app, Method::PUT, &format!("/api/v1/nanos/{nano}/file"));
        answer(request.header("content-digest", digest).body(file.clone())).await
    };
    // The hash of nothing, of 32 zero bytes in base64, and no hash at all.
    let wrong = put("sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:").await;
    assert_eq!(wrong.error(StatusCode::BAD_REQUEST), "CHECKSUM_MISMATCH");
    assert_eq!(wrong.body["error"]["details"]["received"], hex::encode(Sha256::digest(&file)));
    let unreadable = put("sha-256=:nonsense:").await;
    insta::assert_json_snapshot!("unreadable_digest", unreadable.snapshot());
    assert_store_empty(&app).await;
    assert_eq!(put("sha-512=:AAAA:").await.status, StatusCode::CREATED, "other algorithms are not ours to check");
    assert_eq!(app.objects().await.len(), 1);
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_leaves_nothing() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let creator = app.creator("hal").await;
    let nano = creator.draft(&app, "Hanging up").await;
    let address = app.url.trim_start_matches("http://").to_owned();
    // With an announced length and without; past the first part of the multipart upload, and before.
    for (length, sent) in [("content-length: 90000000", 20 << 20), ("transfer-encoding: chunked", 100_000)] {
        let mut socket = tokio::net::TcpStream::connect(&address).await.unwrap();
        let head = format!(
            "PUT /api/v1/nanos/{nano}/file HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n{length}\r\n\r\n",
            creator.token
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        if length.starts_with("transfer") {
            socket.write_all(format!("{:x}\r\n", sent * 2).as_bytes()).await.unwrap();
        }
        socket.write_all(&vec![b'x'; sent]).await.unwrap();
        let upload = receiving(&app, &nano).await;
        drop(socket);
        settled(&app, upload, UploadState::Aborted).await;
        assert_store_empty(&app).await;
    }
    let view = creator.get(&app, &format!("/api/v1/nanos/{nano}")).await;
    assert_eq!(view.data(StatusCode::OK)["status"], "draft");
    worker.stop().await;
    app.finish().await;
}

/// An upload of two days ago that nobody finished, with its object.
async fn old_upload(app: &TestApp, creator: &User, nano: NanoId, received: bool) -> UploadId {
    let (id, then) = (UploadId::new(), Clock::System.now() - TimeDelta::days(2));
    let key = Key::upload(id);
    let new = NewUpload {
        id,
        owner_id: creator.id.parse().unwrap(),
        nano_id: nano,
        filename: "unit.zip",
        declared_size: None,
        object_key: key.as_str(),
        expires_at: then + TimeDelta::days(1),
    };
    let mut tx = app.db.begin().await.unwrap();
    uploads::insert(&mut tx, &new, then).await.unwrap();
    if received {
        assert!(uploads::set_received(&mut tx, id, 4, &[7; 32], None, then).await.unwrap());
    }
    tx.commit().await.unwrap();
    app.storage.put(&key, "data".into(), "application/zip").await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_uploads_are_let_go() {
    let app = TestApp::start().await;
    let creator = app.creator("exp").await;
    let nano = creator.draft(&app, "Forgotten").await;
    let old = [
        old_upload(&app, &creator, nano.parse().unwrap(), false).await,
        old_upload(&app, &creator, nano.parse().unwrap(), true).await,
    ];
    let other = creator.draft(&app, "In time").await;
    let fresh = creator.upload(&app, &other, archives::unit()).await;

    // Too late already, whether or not somebody has tidied up.
    let late = creator.post(&app, &format!("/api/v1/uploads/{}/finish", old[1]), &json!({})).await;
    assert_eq!(late.error(StatusCode::CONFLICT), "UPLOAD_CLOSED");
    assert_eq!(late.body["error"]["details"]["state"], "expired");

    let mut tx = app.db.begin().await.unwrap();
    queue::enqueue(&mut tx, &ExpireUploads {}).await.unwrap();
    tx.commit().await.unwrap();
    let worker = app.worker().await;
    app.drained().await;
    for id in old {
        assert_eq!(uploads::get(&app.db, id).await.unwrap().unwrap().state, UploadState::Expired);
    }
    assert_eq!(app.objects().await, [row(&app, &fresh).await.object_key], "what is in time stays");
    assert_eq!(row(&app, &fresh).await.state, UploadState::Received);
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_counts_once_per_person_and_day() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let creator = app.creator("dora").await;
    let nano = creator.submit(&app, "Down/loaded", archives::unit()).await;
    app.wait_for_status(&creator, &nano, &["published"]).await;
    let path = format!("/api/v1/nanos/{nano}/download");
    let reader = app.user("reader", Role::Consumer).await;
    for _ in 0..3 {
        assert_eq!(reader.get(&app, &path).await.status, StatusCode::FOUND);
    }
    assert_eq!(creator.get(&app, &path).await.status, StatusCode::FOUND);
    let link = reader.get(&app, &format!("{path}?redirect=false")).await;
    let mut snapshot = link.snapshot();
    snapshot["body"]["data"]["sha256"] = json!("[hash]");
    snapshot["body"]["data"]["size"] = json!("[bytes]");
    insta::assert_json_snapshot!("download_link", snapshot);
    let link = link.data(StatusCode::OK);
    let file = app.http.get(link["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(file.status(), StatusCode::OK);
    let disposition = file.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(disposition.starts_with("attachment") && disposition.contains("Down-loaded 1.0.0.zip"), "{disposition}");
    assert_eq!(hex::encode(Sha256::digest(file.bytes().await.unwrap())), link["sha256"].as_str().unwrap());

    let mut tx = app.db.begin().await.unwrap();
    let hash = users::get_in(&mut tx, reader.id.parse().unwrap()).await.unwrap().unwrap().password_hash;
    let new = users::NewUser {
        id: domain::ids::UserId::new(),
        email: "una@nano.test",
        username: "una",
        password_hash: &hash,
        name: "Una",
        role: Role::Consumer,
        language: domain::user::Language::En,
        email_verified_at: None,
    };
    users::insert(&mut tx, &new, Clock::System.now()).await.unwrap();
    tx.commit().await.unwrap();
    let unverified = app.login("una@nano.test").await;
    assert_eq!(unverified.get(&app, &path).await.error(StatusCode::FORBIDDEN), "EMAIL_NOT_VERIFIED");
    assert_eq!(app.get(&path).await.error(StatusCode::UNAUTHORIZED), "UNAUTHORIZED");
    let draft = creator.draft(&app, "Nothing to download").await;
    let none = creator.get(&app, &format!("/api/v1/nanos/{draft}/download")).await;
    assert_eq!(none.error(StatusCode::NOT_FOUND), "NOT_FOUND");

    let view = app.get(&format!("/api/v1/nanos/{nano}")).await;
    assert_eq!(view.data(StatusCode::OK)["download_count"], 2);
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}
