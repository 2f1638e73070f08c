//! Uploads in parts as real services have them: parts are listed with ETags and checksums, small ones refused, and what was given up is
//! not known any more. The server that the tests use has none of that.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use s3s::dto::*;
use s3s::service::S3ServiceBuilder;
use s3s::{Body, S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use sha2::{Digest, Sha256};

use crate::s3_server::Server;

/// What kind of service it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// Whether it takes checksums, keeps them and tells them.
    pub(crate) checksums: bool,
    /// Whether it is like SeaweedFS: it keeps checksums and does not list them, wants them when the parts are put together, and lists of a
    /// part that was sent again what it was before, too.
    pub(crate) like_seaweedfs: bool,
    /// Bytes that a part has at least which is not the last.
    pub(crate) least_part: usize,
    /// Parts in a page of their list.
    pub(crate) page: usize,
}

impl Default for Kind {
    fn default() -> Self {
        Self { checksums: true, like_seaweedfs: false, least_part: 1, page: 1000 }
    }
}

/// The uploads of a server, by id.
pub(crate) type Uploads = Arc<Mutex<BTreeMap<String, Upload>>>;

/// An upload that was begun.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    key: String,
    metadata: Option<Metadata>,
    pub(crate) parts: BTreeMap<i32, Vec<u8>>,
    /// What parts were before they were sent again, where that is kept.
    replaced: Vec<(i32, Vec<u8>)>,
}

struct Service {
    inner: FileSystem,
    kind: Kind,
    uploads: Uploads,
    number: AtomicU64,
    /// The checksums of what was put together, by bucket and key.
    sums: Mutex<BTreeMap<String, String>>,
}

/// Starts such a server, and gives its uploads too.
pub(crate) fn start(kind: Kind) -> (Server, Uploads) {
    let uploads = Uploads::default();
    let server = Server::of_service(|inner| {
        let (uploads, number, sums) = (Arc::clone(&uploads), AtomicU64::new(0), Mutex::default());
        S3ServiceBuilder::new(Service { inner, kind, uploads, number, sums })
    });
    (server, uploads)
}

fn sum(bytes: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(bytes))
}

