//! s3s-fs with what our client needs and it lacks (0.14.1): pending multipart uploads are listed, parts carry an
//! ETag, an unknown upload is `NoSuchUpload`, signed response headers are honoured, a deleted object leaves no
//! sidecar file behind, and a range is read without reading the rest of the file.
//!
//! s3s-fs keeps the key, as base64, in the names of its sidecar files, and for a multipart upload its id as well; a
//! file name has 255 bytes at most. A multipart upload is therefore made under a short key and moved when complete.

use std::{
    io::SeekFrom,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::{StreamExt, future::BoxFuture};
use s3s::{
    S3, S3Error, S3Request, S3Response, S3Result,
    crypto::{Checksum, Md5},
    dto::{
        AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
        CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CreateBucketInput, CreateBucketOutput,
        CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput,
        DeleteObjectsInput, DeleteObjectsOutput, ETag, GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput,
        GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput,
        ListBucketsOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsInput, ListObjectsOutput,
        ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput, MultipartUpload, PutObjectInput,
        PutObjectOutput, StreamingBlob, Timestamp, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput,
        UploadPartOutput,
    },
    s3_error,
};
use s3s_fs::FileSystem;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;
use uuid::Uuid;

/// What fits into the name of a sidecar file.
const LONGEST_KEY: usize = 160;
/// Folder in the bucket for uploads that are being put together.
const PARTIAL: &str = ".partial";
const READ_BUFFER: usize = 256 * 1024;

pub struct Disk {
    root: PathBuf,
    files: FileSystem,
    /// While set, writes are taken in and answered with 503 SlowDown.
    slow_down: Arc<AtomicBool>,
}

type Answer<T> = S3Result<S3Response<T>>;

impl Disk {
    pub fn new(root: &Path, slow_down: Arc<AtomicBool>) -> Result<Self> {
        let root = root.canonicalize()?;
        let files = FileSystem::new(&root)
            .map_err(|error| anyhow::anyhow!("{error:?}"))
            .context("cannot open the S3 folder")?;
        Ok(Self { root, files, slow_down })
    }

    /// Takes the body in first, as S3 does: the client is listening when the answer comes.
    async fn busy(&self, body: Option<&mut Option<StreamingBlob>>) -> S3Result<()> {
        if !self.slow_down.load(Ordering::Relaxed) {
            return Ok(());
        }
        if let Some(mut body) = body.and_then(Option::take) {
            while let Some(piece) = body.next().await {
                if piece.is_err() {
                    return Err(s3_error!(IncompleteBody));
                }
            }
        }
        Err(s3_error!(SlowDown, "Please reduce your request rate."))
    }

    /// The files s3s-fs keeps beside an object.
    async fn forget_sidecars(&self, bucket: &str, key: &str) {
        let stem = sidecar_stem(bucket, key);
        for suffix in ["metadata.json", "internal.json"] {
            let _ = tokio::fs::remove_file(self.root.join(format!("{stem}.{suffix}"))).await;
        }
    }

    /// Opens the object again, at `start`: the stream of s3s-fs reads 4 KiB at a time, and to the end of the file
    /// whatever the range says.
    async fn stream(&self, bucket: &str, key: &str, start: u64, length: u64) -> S3Result<StreamingBlob> {
        let mut file =
            tokio::fs::File::open(self.root.join(bucket).join(key)).await.map_err(|_| s3_error!(NoSuchKey))?;
        file.seek(SeekFrom::Start(start)).await.map_err(S3Error::internal_error)?;
        file.set_max_buf_size(READ_BUFFER);
        Ok(StreamingBlob::wrap(ReaderStream::with_capacity(file.take(length), READ_BUFFER)))
    }

    fn pending_file(&self, upload_id: &str) -> PathBuf {
        self.root.join(format!(".pending-{upload_id}.json"))
    }

    /// The upload's bucket and key.
    fn pending(&self, upload_id: &str) -> S3Result<Pending> {
        let known = upload_id.parse::<Uuid>().ok().and_then(|_| std::fs::read(self.pending_file(upload_id)).ok());
        known.and_then(|json| serde_json::from_slice(&json).ok()).ok_or_else(|| s3_error!(NoSuchUpload))
    }

    fn pending_uploads(&self, bucket: &str, prefix: &str) -> std::io::Result<Vec<MultipartUpload>> {
        let mut uploads = Vec::new();
        for entry in std::fs::read_dir(&self.root)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let upload_id = name.strip_prefix(".pending-").and_then(|rest| rest.strip_suffix(".json"));
            let Some((upload_id, pending)) = upload_id.and_then(|id| Some((id, self.pending(id).ok()?))) else {
                continue;
            };
            if pending.bucket == bucket && pending.key.starts_with(prefix) {
                uploads.push(MultipartUpload {
                    key: Some(pending.key),
                    upload_id: Some(upload_id.to_owned()),
                    initiated: Some(Timestamp::from(entry.metadata()?.modified()?)),
                    ..Default::default()
                });
            }
        }
        uploads.sort_by(|a, b| (&a.key, &a.upload_id).cmp(&(&b.key, &b.upload_id)));
        Ok(uploads)
    }

    /// Moves the object that was put together, with its sidecars, to where it belongs.
    fn publish(&self, to: &Pending) -> std::io::Result<()> {
        for suffix in ["metadata.json", "internal.json"] {
            let sidecar = |key: &str| self.root.join(format!("{}.{suffix}", sidecar_stem(&to.bucket, key)));
            let _ = std::fs::rename(sidecar(&to.partial), sidecar(&to.key));
        }
        let bucket = self.root.join(&to.bucket);
        let target = bucket.join(&to.key);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::rename(bucket.join(&to.partial), target)
    }
}

