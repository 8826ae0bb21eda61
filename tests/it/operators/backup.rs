//! `worker backup`: what was there comes back, and nothing else does.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use infra::storage::ObjectInfo;
use tests::{TestApp, User, archives, database, fleet::worker_program};

use super::cli::Output;

fn key(fill: u8) -> String {
    BASE64_STANDARD.encode([fill; 32])
}

async fn backup(app: &TestApp, key: &str, path: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(worker_program());
    command.arg("backup").args(arguments).env_clear().envs(app.environment()).env("BACKUP_KEY", key);
    match path {
        Some(path) => command.env("PATH", path),
        None => command.env("PATH", std::env::var_os("PATH").expect("a PATH")),
    };
    Output::of(command.stdin(Stdio::null()).output().await.expect("the worker program runs"))
}

async fn publish(app: &TestApp, creator: &User, title: &str) {
    let text = format!("Only about {title}.");
    creator.submit(app, title, archives::unit_with(&[("more.txt", text.as_bytes())])).await;
    app.run_all_due().await;
}

/// What the store says about each object that a backup is to bring back.
async fn objects(app: &TestApp) -> Vec<(String, u64, Option<String>)> {
    let mut found = Vec::new();
    for ObjectInfo { key, .. } in app.storage.list("").await.unwrap() {
        let head = app.storage.head(&key).await.unwrap().unwrap();
        found.push((key.to_string(), head.size, head.content_type));
    }
    found.sort_unstable();
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

/// On MySQL where its own client programs are missing a backup is refused, with what to install; Debian's `mysqldump` is MariaDB's.
async fn is_refused_for_want_of_programs(app: &TestApp, key: &str, to: &str) -> bool {
    if app.db.version().await.unwrap().contains("MariaDB") {
        return false;
    }
    let refused = backup(app, key, None, &["run", "--to", to]).await;
    if refused.code == 0 {
        return false;
    }
    assert_eq!((refused.code, refused.err.contains("mysql-client")), (1, true), "{}{}", refused.out, refused.err);
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn database_and_bucket_come_back_as_they_were() {
    let app = TestApp::start().await;
    let creator = app.creator("ada").await;
    for title in ["Alpha tables", "Beta tables"] {
        publish(&app, &creator, title).await;
    }
    let (rows, there) = (database::checksums(&app.db).await.unwrap(), objects(&app).await);
    assert!(there.iter().any(|(_, _, kind)| kind.as_deref() == Some("image/webp")), "{there:?}");
    let folder = app.folder.path().join("backups");
    let to = folder.to_str().unwrap();
    let (ours, of) = (key(1), format!("{} objects", there.len()));
    if is_refused_for_want_of_programs(&app, &ours, to).await {
        return app.finish().await;
    }

    let made = backup(&app, &ours, None, &["run", "--to", to]).await;
    assert_eq!((made.code, made.out.contains(&of)), (0, true), "{}{}", made.out, made.err);
    assert!(!made.out.contains(" of which 0 "), "{}", made.out);
    // What did not change is not copied again.
    let again = backup(&app, &ours, None, &["run", "--to", to]).await;
    assert_eq!(
        (again.code, again.out.contains("of which 0 with 0 B are new")),
        (0, true),
        "{}{}",
        again.out,
        again.err
    );
    for file in files(&folder) {
        let bytes = std::fs::read(&file).unwrap();
        for word in ["CREATE TABLE", creator.email.as_str(), "canonical_key"] {
            assert!(!has(&bytes, word), "{word} can be read in {}", file.display());
        }
    }
    let whole = backup(&app, &ours, None, &["verify", "--from", to]).await;
    assert_eq!((whole.code, whole.out.starts_with("whole: ")), (0, true), "{}{}", whole.out, whole.err);

    // What is there is not replaced unless somebody says so.
    publish(&app, &creator, "Gamma tables").await;
    let refused = backup(&app, &ours, None, &["restore", "--from", to]).await;
    assert_eq!((refused.code, refused.err.contains("--replace")), (1, true), "{}", refused.err);
    app.db.drop_tables().await.unwrap();
    let refused = backup(&app, &ours, None, &["restore", "--from", to]).await;
    assert_eq!((refused.code, refused.err.contains("the bucket has objects")), (1, true), "{}", refused.err);
    for object in app.storage.list("").await.unwrap() {
        app.storage.delete(&object.key).await.unwrap();
    }

    let restored = backup(&app, &ours, None, &["restore", "--from", to]).await;
    assert_eq!((restored.code, restored.out.contains("worker reindex")), (0, true), "{}{}", restored.out, restored.err);
    database::checksums(&app.db).await.unwrap().assert_same(&rows, "the restored database");
    assert_eq!(objects(&app).await, there);
    // And over what is there.
    let replaced = backup(&app, &ours, None, &["restore", "--from", to, "--replace"]).await;
    assert_eq!(replaced.code, 0, "{}", replaced.err);
    database::checksums(&app.db).await.unwrap().assert_same(&rows, "the replaced database");
    publish(&app, &creator, "Delta tables").await;

    // She takes her erasure back after the backup: a restore does not begin it, although its day has come.
    let waiting = "INSERT INTO data_requests (id, user_id, kind, cause, due_at, created_at)
       SELECT id, id, 'erasure', 'person', '2020-01-31', '2020-01-01' FROM users WHERE username = 'ada'";
    database::execute(&app.db, waiting).await.unwrap();
    assert_eq!(backup(&app, &ours, None, &["run", "--to", to]).await.code, 0);
    database::execute(&app.db, "UPDATE data_requests SET state = 'withdrawn'").await.unwrap();
    let restored = backup(&app, &ours, None, &["restore", "--from", to, "--replace"]).await;
    assert_eq!(
        (restored.code, restored.out.contains("since the backup: 1\n")),
        (0, true),
        "{}{}",
        restored.out,
        restored.err
    );
    let put_off = "SELECT COUNT(*) FROM data_requests
       WHERE state = 'waiting' AND due_at > UTC_TIMESTAMP(6) + INTERVAL 6 DAY";
    assert_eq!(database::number(&app.db, put_off).await.unwrap(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_as_it_was_written_is_named() {
    let app = TestApp::start().await;
    let creator = app.creator("ada").await;
    publish(&app, &creator, "Alpha tables").await;
    let folder = app.folder.path().join("backups");
    let to = folder.to_str().unwrap();
    let ours = key(1);
    if is_refused_for_want_of_programs(&app, &ours, to).await {
        return app.finish().await;
    }
    // The programs of the database are not to be found: it is said which package has them.
    let lacking = backup(&app, &ours, Some("/nonexistent"), &["run", "--to", to]).await;
    assert_eq!((lacking.code, lacking.err.contains("mariadb-client")), (1, true), "{}", lacking.err);
    let nothing = backup(&app, &ours, None, &["verify", "--from", to]).await;
    assert_eq!((nothing.code, nothing.err.contains("there is no backup")), (2, true), "{}", nothing.err);
    let no_key = backup(&app, "", None, &["run", "--to", to]).await;
    assert_eq!((no_key.code, no_key.err.contains("BACKUP_KEY_FILE")), (2, true), "{}", no_key.err);

    assert_eq!(backup(&app, &ours, None, &["run", "--to", to]).await.code, 0);
    // Another key opens nothing, and does not go on with what this one began.
    let other = backup(&app, &key(2), None, &["verify", "--from", to]).await;
    assert_eq!((other.code, other.err.contains("BACKUP_KEY")), (2, true), "{}", other.err);
    let other = backup(&app, &key(2), None, &["run", "--to", to]).await;
    assert_eq!((other.code, other.err.contains("another folder")), (1, true), "{}", other.err);

    let mut objects = files(&folder.join("objects"));
    objects.sort_unstable();
    let mut bytes = std::fs::read(&objects[0]).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&objects[0], bytes).unwrap();
    std::fs::remove_file(&objects[1]).unwrap();
    let dump = files(&folder.join("backups")).into_iter().find(|path| path.ends_with("database")).unwrap();
    let length = std::fs::metadata(&dump).unwrap().len();
    std::fs::File::options().write(true).open(&dump).unwrap().set_len(length - 20).unwrap();
    let broken = backup(&app, &ours, None, &["verify", "--from", to]).await;
    let lines: Vec<&str> = broken.out.lines().collect();
    assert_eq!((broken.code, lines.len() >= 4), (1, true), "{}{}", broken.out, broken.err);
    assert!(lines[0].contains("/database") && lines.last().unwrap().starts_with("BROKEN: "), "{}", broken.out);
    let named = |path: &PathBuf| broken.out.contains(path.to_str().unwrap());
    assert!(named(&objects[0]) && named(&objects[1]), "{}", broken.out);
    // A dump that is not whole changes nothing.
    let rows = database::checksums(&app.db).await.unwrap();
    let refused = backup(&app, &ours, None, &["restore", "--from", to, "--replace"]).await;
    assert_eq!((refused.code, refused.err.contains("nothing was changed")), (1, true), "{}", refused.err);
    database::checksums(&app.db).await.unwrap().assert_same(&rows, "a refused restore");
    app.finish().await;
}
