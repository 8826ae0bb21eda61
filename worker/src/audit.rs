//! `worker audit verify`: is the audit log whole, in the database and in the object store?

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use db::Db;
use domain::{
    audit::{ChainHash, GENESIS},
    audit_export::{ExportError, Manifest, sha256},
};
use infra::{
    db::{
        audit_exports::{self, Export, Seal},
        audit_log::{self, Verdict},
    },
    env::{DatabaseArgs, Problems, StorageArgs},
    storage::{Key, Storage, StorageError},
};
use secrecy::ExposeSecret;
use serde_json::json;

/// Everything holds.
const WHOLE: u8 = 0;
/// Something was changed, or is gone.
const BROKEN: u8 = 1;
/// It could not be checked: settings, a service that is away.
const UNKNOWN: u8 = 2;

/// A file has at most 10,000 rows; more than this was never written.
const FILE_LIMIT: u64 = 1 << 30;
const MANIFEST_LIMIT: u64 = 1 << 20;

#[derive(clap::Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    storage: StorageArgs,
    /// Check the database alone.
    #[arg(long)]
    no_exports: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Rows in the database.
    pub rows: u64,
    /// Sealed exports.
    pub exports: u64,
    /// The last row that is exported and sealed.
    pub exported_rows: u64,
    /// What is wrong, one sentence each.
    pub problems: Vec<String>,
}

/// Exit status 0: whole; 1: broken; 2: could not be checked.
pub async fn run(args: &VerifyArgs) -> ExitCode {
    let mut problems = Problems::default();
    let database = args.database.check(&mut problems);
    let storage = if args.no_exports { None } else { args.storage.check(&mut problems) };
    if let Some(code) = problems.exit_code() {
        return code;
    }
    let Some(database) = database else { return UNKNOWN.into() };
    let found = async {
        infra::tls::install();
        let db = Db::connect(database.url.expose_secret(), 2).await?;
        let storage = match &storage {
            Some(settings) => Some(Storage::connect(settings).await?),
            None => None,
        };
        let show = std::io::stderr().is_terminal();
        verify(&db, storage.as_ref(), |what, done, of| {
            if show {
                let _ = write!(std::io::stderr(), "\r{what} {done} of {of}   ");
            }
        })
        .await
        .inspect(|_| {
            if show {
                let _ = write!(std::io::stderr(), "\r{:60}\r", "");
            }
        })
    };
    match found.await.and_then(|found| print(args, &found).map(|()| found.problems.is_empty())) {
        Ok(true) => WHOLE.into(),
        Ok(false) => BROKEN.into(),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "worker audit verify: {error:#}");
            UNKNOWN.into()
        }
    }
}

fn print(args: &VerifyArgs, found: &Found) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if args.json {
        let result = json!({
            "whole": found.problems.is_empty(),
            "rows": found.rows,
            "exports": found.exports,
            "exported_rows": found.exported_rows,
            "problems": found.problems,
        });
        writeln!(out, "{result}")?;
        return Ok(());
    }
    for problem in &found.problems {
        writeln!(out, "{problem}")?;
    }
    let verdict = if found.problems.is_empty() { "whole" } else { "BROKEN" };
    let exports = match args.no_exports {
        true => "exports not looked at".to_owned(),
        false => format!("{} exports, up to row {}", found.exports, found.exported_rows),
    };
    writeln!(out, "{verdict}: {} rows; {exports}", found.rows)?;
    Ok(())
}

/// Walks the log in the database and, with a store, every export. `progress` gets the rows done and their number.
///
/// # Errors
/// A service is away: nothing could be checked.
pub async fn verify(
    db: &Db,
    storage: Option<&Storage>,
    mut progress: impl FnMut(&str, u64, u64),
) -> anyhow::Result<Found> {
    let mut found = Found::default();
    match audit_log::verify_with(db, |done, of| progress("database: row", done, of)).await? {
        Verdict::Whole { rows } => found.rows = rows,
        Verdict::Broken(error) => {
            found.rows = audit_log::head(db).await?.0;
            found.problems.push(format!("database: {error}"));
        }
        Verdict::WrongEnd { rows, recorded } => {
            found.rows = rows;
            found.problems.push(format!("database: it ends with row {rows} and not with row {recorded}"));
        }
    }
    let Some(storage) = storage else { return Ok(found) };
    let mut chain = Chain { last_seq: 0, last_hash: GENESIS, manifest: [0; 32] };
    loop {
        let exports = audit_exports::list(db, chain.last_seq).await?;
        // The last may be planned and not yet written.
        let sealed: Vec<_> =
            exports.iter().filter_map(|export| export.seal.as_ref().map(|seal| (export, seal))).collect();
        if sealed.is_empty() {
            break;
        }
        for (export, seal) in sealed {
            if let Err(what) = chain.check(db, storage, export, seal).await? {
                found.problems.push(format!("{}: {what}", export.manifest_key));
            }
            chain = Chain { last_seq: export.last_seq, last_hash: export.last_hash, manifest: seal.manifest_sha256 };
            found.exports += 1;
            found.exported_rows = export.last_seq;
            progress("exports: row", export.last_seq, found.rows);
        }
    }
    found.problems.extend(unlisted(db, storage, &found).await?);
    Ok(found)
}

