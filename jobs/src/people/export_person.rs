//! Makes the copy of everything that is kept about a person: a ZIP with a JSON file for each kind of data, and the person's own
//! files. It lies in the store for a week; only its owner gets links to it.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use db::{DbError, Tx};
use domain::{
    audit::Entry,
    data_request::{FILE_LIFETIME, State},
    ids::{DataRequestId, UserId},
};
use infra::{
    db::{
        audit_log, data_requests,
        export::{self, OwnFile, Part},
        profiles, users,
    },
    seal::Place,
    storage::{Key, StorageError},
};
use queue::{GivenUp, Job, JobError, Outcome, Priority, Queue, Reference, RetryPolicy, Run};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::ask::mail;
use crate::{Context, queues};

#[derive(Debug, Serialize, Deserialize)]
pub struct ExportPerson {
    pub request_id: DataRequestId,
    pub user_id: UserId,
}

/// Own files in the ZIP; for what goes beyond, it has links. The scratch disk holds the ZIP and one file more.
const FILES_AT_MOST: u64 = 2 << 30;
/// What the ZIP says of itself.
const README: &str = include_str!("../../templates/data_export_readme.txt");

impl Job<Context> for ExportPerson {
    const KIND: &'static str = "export_person";
    const QUEUE: Queue = queues::MAINTENANCE;
    const PRIORITY: Priority = Priority::Low;
    const RETRY: RetryPolicy = RetryPolicy { max_failures: 5, ..RetryPolicy::DEFAULT };
    const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2 * 3_600);
    const GIVEN_UP: Option<GivenUp<Self, Context>> =
        Some(|export, context, tx, _| Box::pin(export.given_up(tx, context.clock.now())));

    fn tenant(&self) -> Option<Uuid> {
        Some(self.user_id.0)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::new("user", self.user_id)]
    }

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let request = data_requests::get(&context.db, self.request_id).await?;
        if !request.is_some_and(|request| request.user_id == Some(self.user_id) && request.state.is_live()) {
            return Ok(Outcome::Done);
        }
        let mut tx = run.transaction(context).await?;
        data_requests::begin(&mut tx, self.request_id).await?;
        tx.commit().await?;

        let folder = context.scratch_dir(run)?;
        let path = folder.path().join("export.zip");
        self.write(context, run, folder.path(), &path).await?;
        let key = Key::export(self.request_id);
        let stored = context.storage.put_file(&key, &path, "application/zip").await?;

        let now = context.clock.now();
        let mut tx = context.db.begin().await?;
        // The account's row first, as everybody does.
        let user = users::lock(&mut tx, self.user_id).await?.filter(|user| user.status.may_sign_in());
        let request = data_requests::lock(&mut tx, self.request_id).await?.filter(|request| request.state.is_live());
        let Some(user) = user.filter(|_| request.is_some()) else {
            // Nobody can have it any more, and nobody may find it.
            data_requests::end(&mut tx, self.request_id, State::Failed, now).await?;
            tx.commit().await?;
            context.storage.erase(key.as_str()).await?;
            return Ok(Outcome::Done);
        };
        data_requests::finish_export(&mut tx, self.request_id, stored.size, now + FILE_LIFETIME, now).await?;
        let (site, until) = (&context.settings.public_url, Some(now + FILE_LIFETIME));
        mail(&mut tx, &user, "data_export_ready", self.request_id, site, until, now).await?;
        let details = json!({ "bytes": stored.size });
        let entry = Entry::by_system("user.export_made", "user", Some(user.id.0), details, now);
        audit_log::append(&mut tx, &entry).await?;
        Ok(Outcome::DoneIn(tx))
    }
}

impl ExportPerson {
    async fn given_up(&self, tx: &mut Tx, now: DateTime<Utc>) -> Result<(), DbError> {
        data_requests::end(tx, self.request_id, State::Failed, now).await?;
        Ok(())
    }

    /// What the audit log says that the person did. Its details may be about others and stay out.
    async fn acts(&self, context: &Context) -> Result<Vec<String>, JobError> {
        let filter = audit_log::Filter { actor: Some(self.user_id), action: None };
        let mut acts = Vec::new();
        loop {
            let (links, _) = audit_log::page(&context.db, &filter, acts.len() as u64, 500).await?;
            if links.is_empty() {
                return Ok(acts);
            }
            acts.extend(links.into_iter().map(|link| {
                let entry = link.entry;
                let told = json!({
                    "action": entry.action, "result": entry.outcome, "network": entry.ip_prefix,
                    "browser": entry.user_agent, "created_at": entry.created_at,
                });
                told.to_string()
            }));
        }
    }

    /// The telephone number, which stands sealed.
    async fn phone(&self, context: &Context) -> Result<Vec<String>, JobError> {
        let Some(sealed) = profiles::phone(&context.db, self.user_id).await? else { return Ok(Vec::new()) };
        let opened = context.data_keys.open(Place::Phone(self.user_id), &sealed).map_err(JobError::failed)?;
        Ok(vec![json!({"phone": String::from_utf8_lossy(&opened)}).to_string()])
    }

