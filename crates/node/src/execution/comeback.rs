//! Bringing an instance back: the files of a backup take the place of those in use, which come back when anything fails.

use backstay_core::Control;
use backstay_model::hook::Hook;
use backstay_model::link::NodeSource;
use backstay_model::mysql::MysqlSpec;
use backstay_model::run::{Outcome, RestoreRequest};
use backstay_model::{Level, SourceSpec};

use super::{Execution, incomplete};
use crate::debts::{Debts, Exchange, Stopped};
use crate::work::cold::{Inspection, Instance};
use crate::work::failure::Class;
use crate::work::instance::Return;
use crate::work::{Job, WorkError, swap};

impl Execution<'_> {
    /// Brings the instance of a source back.
    pub(super) fn restore_instance(&self, job: &Job<'_>, request: &RestoreRequest) -> Result<(), WorkError> {
        let source = self.order.source.as_ref().ok_or_else(incomplete)?;
        let SourceSpec::Mysql(mysql) = &source.spec else {
            return Err(WorkError::new(Class::Other, format!("source {} is no instance", source.named.name))
                .hint("choose a source of the type mysql, or restore to a folder"));
        };
        let workshop = &self.inner.workshop;
        let instance = self.instance(mysql, source)?;
        let inspection = workshop.inspect(&instance, &self.report)?;
        let found = workshop.find_instance(job, request, &inspection)?;
        self.report.log(Level::Info, "inspect", &found.describe());
        let mut outcome = Outcome {
            bytes: found.bytes,
            more: [("files".to_owned(), found.files.to_string())].into(),
            ..Outcome::default()
        };
        let snapshot = found.snapshot.clone();
        if request.dry_run {
            self.report.log(Level::Info, "inspect", "a dry run: nothing was written, stopped or started");
            self.complete_restore(job, outcome, &snapshot);
            return Ok(());
        }
        workshop.stage(job, &found, self.run.id)?;
        let done = self.exchange(&instance, &inspection, &found);
        // Where files were exchanged and something failed, the run still owes to take that back, and needs what waits for it.
        if self.active.debts().exchange.is_none() {
            workshop.unstage(&found, self.run.id);
        }
        let tables = done?;
        outcome.more.insert("tables_checked".to_owned(), tables.to_string());
        self.complete_restore(job, outcome, &snapshot);
        Ok(())
    }

    /// Stops the instance, puts the files in place, starts it and has it check its tables; gives how many there are.
    fn exchange(
        &self,
        instance: &Instance<'_>,
        inspection: &Inspection,
        found: &Return,
    ) -> Result<u64, WorkError> {
        self.stop(instance, inspection)?;
        let was_running = inspection.is_running;
        let data_dir = inspection.data_dir().to_owned();
        let swaps = self.inner.workshop.exchange(found, inspection, self.run.id)?;
        let exchange = Exchange { swaps, data_dir, was_running };
        self.owe(Debts { exchange: Some(exchange.clone()), ..self.active.debts() })?;
        swap::apply(&exchange.swaps).map_err(|error| {
            WorkError::new(Class::Other, "the files cannot be put in place")
                .because(&error)
                .hint("the instance has its old files again")
        })?;
        self.report.log(
            Level::Info,
            "exchange",
            "the files of the backup are in place; the old ones are kept aside",
        );
        let proven = self.prove(instance, was_running)?;
        self.owe(Debts { exchange: None, ..self.active.debts() })?;
        let text = format!("the instance answers, and {proven} tables are whole");
        self.report.log(Level::Info, "verify", &text);
        if let Err(error) = swap::discard_old(&exchange.swaps) {
            let text = format!("the old files cannot be removed from beside the new ones: {error}");
            self.report.log(Level::Warning, "clean-up", &text);
        }
        Ok(proven)
    }

    /// Starts the instance on its new files and has it check them. One that was stopped before is stopped again afterwards.
    fn prove(&self, instance: &Instance<'_>, was_running: bool) -> Result<u64, WorkError> {
        let control = &self.active.control;
        if was_running {
            self.start(instance)?;
            return self.inner.workshop.prove_tables(instance, control);
        }
        self.step(&instance.spec.start(), control)?;
        let proven = self
            .inner
            .workshop
            .prove_running(instance, control)
            .and_then(|_| self.inner.workshop.prove_tables(instance, control));
        self.step(&instance.spec.stop(), &Control::new())?;
        proven
    }

    /// Puts the old files of an instance back where a restore was interrupted or failed.
    pub(super) fn take_back(&self, mysql: &MysqlSpec, source: &NodeSource) -> Result<(), WorkError> {
        let Some(exchange) = self.active.debts().exchange else { return Ok(()) };
        let instance = self.instance(mysql, source)?;
        self.report.log(Level::Warning, "exchange", "the instance gets its old files back");
        let unstopped = Control::new();
        let stop: Hook = instance.spec.stop();
        // It may run on files that are not whole, or not at all.
        if let Err(error) = self.step(&stop, &unstopped) {
            self.report.log(Level::Warning, "stop", error.message());
        }
        if exchange.was_running && self.active.debts().stopped.is_none() {
            let (since, data_dir) = (self.inner.now(), exchange.data_dir.clone());
            let stopped = Stopped { since, data_dir, error_log: None };
            self.owe(Debts { stopped: Some(stopped), ..self.active.debts() })?;
        }
        self.inner.workshop.prove_stopped(&exchange.data_dir, instance.spec.stop_timeout, &unstopped)?;
        swap::undo(&exchange.swaps).map_err(|error| {
            WorkError::new(Class::Other, "the old files of the instance cannot be put back").because(&error).hint(
                "the log names where they are kept: rename them by hand while the instance is stopped, then start it",
            )
        })?;
        self.active.edit_debts(|debts| debts.exchange = None);
        if let Err(error) = swap::discard_new(&exchange.swaps) {
            let text =
                format!("files that were brought back cannot be removed from beside the others: {error}");
            self.report.log(Level::Warning, "clean-up", &text);
        }
        Ok(())
    }

    /// Tells people where the old files of an instance are that could not be put back.
    pub(super) fn tell_of_kept(&self, source: &NodeSource, error: &WorkError) {
        self.tell(error);
        let swaps = self.active.debts().exchange.map(|exchange| exchange.swaps).unwrap_or_default();
        let kept = swaps
            .iter()
            .filter_map(|swap| Some(format!("mv {} {}", swap.old.as_ref()?.display(), swap.place.display())));
        let steps = kept.collect::<Vec<_>>().join("\n");
        let text = format!(
            "the database instance {} was being brought back from a backup, which failed, and its old files could not be put back: \
             {}. What to do on the host: see that it is stopped, move away what is in these places, put the old files back, and start \
             it:\n{steps}\nRun {} has the log",
            source.named.name,
            error.message(),
            self.run.id
        );
        self.report.log(Level::Error, "exchange", &text);
        self.handle.block_on(self.inner.trouble(&text));
    }
}
