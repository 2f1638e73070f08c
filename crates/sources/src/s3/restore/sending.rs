//! Objects on their way into the bucket, several at once.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use backstay_core::{CallContext, ErrorKind, FileId, StorageError, Xattr};
use backstay_net::s3::client::{Ask, Call};
use backstay_net::s3::multipart::{Initiated, Part as Piece, complete};
use backstay_net::text::encoded;
use backstay_policy::Backoff;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crossbeam_channel::{Receiver, Sender, bounded};
use http::{HeaderName, HeaderValue, Method};
use md5::Md5;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::staging::{Part, Staged};
use super::{Inner, Written};
use crate::s3::attributes::{self, to_headers};
use crate::s3::content::{is_about_key, tags_of};

/// Longer objects go in parts of this size, or of larger ones where there would be too many.
const PART: u64 = 32 << 20;
const MOST_PARTS: u64 = 9_000;
const TRIES: u32 = 6;
const WAITS: Backoff =
    Backoff { first: Duration::from_millis(300), factor: 2, most: Duration::from_secs(10) };
/// A service may take this long to put parts together.
const COMPLETE_PATIENCE: Duration = Duration::from_secs(600);

/// An object to be sent.
pub(super) struct Job {
    pub(super) key: String,
    pub(super) path: Vec<u8>,
    pub(super) content: Arc<Staged>,
    pub(super) attributes: Vec<Xattr>,
}

/// Those who send.
pub(super) struct Senders {
    jobs: Mutex<Option<Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What the content of an object hashes to.
struct Hashes {
    md5: [u8; 16],
    sha256: [u8; 32],
}

impl Senders {
    pub(super) fn start(inner: &Arc<Inner>, number: usize) -> Self {
        let (jobs, queue) = bounded(number);
        let start = |_| {
            let (inner, queue) = (Arc::clone(inner), queue.clone());
            std::thread::spawn(move || inner.work(&queue))
        };
        let threads = (0..number).map(start).collect();
        Self { jobs: Mutex::new(Some(jobs)), threads: Mutex::new(threads) }
    }

    /// Hands an object over; waits while all are busy.
    pub(super) fn send(&self, job: Job) -> io::Result<()> {
        let jobs = self.jobs.lock().clone();
        let sent = jobs.and_then(|jobs| jobs.send(job).ok());
        sent.ok_or_else(|| io::Error::other("nothing is sent any more"))
    }

    /// Waits until all that was handed over is sent, or has failed.
    pub(super) fn finish(&self) {
        drop(self.jobs.lock().take());
        for thread in std::mem::take(&mut *self.threads.lock()) {
            // What a thread did not do is missing in the listing at the end.
            let _ = thread.join();
        }
    }
}

impl Drop for Senders {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Inner {
    fn work(&self, queue: &Receiver<Job>) {
        for job in queue {
            if self.control.checkpoint().is_err() {
                continue;
            }
            if self.done.lock().report.ended.is_some() {
                self.done.lock().report.failures += 1;
                continue;
            }
            if let Err(error) = self.restore(&job) {
                let mut done = self.done.lock();
                done.report.failures += 1;
                if error.kind == ErrorKind::NoSpace || is_about_key(&error) {
                    done.report.ended.get_or_insert_with(|| (error.kind, error.to_string()));
                }
                drop(done);
                self.events.item_failed(&job.path, "restore", &error.to_string());
            }
        }
    }

    fn restore(&self, job: &Job) -> Result<(), StorageError> {
        let there = self.there.get(&job.key);
        if there.is_some() && self.is_as_wanted(job)? {
            self.done.lock().report.unchanged += 1;
            return Ok(());
        }
        self.put_aside(&job.key)?;
        let written = self.write(job)?;
        let mut done = self.done.lock();
        done.report.written += 1;
        done.report.replaced += u64::from(there.is_some());
        done.written.push(written);
        Ok(())
    }

    /// Whether the object that is there is the one that is wanted, with all that belongs to it.
    fn is_as_wanted(&self, job: &Job) -> Result<bool, StorageError> {
        let etag = job.attributes.iter().find(|one| one.name == attributes::ETAG);
        let is_same = self.there.get(&job.key).zip(etag).is_some_and(|(there, etag)| {
            there.size == job.content.size() && there.etag.as_bytes() == etag.value
        });
        if !is_same {
            return Ok(false);
        }
        let call = Call::new(CallContext::with(&self.control), "look at", &job.key);
        let answer = self.bucket.client.answer(call, Ask::of(Method::HEAD, &job.key))?;
        let mut wanted = to_headers(&job.attributes);
        let mut found = to_headers(&attributes::of_headers(&answer.headers));
        wanted.headers.sort();
        found.headers.sort();
        let tags = attributes::tag_count(&answer.headers);
        if !answer.status.is_success() || wanted.headers != found.headers || tags != wanted.tags.len() as u64
        {
            return Ok(false);
        }
        if tags == 0 {
            return Ok(true);
        }
        let mut found = tags_of(&self.bucket.client, &self.control, &job.key)?;
        found.sort();
        wanted.tags.sort();
        Ok(found == wanted.tags)
    }

    fn write(&self, job: &Job) -> Result<Written, StorageError> {
        let size = job.content.size();
        let read = |error: io::Error| StorageError::new(ErrorKind::Other, "read", &job.key, error);
        let (etag, proven, sha256) = if size <= 2 * PART {
            let hashes = hash(Part::of(&job.content, 0, size)).map_err(read)?;
            let etag = self.put(job, size, &hashes)?;
            (etag, hex(&hashes.md5), hashes.sha256)
        } else {
            self.put_in_parts(job, size)?
        };
        let sha256 = (etag != proven).then_some(sha256);
        Ok(Written { key: job.key.clone(), size, etag, sha256 })
    }

