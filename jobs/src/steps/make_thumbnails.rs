//! Thumbnails of a version: 320, 640 and 1280 pixels wide, as WebP.
//!
//! An image that cannot be read costs the thumbnail, never the upload; neither does one that kills its reader.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use content::thumbnail;
use infra::{db::nano_versions, storage::Key};
use queue::{Job, JobError, Level, Outcome, Queue, Run, reader::Supplies};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Context, VersionRef, queues,
    readers::{MakePictures, Pictures, told},
};

#[derive(Debug, Serialize, Deserialize)]
pub struct MakeThumbnails(pub VersionRef);

impl Job<Context> for MakeThumbnails {
    about_a_version!();

    const KIND: &'static str = "make_thumbnails";
    const QUEUE: Queue = queues::MEDIA;
    const TIMEOUT: Duration = Duration::from_secs(5 * 60);

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let Some(version) = self.0.open(context).await? else { return Ok(Outcome::Done) };
        if version.thumbnail_key.is_some() {
            return Ok(Outcome::Done);
        }
        let (key, sha256) = version.canonical().map_err(JobError::Discard)?;
        let scratch = context.scratch_dir(run)?;
        let archive = scratch.path().join("canonical.zip");
        context.storage.get_to_file(&key, &archive).await?;
        let desk = scratch.path().join("desk");
        std::fs::create_dir(&desk)?;
        let outputs = thumbnail::WIDTHS.map(|width| scratch.path().join(format!("{width}.webp")));
        let outputs = outputs.each_ref().map(AsRef::<Path>::as_ref);
        let supplies = Supplies { inputs: &[&archive], outputs: &outputs, folder: &desk };
        let made = match run.read::<MakePictures>(&(), supplies).await {
            Err(error) if run.crashed_for_good(&error) => Pictures::none(&error.to_string()),
            made => made?,
        };
        let images = made.believe(&outputs)?;

        let widths: Vec<u32> = images.iter().map(|(width, _)| *width).collect();
        let notes: Vec<&str> = made.notes.iter().map(|note| note.code.as_str()).collect();
        let fields = [("source", json!(made.source_entry)), ("widths", json!(widths)), ("notes", json!(notes))];
        let level = if images.is_empty() { Level::Warn } else { Level::Info };
        run.log(level, if images.is_empty() { "nothing to picture" } else { "pictured" }, &fields);

        let prefix = self.store(context, &sha256, &images).await?;
        let now = context.clock.now();
        let mut tx = context.db.begin().await?;
        let Some((_, version)) = self.0.lock(&mut tx).await? else { return Ok(Outcome::Done) };
        nano_versions::set_thumbnail(&mut tx, version.id, &prefix, &told(&made.notes), now).await?;
        let data = json!({ "source": made.source_entry, "images": images.len(), "notes": told(&made.notes) });
        self.0.event(&mut tx, "thumbnails_made", data, now).await?;
        Ok(Outcome::DoneIn(tx))
    }
}

impl MakeThumbnails {
    /// Stores the images under keys named by the archive's content, so that storing them twice is harmless. A source
    /// too small for a width gets its largest picture there, so that every width can be asked for. Returns the keys'
    /// common prefix; empty when there are no images.
    async fn store(&self, context: &Context, sha256: &[u8; 32], images: &[(u32, Bytes)]) -> Result<String, JobError> {
        let mut prefix = String::new();
        for width in thumbnail::WIDTHS {
            let Some((_, image)) = images.iter().find(|(made, _)| *made >= width).or(images.last()) else { break };
            let key = Key::thumbnail(self.0.nano_id, sha256, width);
            context.storage.put(&key, image.clone(), "image/webp").await?;
            prefix = key.as_str().rsplit_once('/').map_or_else(String::new, |(prefix, _)| prefix.to_owned());
        }
        Ok(prefix)
    }
}