/// Where the exports checked so far end.
struct Chain {
    last_seq: u64,
    last_hash: ChainHash,
    manifest: [u8; 32],
}

impl Chain {
    /// Whether an export is what was sealed, continues this one, and says what the database says. The inner error is
    /// what is wrong with it, the outer one that it could not be checked.
    async fn check(
        &self,
        db: &Db,
        storage: &Storage,
        export: &Export,
        seal: &Seal,
    ) -> anyhow::Result<Result<(), String>> {
        let bytes = match fetch(storage, &export.manifest_key, MANIFEST_LIMIT).await? {
            Ok(bytes) => bytes,
            Err(what) => return Ok(Err(what)),
        };
        let manifest = match Manifest::from_bytes(&bytes) {
            Ok(manifest) if sha256(&bytes) == seal.manifest_sha256 => manifest,
            Ok(_) => return Ok(Err("it is not the manifest that was sealed".to_owned())),
            Err(error) => return Ok(Err(error.to_string())),
        };
        if let Err(error) = manifest.continues(self.last_seq, &self.last_hash, &self.manifest) {
            return Ok(Err(error.to_string()));
        }
        let file = match fetch(storage, &export.file_key, FILE_LIMIT).await? {
            Ok(bytes) => bytes,
            Err(what) => return Ok(Err(format!("its file: {what}"))),
        };
        let last_hash = match tokio::task::spawn_blocking(move || manifest.check_file(&file)).await? {
            Ok(hash) => hash,
            Err(error @ ExportError::File { .. }) => return Ok(Err(error.to_string())),
            Err(error) => return Ok(Err(format!("its file: {error}"))),
        };
        if audit_log::hash_of(db, export.last_seq).await? != Some(last_hash) {
            return Ok(Err(format!("row {} is another one in the database", export.last_seq)));
        }
        Ok(Ok(()))
    }
}

async fn fetch(storage: &Storage, key: &str, limit: u64) -> anyhow::Result<Result<Vec<u8>, String>> {
    let key: Key = key.parse()?;
    match storage.get(&key, limit).await {
        Ok(bytes) => Ok(Ok(bytes.into())),
        Err(StorageError::NotFound) => Ok(Err("it is not there".to_owned())),
        Err(StorageError::TooLarge { limit }) => Ok(Err(format!("it has more than {limit} bytes"))),
        Err(error) => Err(error.into()),
    }
}

/// Manifests in the store that the database does not know: the database was set back, or somebody forged one.
async fn unlisted(db: &Db, storage: &Storage, found: &Found) -> anyhow::Result<Vec<String>> {
    let planned = audit_exports::list(db, found.exported_rows).await?;
    let mut problems = Vec::new();
    let mut manifests = 0;
    let mut pages = storage.pages(Key::AUDIT);
    while let Some(page) = pages.next().await? {
        for object in page.iter().filter(|object| object.key.as_str().ends_with(".manifest.json")) {
            manifests += 1;
            let name = object.key.as_str();
            let planned = planned.iter().any(|export| export.manifest_key == name);
            manifests -= u64::from(planned);
            let first =
                name.strip_prefix(Key::AUDIT).and_then(|name| name.get(..20)).and_then(|n| n.parse::<u64>().ok());
            if !planned && first.is_none_or(|first| first > found.exported_rows) {
                problems.push(format!("{name}: the database knows no such export"));
            }
        }
    }
    if problems.is_empty() && manifests > found.exports {
        problems.push(format!("{manifests} manifests are in the store, {} in the database", found.exports));
    }
    Ok(problems)
}
