//! Tries a connection for real, before it is saved and from time to time after.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use backstay_core::{ArchiveStore, CallContext, ErrorKind, FileId, FileKind, Handle, Storage};
use backstay_model::ConnectionSettings;
use backstay_model::connection::{GoogleDriveSettings, ReceiverSettings};

use super::repository::make_folder;
use super::{Class, Result, WorkError, Workshop};
use crate::host;
use crate::seals::Opened;

impl Workshop {
    /// Reaches a service, writes something small, reads it back and removes it. Says what it found.
    ///
    /// # Errors
    /// When any of this fails.
    pub fn probe(&self, settings: &ConnectionSettings, secrets: &Opened) -> Result<String> {
        match settings {
            ConnectionSettings::Local(local) => self.probe_folder(Path::new(&local.path)),
            ConnectionSettings::S3(_) => self.probe_storage(settings, secrets),
            ConnectionSettings::Mysql(mysql) => self.probe_instance(mysql, secrets),
            ConnectionSettings::Receiver(receiver) => self.probe_receiver(receiver, secrets),
            ConnectionSettings::GoogleDrive(drive) => self.probe_google_drive(drive, secrets),
            ConnectionSettings::Mongodb(mongodb) => self.probe_mongodb(mongodb, secrets),
        }
    }

    /// Whether the receiver is there, is the right one, and knows us.
    fn probe_receiver(&self, receiver: &ReceiverSettings, secrets: &Opened) -> Result<String> {
        let store = self.receiver(receiver, secrets)?;
        let told = |error| WorkError::of_archive_store(&error);
        store.prepare(CallContext::NONE).map_err(told)?;
        let mut count = 0_u64;
        store.list(CallContext::NONE, &mut |_| count += 1).map_err(told)?;
        Ok(format!("{} knows this client, and has {count} files of it", store.location()))
    }

    fn probe_folder(&self, folder: &Path) -> Result<String> {
        let folder = self.policy.check_repository(folder)?;
        let cannot = |doing: &str, error: &std::io::Error| {
            let class =
                if error.kind() == std::io::ErrorKind::StorageFull { Class::NoSpace } else { Class::Other };
            WorkError::new(class, format!("{} cannot be {doing}", folder.display()))
                .because(error)
                .hint("check that the folder's file system is mounted, and that the account that runs Backstay may write there")
        };
        make_folder(&folder).map_err(|error| cannot("made", &error))?;
        let file = folder.join(format!(".backstay-probe-{}", self.random_name()));
        let tried =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file).and_then(|mut open| {
                open.write_all(b"a probe of Backstay's; it may be removed")?;
                open.sync_all()
            });
        let removed = fs::remove_file(&file);
        tried.and(removed).map_err(|error| cannot("written to", &error))?;
        let (_, free) = host::disk(&folder);
        Ok(format!("{} can be written to; {} are free", folder.display(), host::bytes(free)))
    }

    /// Whose Drive it is, how much room there is, and whether a folder of it can be used; the folder of the probe goes again.
    fn probe_google_drive(&self, drive: &GoogleDriveSettings, secrets: &Opened) -> Result<String> {
        let folder = format!("backstay-probe-{}", self.random_name());
        let storage = self.google_drive(drive, &folder, secrets)?;
        let about = storage.about(CallContext::NONE)?;
        storage.prepare(CallContext::NONE)?;
        let tried = self.try_storage(&storage, false, false);
        storage.remove_all(CallContext::NONE)?;
        tried?;
        let room = match about.limit {
            Some(limit) => format!("{} are free", host::bytes(limit.saturating_sub(about.used))),
            None => "it has no limit".to_owned(),
        };
        Ok(format!("the Google Drive of {} can be written to, read and cleaned up; {room}", about.account))
    }

    /// The probe is a pack in a folder of its own, so that it is in no repository's way.
    fn probe_storage(&self, settings: &ConnectionSettings, secrets: &Opened) -> Result<String> {
        let folder = format!("backstay-probe-{}", self.random_name());
        let mut settings = settings.clone();
        let mut is_kept = false;
        if let ConnectionSettings::S3(s3) = &mut settings {
            is_kept = s3.storage_class.is_some() || s3.lock.is_some();
            // The probe cannot be removed before.
            if let Some(lock) = &mut s3.lock {
                lock.days = 1;
            }
        }
        let storage = self.storage_for_probe(&settings, &folder, secrets)?;
        self.try_storage(&*storage, is_kept, matches!(settings, ConnectionSettings::S3(_)))
    }

    fn try_storage(&self, storage: &dyn Storage, is_kept: bool, may_read_only: bool) -> Result<String> {
        let mut id = [0; 32];
        self.environment.random.fill(&mut id);
        // What is read back must be no pack where those are locked, or cannot be read at once.
        let kind = if is_kept { FileKind::Lock } else { FileKind::Pack };
        let (handle, content) = (Handle::new(kind, FileId(id)), *b"a probe of Backstay's; it may be removed");
        let context = CallContext::NONE;
        storage.list(FileKind::Pack, context, &mut |_, _| ())?;
        match storage.write(&handle, &content, context) {
            // A key that may only read is what a source needs; a destination is tried by what it is for.
            Err(error) if may_read_only && error.kind == ErrorKind::Denied => {
                return Ok(format!("{} can be listed, and may not be written to", storage.location()));
            }
            written => written?,
        }
        let mut back = Vec::new();
        let read = storage.read(&handle, &mut back, context);
        let removed = storage.remove(&handle, context);
        read?;
        removed?;
        if back != content {
            return Err(WorkError::new(
                Class::Damaged,
                format!("{} gives back other bytes than were stored", storage.location()),
            ));
        }
        if is_kept {
            let pack = Handle::new(FileKind::Pack, FileId(id));
            storage.write(&pack, &content, context)?;
            match storage.remove(&pack, context) {
                // A service that refuses to remove what is locked does what it was asked for.
                Err(error) if error.kind == ErrorKind::Retained => {}
                removed => removed?,
            }
        }
        Ok(format!("{} can be listed, written to, read and cleaned up", storage.location()))
    }

    fn random_name(&self) -> String {
        let mut bytes = [0; 8];
        self.environment.random.fill(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
