//! The operations of the protocol.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use s3s::dto::*;
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::answers::{
    answer, attributes, body, check_customer_key, checked, checked_tags, content, customer_key, kms_key,
    service_encryption, system_time,
};
use super::listing::{self, Wanted, encoded, plain};
use super::locks::Taken;
use super::parts::{Piece, Upload};
use super::server::{STATUS, Shared};
use super::store::{self, Attributes, Bucket, Retention, Version, Versioning, now};

pub(super) struct Service(pub(super) Arc<Shared>);

/// The checksums that a request tells.
macro_rules! told {
    ($input:expr) => {
        Checksum {
            checksum_crc32: $input.checksum_crc32.clone(),
            checksum_crc32c: $input.checksum_crc32c.clone(),
            checksum_crc64nvme: $input.checksum_crc64nvme.clone(),
            checksum_sha1: $input.checksum_sha1.clone(),
            checksum_sha256: $input.checksum_sha256.clone(),
            ..Default::default()
        }
    };
}

/// Compares with what is there, on reads.
fn check_read(
    object: &store::Object,
    if_match: Option<&IfMatch>,
    if_none_match: Option<&IfNoneMatch>,
    unmodified_since: Option<&Timestamp>,
    modified_since: Option<&Timestamp>,
) -> S3Result<()> {
    let is = |condition: &ETagCondition| condition.as_etag().is_none_or(|etag| etag.value() == object.etag);
    let after = |time: &Timestamp| object.modified > system_time(time);
    if if_match.is_some_and(|condition| !is(condition))
        || if_match.is_none() && unmodified_since.is_some_and(after)
    {
        return Err(s3_error!(PreconditionFailed));
    }
    if if_none_match.is_some_and(is)
        || if_none_match.is_none() && modified_since.is_some_and(|time| !after(time))
    {
        return Err(s3_error!(NotModified));
    }
    Ok(())
}

/// Compares with what is there, on writes.
fn check_write(
    bucket: &Bucket,
    key: &str,
    if_match: Option<&IfMatch>,
    if_none_match: Option<&IfNoneMatch>,
) -> S3Result<()> {
    let there = bucket.newest(key);
    if let Some(condition) = if_match {
        let Some(there) = there else { return Err(s3_error!(NoSuchKey)) };
        if condition.as_etag().is_some_and(|etag| etag.value() != there.etag) {
            return Err(s3_error!(PreconditionFailed));
        }
    }
    match (if_none_match, there) {
        (Some(_), Some(_)) => Err(s3_error!(PreconditionFailed)),
        _ => Ok(()),
    }
}

fn version_of(object: &store::Object) -> Option<String> {
    (object.version != store::NULL).then(|| object.version.clone())
}

fn page_of(asked: Option<i32>, page: usize) -> usize {
    asked.map_or(1000, |most| usize::try_from(most).unwrap_or(0)).min(1000).min(page)
}

fn number(count: usize) -> Option<i32> {
    i32::try_from(count).ok()
}

fn tag_set(attributes: &Attributes) -> TagSet {
    let tag = |(key, value): (&String, &String)| Tag { key: Some(key.clone()), value: Some(value.clone()) };
    attributes.tags.iter().map(tag).collect()
}

fn common(folders: &[String], as_told: impl Fn(&str) -> String) -> Option<CommonPrefixList> {
    let prefix = |folder: &String| CommonPrefix { prefix: Some(as_told(folder)) };
    (!folders.is_empty()).then(|| folders.iter().map(prefix).collect())
}

fn listed(key: String, object: &store::Object, with_restores: bool) -> Object {
    Object {
        restore_status: object.restore_status().filter(|_| with_restores),
        key: Some(key),
        size: i64::try_from(object.bytes.len()).ok(),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(object.modified.into()),
        storage_class: Some(object.storage_class().to_owned().into()),
        ..Default::default()
    }
}

fn source(source: &CopySource) -> S3Result<(&str, &str, Option<&str>)> {
    match source {
        CopySource::Bucket { bucket, key, version_id } => Ok((bucket, key, version_id.as_deref())),
        _ => Err(s3_error!(NotImplemented)),
    }
}