/// A multipart upload under way: where its object will be.
#[derive(Serialize, Deserialize)]
struct Pending {
    bucket: String,
    key: String,
    /// The short key under which the parts are put together.
    partial: String,
}

fn sidecar_stem(bucket: &str, key: &str) -> String {
    format!(".bucket-{}.object-{}", URL_SAFE_NO_PAD.encode(bucket), URL_SAFE_NO_PAD.encode(key))
}

/// "bytes 5-9/100" starts at 5.
fn range_start(content_range: Option<&str>) -> u64 {
    let start = content_range.and_then(|range| range.strip_prefix("bytes ")).and_then(|range| range.split_once('-'));
    start.and_then(|(start, _)| start.parse().ok()).unwrap_or(0)
}

fn check_key(key: &str) -> S3Result<()> {
    if key.len() > LONGEST_KEY {
        return Err(s3_error!(KeyTooLongError, "the development server takes keys of {LONGEST_KEY} bytes"));
    }
    Ok(())
}

async fn md5_of(path: &Path) -> std::io::Result<String> {
    let mut file = tokio::fs::File::open(path).await?;
    let mut md5 = Md5::new();
    let mut buffer = vec![0; READ_BUFFER];
    loop {
        match file.read(&mut buffer).await? {
            0 => return Ok(hex::encode(md5.finalize())),
            read => md5.update(&buffer[..read]),
        }
    }
}

#[async_trait::async_trait]
impl S3 for Disk {
    async fn get_object(&self, req: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let wanted = req.input.clone();
        let mut answer = self.files.get_object(req).await?;
        let output = &mut answer.output;
        let length = output.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
        let start = range_start(output.content_range.as_deref());
        output.body = Some(self.stream(&wanted.bucket, &wanted.key, start, length).await?);
        output.content_disposition = wanted.response_content_disposition.or(output.content_disposition.take());
        output.content_type = wanted.response_content_type.or(output.content_type.take());
        output.content_encoding = wanted.response_content_encoding.or(output.content_encoding.take());
        output.content_language = wanted.response_content_language.or(output.content_language.take());
        output.cache_control = wanted.response_cache_control.or(output.cache_control.take());
        Ok(answer)
    }

    async fn put_object(&self, mut req: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        self.busy(Some(&mut req.input.body)).await?;
        check_key(&req.input.key)?;
        self.files.put_object(req).await
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        let (bucket, key) = (req.input.bucket.clone(), req.input.key.clone());
        let answer = self.files.delete_object(req).await?;
        self.forget_sidecars(&bucket, &key).await;
        Ok(answer)
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
        let bucket = req.input.bucket.clone();
        let keys: Vec<_> = req.input.delete.objects.iter().map(|object| object.key.clone()).collect();
        let answer = self.files.delete_objects(req).await?;
        for key in keys {
            self.forget_sidecars(&bucket, &key).await;
        }
        Ok(answer)
    }

