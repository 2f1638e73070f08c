//! Packs in archive classes: which there are, and how they are brought back.
//!
//! A list tells the class of each pack and, at services that can, which were asked for. So looking costs one request for a thousand
//! packs, and only what was not asked for yet costs one of its own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use backstay_core::{CallContext, ErrorKind, FileId, FileKind, Frozen, Handle, Storage, StorageError};
use http::{Method, StatusCode};
use parking_lot::Mutex;

use super::backend::S3;
use crate::layout;
use backstay_net::s3::client::{Ask, Call};
use backstay_net::s3::{ArchiveClass, Thaw};

/// A pack that lies in an archive class.
#[derive(Debug, Clone, Copy)]
struct Cold {
    class: ArchiveClass,
    /// Whether it is on its way; none where it was not asked for, or the service does not say.
    in_progress: Option<bool>,
}

/// Bringing packs back costs money, so somebody has to say that it may be done.
#[derive(Debug, thiserror::Error)]
#[error("they lie in an archive class, and nothing says that they may be brought back from it")]
struct NotAllowed;

impl S3 {
    pub(super) fn look_for_frozen(
        &self,
        files: &[Handle],
        bring_back: bool,
        context: CallContext<'_>,
    ) -> Result<Frozen, StorageError> {
        let thaw = self.settings.thaw;
        let cold = self.cold_packs(context)?;
        // Whether the service says which were asked for. One that never did may just not know.
        let tells = cold.values().any(|cold| cold.in_progress.is_some());
        let wanted = files.iter().filter(|file| file.kind == FileKind::Pack);
        let wanted: Vec<(Handle, Cold)> =
            wanted.filter_map(|file| Some((*file, *cold.get(&file.id)?))).collect();
        let next = AtomicUsize::new(0);
        let frozen = Mutex::new(Vec::new());
        let failed = Mutex::new(None);
        std::thread::scope(|scope| {
            for _ in 0..self.connections().min(wanted.len()) {
                scope.spawn(|| {
                    while let Some((file, cold)) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                        match self.is_frozen(file, *cold, tells, thaw.filter(|_| bring_back), context) {
                            Ok(true) => frozen.lock().push((*file, cold.class)),
                            Ok(false) => {}
                            Err(error) => {
                                failed.lock().get_or_insert(error);
                                break;
                            }
                        }
                        if failed.lock().is_some() {
                            break;
                        }
                    }
                });
            }
        });
        if let Some(error) = failed.into_inner() {
            return Err(error);
        }
        let mut frozen = frozen.into_inner();
        if bring_back && thaw.is_none() && !frozen.is_empty() {
            let what = format!("{} packs", frozen.len());
            return Err(StorageError::new(ErrorKind::Frozen, "bring back", what, NotAllowed));
        }
        frozen.sort_unstable_by_key(|(file, _)| *file);
        let left = |(file, class): &(Handle, ArchiveClass)| {
            let since = self.asked.lock().get(&file.id).map_or(Duration::ZERO, Instant::elapsed);
            Some(thaw?.tier.takes(*class).saturating_sub(since))
        };
        let ready_in = frozen.iter().filter_map(left).max();
        let look_again_in = thaw.unwrap_or_default().look_again_in;
        Ok(Frozen { files: frozen.into_iter().map(|(file, _)| file).collect(), ready_in, look_again_in })
    }

    fn cold_packs(&self, context: CallContext<'_>) -> Result<HashMap<FileId, Cold>, StorageError> {
        let mut found = HashMap::new();
        let what = FileKind::Pack.folder();
        let call = Call::new(context, "list", &what);
        self.client.objects_with_restores(call, &format!("{what}/"), &mut |name, object| {
            let class = object.storage_class.as_deref().and_then(ArchiveClass::of);
            let id = name.rsplit('/').next().and_then(layout::id);
            if let (Some(class), Some(id)) = (class, id) {
                let in_progress = object.restore_status.as_ref().map(|status| status.is_restore_in_progress);
                found.insert(id, Cold { class, in_progress });
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Whether a cold pack cannot be read yet. It is asked for if it was not.
    fn is_frozen(
        &self,
        file: &Handle,
        cold: Cold,
        tells: bool,
        thaw: Option<Thaw>,
        context: CallContext<'_>,
    ) -> Result<bool, StorageError> {
        if let Some(in_progress) = cold.in_progress {
            return Ok(in_progress);
        }
        let Some(Thaw { days, tier, .. }) = thaw.filter(|_| !self.asked.lock().contains_key(&file.id)) else {
            return if tells { Ok(true) } else { self.is_away(file, context) };
        };
        let body = format!(
            "<RestoreRequest xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Days>{days}</Days>\
             <GlacierJobParameters><Tier>{tier}</Tier></GlacierJobParameters></RestoreRequest>"
        );
        let path = layout::path(file);
        let call = Call::new(context, "bring back", file);
        let ask = Ask::of(Method::POST, &path)
            .query("restore", "")
            .header("content-type", "application/xml")
            .body(body.into_bytes());
        let answer = self.client.answer(call, ask)?;
        match answer.status {
            // It was asked for before, and is there.
            StatusCode::OK => return Ok(false),
            StatusCode::ACCEPTED => {}
            _ if answer.code() == "RestoreAlreadyInProgress" => {}
            _ => return Err(answer.refusal(call)),
        }
        self.asked.lock().entry(file.id).or_insert_with(Instant::now);
        Ok(true)
    }

    /// Whether a cold pack cannot be read, as it says itself.
    fn is_away(&self, file: &Handle, context: CallContext<'_>) -> Result<bool, StorageError> {
        let path = layout::path(file);
        let call = Call::new(context, "stat", file);
        let answer = self.client.success(call, Ask::of(Method::HEAD, &path))?;
        let is_there = |told: &str| told.contains("ongoing-request=\"false\"");
        Ok(!answer.header("x-amz-restore").is_some_and(is_there))
    }
}