impl Service {
    /// An object that a copy is made of.
    fn original(
        &self,
        from: &CopySource,
        if_match: Option<&IfMatch>,
        if_none_match: Option<&IfNoneMatch>,
        key: Option<&str>,
    ) -> S3Result<store::Object> {
        let (bucket, name, version) = source(from)?;
        let object = self.0.store().bucket(bucket)?.find(name, version)?.clone();
        if object.is_frozen() {
            return Err(s3_error!(InvalidObjectState));
        }
        check_customer_key(&object.attributes, key)?;
        check_read(&object, if_match, if_none_match, None, None)
            .map_err(|_| s3_error!(PreconditionFailed))?;
        Ok(object)
    }

    fn page(&self, asked: Option<i32>) -> usize {
        page_of(asked, self.0.control().behaviour.page)
    }

    fn remove(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        bypass: bool,
    ) -> S3Result<store::Deleted> {
        let refuses_locked = self.0.control().behaviour.refuses_deletes_of_locked;
        self.0.store().delete(bucket, key, version, bypass, refuses_locked)
    }
}

type Answer<T> = S3Result<S3Response<T>>;

#[async_trait]
impl S3 for Service {
    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        let name = |name: &String| s3s::dto::Bucket { name: Some(name.clone()), ..Default::default() };
        let buckets = Some(self.0.store().buckets.keys().map(name).collect());
        Ok(S3Response::new(ListBucketsOutput { buckets, ..Default::default() }))
    }

    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        let input = request.input;
        let mut store = self.0.store();
        if store.buckets.contains_key(&input.bucket) {
            return Err(s3_error!(BucketAlreadyOwnedByYou));
        }
        let locks = input.object_lock_enabled_for_bucket == Some(true);
        let versioning = if locks { Versioning::On } else { Versioning::Off };
        let location = Some(format!("/{}", input.bucket));
        store.buckets.insert(input.bucket, Bucket { versioning, locks, ..Bucket::default() });
        Ok(S3Response::new(CreateBucketOutput { location }))
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.0.store().bucket(&request.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn delete_bucket(&self, request: S3Request<DeleteBucketInput>) -> Answer<DeleteBucketOutput> {
        let mut store = self.0.store();
        if !store.bucket(&request.input.bucket)?.objects.is_empty() {
            return Err(s3_error!(BucketNotEmpty));
        }
        store.buckets.remove(&request.input.bucket);
        Ok(S3Response::new(DeleteBucketOutput::default()))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> Answer<GetBucketLocationOutput> {
        self.0.store().bucket(&request.input.bucket)?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn get_bucket_versioning(
        &self,
        request: S3Request<GetBucketVersioningInput>,
    ) -> Answer<GetBucketVersioningOutput> {
        let status = match self.0.store().bucket(&request.input.bucket)?.versioning {
            Versioning::Off => None,
            Versioning::On => Some(BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED)),
            Versioning::Suspended => {
                Some(BucketVersioningStatus::from_static(BucketVersioningStatus::SUSPENDED))
            }
        };
        Ok(S3Response::new(GetBucketVersioningOutput { status, ..Default::default() }))
    }

    async fn put_bucket_versioning(
        &self,
        request: S3Request<PutBucketVersioningInput>,
    ) -> Answer<PutBucketVersioningOutput> {
        let input = request.input;
        let on = input.versioning_configuration.status.is_some_and(|status| status.as_str() == "Enabled");
        let mut store = self.0.store();
        let bucket = store.bucket(&input.bucket)?;
        if bucket.locks && !on {
            return Err(s3_error!(InvalidBucketState));
        }
        bucket.versioning = if on { Versioning::On } else { Versioning::Suspended };
        Ok(S3Response::new(PutBucketVersioningOutput {}))
    }

    async fn get_object_lock_configuration(
        &self,
        request: S3Request<GetObjectLockConfigurationInput>,
    ) -> Answer<GetObjectLockConfigurationOutput> {
        let mut store = self.0.store();
        let bucket = store.bucket(&request.input.bucket)?;
        if !bucket.locks {
            return Err(s3_error!(ObjectLockConfigurationNotFoundError));
        }
        let rule = bucket.default_lock.as_ref().map(|(mode, days)| ObjectLockRule {
            default_retention: Some(DefaultRetention {
                days: i32::try_from(*days).ok(),
                mode: Some(mode.clone().into()),
                years: None,
            }),
        });
        let enabled = Some(ObjectLockEnabled::from_static(ObjectLockEnabled::ENABLED));
        let object_lock_configuration = Some(ObjectLockConfiguration { object_lock_enabled: enabled, rule });
        Ok(S3Response::new(GetObjectLockConfigurationOutput { object_lock_configuration }))
    }

    async fn put_object_lock_configuration(
        &self,
        request: S3Request<PutObjectLockConfigurationInput>,
    ) -> Answer<PutObjectLockConfigurationOutput> {
        let input = request.input;
        let mut store = self.0.store();
        let bucket = store.bucket(&input.bucket)?;
        if bucket.versioning != Versioning::On {
            return Err(s3_error!(InvalidBucketState));
        }
        let rule = input
            .object_lock_configuration
            .and_then(|lock| lock.rule)
            .and_then(|rule| rule.default_retention);
        bucket.locks = true;
        bucket.default_lock = rule.and_then(|rule| {
            let days = rule.days.or(rule.years.map(|years| years * 365))?;
            Some((rule.mode?.as_str().to_owned(), u64::try_from(days).ok()?))
        });
        Ok(S3Response::new(PutObjectLockConfigurationOutput::default()))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let input = request.input;
        let sums = self.0.behaviour().knows_checksums && input.checksum_mode.is_some();
        let object =
            self.0.store().bucket(&input.bucket)?.find(&input.key, input.version_id.as_deref())?.clone();
        check_customer_key(&object.attributes, input.sse_customer_key_md5.as_deref())?;
        check_read(
            &object,
            input.if_match.as_ref(),
            input.if_none_match.as_ref(),
            input.if_unmodified_since.as_ref(),
            input.if_modified_since.as_ref(),
        )?;
        let mut output = answer!(HeadObjectOutput, object, object.bytes.len(), sums);
        output.parts_count = input.part_number.and(object.parts);
        let mut response = S3Response::new(output);
        // The protocol's crate knows the number of tags on reads alone.
        if let (false, Ok(tags)) =
            (object.attributes.tags.is_empty(), object.attributes.tags.len().to_string().parse())
        {
            response.headers.insert("x-amz-tagging-count", tags);
        }
        Ok(response)
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let input = request.input;
        let behaviour = self.0.behaviour();
        let object =
            self.0.store().bucket(&input.bucket)?.find(&input.key, input.version_id.as_deref())?.clone();
        if object.is_frozen() {
            return Err(s3_error!(
                InvalidObjectState,
                "The operation is not valid for the object's storage class"
            ));
        }
        check_customer_key(&object.attributes, input.sse_customer_key_md5.as_deref())?;
        check_read(
            &object,
            input.if_match.as_ref(),
            input.if_none_match.as_ref(),
            input.if_unmodified_since.as_ref(),
            input.if_modified_since.as_ref(),
        )?;
        let size = object.bytes.len();
        let (bytes, content_range) = match input.range {
            None => (object.bytes.clone(), None),
            Some(range) => {
                let range = range.check(size as u64).map_err(|_| s3_error!(InvalidRange))?;
                let told = format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1));
                let (start, end) =
                    (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
                (object.bytes.slice(start..end), Some(told))
            }
        };
        let whole = content_range.is_none() && behaviour.knows_checksums && input.checksum_mode.is_some();
        let mut output = answer!(GetObjectOutput, object, bytes.len(), whole);
        output.content_range = content_range;
        output.tag_count = number(object.attributes.tags.len()).filter(|count| *count > 0);
        let end = self.0.control().end(bytes.len());
        output.body = Some(body(bytes, behaviour.bytes_per_second, end));
        Ok(S3Response::new(output))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let mut input = request.input;
        let attributes = attributes!(input);
        let bytes = content(input.body.take()).await?;
        let told = told!(input);
        let has_sum = input.content_md5.is_some() || told != Checksum::default();
        let is_locked = self.0.store().bucket(&input.bucket)?.default_lock.is_some()
            || attributes.retention.is_some()
            || attributes.legal_hold;
        if is_locked && !has_sum {
            let what = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters";
            return Err(S3Error::with_message(S3ErrorCode::InvalidRequest, what));
        }
        let mut object = store::Object::new(bytes, attributes);
        object.checksum =
            checked(&object.bytes, input.content_md5.as_deref(), told, input.checksum_algorithm.as_ref())?;
        let sums =
            if self.0.behaviour().knows_checksums { object.checksum.clone() } else { Checksum::default() };
        let mut store = self.0.store();
        check_write(
            store.bucket(&input.bucket)?,
            &input.key,
            input.if_match.as_ref(),
            input.if_none_match.as_ref(),
        )?;
        let object = store.put(&input.bucket, &input.key, object)?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(ETag::Strong(object.etag.clone())),
            version_id: version_of(&object),
            server_side_encryption: service_encryption(&object.attributes),
            ssekms_key_id: kms_key(&object.attributes),
            sse_customer_key_md5: customer_key(&object.attributes),
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            ..Default::default()
        }))
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        let input = request.input;
        let original = self.original(
            &input.copy_source,
            input.copy_source_if_match.as_ref(),
            input.copy_source_if_none_match.as_ref(),
            input.copy_source_sse_customer_key_md5.as_deref(),
        )?;
        let replaces =
            input.metadata_directive.as_ref().is_some_and(|directive| directive.as_str() == "REPLACE");
        let replaces_tags =
            input.tagging_directive.as_ref().is_some_and(|directive| directive.as_str() == "REPLACE");
        let told = attributes!(input);
        let (from, name, _) = source(&input.copy_source)?;
        let in_place = from == input.bucket && name == input.key;
        if in_place && !replaces && told.storage_class.is_none() && told.encryption.is_none() {
            return Err(s3_error!(InvalidRequest, "This copy request is illegal because nothing changes"));
        }
        let old = &original.attributes;
        let kept = if replaces { told.clone() } else { old.clone() };
        let attributes = Attributes {
            tags: if replaces_tags { told.tags } else { old.tags.clone() },
            storage_class: told.storage_class,
            retention: told.retention,
            legal_hold: told.legal_hold,
            encryption: told.encryption,
            ..kept
        };
        let mut object = store::Object::new(original.bytes.clone(), attributes);
        object.checksum = original.checksum.clone();
        let object = self.0.store().put(&input.bucket, &input.key, object)?;
        let copy_object_result = Some(CopyObjectResult {
            e_tag: Some(ETag::Strong(object.etag.clone())),
            last_modified: Some(object.modified.into()),
            ..Default::default()
        });
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result,
            copy_source_version_id: version_of(&original),
            version_id: version_of(&object),
            ..Default::default()
        }))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        let input = request.input;
        if let Some(condition) = &input.if_match {
            check_write(self.0.store().bucket(&input.bucket)?, &input.key, Some(condition), None)?;
        }
        let bypass = input.bypass_governance_retention == Some(true);
        let deleted = self.remove(&input.bucket, &input.key, input.version_id.as_deref(), bypass)?;
        let (version_id, delete_marker) = (deleted.version, deleted.marker.then_some(true));
        let output = DeleteObjectOutput { delete_marker, version_id, request_charged: None };
        Ok(S3Response::new(output))
    }

    async fn delete_objects(&self, request: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
        let input = request.input;
        self.0.store().bucket(&input.bucket)?;
        if input.delete.objects.len() > 1000 {
            return Err(s3_error!(MalformedXML));
        }
        let bypass = input.bypass_governance_retention == Some(true);
        let quiet = input.delete.quiet == Some(true);
        let (mut done, mut errors) = (Vec::new(), Vec::new());
        for named in input.delete.objects {
            match self.remove(&input.bucket, &named.key, named.version_id.as_deref(), bypass) {
                Ok(deleted) => done.push(DeletedObject {
                    delete_marker: deleted.marker.then_some(true),
                    delete_marker_version_id: deleted.version.filter(|_| deleted.marker),
                    key: Some(named.key),
                    version_id: named.version_id,
                }),
                Err(error) => errors.push(Error {
                    code: Some(error.code().as_str().to_owned()),
                    key: Some(named.key),
                    message: error.message().map(str::to_owned),
                    version_id: named.version_id,
                }),
            }
        }
        let (deleted, errors) = ((!quiet).then_some(done), (!errors.is_empty()).then_some(errors));
        Ok(S3Response::new(DeleteObjectsOutput { deleted, errors, request_charged: None }))
    }

    async fn list_objects_v2(&self, request: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        let input = request.input;
        let most = self.page(input.max_keys);
        let mut store = self.0.store();
        let bucket = store.bucket(&input.bucket)?;
        let after = match &input.continuation_token {
            Some(token) => {
                url::form_urlencoded::parse(token.as_bytes()).next().map(|(key, _)| key.into_owned())
            }
            None => input.start_after.clone(),
        };
        let wanted = Wanted {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().unwrap_or_default(),
            after: after.as_deref().unwrap_or_default(),
            most,
        };
        let page = listing::objects(bucket, &wanted);
        let encodes = input.encoding_type.is_some();
        let mangles = self.0.behaviour().mangles_keys;
        let tell = |key: &str| if encodes { encoded(key) } else { plain(key, mangles) };
        let restores = input.optional_object_attributes.is_some() && self.0.behaviour().lists_restores;
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket.clone()),
            prefix: Some(tell(wanted.prefix)),
            delimiter: input.delimiter.as_deref().map(tell),
            max_keys: Some(input.max_keys.unwrap_or(1000)),
            key_count: number(page.items.len() + page.folders.len()),
            continuation_token: input.continuation_token.clone(),
            start_after: input.start_after.as_deref().map(tell),
            encoding_type: input.encoding_type,
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.as_deref().map(encoded),
            contents: Some(
                page.items.iter().map(|(key, object)| listed(tell(key), object, restores)).collect(),
            ),
            common_prefixes: common(&page.folders, tell),
            request_charged: None,
        }))
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
        let input = request.input;
        let most = self.page(input.max_keys);
        let mut store = self.0.store();
        let bucket = store.bucket(&input.bucket)?;
        let wanted = Wanted {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().unwrap_or_default(),
            after: input.marker.as_deref().unwrap_or_default(),
            most,
        };
        let page = listing::objects(bucket, &wanted);
        let encodes = input.encoding_type.is_some();
        let mangles = self.0.behaviour().mangles_keys;
        let tell = |key: &str| if encodes { encoded(key) } else { plain(key, mangles) };
        let restores = input.optional_object_attributes.is_some() && self.0.behaviour().lists_restores;
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket.clone()),
            prefix: Some(tell(wanted.prefix)),
            delimiter: input.delimiter.as_deref().map(tell),
            marker: input.marker.as_deref().map(tell),
            max_keys: Some(input.max_keys.unwrap_or(1000)),
            encoding_type: input.encoding_type,
            is_truncated: Some(page.next.is_some()),
            next_marker: page.next.as_deref().map(tell),
            contents: Some(
                page.items.iter().map(|(key, object)| listed(tell(key), object, restores)).collect(),
            ),
            common_prefixes: common(&page.folders, tell),
            request_charged: None,
        }))
    }

    async fn list_object_versions(
        &self,
        request: S3Request<ListObjectVersionsInput>,
    ) -> Answer<ListObjectVersionsOutput> {
        let input = request.input;
        let most = self.page(input.max_keys);
        let mut store = self.0.store();
        let bucket = store.bucket(&input.bucket)?;
        let wanted = Wanted {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().unwrap_or_default(),
            after: input.key_marker.as_deref().unwrap_or_default(),
            most,
        };
        let page = listing::versions(bucket, &wanted);
        let encodes = input.encoding_type.is_some();
        let mangles = self.0.behaviour().mangles_keys;
        let tell = |key: &str| if encodes { encoded(key) } else { plain(key, mangles) };
        let (mut versions, mut markers) = (Vec::new(), Vec::new());
        for (key, version, is_latest) in &page.items {
            let (key, version_id) = (Some(tell(key)), Some(version.id().to_owned()));
            match version {
                Version::Object(object) => versions.push(ObjectVersion {
                    e_tag: Some(ETag::Strong(object.etag.clone())),
                    is_latest: Some(*is_latest),
                    key,
                    last_modified: Some(object.modified.into()),
                    size: i64::try_from(object.bytes.len()).ok(),
                    storage_class: Some(object.storage_class().to_owned().into()),
                    version_id,
                    ..Default::default()
                }),
                Version::Marker { modified, .. } => markers.push(DeleteMarkerEntry {
                    is_latest: Some(*is_latest),
                    key,
                    last_modified: Some((*modified).into()),
                    owner: None,
                    version_id,
                }),
            }
        }
        Ok(S3Response::new(ListObjectVersionsOutput {
            common_prefixes: common(&page.folders, tell),
            delete_markers: (!markers.is_empty()).then_some(markers),
            delimiter: input.delimiter.as_deref().map(tell),
            encoding_type: input.encoding_type,
            is_truncated: Some(page.next.is_some()),
            key_marker: input.key_marker.as_deref().map(tell),
            max_keys: Some(input.max_keys.unwrap_or(1000)),
            name: Some(input.bucket.clone()),
            next_key_marker: page.next.as_deref().map(tell),
            prefix: Some(tell(wanted.prefix)),
            versions: Some(versions),
            ..Default::default()
        }))
    }

    async fn get_object_tagging(
        &self,
        request: S3Request<GetObjectTaggingInput>,
    ) -> Answer<GetObjectTaggingOutput> {
        let input = request.input;
        let mut store = self.0.store();
        let object = store.bucket(&input.bucket)?.find(&input.key, input.version_id.as_deref())?;
        let (tag_set, version_id) = (tag_set(&object.attributes), version_of(object));
        Ok(S3Response::new(GetObjectTaggingOutput { tag_set, version_id }))
    }

    async fn put_object_tagging(
        &self,
        request: S3Request<PutObjectTaggingInput>,
    ) -> Answer<PutObjectTaggingOutput> {
        let input = request.input;
        let tags = input.tagging.tag_set.into_iter();
        let tags = checked_tags(
            tags.map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())).collect(),
        )?;
        let mut store = self.0.store();
        let object = store.bucket(&input.bucket)?.find(&input.key, input.version_id.as_deref())?;
        object.attributes.tags = tags;
        Ok(S3Response::new(PutObjectTaggingOutput { version_id: version_of(object) }))
    }

    async fn delete_object_tagging(
        &self,
        request: S3Request<DeleteObjectTaggingInput>,
    ) -> Answer<DeleteObjectTaggingOutput> {
        let input = request.input;
        let mut store = self.0.store();
        let object = store.bucket(&input.bucket)?.find(&input.key, input.version_id.as_deref())?;
        object.attributes.tags.clear();
        let output = DeleteObjectTaggingOutput { version_id: version_of(object) };
        Ok(S3Response::new(output))
    }

    async fn get_object_retention(
        &self,
        request: S3Request<GetObjectRetentionInput>,
    ) -> Answer<GetObjectRetentionOutput> {
        let input = request.input;
        let mut store = self.0.store();
        let object = store.bucket(&input.bucket)?.find(&input.key, input.version_id.as_deref())?;
        let Some(retention) = &object.attributes.retention else {
            return Err(s3_error!(NoSuchObjectLockConfiguration));
        };
        let retention = Some(ObjectLockRetention {
            mode: Some(retention.mode.clone().into()),
            retain_until_date: Some(retention.until.into()),
        });
        Ok(S3Response::new(GetObjectRetentionOutput { retention }))
    }

    async fn put_object_retention(
        &self,
        request: S3Request<PutObjectRetentionInput>,
    ) -> Answer<PutObjectRetentionOutput> {
        let input = request.input;
        let retention = input.retention.and_then(|told| {
            let (mode, until) = (told.mode?, told.retain_until_date?);
            Some(Retention { mode: mode.as_str().to_owned(), until: system_time(&until) })
        });
        if retention.as_ref().is_some_and(|retention| retention.until <= SystemTime::now()) {
            return Err(s3_error!(InvalidArgument, "The retain until date must be in the future"));
        }
        let mut store = self.0.store();
        let bucket = store.bucket(&input.bucket)?;
        if !bucket.locks {
            return Err(s3_error!(InvalidRequest, "Bucket is missing Object Lock Configuration"));
        }
        let bypass = input.bypass_governance_retention == Some(true);
        bucket.find(&input.key, input.version_id.as_deref())?.retain(retention, bypass)?;
        Ok(S3Response::new(PutObjectRetentionOutput::default()))
    }

    async fn get_object_legal_hold(
        &self,
        request: S3Request<GetObjectLegalHoldInput>,
    ) -> Answer<GetObjectLegalHoldOutput> {
        let input = request.input;
        let mut store = self.0.store();
        let held =
            store.bucket(&input.bucket)?.find(&input.key, input.version_id.as_deref())?.attributes.legal_hold;
        let status = if held { "ON" } else { "OFF" };
        let legal_hold =
            Some(ObjectLockLegalHold { status: Some(ObjectLockLegalHoldStatus::from_static(status)) });
        Ok(S3Response::new(GetObjectLegalHoldOutput { legal_hold }))
    }

    async fn put_object_legal_hold(
        &self,
        request: S3Request<PutObjectLegalHoldInput>,
    ) -> Answer<PutObjectLegalHoldOutput> {
        let input = request.input;
        let mut store = self.0.store();
        let bucket = store.bucket(&input.bucket)?;
        if !bucket.locks {
            return Err(s3_error!(InvalidRequest, "Bucket is missing Object Lock Configuration"));
        }
        let status = input.legal_hold.and_then(|hold| hold.status);
        let held = status.is_some_and(|status| status.as_str() == "ON");
        bucket.find(&input.key, input.version_id.as_deref())?.attributes.legal_hold = held;
        Ok(S3Response::new(PutObjectLegalHoldOutput::default()))
    }

    async fn restore_object(&self, request: S3Request<RestoreObjectInput>) -> Answer<RestoreObjectOutput> {
        let input = request.input;
        let thaw_time = self.0.behaviour().thaw_time;
        let asked = input.restore_request.ok_or_else(|| s3_error!(MalformedXML))?;
        let tier = asked.glacier_job_parameters.map(|parameters| parameters.tier);
        let mut store = self.0.store();
        let object = store.bucket(&input.bucket)?.find(&input.key, input.version_id.as_deref())?;
        let is_expedited = tier.is_some_and(|tier| tier.as_str() == "Expedited");
        if is_expedited && object.storage_class() == "DEEP_ARCHIVE" {
            return Err(s3_error!(InvalidArgument, "Expedited retrievals are not there for this class"));
        }
        let mut response = S3Response::new(RestoreObjectOutput::default());
        if object.restore(asked.days.unwrap_or(0), thaw_time)? == Taken::Begun {
            response.headers.insert(STATUS, http::HeaderValue::from_static("202"));
        }
        Ok(response)
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        let input = request.input;
        if input.checksum_algorithm.is_some() && !self.0.behaviour().knows_checksums {
            return Err(s3_error!(NotImplemented, "checksums are not known here"));
        }
        let upload = Upload {
            key: input.key.clone(),
            attributes: attributes!(input),
            algorithm: input.checksum_algorithm.as_ref().map(|algorithm| algorithm.as_str().to_owned()),
            parts: std::collections::BTreeMap::new(),
            begun: now(),
        };
        let mut store = self.0.store();
        // An id with all that must be encoded in a query.
        let id = format!("upload {}+/", store.number());
        store.bucket(&input.bucket)?.uploads.insert(id.clone(), upload);
        let (bucket, key) = (Some(input.bucket), Some(input.key));
        let checksum_algorithm = input.checksum_algorithm;
        let upload_id = Some(id);
        let output =
            CreateMultipartUploadOutput { bucket, key, upload_id, checksum_algorithm, ..Default::default() };
        Ok(S3Response::new(output))
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        let mut input = request.input;
        let bytes = content(input.body.take()).await?;
        let algorithm = {
            let mut store = self.0.store();
            let upload = store.bucket(&input.bucket)?.upload(&input.upload_id, &input.key)?;
            check_customer_key(&upload.attributes, input.sse_customer_key_md5.as_deref())?;
            upload.algorithm.clone().map(ChecksumAlgorithm::from)
        };
        if !(1..=10_000).contains(&input.part_number) {
            return Err(s3_error!(InvalidArgument, "parts have numbers from 1 to 10000"));
        }
        let checksum = checked(&bytes, input.content_md5.as_deref(), told!(input), algorithm.as_ref())?;
        let piece = Piece::new(bytes, checksum);
        let sums =
            if self.0.behaviour().knows_checksums { piece.checksum.clone() } else { Checksum::default() };
        let output = UploadPartOutput {
            e_tag: Some(ETag::Strong(piece.etag())),
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            ..Default::default()
        };
        let mut store = self.0.store();
        store
            .bucket(&input.bucket)?
            .upload(&input.upload_id, &input.key)?
            .parts
            .insert(input.part_number, piece);
        Ok(S3Response::new(output))
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> Answer<UploadPartCopyOutput> {
        let input = request.input;
        let original = self.original(
            &input.copy_source,
            input.copy_source_if_match.as_ref(),
            input.copy_source_if_none_match.as_ref(),
            input.copy_source_sse_customer_key_md5.as_deref(),
        )?;
        let bytes: Bytes = match &input.copy_source_range {
            None => original.bytes.clone(),
            Some(range) => {
                let range = Range::parse(range).map_err(|_| s3_error!(InvalidArgument))?;
                let range = range.check(original.bytes.len() as u64).map_err(|_| s3_error!(InvalidRange))?;
                original
                    .bytes
                    .slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap())
            }
        };
        let piece = Piece::new(bytes, Checksum::default());
        let copy_part_result = Some(CopyPartResult {
            e_tag: Some(ETag::Strong(piece.etag())),
            last_modified: Some(piece.arrived.into()),
            ..Default::default()
        });
        let mut store = self.0.store();
        store
            .bucket(&input.bucket)?
            .upload(&input.upload_id, &input.key)?
            .parts
            .insert(input.part_number, piece);
        Ok(S3Response::new(UploadPartCopyOutput { copy_part_result, ..Default::default() }))
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        let input = request.input;
        let behaviour = self.0.behaviour();
        let after = input.part_number_marker.unwrap_or(0);
        let most = page_of(input.max_parts, behaviour.page);
        let mut store = self.0.store();
        let upload = store.bucket(&input.bucket)?.upload(&input.upload_id, &input.key)?;
        let page: Vec<_> = upload.parts.range(after + 1..).take(most).collect();
        let last = page.last().map_or(after, |(number, _)| **number);
        let parts = page.into_iter().map(|(number, piece)| piece.listed(*number, behaviour.knows_checksums));
        let output = ListPartsOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            upload_id: Some(input.upload_id.clone()),
            parts: Some(parts.collect()),
            is_truncated: Some(upload.parts.range(last + 1..).next().is_some()),
            next_part_number_marker: Some(last),
            ..Default::default()
        };
        Ok(S3Response::new(output))
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        let input = request.input;
        let prefix = input.prefix.unwrap_or_default();
        let mut store = self.0.store();
        let uploads = store.bucket(&input.bucket)?.uploads.iter();
        let uploads = uploads.filter(|(_, upload)| upload.key.starts_with(&prefix)).map(|(id, upload)| {
            MultipartUpload {
                initiated: Some(upload.begun.into()),
                key: Some(upload.key.clone()),
                upload_id: Some(id.clone()),
                ..Default::default()
            }
        });
        let output = ListMultipartUploadsOutput {
            is_truncated: Some(false),
            uploads: Some(uploads.collect()),
            bucket: Some(input.bucket.clone()),
            ..Default::default()
        };
        Ok(S3Response::new(output))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let input = request.input;
        let behaviour = self.0.behaviour();
        let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let mut store = self.0.store();
        let bucket = store.bucket(&input.bucket)?;
        check_write(bucket, &input.key, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let object = bucket.upload(&input.upload_id, &input.key)?.assemble(&named, behaviour.least_part)?;
        let object = store.put(&input.bucket, &input.key, object)?;
        store.bucket(&input.bucket)?.uploads.remove(&input.upload_id);
        let sum = object.checksum.checksum_sha256.clone().filter(|_| behaviour.knows_checksums);
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            checksum_sha256: sum,
            e_tag: Some(ETag::Strong(object.etag.clone())),
            key: Some(input.key),
            server_side_encryption: service_encryption(&object.attributes),
            ssekms_key_id: kms_key(&object.attributes),
            version_id: version_of(&object),
            ..Default::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        let input = request.input;
        let mut store = self.0.store();
        let bucket = store.bucket(&input.bucket)?;
        bucket.upload(&input.upload_id, &input.key)?;
        bucket.uploads.remove(&input.upload_id);
        let output = AbortMultipartUploadOutput { request_charged: None };
        Ok(S3Response::new(output))
    }
}
