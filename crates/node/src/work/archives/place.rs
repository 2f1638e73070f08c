//! Opening the place that archives lie in.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use backstay_archive::crypt::Identities;
use backstay_core::{ArchiveStore, CallContext, Control};
use backstay_model::connection::ReceiverSettings;
use backstay_model::link::SealedRepository;
use backstay_model::{ConnectionSettings, Level, RepositoryId};
use backstay_storage::archives::{Folder, GoogleDrive, Receiver, S3};
use backstay_storage::rest::Credentials;
use backstay_storage::{Address, Http, Secret};

use super::known::Inventory;
use crate::seals::Opened;
use crate::work::google;
use crate::work::repository::{describe, make_folder};
use crate::work::storage::{local_folder, s3_address, s3_settings};
use crate::work::{Class, Job, Result, WorkError, Workshop};

/// For how long a service may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where archives lie, open.
pub(in crate::work) struct Place {
    pub(super) store: Arc<dyn ArchiveStore>,
    /// What opens archives that are encrypted.
    pub(super) identities: Identities,
    /// The folder of this host that it is, if it is one.
    pub(super) folder: Option<PathBuf>,
    /// The folders in the store that all names begin with, with `/` behind them; empty where the store begins there.
    pub(super) prefix: String,
    pub(super) repository: RepositoryId,
    pub(super) control: Control,
}

impl Workshop {
    /// Opens the place of a job's archives. Where there was one, none is made.
    pub(in crate::work) fn place(&self, job: &Job<'_>, may_make: bool) -> Result<Place> {
        let repository = job.repository;
        job.report.log(Level::Info, "connect", &format!("connecting to {}", describe(repository)));
        let place = self.reach(repository, job.secrets, job.control.clone())?;
        let known = self.known_path(repository);
        if let Some(folder) = &place.folder
            && !folder.is_dir()
            && (known.exists() || !may_make)
        {
            // A disk that is attached at times is out of reach as a service is whose network is down.
            let class = if known.exists() { Class::Unreachable } else { Class::NoRepository };
            return Err(WorkError::new(class, format!("there are no archives in {}", folder.display())).hint(
                "the first backup makes the folder; if it is on a disk that is attached at times, attach and mount it",
            ));
        }
        if may_make {
            place.store.prepare(place.context()).map_err(|error| WorkError::of_archive_store(&error))?;
            if !known.exists() {
                let noted = known.parent().map_or(Ok(()), make_folder);
                if let Err(error) = noted.and_then(|()| fs::write(&known, place.store.location())) {
                    let text =
                        format!("it cannot be noted in {} that archives are there: {error}", known.display());
                    job.report.log(Level::Warning, "connect", &text);
                }
            }
        }
        job.report.moved();
        Ok(place)
    }

    /// Opens the place of a job's archives to look at it, with all that lies there.
    pub(super) fn stock(&self, job: &Job<'_>) -> Result<(Place, Inventory)> {
        let place = self.place(job, false)?;
        let inventory = self.manifests.inventory(&place)?;
        Ok((place, inventory))
    }

    /// The store of a repository's place; nothing is asked of it yet.
    fn reach(&self, repository: &SealedRepository, secrets: &Opened, control: Control) -> Result<Place> {
        let SealedRepository { settings, path, .. } = repository;
        let identities = match secrets.get("password") {
            Some(text) => Identities::parse(text)?,
            None => Identities::none(),
        };
        let (mut folder, mut prefix) = (None, String::new());
        let store: Arc<dyn ArchiveStore> = match settings {
            ConnectionSettings::Local(local) => {
                let real = self.policy.check_repository(&local_folder(&local.path, path))?;
                folder = Some(real.clone());
                Arc::new(Folder::new(real))
            }
            ConnectionSettings::Receiver(receiver) => {
                if !path.is_empty() {
                    prefix = format!("{path}/");
                }
                Arc::new(self.receiver(receiver, secrets)?)
            }
            ConnectionSettings::S3(s3) => {
                if let Some(class) = s3.storage_class.as_ref().filter(|_| s3.is_archive()) {
                    let why = format!(
                        "archives cannot lie in the storage class {class}: they are read to be verified, listed and continued"
                    );
                    return Err(WorkError::new(Class::Other, why).hint(
                        "use a connection with a class whose objects can be read at once, as GLACIER_IR, and have the bucket's rules \
                         move them later; or let the destination hold a repository",
                    ));
                }
                let address = match s3_address(s3, path)? {
                    Address::S3(address) => address,
                    Address::Local(_) | Address::Rest(_) => return Err(nowhere()),
                };
                let opened = S3::new(&address, &s3_settings(s3, secrets), &self.s3_http(s3), None);
                Arc::new(opened.map_err(|error| WorkError::of_archive_store(&error))?)
            }
            ConnectionSettings::GoogleDrive(drive) => {
                let account = self.google_account(drive, secrets);
                let opened =
                    GoogleDrive::new(&google::folder(drive, path), account, &self.google_http(drive));
                Arc::new(opened.map_err(|error| WorkError::of_archive_store(&error))?)
            }
            ConnectionSettings::Mysql(_) | ConnectionSettings::Mongodb(_) => return Err(nowhere()),
        };
        Ok(Place { store, identities, folder, prefix, repository: repository.id, control })
    }

    /// The archives on a receiver.
    pub(in crate::work) fn receiver(
        &self,
        receiver: &ReceiverSettings,
        secrets: &Opened,
    ) -> Result<Receiver> {
        let token = secrets.get("token").or_else(|| receiver.token.expose()).map(Secret::new);
        let credentials = Credentials { token, ..Credentials::default() };
        let http = self.receiver_http(receiver);
        Receiver::new(&receiver.url(), &credentials, &http)
            .map_err(|error| WorkError::of_archive_store(&error))
    }

    /// How a receiver is spoken to.
    pub(in crate::work) fn receiver_http(&self, receiver: &ReceiverSettings) -> Http {
        Http {
            authorities: receiver.authority.clone(),
            fingerprint: receiver.pin(),
            reach: self.reach_of(receiver.allow_private),
            patience: Some(PATIENCE),
            ..Http::default()
        }
    }
}

impl Place {
    pub(super) fn context(&self) -> CallContext<'_> {
        CallContext::with(&self.control)
    }

    /// The folder of the store that a folder of the place is.
    pub(super) fn inside(&self, folder: &str) -> String {
        format!("{}{folder}", self.prefix).trim_end_matches('/').to_owned()
    }

    /// Whether files can be put there by giving them another name: they need not be sent.
    pub(super) fn shares_disk_with(&self, spool: &Path) -> Option<&Path> {
        use std::os::unix::fs::MetadataExt;
        let folder = self.folder.as_deref()?;
        let device = |path: &Path| fs::metadata(path).ok().map(|meta| meta.dev());
        (device(folder).is_some() && device(folder) == device(spool)).then_some(folder)
    }
}

fn nowhere() -> WorkError {
    WorkError::new(Class::Other, "archives cannot lie there")
        .hint("give the destination a connection to a folder, a bucket, a receiver or Google Drive")
}