/// No MD5, as with services that encrypt: nobody may take it for one.
fn etag(bytes: &[u8]) -> ETag {
    let hash = Sha256::new_with_prefix(b"etag").chain_update(bytes).finalize();
    ETag::Strong(hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

impl Service {
    fn with<T>(&self, id: &str, key: &str, work: impl FnOnce(&mut Upload) -> S3Result<T>) -> S3Result<T> {
        let mut uploads = self.uploads.lock().unwrap();
        let upload = uploads.get_mut(id).filter(|upload| upload.key == key);
        upload.map_or_else(|| Err(s3_error!(NoSuchUpload)), work)
    }
}

#[async_trait]
impl S3 for Service {
    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = request.input;
        if input.checksum_algorithm.is_some() && !self.kind.checksums {
            return Err(s3_error!(NotImplemented, "checksums are not known here"));
        }
        let id = format!("upload {}+/", self.number.fetch_add(1, Ordering::SeqCst));
        let upload = Upload { key: input.key.clone(), metadata: input.metadata, ..Upload::default() };
        self.uploads.lock().unwrap().insert(id.clone(), upload);
        let (bucket, key) = (Some(input.bucket), Some(input.key));
        let output = CreateMultipartUploadOutput { bucket, key, upload_id: Some(id), ..Default::default() };
        Ok(S3Response::new(output))
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        let body = Body::from(input.body.unwrap());
        // A body that is not what its signature says fails here.
        let body = body
            .collect()
            .await
            .map_err(|_| S3Error::new(S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into())))?;
        let bytes = body.to_bytes().to_vec();
        if input.checksum_sha256.as_ref().is_some_and(|told| *told != sum(&bytes)) {
            return Err(s3_error!(BadDigest));
        }
        let output = UploadPartOutput {
            e_tag: Some(etag(&bytes)),
            checksum_sha256: self.kind.checksums.then(|| sum(&bytes)),
            ..Default::default()
        };
        self.with(&input.upload_id, &input.key, |upload| {
            let before = upload.parts.insert(input.part_number, bytes);
            if self.kind.like_seaweedfs {
                upload.replaced.extend(before.map(|bytes| (input.part_number, bytes)));
            }
            Ok(S3Response::new(output))
        })
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let input = request.input;
        let after = input.part_number_marker.unwrap_or(0);
        let most = input.max_parts.map_or(1000, |most| usize::try_from(most).unwrap()).min(self.kind.page);
        self.with(&input.upload_id, &input.key, |upload| {
            let page: Vec<_> = upload.parts.range(after + 1..).take(most).collect();
            let last = page.last().map_or(after, |(number, _)| **number);
            let is_listed = |number| (after + 1..=last).contains(number);
            let replaced = upload.replaced.iter().filter(|(number, _)| is_listed(number));
            let all = replaced.map(|(number, bytes)| (number, bytes)).chain(page);
            let parts = all.map(|(number, bytes)| Part {
                part_number: Some(*number),
                size: Some(i64::try_from(bytes.len()).unwrap()),
                e_tag: Some(etag(bytes)),
                checksum_sha256: (self.kind.checksums && !self.kind.like_seaweedfs).then(|| sum(bytes)),
                ..Default::default()
            });
            Ok(S3Response::new(ListPartsOutput {
                parts: Some(parts.collect()),
                is_truncated: Some(upload.parts.range(last + 1..).next().is_some()),
                next_part_number_marker: Some(last),
                ..Default::default()
            }))
        })
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input.clone();
        let named = input.multipart_upload.and_then(|parts| parts.parts).unwrap_or_default();
        let (content, metadata, sums) = self.with(&input.upload_id, &input.key, |upload| {
            let (mut content, mut sums) = (Vec::new(), Vec::new());
            for (place, part) in named.iter().enumerate() {
                let bytes = part.part_number.and_then(|number| upload.parts.get(&number));
                let bytes = bytes.ok_or_else(|| s3_error!(InvalidPart))?;
                if self.kind.like_seaweedfs && part.checksum_sha256.is_none() {
                    return Err(s3_error!(InvalidRequest));
                }
                let is_known = part.checksum_sha256.as_ref().is_none_or(|told| *told == sum(bytes));
                if part.e_tag != Some(etag(bytes)) || !is_known {
                    return Err(s3_error!(InvalidPart));
                }
                if bytes.len() < self.kind.least_part && place + 1 < named.len() {
                    return Err(s3_error!(EntityTooSmall));
                }
                content.extend_from_slice(bytes);
                sums.extend_from_slice(&Sha256::digest(bytes));
            }
            Ok((content, upload.metadata.clone(), sums))
        })?;
        let put = PutObjectInput {
            body: Some(StreamingBlob::from(Body::from(content))),
            bucket: input.bucket.clone(),
            key: input.key.clone(),
            metadata,
            if_none_match: input.if_none_match,
            ..Default::default()
        };
        self.inner.put_object(request.map_input(|_| put)).await?;
        self.uploads.lock().unwrap().remove(&input.upload_id);
        let composite = format!("{}-{}", sum(&sums), named.len());
        let place = format!("{}/{}", input.bucket, input.key);
        self.sums.lock().unwrap().insert(place, composite);
        Ok(S3Response::new(CompleteMultipartUploadOutput::default()))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = request.input;
        self.with(&input.upload_id, &input.key, |_| Ok(()))?;
        self.uploads.lock().unwrap().remove(&input.upload_id);
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let place = format!("{}/{}", request.input.bucket, request.input.key);
        // A folder of its own is an error inside to the server behind, and nothing to a real one.
        let mut answer = self.inner.head_object(request).await.map_err(|_| s3_error!(NoSuchKey))?;
        if self.kind.checksums {
            answer.output.checksum_sha256 = self.sums.lock().unwrap().get(&place).cloned();
        }
        Ok(answer)
    }

    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        self.inner.create_bucket(request).await
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.inner.head_bucket(request).await
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        self.inner.get_object(request).await
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        self.inner.put_object(request).await
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.inner.delete_object(request).await
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.inner.list_objects_v2(request).await
    }
}
