//! The bucket's objects, a few at a time, on their way into a folder and back.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use infra::{
    sealed_file::{FileKey, Opening, Sealing},
    storage::{Key, ObjectInfo, Storage, StorageError},
};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::{
    counted::Counted,
    folder::{Folder, OBJECT, Object, PART_OF},
    progress::Progress,
    readable,
};

/// Objects on their way at a time: most are small, and each takes a few round trips.
const AT_A_TIME: usize = 8;
/// Bytes of an object in memory.
const PART: u64 = 8 << 20;
/// For objects whose type the store does not tell.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// What became of the bucket.
#[derive(Default)]
pub(super) struct Copied {
    pub(super) objects: Vec<Object>,
    /// Those that no earlier backup had.
    pub(super) new: u64,
    pub(super) new_bytes: u64,
}

/// Copies what `known`, the newest backup's objects, does not have. What is removed meanwhile is left out.
pub(super) async fn copy(
    storage: &Storage,
    folder: &Folder,
    key: &Arc<FileKey>,
    known: Vec<Object>,
    progress: &mut Progress,
) -> anyhow::Result<Copied> {
    let known: HashMap<String, Object> = known.into_iter().map(|object| (object.key.clone(), object)).collect();
    let mut copied = Copied::default();
    let mut under_way = JoinSet::new();
    let mut pages = storage.pages("");
    while let Some(page) = pages.next().await? {
        for found in page {
            if let Some(object) = known.get(found.key.as_str()).filter(|object| is_same(object, &found, folder)) {
                copied.objects.push(object.clone());
                continue;
            }
            if under_way.len() >= AT_A_TIME {
                arrived(&mut under_way, &mut copied).await?;
            }
            under_way.spawn(fetch(storage.clone(), folder.clone(), key.clone(), found));
            progress.tell(|| format!("{} objects, {} new", copied.objects.len(), readable(copied.new_bytes)));
        }
    }
    while !under_way.is_empty() {
        arrived(&mut under_way, &mut copied).await?;
    }
    copied.objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    Ok(copied)
}

/// True when the bytes of `found` are in the folder already.
fn is_same(object: &Object, found: &ObjectInfo, folder: &Folder) -> bool {
    (object.size, &object.etag) == (found.size, &found.etag) && folder.object(&object.sha256).is_file()
}

/// Waits for one that is under way.
async fn arrived(under_way: &mut JoinSet<anyhow::Result<Option<Object>>>, copied: &mut Copied) -> anyhow::Result<()> {
    if let Some(done) = under_way.join_next().await
        && let Some(object) = done??
    {
        copied.new += 1;
        copied.new_bytes += object.size;
        copied.objects.push(object);
    }
    Ok(())
}

/// Reads an object into the folder; `None` when it is there no more.
async fn fetch(
    storage: Storage,
    folder: Folder,
    key: Arc<FileKey>,
    found: ObjectInfo,
) -> anyhow::Result<Option<Object>> {
    let name = found.key;
    let Some(head) = storage.head(&name).await? else { return Ok(None) };
    let file = tempfile::Builder::new().prefix(PART_OF).tempfile_in(folder.objects())?;
    let mut sealing = Sealing::begin(BufWriter::new(file), &key, OBJECT)?;
    let (mut size, mut hash) = (0, Sha256::new());
    while size < head.size {
        let part = match storage.get_range(&name, size..size + PART).await {
            Ok(part) if part.is_empty() => break,
            Ok(part) => part,
            Err(StorageError::NotFound) => return Ok(None),
            Err(error) => return Err(error).with_context(|| name.to_string()),
        };
        hash.update(&part);
        sealing.write_all(&part)?;
        size += part.len() as u64;
    }
    if size != head.size {
        bail!("{name}: {size} of {} bytes came", head.size);
    }
    let file = sealing.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    let sha256 = hex::encode(hash.finalize());
    let path = folder.object(&sha256);
    if !path.is_file() {
        file.as_file().sync_all()?;
        let parent = path.parent().unwrap_or(&path);
        fs::create_dir_all(parent)?;
        file.persist(&path)?;
        // The names, too: of the file in its folder, and of a folder that is new.
        File::open(parent)?.sync_all()?;
        File::open(folder.objects())?.sync_all()?;
    }
    // The tag of the listing: that is what the next backup compares.
    let (etag, content_type) = (found.etag, head.content_type);
    Ok(Some(Object { key: name.to_string(), size, etag, content_type, sha256 }))
}

/// Writes what was in the object to `into`, and says whether it is what was written down.
pub(super) fn read(folder: &Folder, key: &FileKey, object: &Object, into: &mut impl Write) -> anyhow::Result<()> {
    let path = folder.object(&object.sha256);
    let file = File::open(&path).with_context(|| path.display().to_string())?;
    let mut opening = Counted::new(Opening::begin(file, key, OBJECT).with_context(|| path.display().to_string())?);
    io::copy(&mut opening, into).with_context(|| path.display().to_string())?;
    let (_, size, sha256) = opening.done();
    if (size, &sha256) != (object.size, &object.sha256) {
        bail!("{}: it is not what was written", path.display());
    }
    Ok(())
}

/// Brings all objects back. Those that the bucket has already are left as they are: objects are written once.
pub(super) async fn bring_back(
    storage: &Storage,
    folder: &Folder,
    key: &Arc<FileKey>,
    objects: &[Object],
    progress: &mut Progress,
) -> anyhow::Result<()> {
    let mut under_way: JoinSet<anyhow::Result<()>> = JoinSet::new();
    for (number, object) in objects.iter().enumerate() {
        if under_way.len() >= AT_A_TIME
            && let Some(done) = under_way.join_next().await
        {
            done??;
        }
        under_way.spawn(put(storage.clone(), folder.clone(), key.clone(), object.clone()));
        progress.tell(|| format!("{number} of {} objects", objects.len()));
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    Ok(())
}

async fn put(storage: Storage, folder: Folder, key: Arc<FileKey>, object: Object) -> anyhow::Result<()> {
    let name: Key = object.key.parse()?;
    let there = storage.head(&name).await?;
    if there.is_some_and(|there| (there.size, &there.etag) == (object.size, &object.etag)) {
        return Ok(());
    }
    // In a file that nobody else may read, for as long as it takes.
    let (content_type, opened) = (object.content_type.clone(), tempfile::NamedTempFile::new()?);
    let opened = tokio::task::spawn_blocking(move || -> anyhow::Result<_> {
        let mut into = BufWriter::new(opened);
        read(&folder, &key, &object, &mut into)?;
        Ok(into.into_inner().map_err(io::IntoInnerError::into_error)?)
    });
    let opened = opened.await??;
    let content_type = content_type.as_deref().unwrap_or(UNKNOWN_TYPE);
    storage.put_file(&name, opened.path(), content_type).await.with_context(|| name.to_string())?;
    Ok(())
}
