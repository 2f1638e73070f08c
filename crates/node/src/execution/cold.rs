//! A backup of an instance that is stopped for it: it is stopped, copied or stored, and started again, whatever happens on the way.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use backstay_core::Control;
use backstay_model::hook::Hook;
use backstay_model::link::{NodeSource, SealedRepository};
use backstay_model::mysql::{ColdSpec, MysqlSpec, Sequence};
use backstay_model::{Level, SourceSpec};
use backstay_policy::duration_text;

use super::{Ending, Execution};
use crate::active::Stop;
use crate::debts::{Debts, Stopped};
use crate::work::WorkError;
use crate::work::cold::{Inspection, Instance, InstanceCopy, instructions};
use crate::work::failure::Class;

/// Beyond the times of the source, for what lies between its steps.
const MARGIN: Duration = Duration::from_secs(30);

impl Execution<'_> {
    /// Backs an instance up. It may still be stopped when this ends: [`start_again`](Self::start_again) sees to that.
    pub(super) fn cold(
        &self,
        mysql: &MysqlSpec,
        source: &NodeSource,
        repositories: &[SealedRepository],
    ) -> Ending {
        if let Some(copy) = self.active.debts().copy.filter(InstanceCopy::is_there) {
            let text = format!("going on with the copy that was made at {:.0}", copy.facts.taken);
            self.report.log(Level::Info, "copy", &text);
            *self.copy.lock() = Some(copy);
            return self.each(repositories);
        }
        if self.has_made_all(repositories) {
            self.report.log(
                Level::Info,
                "copy",
                "going on with the archives that were made: nothing is stopped again",
            );
            return self.each(repositories);
        }
        let instance = match self.instance(mysql, source) {
            Ok(instance) => instance,
            Err(error) => return self.failed(&error),
        };
        let prepared = self.inner.workshop.inspect(&instance, &self.report).and_then(|inspection| {
            let sequence =
                self.inner.workshop.choose_sequence(&instance, &inspection, self.run.id, &self.report)?;
            Ok((inspection, sequence))
        });
        let (inspection, sequence) = match prepared {
            Ok(prepared) => prepared,
            Err(error) if error.class() == Class::Unreachable => {
                return Ending::Wait(error.message().to_owned());
            }
            Err(error) => return self.failed(&error),
        };
        match sequence {
            Sequence::SendFirst => self.within(instance.spec, || match self.stop(&instance, &inspection) {
                Ok(originals) => {
                    *self.copy.lock() = Some(originals);
                    self.each(repositories)
                }
                Err(error) => self.failed(&error),
            }),
            Sequence::Auto | Sequence::CopyFirst => {
                let copied = self.within(instance.spec, || self.copy(&instance, &inspection));
                if let Err(error) = copied {
                    return self.failed(&error);
                }
                // The copy is worth storing even where the instance does not start: it is tried again at the end.
                if let Err(error) = self.start(&instance) {
                    self.tell_of_stopped(&instance, &error);
                }
                self.each(repositories)
            }
        }
    }

    /// Starts the instance that is stopped for this run, and proves that it answers, before the run ends, waits or is paused.
    pub(super) fn start_again(&self, ending: Ending) -> Ending {
        let debts = self.active.debts();
        if debts.stopped.is_none() && debts.exchange.is_none() {
            return self.with_downtime(ending);
        }
        let Some(source) = &self.order.source else { return ending };
        let SourceSpec::Mysql(mysql) = &source.spec else { return ending };
        let cold = mysql.cold();
        // The command and the proof that it answers each take this long at most; so does stopping what runs on files that go again.
        let time =
            cold.start_timeout.saturating_add(cold.stop_timeout).saturating_mul(2).saturating_add(MARGIN);
        self.active.excuse(time);
        let started = self
            .take_back(mysql, source)
            .inspect_err(|error| self.tell_of_kept(source, error))
            .and_then(|()| self.instance(mysql, source))
            .and_then(|instance| {
                self.start(&instance).inspect_err(|error| self.tell_of_stopped(&instance, error))
            });
        self.active.excuse(Duration::ZERO);
        match (started, ending) {
            (Err(error), Ending::Done(_)) => {
                self.describe_system();
                Ending::Failed(error.to_run_error())
            }
            (_, ending) => self.with_downtime(ending),
        }
    }

    /// Removes the copy once it is stored everywhere.
    pub(super) fn drop_copy(&self, ending: &Ending) {
        if !matches!(ending, Ending::Done(_)) {
            return;
        }
        if let Some(copy) = self.active.debts().copy {
            match self.inner.workshop.discard_copy(&copy) {
                Ok(()) => self.report.log(Level::Info, "clean-up", "the copy on this host is removed"),
                Err(error) => {
                    let text = format!("the copy on this host cannot be removed: {error}");
                    self.report.log(Level::Warning, "clean-up", &text);
                }
            }
            self.active.edit_debts(|debts| debts.copy = None);
        }
    }

    /// For how long the instance was stopped is part of what the run did.
    fn with_downtime(&self, mut ending: Ending) -> Ending {
        if let (Ending::Done(outcome), Some(downtime)) = (&mut ending, self.active.debts().downtime) {
            outcome.more.insert("downtime_ms".to_owned(), downtime.to_string());
        }
        ending
    }

    pub(super) fn instance<'a>(
        &self,
        mysql: &'a MysqlSpec,
        source: &NodeSource,
    ) -> Result<Instance<'a>, WorkError> {
        let connection = self.inner.connection_of(source).ok_or_else(|| {
            WorkError::new(Class::Other, "the connection to the instance has not reached this node")
                .hint("save the source again")
        })?;
        let secrets = self.secrets_of(&connection)?;
        self.inner.workshop.instance(mysql, &connection.settings, &secrets)
    }

    /// Copies the files of the instance, which is stopped for it, and keeps the copy in mind.
    fn copy(&self, instance: &Instance<'_>, inspection: &Inspection) -> Result<(), WorkError> {
        let originals = self.stop(instance, inspection)?;
        let (control, run) = (&self.active.control, self.run.id);
        let copy = self.inner.workshop.copy_instance(instance.spec, originals, run, control, &self.report)?;
        self.owe(Debts { copy: Some(copy.clone()), ..self.active.debts() })?;
        *self.copy.lock() = Some(copy);
        Ok(())
    }

    /// Stops the instance if it runs, and gives its files. That it has to be started is kept in mind first.
    pub(super) fn stop(
        &self,
        instance: &Instance<'_>,
        inspection: &Inspection,
    ) -> Result<InstanceCopy, WorkError> {
        let since = self.inner.now();
        if inspection.is_running {
            let stopped = Stopped {
                since,
                data_dir: inspection.data_dir().to_owned(),
                error_log: inspection.error_log.clone(),
            };
            self.owe(Debts { stopped: Some(stopped), downtime: None, ..self.active.debts() })?;
            let control = &self.active.control;
            self.step(&instance.spec.stop(), control)?;
            self.inner.workshop.prove_stopped(inspection.data_dir(), instance.spec.stop_timeout, control)?;
            self.report.log(Level::Info, "stop", "the instance is stopped: no process works on its data");
        }
        self.inner.workshop.originals(inspection, since)
    }

    /// Starts the instance if it was stopped, and proves that it answers. Nobody can stop this but its own limits.
    pub(super) fn start(&self, instance: &Instance<'_>) -> Result<(), WorkError> {
        let Some(stopped) = self.active.debts().stopped else { return Ok(()) };
        let unstopped = Control::new();
        self.step(&instance.spec.start(), &unstopped)?;
        let version = self.inner.workshop.prove_running(instance, &unstopped)?;
        let downtime = self.inner.now().duration_since(stopped.since).as_millis();
        let downtime = u64::try_from(downtime).unwrap_or_default();
        let text = format!(
            "the instance answers ({version}); it was stopped for {}.{:03} s",
            downtime / 1000,
            downtime % 1000
        );
        self.report.log(Level::Info, "start", &text);
        let debts = Debts { stopped: None, downtime: Some(downtime), ..self.active.debts() };
        // A store that fails now has the next process start an instance that runs, which does no harm.
        if let Err(error) = self.owe(debts.clone()) {
            self.report.log(Level::Warning, "start", error.message());
            self.active.set_debts(debts);
        }
        Ok(())
    }

    pub(super) fn step(&self, hook: &Hook, control: &Control) -> Result<(), WorkError> {
        self.report.moved();
        self.inner.workshop.hook(hook, self.run, control, &self.report)
    }

    /// Tells people that the instance does not run, and what to do by hand.
    fn tell_of_stopped(&self, instance: &Instance<'_>, error: &WorkError) {
        self.tell(error);
        let debts = self.active.debts();
        let copy = debts.copy.and_then(|copy| copy.root);
        let (data_dir, error_log) =
            debts.stopped.map_or((None, None), |it| (Some(it.data_dir), it.error_log));
        let steps = instructions(instance.spec, data_dir.as_deref(), error_log.as_deref(), copy.as_deref());
        self.report.log(
            Level::Error,
            "start",
            &format!("the instance is stopped; what to do by hand:\n{steps}"),
        );
        let source = self.order.source.as_ref().map_or("", |source| source.named.name.as_str());
        let text = format!(
            "the database instance {source} was stopped by Backstay and does not start again: {}. What to do on the host:\n{steps}\n\
             Run {} has the log",
            error.message(),
            self.run.id
        );
        self.handle.block_on(self.inner.trouble(&text));
    }

    /// Work that is stopped when it takes longer than an instance may be stopped for.
    fn within<T>(&self, spec: &ColdSpec, work: impl FnOnce() -> T) -> T {
        let limit = spec.copy_timeout;
        let (done, ended) = channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                    let why = format!("the copy took longer than {}", duration_text::print(limit));
                    self.active.stop(Stop::Watchdog(why));
                }
            });
            let outcome = work();
            drop(done);
            outcome
        })
    }
}