    /// What is sent along with an object.
    fn described<'a>(&self, ask: Ask<'a>, job: &Job) -> Ask<'a> {
        let sent = to_headers(&job.attributes);
        let mut ask = ask;
        for (name, value) in &sent.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(value)) {
                ask = ask.header_of(name, value);
            }
        }
        if sent.tags.is_empty() {
            return ask;
        }
        let plain = |text: &str| encoded(text).replace('/', "%2F");
        let tags: Vec<_> =
            sent.tags.iter().map(|(key, value)| format!("{}={}", plain(key), plain(value))).collect();
        ask.header("x-amz-tagging", &tags.join("&"))
    }

    fn put(&self, job: &Job, size: u64, hashes: &Hashes) -> Result<String, StorageError> {
        let call = Call::new(CallContext::with(&self.control), "write", &job.key);
        call.persist(TRIES, WAITS, || {
            let ask = self.described(Ask::of(Method::PUT, &job.key), job);
            let ask = ask.header("content-md5", &STANDARD.encode(hashes.md5));
            let content = &mut Part::of(&job.content, 0, size);
            let answer = self.bucket.client.send(call, ask, (size, FileId(hashes.sha256)), content)?;
            if !answer.status.is_success() {
                return Err(answer.refusal(call));
            }
            Ok(unquoted(answer.header("etag")))
        })
    }

    /// Sends a long object in parts; gives its ETag, the one that its content stands for, and the SHA-256 of all.
    fn put_in_parts(&self, job: &Job, size: u64) -> Result<(String, String, [u8; 32]), StorageError> {
        let call = Call::new(CallContext::with(&self.control), "write", &job.key);
        let begin = self.described(Ask::of(Method::POST, &job.key).query("uploads", ""), job);
        let answer = self.bucket.client.success(call, begin)?;
        let Initiated { upload_id } = call.read(&answer, "the id of an upload")?;
        let sent = self.send_parts(job, size, &upload_id, call);
        if sent.is_err() {
            // What lies there of it costs its owner money; where it cannot be given up now, a rule of the bucket has to do it.
            let ask = Ask::of(Method::DELETE, &job.key).query("uploadId", &upload_id);
            let _ = self.bucket.client.answer(Call::new(CallContext::NONE, "give up", &job.key), ask);
        }
        sent
    }

    fn send_parts(
        &self,
        job: &Job,
        size: u64,
        upload: &str,
        call: Call<'_>,
    ) -> Result<(String, String, [u8; 32]), StorageError> {
        let length = PART.max(size.div_ceil(MOST_PARTS));
        let (mut pieces, mut sums, mut whole) = (Vec::new(), Md5::new(), Sha256::new());
        let read = |error: io::Error| StorageError::new(ErrorKind::Other, "read", &job.key, error);
        let (mut offset, mut number) = (0, 0);
        while offset < size {
            let length = length.min(size - offset);
            number += 1;
            let part = || Part::of(&job.content, offset, length);
            let hashes = hash(part()).map_err(read)?;
            io::copy(&mut part(), &mut Hashing(&mut whole)).map_err(read)?;
            sums.update(hashes.md5);
            let etag = call.persist(TRIES, WAITS, || {
                let ask = Ask::of(Method::PUT, &job.key)
                    .query("partNumber", &number.to_string())
                    .query("uploadId", upload)
                    .header("content-md5", &STANDARD.encode(hashes.md5));
                let answer =
                    self.bucket.client.send(call, ask, (length, FileId(hashes.sha256)), &mut part())?;
                match answer.status.is_success() {
                    true => Ok(answer.header("etag").unwrap_or_default().to_owned()),
                    false => Err(answer.refusal(call)),
                }
            })?;
            pieces.push(Piece { part_number: number, size: length, etag, sha256: None });
            offset += length;
        }
        let ask = Ask::of(Method::POST, &job.key)
            .query("uploadId", upload)
            .body(complete(&pieces).into_bytes())
            .patience(COMPLETE_PATIENCE);
        let answer = self.bucket.client.success(call, ask)?;
        let told = answer.text.split_once("<ETag>").and_then(|(_, rest)| rest.split_once("</ETag>"));
        let told = told.map(|(etag, _)| etag.replace("&quot;", "\"").replace("&#34;", "\""));
        let proven = format!("{}-{}", hex(&sums.finalize().into()), pieces.len());
        Ok((unquoted(told.as_deref()), proven, whole.finalize().into()))
    }
}

fn unquoted(etag: Option<&str>) -> String {
    etag.unwrap_or_default().trim_matches('"').to_owned()
}

fn hex(bytes: &[u8; 16]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Hashing<'a>(&'a mut Sha256);

impl io::Write for Hashing<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.update(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hash(mut content: impl io::Read) -> io::Result<Hashes> {
    let (mut md5, mut sha256) = (Md5::new(), Sha256::new());
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = content.read(&mut buffer)?;
        if count == 0 {
            return Ok(Hashes { md5: md5.finalize().into(), sha256: sha256.finalize().into() });
        }
        let data = buffer.get(..count).unwrap_or_default();
        md5.update(data);
        sha256.update(data);
    }
}
