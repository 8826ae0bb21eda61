//! `worker backup run`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use chrono::Utc;
use db::Db;
use infra::{
    env::{BackupKeyArgs, DatabaseArgs, DatabaseSettings, Problems, StorageArgs, StorageSettings},
    sealed_file::FileKey,
    storage::Storage,
};
use secrecy::ExposeSecret;

use super::{
    UNUSABLE,
    database::Program,
    ended,
    folder::{Folder, Manifest},
    objects,
    progress::Progress,
    readable,
};

#[derive(clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    storage: StorageArgs,
    #[command(flatten)]
    key: BackupKeyArgs,
    /// The folder of backups, on another disk or machine; made when it is not there.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
}

pub(super) async fn run(args: RunArgs) -> ExitCode {
    let mut problems = Problems::default();
    let database = args.database.check(&mut problems);
    let storage = args.storage.check(&mut problems);
    let key = args.key.check(&mut problems);
    if let Some(code) = problems.exit_code() {
        return code;
    }
    let (Some(database), Some(storage), Some(key)) = (database, storage, key) else { return UNUSABLE.into() };
    ended("run", back_up(&args.to, &database, &storage, key.into()).await)
}

async fn back_up(
    to: &Path,
    database: &DatabaseSettings,
    storage: &StorageSettings,
    key: Arc<FileKey>,
) -> anyhow::Result<String> {
    infra::tls::install();
    let mut progress = Progress::begin();
    let (folder, _held) = Folder::for_writing(to)?;
    let known = match folder.names()?.last() {
        Some(newest) => {
            let newest = folder.manifest(Some(newest.as_str()), &key);
            newest.context("the newest backup there cannot be read (another key takes another folder)")?.objects
        }
        None => Vec::new(),
    };
    let db = Db::connect(database.url.expose_secret(), 2).await?;
    let program = Program::dump(&database.url, &db.version().await?)?;
    let storage = Storage::connect(storage).await?;
    storage.ping().await?;

    let began_at = Utc::now();
    let name = began_at.format("%Y%m%dT%H%M%S%.3fZ").to_string();
    let unfinished = folder.begin(&name)?;
    progress.say("copying the database");
    let (file, sealed_with) = (unfinished.dump()?, key.clone());
    let dump = tokio::task::spawn_blocking(move || program.write_dump(file, &sealed_with)).await??;
    progress.say(&format!("copying the bucket (the database has {})", readable(dump.size)));
    let copied = objects::copy(&storage, &folder, &key, known, &mut progress).await?;
    let manifest = Manifest::new(name, began_at, dump, copied.objects);
    unfinished.finish(&manifest, &key)?;
    Ok(format!(
        "backup {}: database {}, {} objects with {}, of which {} with {} are new",
        manifest.name,
        readable(manifest.database.size),
        manifest.objects.len(),
        readable(manifest.bytes()),
        copied.new,
        readable(copied.new_bytes)
    ))
}
