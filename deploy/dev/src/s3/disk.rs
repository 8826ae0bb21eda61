//! s3s-fs with what our client needs and it lacks (0.14.1): pending multipart uploads are listed, parts carry an
//! ETag, an unknown upload is `NoSuchUpload`, signed response headers are honoured, a deleted object leaves no
//! sidecar file behind, and a range is read without reading the rest of the file.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::crypto::{Checksum, Md5};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CopyObjectInput, CopyObjectOutput, CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, ETag,
    GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput, GetObjectOutput, HeadBucketInput,
    HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput,
    ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
    ListObjectsV2Output, ListPartsInput, ListPartsOutput, MultipartUpload, PutObjectInput, PutObjectOutput,
    StreamingBlob, Timestamp, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

/// s3s-fs keeps the key, as base64, in the names of its sidecar files, and a file name has 255 bytes at most; that of
/// a multipart upload contains its id as well.
const LONGEST_KEY: usize = 160;
const LONGEST_MULTIPART_KEY: usize = 130;
const READ_BUFFER: usize = 256 * 1024;

pub struct Disk {
    root: PathBuf,
    files: FileSystem,
}

type Answer<T> = S3Result<S3Response<T>>;

impl Disk {
    pub fn new(root: &Path) -> Result<Self> {
        let root = root.canonicalize()?;
        let files = FileSystem::new(&root)
            .map_err(|error| anyhow::anyhow!("{error:?}"))
            .context("cannot open the S3 folder")?;
        Ok(Self { root, files })
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

    fn pending_uploads(&self, bucket: &str, prefix: &str) -> std::io::Result<Vec<MultipartUpload>> {
        let mut uploads = Vec::new();
        for entry in std::fs::read_dir(&self.root)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some((key, upload_id)) = name.to_str().and_then(|name| parse_upload(name, bucket)) else { continue };
            let open = self.root.join(format!(".upload-{upload_id}.json")).exists();
            if open && key.starts_with(prefix) {
                let initiated = entry.metadata()?.modified()?;
                uploads.push(MultipartUpload {
                    key: Some(key),
                    upload_id: Some(upload_id),
                    initiated: Some(Timestamp::from(initiated)),
                    ..Default::default()
                });
            }
        }
        uploads.sort_by(|a, b| (&a.key, &a.upload_id).cmp(&(&b.key, &b.upload_id)));
        Ok(uploads)
    }
}

fn sidecar_stem(bucket: &str, key: &str) -> String {
    format!(".bucket-{}.object-{}", URL_SAFE_NO_PAD.encode(bucket), URL_SAFE_NO_PAD.encode(key))
}

/// The key and the upload id in the name of a pending upload's metadata file.
fn parse_upload(name: &str, bucket: &str) -> Option<(String, String)> {
    let rest = name.strip_prefix(&sidecar_stem(bucket, ""))?.strip_suffix(".metadata.json")?;
    let (key, upload_id) = rest.split_once(".upload-")?;
    let key = String::from_utf8(URL_SAFE_NO_PAD.decode(key).ok()?).ok()?;
    Some((key, upload_id.to_owned()))
}

/// "bytes 5-9/100" starts at 5.
fn range_start(content_range: Option<&str>) -> u64 {
    let start = content_range.and_then(|range| range.strip_prefix("bytes ")).and_then(|range| range.split_once('-'));
    start.and_then(|(start, _)| start.parse().ok()).unwrap_or(0)
}

fn check_key(key: &str, longest: usize) -> S3Result<()> {
    if key.len() > longest {
        return Err(s3_error!(KeyTooLongError, "the development server takes keys of {longest} bytes here"));
    }
    Ok(())
}

/// s3s-fs answers `AccessDenied` for an upload it does not know, S3 `NoSuchUpload`.
fn unknown_upload(error: S3Error) -> S3Error {
    match error.code() {
        S3ErrorCode::AccessDenied => s3_error!(NoSuchUpload),
        _ => error,
    }
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

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        check_key(&req.input.key, LONGEST_KEY)?;
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
        req: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        check_key(&req.input.key, LONGEST_MULTIPART_KEY)?;
        self.files.create_multipart_upload(req).await
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        self.files.upload_part(req).await.map_err(unknown_upload)
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let (bucket, key, upload) = (req.input.bucket.clone(), req.input.key.clone(), req.input.upload_id.clone());
        let known = self.root.join(format!(".upload-{upload}.json")).exists();
        if known && req.input.if_match.is_none() && req.input.if_none_match.is_none() {
            // Checksums of an object that was put under this key before would be sent with the new content.
            self.forget_sidecars(&bucket, &key).await;
        }
        self.files.complete_multipart_upload(req).await.map_err(unknown_upload)
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        self.files.abort_multipart_upload(req).await.map_err(unknown_upload)
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        let upload_id = req.input.upload_id.clone();
        if !self.root.join(format!(".upload-{upload_id}.json")).exists() {
            return Err(s3_error!(NoSuchUpload));
        }
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
        check_key(&req.input.key, LONGEST_KEY)?;
        self.files.copy_object(req).await
    }

    async fn upload_part_copy(&self, req: S3Request<UploadPartCopyInput>) -> Answer<UploadPartCopyOutput> {
        self.files.upload_part_copy(req).await.map_err(unknown_upload)
    }
}
