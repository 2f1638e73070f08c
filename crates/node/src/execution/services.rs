//! Services that a run reads or writes beside its destinations: the bucket of a source, and the one that a restore goes to.

use backstay_core::ErrorKind;
use backstay_model::bucket::BucketSpec;
use backstay_model::link::{NodeSource, SealedConnection, SealedRepository};
use backstay_model::mongodb::MongodbSpec;
use backstay_model::run::{IntoBucket, IntoMongodb, IntoSqlite, Outcome, RestoreInto, RestoreRequest};
use backstay_model::{ConnectionSettings, Level, SourceSpec};

use super::{Ending, Execution, incomplete};
use crate::seals::{self, Opened};
use crate::work::bucket::BucketSource;
use crate::work::failure::Class;
use crate::work::mongo::MongoSource;
use crate::work::service::ServiceSource;
use crate::work::{Job, WorkError};

impl Execution<'_> {
    /// The bucket of a source.
    fn bucket(&self, spec: &BucketSpec, source: &NodeSource) -> Result<BucketSource, WorkError> {
        let connection = self.connection_of(source)?;
        let secrets = self.secrets_of(&connection)?;
        self.inner.workshop.bucket_source(spec, &connection.settings, &secrets, &self.active.control)
    }

    /// The server of a source.
    fn mongo(&self, spec: &MongodbSpec, source: &NodeSource) -> Result<MongoSource, WorkError> {
        let connection = self.connection_of(source)?;
        let secrets = self.secrets_of(&connection)?;
        self.inner.workshop.mongo_source(spec, &connection.settings, &secrets)
    }

    fn connection_of(&self, source: &NodeSource) -> Result<SealedConnection, WorkError> {
        self.inner.connection_of(source).ok_or_else(|| {
            WorkError::new(Class::Other, "the connection to the source has not reached this node")
                .hint("save the source again")
        })
    }

    /// Backs up a service, once it has answered.
    pub(super) fn back_up_service(&self, source: &NodeSource, repositories: &[SealedRepository]) -> Ending {
        self.report.log(Level::Info, "connect", &format!("connecting to source {}", source.named.name));
        let opened = match &source.spec {
            SourceSpec::S3(spec) => self.bucket(spec, source).map(ServiceSource::Bucket),
            SourceSpec::Mongodb(spec) => self.mongo(spec, source).map(ServiceSource::Mongodb),
            SourceSpec::Sqlite(spec) => {
                let (control, run) = (&self.active.control, self.run.id);
                self.inner
                    .workshop
                    .copy_databases(spec, run, control, &self.report)
                    .map(ServiceSource::Sqlite)
            }
            SourceSpec::Files(_) | SourceSpec::Mysql(_) => Err(incomplete()),
        };
        match opened {
            Ok(service) => {
                self.report.log(Level::Info, "connect", &service.answered());
                let _ = self.service.set(service);
                self.everywhere(repositories)
            }
            Err(error) if error.class().waits() => {
                Ending::Wait(format!("source {}: {}", source.named.name, error.message()))
            }
            Err(error) => self.failed(&error),
        }
    }

    pub(super) fn secrets_of(&self, connection: &SealedConnection) -> Result<Opened, WorkError> {
        self.inner
            .open(&seals::of_connection(connection.id), &connection.secrets)
            .map_err(|error| WorkError::new(Class::Other, error.message).hint("save the connection again"))
    }

    /// Restores into a service.
    pub(super) fn restore_into(
        &self,
        job: &Job<'_>,
        request: &RestoreRequest,
        into: &RestoreInto,
    ) -> Result<(), WorkError> {
        if let RestoreInto::Sqlite(sqlite) = into {
            return self.restore_databases(job, request, sqlite);
        }
        let connection = self.order.connection.as_ref().ok_or_else(incomplete)?;
        let secrets = self.secrets_of(connection)?;
        match into {
            RestoreInto::Sqlite(_) => Err(incomplete()),
            RestoreInto::S3(bucket) => self.restore_into_bucket(job, request, bucket, (connection, &secrets)),
            RestoreInto::Mongodb(mongodb) => {
                self.restore_into_mongodb(job, request, mongodb, (connection, &secrets))
            }
        }
    }

    fn restore_databases(
        &self,
        job: &Job<'_>,
        request: &RestoreRequest,
        into: &IntoSqlite,
    ) -> Result<(), WorkError> {
        let back = self.inner.workshop.restore_databases(
            job,
            request,
            into,
            self.run.id,
            &self.repository_folders(&[]),
        )?;
        let kept = back.kept.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("\n");
        let more =
            [("databases", back.databases.to_string()), ("rows", back.rows.to_string()), ("kept", kept)];
        let outcome = Outcome {
            bytes: back.bytes,
            more: more
                .into_iter()
                .filter(|(_, text)| !text.is_empty())
                .map(|(name, text)| (name.to_owned(), text))
                .collect(),
            ..Outcome::default()
        };
        self.complete_restore(job, outcome, &back.snapshot);
        Ok(())
    }

    fn restore_into_bucket(
        &self,
        job: &Job<'_>,
        request: &RestoreRequest,
        into: &IntoBucket,
        (connection, secrets): (&SealedConnection, &Opened),
    ) -> Result<(), WorkError> {
        let ConnectionSettings::S3(s3) = &connection.settings else {
            return Err(WorkError::new(
                Class::Other,
                "the connection that is restored into is none to a bucket",
            )
            .hint("choose a connection of type s3"));
        };
        let restored =
            self.inner.workshop.restore_into_bucket(job, request, into, (s3, secrets), self.run.id)?;
        let (done, report) = (restored.done, restored.report);
        if done.failures > 0 {
            let kept = report.kept_at.as_ref();
            let kept =
                kept.map_or_else(String::new, |kept| format!("; what was replaced is kept below {kept}"));
            let failures = done.failures;
            return Err(match report.ended {
                Some((ErrorKind::NoSpace, why)) => {
                    let text = format!("the bucket is full: {failures} objects were not restored: {why}");
                    WorkError::new(Class::NoSpace, text).hint(format!(
                        "make room for it and restore again: what is there already is not sent again{kept}"
                    ))
                }
                Some((_, why)) => {
                    let text = format!(
                        "the bucket takes nothing more from us: {failures} objects were not restored: {why}"
                    );
                    WorkError::new(Class::Other, text).hint(format!(
                        "give the connection a key that the service takes, and restore again: what is there already is not sent again{kept}"
                    ))
                }
                None => {
                    let text =
                        format!("{failures} objects could not be restored, or are not as in the backup");
                    let kept = if kept.is_empty() { "; all else was restored" } else { &kept };
                    let class = if done.damaged > 0 { Class::Damaged } else { Class::Other };
                    WorkError::new(class, text).hint(format!("see the warnings in the log{kept}"))
                }
            });
        }
        let more = [
            ("files", done.files),
            ("written", report.written),
            ("unchanged", report.unchanged),
            ("replaced", report.replaced),
            ("verified", done.verified),
            ("deleted", done.deleted),
            ("skipped", done.skipped),
        ];
        let outcome = Outcome {
            bytes: done.bytes,
            more: more.into_iter().map(|(name, number)| (name.to_owned(), number.to_string())).collect(),
            ..Outcome::default()
        };
        self.complete_restore(job, outcome, &done.snapshot);
        Ok(())
    }

    fn restore_into_mongodb(
        &self,
        job: &Job<'_>,
        request: &RestoreRequest,
        into: &IntoMongodb,
        (connection, secrets): (&SealedConnection, &Opened),
    ) -> Result<(), WorkError> {
        let ConnectionSettings::Mongodb(mongodb) = &connection.settings else {
            return Err(WorkError::new(
                Class::Other,
                "the connection that is restored into is none to MongoDB",
            )
            .hint("choose a connection of type mongodb"));
        };
        let (snapshot, report) =
            self.inner.workshop.restore_into_mongodb(job, request, into, (mongodb, secrets), self.run.id)?;
        let documents: u64 = report.restored.iter().map(|one| one.digest.documents).sum();
        let more = [
            ("collections", report.restored.len() as u64),
            ("documents", documents),
            ("verified", report.restored.iter().filter(|one| one.agrees_with_manifest).count() as u64),
            ("replayed", report.replayed),
            ("users", report.users as u64),
        ];
        let outcome = Outcome {
            bytes: report.restored.iter().map(|one| one.digest.bytes).sum(),
            more: more
                .into_iter()
                .map(|(name, number)| (name.to_owned(), number.to_string()))
                .chain(into.until.map(|moment| ("until".to_owned(), format!("{moment:.0}"))))
                .collect(),
            ..Outcome::default()
        };
        self.complete_restore(job, outcome, &snapshot);
        Ok(())
    }
}
