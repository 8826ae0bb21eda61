//! The data key: a wrong one is noticed before anything is lost with it, and a new one takes over from the old.

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::Utc;
use domain::{ids::UserId, user::Role};
use infra::{
    db::{data_key_proof, second_factors},
    seal::{DataKeys, Place},
};
use jobs::{DataKeyMismatch, check_data_key};
use tests::{TestApp, app::PATIENCE};

use super::cli::{Output, cli};

fn key(fill: u8) -> String {
    BASE64_STANDARD.encode([fill; 32])
}

fn keys(current: u8, previous: &[u8]) -> DataKeys {
    let previous: Vec<String> = previous.iter().map(|fill| key(*fill)).collect();
    DataKeys::new(&key(current), &previous.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
}

/// So many people whose secrets are sealed with a key.
async fn people(app: &TestApp, name: &str, number: usize, with: &DataKeys) -> Vec<UserId> {
    let mut ids = Vec::new();
    for n in 0..number {
        let id: UserId = app.user(&format!("{name}-{n}"), Role::Consumer).await.id.parse().unwrap();
        let sealed = with.seal(Place::SecondFactor(id), format!("secret {n}").as_bytes()).unwrap();
        let mut tx = app.db.begin().await.unwrap();
        assert!(second_factors::set_up(&mut tx, id, &sealed, Utc::now()).await.unwrap());
        assert!(second_factors::enable(&mut tx, id, &sealed, 1, Utc::now()).await.unwrap());
        tx.commit().await.unwrap();
        ids.push(id);
    }
    ids
}

async fn reseal(app: &TestApp, current: u8, previous: u8) -> Output {
    let [now, before] = [current, previous].map(|fill| {
        let file = app.folder.path().join(format!("{fill}.key"));
        std::fs::write(&file, key(fill)).unwrap();
        file.display().to_string()
    });
    cli(app, &["admin", "reseal", "--data-key-file", &now, "--data-previous-key-file", &before]).await
}

async fn fits(app: &TestApp, keys: &DataKeys) -> bool {
    match check_data_key(&app.db, keys, Utc::now()).await {
        Ok(()) => true,
        Err(DataKeyMismatch::Other { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_noticed_at_the_start() {
    let mut app = TestApp::start().await;
    // Nothing was sealed yet: whoever comes first says which key it is.
    assert!(fits(&app, &keys(1, &[])).await && fits(&app, &keys(1, &[2])).await && fits(&app, &keys(2, &[1])).await);
    assert!(!fits(&app, &keys(2, &[])).await && !fits(&app, &keys(2, &[3])).await);
    // The program says so and ends.
    let launch = app.sibling("api", "api").env("API_ADDR", "127.0.0.1:0").env("DATA_KEY", key(2));
    let pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let mut api = launch.env("JWT_KEY", pem).start().await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, api.wait()).await.expect("it ends");
    assert!(!ended.unwrap().success());
    let log = std::fs::read_to_string(app.folder.path().join("api.log")).unwrap();
    assert!(log.contains("sealed with another data key") && log.contains("worker admin reseal"), "{log}");
    // With the right one it starts.
    let api = app.api_process("api-again", &[("DATA_KEY", &key(1))]).await;
    drop(api);
    app.finish().await;
}

/// Where secrets come as text, as on ECS, there is a way from one key to the next, too.
#[tokio::test(flavor = "multi_thread")]
async fn the_other_key_may_be_text() {
    let mut app = TestApp::start().await;
    assert!(fits(&app, &keys(1, &[])).await);
    people(&app, "old", 2, &keys(1, &[])).await;
    // As secret stores often keep line ends.
    let pem = || rcgen::KeyPair::generate().unwrap().serialize_pem().replace('\n', "\\n");
    let (signs, accepts, now, before) = (pem(), pem(), key(2), key(1));
    let settings = [
        ("JWT_KEY", signs.as_str()),
        ("JWT_PREVIOUS_KEY", accepts.as_str()),
        ("DATA_KEY", now.as_str()),
        ("DATA_PREVIOUS_KEY", before.as_str()),
    ];
    let api = app.api_process("both-keys", &settings).await;
    let keys_told = app.get("/.well-known/jwks.json").await;
    assert_eq!(keys_told.body["keys"].as_array().map(Vec::len), Some(2), "{:#}", keys_told.body);
    drop(api);
    let resealed = cli(&app, &["admin", "reseal", "--data-key", &now, "--data-previous-key", &before]).await;
    assert_eq!(resealed.code, 0, "{}", resealed.err);
    assert!(fits(&app, &keys(2, &[])).await && !fits(&app, &keys(1, &[])).await);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_database_from_before_there_was_a_proof_what_is_sealed_counts() {
    let app = TestApp::start().await;
    people(&app, "old", 2, &keys(1, &[])).await;
    assert!(!fits(&app, &keys(2, &[])).await);
    assert_eq!(data_key_proof::get(&app.db).await.unwrap(), None, "a wrong key leaves no proof of itself");
    // In the middle of a replacement both keys are needed, until everything is sealed with the new one.
    assert!(fits(&app, &keys(2, &[1])).await && !fits(&app, &keys(2, &[])).await);
    assert_eq!(reseal(&app, 2, 1).await.code, 0);
    assert!(fits(&app, &keys(2, &[])).await && !fits(&app, &keys(1, &[])).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_sealed_anew_and_the_old_key_is_needed_no_more() {
    let app = TestApp::start().await;
    let (old, new) = (keys(1, &[]), keys(2, &[]));
    assert!(fits(&app, &old).await);
    let ids = people(&app, "old", 3, &old).await;
    let newer = people(&app, "new", 1, &keys(2, &[1])).await;
    // Somebody's secret is sealed with a key that nobody has: the rest is done, and the old key stays the one.
    let lost = people(&app, "lost", 1, &keys(9, &[])).await[0];
    let halted = reseal(&app, 2, 1).await;
    assert_eq!(halted.code, 1, "{}", halted.out);
    assert!(halted.err.contains("3 secrets were sealed anew, but 1 cannot be opened"), "{}", halted.err);
    assert!(halted.err.contains(&lost.to_string()) && halted.err.contains("remove-second-factor"), "{}", halted.err);
    assert!(!fits(&app, &new).await);

    let why = ["--reason", "its key is lost"];
    let removed = cli(&app, &[&["admin", "remove-second-factor", "--id", &lost.to_string()][..], &why].concat()).await;
    assert_eq!(removed.code, 0, "{}", removed.err);
    let done = reseal(&app, 2, 1).await;
    assert_eq!((done.code, done.out.contains("no other is needed")), (0, true), "{}{}", done.out, done.err);
    assert!(fits(&app, &new).await && !fits(&app, &old).await);
    for (n, id) in ids.iter().chain(&newer).enumerate() {
        let factor = second_factors::get(&app.db, *id).await.unwrap().unwrap();
        let secret = new.open(Place::SecondFactor(*id), &factor.secret).unwrap();
        assert_eq!(secret, format!("secret {}", n % 3).as_bytes());
    }
    let rows = tests::database::number(&app.db, "SELECT COUNT(*) FROM audit_log WHERE action = 'secrets.reseal'").await;
    assert_eq!(rows.unwrap(), 1);
    // A key that never was this database's changes nothing.
    let wrong = reseal(&app, 4, 5).await;
    assert_eq!((wrong.code, wrong.err.contains("another data key")), (1, true), "{}", wrong.err);
    app.run_all_due().await;
    app.finish().await;
}
