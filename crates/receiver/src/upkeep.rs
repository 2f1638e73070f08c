//! What is done without being asked for: uploads that nobody goes on with, archives that have had their time, books that drifted.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clients::Client;
use crate::names::Name;
use crate::problem::Problem;
use crate::receiver::Receiver;
use crate::retention::Kept;

/// How often it is looked whether something is due.
const EVERY: Duration = Duration::from_secs(60);
/// After so many looks what is stored is counted again.
const COUNT_EVERY: u64 = 60;

impl Receiver {
    /// Does what is due, now and then, until `end` becomes true.
    pub async fn upkeep(self, mut end: watch::Receiver<bool>) {
        let mut looks = 0_u64;
        loop {
            let counts = looks.is_multiple_of(COUNT_EVERY);
            looks += 1;
            let receiver = self.clone();
            let done = tokio::task::spawn_blocking(move || receiver.do_upkeep(counts)).await;
            if done.is_err() {
                tracing::error!("upkeep ended before its time");
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                // A sender that is gone is an end too.
                _ = end.wait_for(|end| *end) => return,
            }
        }
    }

    /// Does all that is due once. It blocks. Trouble is logged, and does not keep the rest from being done.
    pub fn do_upkeep(&self, counts: bool) {
        self.end_old_uploads();
        let clients = match self.clients.all() {
            Ok(clients) => clients,
            Err(error) => {
                tracing::error!(cause = %error, "the clients cannot be read");
                return;
            }
        };
        for client in clients.iter() {
            if let Err(problem) = self.remove_expired(client) {
                tracing::error!(client = client.name, cause = %problem, "expired archives cannot be removed");
            }
            if counts {
                match self.stored_in(&client.folder) {
                    Ok(stored) => self.ledger.set(&client.folder, stored),
                    Err(error) => {
                        tracing::error!(client = client.name, cause = %error, "what is stored cannot be counted");
                    }
                }
            }
        }
        if counts && let Err(error) = self.forget_old_sums() {
            tracing::error!(cause = %error, "the sums of files that are gone cannot be removed");
        }
    }

    fn end_old_uploads(&self) {
        let now = self.now();
        for upload in self.uploads.all() {
            if upload.state().expires > now || !upload.is_idle() {
                continue;
            }
            let was_open = upload.state().finished.is_none();
            match self.remove_upload(&upload) {
                Ok(()) if was_open => {
                    tracing::info!(
                        client = upload.record.client,
                        upload = upload.id,
                        "nobody went on with an upload; it was removed"
                    );
                }
                Ok(()) => {}
                Err(problem) => {
                    tracing::error!(upload = upload.id, cause = %problem, "an old upload cannot be removed")
                }
            }
        }
    }

    fn remove_expired(&self, client: &Arc<Client>) -> Result<(), Problem> {
        if client.retention.is_nothing() {
            return Ok(());
        }
        let failed = |error: io::Error| Problem::io("list the archives", &error);
        let mut files = Vec::new();
        match self.archives.walk(client.folder.split('/')) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found
                .map_err(failed)?
                .each_file(&mut |name, entry| {
                    files.push(Kept { name: name.to_owned(), size: entry.size, modified: entry.modified });
                    Ok(())
                })
                .map_err(failed)?,
        }
        for name in client.retention.expired(files, self.now()) {
            // What an administrator put there under a strange name is left alone.
            let Ok(name) = Name::parse(&name) else { continue };
            self.remove_archive(client, &name)?;
        }
        Ok(())
    }
}