    async fn create_multipart_upload(
        &self,
        mut req: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        self.busy(None).await?;
        check_key(&req.input.key)?;
        let partial = format!("{PARTIAL}/{}", Uuid::new_v4());
        let pending = Pending { bucket: req.input.bucket.clone(), key: req.input.key.clone(), partial };
        req.input.key.clone_from(&pending.partial);
        let mut answer = self.files.create_multipart_upload(req).await?;
        let upload_id = answer.output.upload_id.as_deref().unwrap_or_default();
        let json = serde_json::to_vec(&pending).map_err(S3Error::internal_error)?;
        std::fs::write(self.pending_file(upload_id), json).map_err(S3Error::internal_error)?;
        answer.output.key = Some(pending.key);
        Ok(answer)
    }

    async fn upload_part(&self, mut req: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        self.busy(Some(&mut req.input.body)).await?;
        self.pending(&req.input.upload_id)?;
        self.files.upload_part(req).await
    }

    async fn complete_multipart_upload(
        &self,
        mut req: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        self.busy(None).await?;
        let upload_id = req.input.upload_id.clone();
        let pending = self.pending(&upload_id)?;
        if req.input.if_match.is_some() {
            return Err(s3_error!(NotImplemented, "If-Match of a multipart upload"));
        }
        let exists = self.root.join(&pending.bucket).join(&pending.key).exists();
        if exists && req.input.if_none_match.take().is_some_and(|condition| condition.is_any()) {
            return Err(s3_error!(PreconditionFailed));
        }
        req.input.key.clone_from(&pending.partial);
        let mut answer = self.files.complete_multipart_upload(req).await?;
        // Checksums of an object that was put under this key before must not be sent with the new content.
        self.forget_sidecars(&pending.bucket, &pending.key).await;
        self.publish(&pending).map_err(S3Error::internal_error)?;
        let _ = std::fs::remove_file(self.pending_file(&upload_id));
        let _ = std::fs::remove_dir(self.root.join(&pending.bucket).join(PARTIAL));
        let inner = answer.output.future.take();
        answer.output.future = inner.map(|inner| -> BoxFuture<'static, _> {
            Box::pin(async move {
                let mut output = inner.await?;
                output.key = Some(pending.key);
                Ok(output)
            })
        });
        Ok(answer)
    }

    async fn abort_multipart_upload(
        &self,
        mut req: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        let upload_id = req.input.upload_id.clone();
        req.input.key = self.pending(&upload_id)?.partial;
        let answer = self.files.abort_multipart_upload(req).await?;
        let _ = std::fs::remove_file(self.pending_file(&upload_id));
        Ok(answer)
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        let upload_id = req.input.upload_id.clone();
        self.pending(&upload_id)?;
        let mut answer = self.files.list_parts(req).await?;
        let parts = answer.output.parts.get_or_insert_default();
        parts.sort_by_key(|part| part.part_number);
        for part in parts {
            let number = part.part_number.unwrap_or_default();
            let path = self.root.join(format!(".upload_id-{upload_id}.part-{number}"));
            part.e_tag = md5_of(&path).await.ok().map(ETag::Strong);
        }
        answer.output.is_truncated = Some(false);
        Ok(answer)
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        let input = req.input;
        let prefix = input.prefix.clone().unwrap_or_default();
        let uploads = self.pending_uploads(&input.bucket, &prefix).map_err(S3Error::internal_error)?;
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: input.prefix,
            uploads: Some(uploads),
            is_truncated: Some(false),
            ..Default::default()
        }))
    }

    // The rest is as s3s-fs does it.

    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        self.files.create_bucket(req).await
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.files.head_bucket(req).await
    }

    async fn list_buckets(&self, req: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        self.files.list_buckets(req).await
    }

    async fn get_bucket_location(&self, req: S3Request<GetBucketLocationInput>) -> Answer<GetBucketLocationOutput> {
        self.files.get_bucket_location(req).await
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        self.files.head_object(req).await
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
        self.files.list_objects(req).await
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        self.files.list_objects_v2(req).await
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        check_key(&req.input.key)?;
        self.files.copy_object(req).await
    }

    async fn upload_part_copy(&self, req: S3Request<UploadPartCopyInput>) -> Answer<UploadPartCopyOutput> {
        self.pending(&req.input.upload_id)?;
        self.files.upload_part_copy(req).await
    }
}
