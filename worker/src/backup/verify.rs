//! `worker backup verify`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use infra::{
    env::{BackupKeyArgs, Problems},
    sealed_file::FileKey,
};

use super::{
    FAILED, UNUSABLE, database,
    folder::{Folder, Manifest},
    objects,
    progress::Progress,
    readable,
};

#[derive(clap::Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    key: BackupKeyArgs,
    /// The folder of backups.
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
    /// Which one, as `worker backup run` has called it. By default the newest.
    #[arg(long, value_name = "NAME")]
    backup: Option<String>,
}

pub(super) async fn run(args: VerifyArgs) -> ExitCode {
    let mut problems = Problems::default();
    let key = args.key.check(&mut problems);
    if let Some(code) = problems.exit_code() {
        return code;
    }
    let Some(key) = key else { return UNUSABLE.into() };
    let read = tokio::task::spawn_blocking(move || {
        let folder = Folder::for_reading(&args.from)?;
        let manifest = folder.manifest(args.backup.as_deref(), &key)?;
        let wrong = wrong(&folder, &manifest, &key);
        anyhow::Ok((manifest, wrong))
    });
    let (manifest, wrong) = match read.await.map_err(anyhow::Error::from).flatten() {
        Ok(read) => read,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "worker backup verify: {error:#}");
            return UNUSABLE.into();
        }
    };
    let mut out = std::io::stdout().lock();
    for what in &wrong {
        let _ = writeln!(out, "{what}");
    }
    let verdict = if wrong.is_empty() { "whole" } else { "BROKEN" };
    let _ = writeln!(
        out,
        "{verdict}: backup {} of {} UTC, database {}, {} objects with {}",
        manifest.name,
        manifest.began_at.format("%Y-%m-%d %H:%M:%S"),
        readable(manifest.database.size),
        manifest.objects.len(),
        readable(manifest.bytes())
    );
    if wrong.is_empty() { ExitCode::SUCCESS } else { FAILED.into() }
}

/// Reads everything; what is wrong with it, one sentence each.
fn wrong(folder: &Folder, manifest: &Manifest, key: &FileKey) -> Vec<String> {
    let mut progress = Progress::begin();
    let mut wrong = Vec::new();
    progress.say("reading the database");
    if let Err(error) = database::check(&folder.dump(&manifest.name), key, &manifest.database) {
        wrong.push(format!("{error:#}"));
    }
    for (number, object) in manifest.objects.iter().enumerate() {
        if let Err(error) = objects::read(folder, key, object, &mut std::io::sink()) {
            wrong.push(format!("{}: {error:#}", object.key));
        }
        progress.tell(|| format!("{number} of {} objects", manifest.objects.len()));
    }
    wrong
}
