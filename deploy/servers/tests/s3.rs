//! The S3 server, driven by the client the application uses.

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    error::ProvideErrorMetadata,
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use servers::s3::{ACCESS_KEY, BUCKET, REGION, S3Server, SECRET_KEY};

fn client(endpoint: &str, secret: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new(ACCESS_KEY, secret, None, None, "test"))
        .force_path_style(true)
        .retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

async fn started() -> (tempfile::TempDir, S3Server, Client) {
    let dir = tempfile::tempdir().unwrap();
    let server = S3Server::start(dir.path(), 0).await.unwrap();
    let client = client(&server.endpoint(), SECRET_KEY);
    (dir, server, client)
}

async fn put(client: &Client, key: &str, body: &'static [u8]) {
    client.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(body)).send().await.unwrap();
}

async fn read(client: &Client, key: &str) -> Vec<u8> {
    let answer = client.get_object().bucket(BUCKET).key(key).send().await.unwrap();
    answer.body.collect().await.unwrap().to_vec()
}

fn presigned(seconds: u64) -> PresigningConfig {
    PresigningConfig::expires_in(Duration::from_secs(seconds)).unwrap()
}

#[tokio::test]
async fn objects_are_put_read_listed_and_deleted() {
    let (dir, _server, client) = started().await;
    put(&client, "a/one.txt", b"0123456789").await;
    put(&client, "a/two.txt", b"two").await;
    put(&client, "b.txt", b"b").await;
    assert_eq!(read(&client, "a/one.txt").await, b"0123456789");

    let range = client.get_object().bucket(BUCKET).key("a/one.txt").range("bytes=3-5").send().await.unwrap();
    assert_eq!(range.content_range(), Some("bytes 3-5/10"));
    assert_eq!(range.body.collect().await.unwrap().to_vec(), b"345");
    let suffix = client.get_object().bucket(BUCKET).key("a/one.txt").range("bytes=-2").send().await.unwrap();
    assert_eq!(suffix.body.collect().await.unwrap().to_vec(), b"89");

    let listed = client.list_objects_v2().bucket(BUCKET).prefix("a/").send().await.unwrap();
    let keys: Vec<_> = listed.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(keys, ["a/one.txt", "a/two.txt"]);

    let first = client.list_objects_v2().bucket(BUCKET).max_keys(2).send().await.unwrap();
    let rest = client.list_objects_v2().bucket(BUCKET).continuation_token(first.next_continuation_token().unwrap());
    assert_eq!(rest.send().await.unwrap().contents()[0].key(), Some("b.txt"));

    for key in ["a/one.txt", "a/two.txt", "b.txt", "never-there"] {
        client.delete_object().bucket(BUCKET).key(key).send().await.unwrap();
    }
    let missing = client.get_object().bucket(BUCKET).key("b.txt").send().await.unwrap_err();
    assert_eq!(missing.code(), Some("NoSuchKey"));
    let head = client.head_object().bucket(BUCKET).key("b.txt").send().await.unwrap_err();
    assert!(head.into_service_error().is_not_found());
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [BUCKET], "no sidecar file stays behind");
}

#[tokio::test]
async fn a_multipart_upload_is_listed_completed_and_replaces_an_object() {
    let (_dir, _server, client) = started().await;
    put(&client, "big.bin", b"an older, smaller object with a checksum of its own").await;
    let created = client.create_multipart_upload().bucket(BUCKET).key("big.bin").send().await.unwrap();
    let upload = created.upload_id().unwrap();
    let contents = [vec![1_u8; 8 << 20], vec![2_u8; 8 << 20], vec![3_u8; 1234]];
    let mut parts = Vec::new();
    for (number, content) in (1..).zip(&contents) {
        let part = client.upload_part().bucket(BUCKET).key("big.bin").upload_id(upload).part_number(number);
        let sent = part.body(ByteStream::from(content.clone())).send().await.unwrap();
        parts.push(CompletedPart::builder().part_number(number).e_tag(sent.e_tag().unwrap()).build());
    }
    let pending = client.list_multipart_uploads().bucket(BUCKET).prefix("big").send().await.unwrap();
    assert_eq!(pending.uploads()[0].upload_id(), Some(upload));
    assert!(pending.uploads()[0].initiated().is_some());
    let listed = client.list_parts().bucket(BUCKET).key("big.bin").upload_id(upload).send().await.unwrap();
    let tags: Vec<_> = listed.parts().iter().map(|part| part.e_tag().unwrap().to_owned()).collect();
    assert_eq!(tags, parts.iter().map(|part| part.e_tag().unwrap().to_owned()).collect::<Vec<_>>());

    let all = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = client.complete_multipart_upload().bucket(BUCKET).key("big.bin").upload_id(upload);
    complete.multipart_upload(all).send().await.unwrap();
    assert_eq!(read(&client, "big.bin").await, contents.concat());
    let pending = client.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
    assert!(pending.uploads().is_empty());
}

