//! `worker backup restore`.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context as _, bail};
use chrono::{TimeDelta, Utc};
use db::Db;
use infra::{
    db::data_requests,
    env::{BackupKeyArgs, DatabaseArgs, DatabaseSettings, Problems, StorageArgs, StorageSettings},
    sealed_file::FileKey,
    storage::Storage,
};
use secrecy::ExposeSecret;

use super::{
    UNUSABLE,
    database::{self, Program},
    ended,
    folder::Folder,
    objects,
    progress::Progress,
    readable,
};

/// No erasure begins earlier after a restore: it may have been taken back after the backup was made.
const ERASURE_PAUSE: TimeDelta = TimeDelta::days(7);

#[derive(clap::Args)]
pub struct RestoreArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    storage: StorageArgs,
    #[command(flatten)]
    key: BackupKeyArgs,
    #[command(flatten)]
    what: What,
}

#[derive(clap::Args)]
struct What {
    /// The folder of backups.
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
    /// Which one, as `worker backup run` has called it. By default the newest.
    #[arg(long, value_name = "NAME")]
    backup: Option<String>,
    /// Drop the tables that are there. Objects that are there stay.
    #[arg(long)]
    replace: bool,
}

pub(super) async fn run(args: RestoreArgs) -> ExitCode {
    let mut problems = Problems::default();
    let database = args.database.check(&mut problems);
    let storage = args.storage.check(&mut problems);
    let key = args.key.check(&mut problems);
    if let Some(code) = problems.exit_code() {
        return code;
    }
    let (Some(database), Some(storage), Some(key)) = (database, storage, key) else { return UNUSABLE.into() };
    ended("restore", restore(&args.what, &database, &storage, key.into()).await)
}

async fn restore(
    what: &What,
    database: &DatabaseSettings,
    storage: &StorageSettings,
    key: Arc<FileKey>,
) -> anyhow::Result<String> {
    infra::tls::install();
    let mut progress = Progress::begin();
    let folder = Folder::for_reading(&what.from)?;
    let manifest = folder.manifest(what.backup.as_deref(), &key)?;
    let db = Db::connect(database.url.expose_secret(), 2).await?;
    let program = Program::client(&database.url, &db.version().await?)?;
    let storage = Storage::connect(storage).await?;
    storage.ping().await?;
    let tables = db.tables().await.context("the database has to be there, with nothing in it")?.len();
    let first = storage.pages("").next().await?.unwrap_or_default().into_iter().next();
    if !what.replace {
        if tables > 0 {
            bail!("the database has {tables} tables: restore into an empty one, or say --replace, which drops them");
        }
        if let Some(object) = first {
            bail!("the bucket has objects ({} …): restore into an empty one, or say --replace", object.key);
        }
    }

    progress.say(&format!("reading the database of {}", manifest.name));
    let (dump, expected, opened_with) = (folder.dump(&manifest.name), manifest.database.clone(), key.clone());
    let checked = tokio::task::spawn_blocking(move || database::check(&dump, &opened_with, &expected));
    checked.await?.context("nothing was changed")?;
    // The database last: where it is, its objects are.
    progress.say(&format!("bringing back {} objects with {}", manifest.objects.len(), readable(manifest.bytes())));
    objects::bring_back(&storage, &folder, &key, &manifest.objects, &mut progress).await?;
    progress.say(&format!("bringing back the database ({})", readable(manifest.database.size)));
    db.drop_tables().await?;
    let (dump, opened_with) = (folder.dump(&manifest.name), key.clone());
    tokio::task::spawn_blocking(move || program.read_dump(&dump, &opened_with)).await??;
    let put_off = if db.tables().await?.iter().any(|table| table == "data_requests") {
        let put_off = data_requests::put_off_erasures(&db, Utc::now() + ERASURE_PAUSE).await;
        put_off.context("start no worker: erasures that were taken back since the backup would begin")?
    } else {
        0
    };

    let schema = match db.misfit().await? {
        None => String::new(),
        Some(misfit) => format!("  {misfit}\n"),
    };
    Ok(format!(
        "restored: backup {} of {} UTC, {} objects\n\
         erasures that were put off for 7 days, because people may have taken them back since the backup: {put_off}\n\
         Next (docs/restoring.md):\n{schema}  \
         redis-cli FLUSHALL on both Redis servers: answers and limits in them are of another time\n  \
         start the programs\n  \
         worker reindex --reason 'restored'\n  \
         worker audit verify; worker schedules run reconcile_storage --reason 'restored'",
        manifest.name,
        manifest.began_at.format("%Y-%m-%d %H:%M:%S"),
        manifest.objects.len()
    ))
}