    /// Writes the whole ZIP to `path`.
    async fn write(&self, context: &Context, run: &Run, folder: &Path, path: &Path) -> Result<(), JobError> {
        let mut zip = ZipWriter::new(File::create(path)?);
        zip = run.blocking(move |_| text(zip, "README.txt", README.as_bytes())).await??;
        for (done, part) in (0_u64..).zip(Part::ALL) {
            let rows = export::rows(&context.db, self.user_id, *part).await?;
            let name = format!("{}.json", part.as_str());
            zip = run.blocking(move |_| text(zip, &name, array(&rows).as_bytes())).await??;
            run.progress(done + 1, Some(Part::ALL.len() as u64), "kinds of data");
        }
        let phone = self.phone(context).await?;
        zip = run.blocking(move |_| text(zip, "phone.json", array(&phone).as_bytes())).await??;
        let acts = self.acts(context).await?;
        zip = run.blocking(move |_| text(zip, "audit_log.json", array(&acts).as_bytes())).await??;
        let mut left = FILES_AT_MOST;
        let mut told = Vec::new();
        for file in export::files(&context.db, self.user_id).await? {
            if run.cancelled().is_cancelled() {
                return Err(JobError::Transient(anyhow::anyhow!("stopped half way; the next attempt begins anew")));
            }
            let key: Key = file.key.parse().map_err(JobError::failed)?;
            if file.bytes > left {
                told.push(linked(context, &file, &key).await?);
                continue;
            }
            let local = folder.join("file");
            match context.storage.get_to_file(&key, &local).await {
                Ok(bytes) => {
                    left = left.saturating_sub(bytes);
                    let name = name_of(&file);
                    told.push(json!({"nano": file.nano_title, "version": file.number, "bytes": bytes, "file": name}));
                    zip = run.blocking(move |_| whole(zip, &name, local)).await??;
                }
                // Removed meanwhile.
                Err(StorageError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let rows: Vec<String> = told.iter().map(Value::to_string).collect();
        let finish = move |_: &Run| -> io::Result<()> {
            let zip = text(zip, "files.json", array(&rows).as_bytes())?;
            zip.finish().map_err(io::Error::from)?.sync_all()
        };
        Ok(run.blocking(finish).await??)
    }
}

/// What is too large for the ZIP, by a link that works as long as the export is kept.
async fn linked(context: &Context, file: &OwnFile, key: &Key) -> Result<Value, JobError> {
    let lifetime = FILE_LIFETIME.to_std().map_err(JobError::failed)?;
    let link = context.storage.presign_get(key, lifetime, &name_of(file).replace('/', "-")).await?;
    Ok(json!({"nano": file.nano_title, "version": file.number, "bytes": file.bytes, "link": link.as_str()}))
}

/// Where a file stands in the ZIP. Titles may have any characters, and two nanos the same title and the same content: only the whole
/// name in the store is its own.
fn name_of(file: &OwnFile) -> String {
    let title: String = file.nano_title.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).take(60).collect();
    let stored = file.key.replace('/', "-");
    format!("files/{title}-{}-{stored}", file.number)
}

/// Rows as a JSON array, one to a line.
fn array(rows: &[String]) -> String {
    format!("[\n{}\n]\n", rows.join(",\n"))
}

fn options(method: CompressionMethod) -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(method).large_file(true)
}

fn text(mut zip: ZipWriter<File>, name: &str, text: &[u8]) -> io::Result<ZipWriter<File>> {
    zip.start_file(name, options(CompressionMethod::Deflated)).map_err(io::Error::from)?;
    zip.write_all(text)?;
    Ok(zip)
}

/// A file as it is: it is packed already. It is gone from the disk afterwards.
fn whole(mut zip: ZipWriter<File>, name: &str, local: PathBuf) -> io::Result<ZipWriter<File>> {
    zip.start_file(name, options(CompressionMethod::Stored)).map_err(io::Error::from)?;
    io::copy(&mut File::open(&local)?, &mut zip)?;
    std::fs::remove_file(local)?;
    Ok(zip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_zip_are_plain_and_differ() {
        let file = |title: &str, number, nano: &str| OwnFile {
            nano_title: title.to_owned(),
            number,
            key: format!("nanos/{nano}/{}.zip", "ab".repeat(32)),
            bytes: 1,
        };
        let name = name_of(&file("../../Größe & \"Form\"", 2, "019aa1c2"));
        assert_eq!(name, format!("files/------Größe----Form--2-nanos-019aa1c2-{}.zip", "ab".repeat(32)));
        assert_ne!(name_of(&file("a", 1, "019aa1c2")), name_of(&file("a", 2, "019aa1c2")));
        // Two nanos of one title with one file.
        assert_ne!(name_of(&file("a", 1, "019aa1c2")), name_of(&file("a", 1, "019aa1c3")));
    }

    #[test]
    fn rows_are_an_array() {
        for rows in [vec![], vec!["{\"a\":1}".to_owned()], vec!["1".to_owned(), "2".to_owned()]] {
            let read: Vec<Value> = serde_json::from_str(&array(&rows)).unwrap();
            assert_eq!(read.len(), rows.len());
        }
    }
}