#[tokio::test]
async fn an_aborted_multipart_upload_leaves_nothing() {
    let (dir, _server, client) = started().await;
    let created = client.create_multipart_upload().bucket(BUCKET).key("x").send().await.unwrap();
    let upload = created.upload_id().unwrap();
    let part = client.upload_part().bucket(BUCKET).key("x").upload_id(upload).part_number(1);
    part.body(ByteStream::from_static(b"part")).send().await.unwrap();
    client.abort_multipart_upload().bucket(BUCKET).key("x").upload_id(upload).send().await.unwrap();
    let again = client.abort_multipart_upload().bucket(BUCKET).key("x").upload_id(upload).send().await.unwrap_err();
    assert_eq!(again.code(), Some("NoSuchUpload"));
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [BUCKET]);
}

#[tokio::test]
async fn presigned_addresses_work_without_credentials_and_only_as_signed() {
    let (_dir, _server, client) = started().await;
    let web = reqwest::Client::new();
    let upload = client.put_object().bucket(BUCKET).key("p.txt").presigned(presigned(60)).await.unwrap();
    let answer = web.put(upload.uri()).header("origin", "http://web.test").body("presigned").send().await.unwrap();
    assert!(answer.status().is_success());
    let exposed = answer.headers()["access-control-expose-headers"].to_str().unwrap().to_lowercase();
    assert!(exposed.contains("etag") && answer.headers().contains_key("etag"), "{exposed}");

    let download =
        client.get_object().bucket(BUCKET).key("p.txt").response_content_disposition("attachment; filename=\"n.zip\"");
    let address = download.presigned(presigned(60)).await.unwrap().uri().to_owned();
    let answer = web.get(&address).send().await.unwrap();
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"n.zip\"");
    assert_eq!(answer.text().await.unwrap(), "presigned");
    let other = web.get(address.replace("p.txt", "q.txt")).send().await.unwrap();
    assert_eq!(other.status(), 403);
    let bare = web.get(address.split('?').next().unwrap()).send().await.unwrap();
    assert_eq!(bare.status(), 403);

    let short = client.get_object().bucket(BUCKET).key("p.txt").presigned(presigned(1)).await.unwrap();
    let expired = async {
        while web.get(short.uri()).send().await.unwrap().status() != 403 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), expired).await.unwrap();
}

#[tokio::test]
async fn a_browser_may_ask_before_it_sends() {
    let (_dir, server, _client) = started().await;
    let asked = reqwest::Client::new()
        .request(reqwest::Method::OPTIONS, format!("{}/{BUCKET}/x", server.endpoint()))
        .header("origin", "http://web.test")
        .header("access-control-request-method", "PUT")
        .send()
        .await
        .unwrap();
    assert!(asked.status().is_success());
    assert!(asked.headers()["access-control-allow-methods"].to_str().unwrap().contains("PUT"));
}

#[tokio::test]
async fn a_wrong_secret_is_refused() {
    let (_dir, server, _client) = started().await;
    let stranger = client(&server.endpoint(), "a wrong secret");
    let refused = stranger.list_objects_v2().bucket(BUCKET).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("SignatureDoesNotMatch"));
}

#[tokio::test]
async fn a_stopped_server_refuses_connections_and_comes_back_on_its_port() {
    let (_dir, mut server, client) = started().await;
    put(&client, "kept.txt", b"kept").await;
    let (port, endpoint) = (server.port(), server.endpoint());
    server.stop().await;
    assert!(client.list_objects_v2().bucket(BUCKET).send().await.is_err());
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err());
    server.resume().await.unwrap();
    assert_eq!(server.endpoint(), endpoint);
    assert_eq!(read(&client, "kept.txt").await, b"kept");
}

#[tokio::test]
async fn a_key_too_long_for_a_file_name_is_refused_clearly() {
    let (_dir, _server, client) = started().await;
    let key = "k".repeat(200);
    let refused =
        client.put_object().bucket(BUCKET).key(&key).body(ByteStream::from_static(b"x")).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("KeyTooLongError"));
    let longest = "k".repeat(160);
    client.put_object().bucket(BUCKET).key(&longest).body(ByteStream::from_static(b"x")).send().await.unwrap();
    assert_eq!(read(&client, &longest).await, b"x");
    let created = client.create_multipart_upload().bucket(BUCKET).key(&longest).send().await.unwrap();
    let upload = created.upload_id().unwrap();
    let part = client.upload_part().bucket(BUCKET).key(&longest).upload_id(upload).part_number(1);
    let sent = part.body(ByteStream::from_static(b"yz")).send().await.unwrap();
    let parts = CompletedPart::builder().part_number(1).e_tag(sent.e_tag().unwrap()).build();
    let all = CompletedMultipartUpload::builder().parts(parts).build();
    let complete = client.complete_multipart_upload().bucket(BUCKET).key(&longest).upload_id(upload);
    let completed = complete.multipart_upload(all).send().await.unwrap();
    assert_eq!(completed.key(), Some(longest.as_str()));
    assert_eq!(read(&client, &longest).await, b"yz");
    let listed = client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    assert_eq!(listed.contents().len(), 1);
}
