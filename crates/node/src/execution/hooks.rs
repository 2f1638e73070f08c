//! What is done around a backup, and what has to be done however it ends.

use std::time::Duration;

use backstay_core::Control;
use backstay_model::Level;
use backstay_model::hook::{Hook, Hooks};

use super::{Ending, Execution};
use crate::debts::Debts;
use crate::orders::Order;
use crate::work::WorkError;
use crate::work::failure::Class;
use crate::work::state::Surroundings;

impl Execution<'_> {
    /// Keeps in mind, before anything is stopped for a backup, that it has to be started again.
    pub(super) fn owe_hooks(&self, hooks: &Hooks) -> Result<(), WorkError> {
        if hooks.after.is_empty() {
            return Ok(());
        }
        self.owe(Debts { after: true, ..self.active.debts() })
    }

    /// Keeps in mind what the run owes, in the store first.
    pub(super) fn owe(&self, debts: Debts) -> Result<(), WorkError> {
        let order = Order { debts: debts.clone(), ..self.order.clone() }.to_value();
        let store = || self.inner.store.set_private(self.run.id, &order);
        let kept = self.handle.block_on(self.inner.insist(store, || self.active.control.is_cancelled()));
        kept.map_err(|error| match self.active.stopped() {
            Some(_) => WorkError::interrupted(),
            None => {
                WorkError::new(Class::Other, "it cannot be noted what the run has stopped").because(&error)
            }
        })?;
        self.active.set_debts(debts);
        Ok(())
    }

    /// What has to be done whatever came of the work: makes good what the hooks before it did, and runs those for a failure.
    pub(crate) fn wind_up(&self, ending: Ending) -> Ending {
        if !self.active.may_wind_up() {
            return ending;
        }
        if matches!(ending, Ending::Failed(_)) {
            self.describe_system();
        }
        let ending = self.start_again(ending);
        let Some(plan) = &self.order.plan else { return ending };
        let hooks = &plan.spec.hooks;
        let mut failures = Vec::new();
        if self.active.debts().after {
            failures = self.hooks_of_the_end(&hooks.after, "after");
            self.active.edit_debts(|debts| debts.after = false);
        }
        let ending = match (failures.first(), ending) {
            // People hear of a run that failed by itself.
            (Some((_, error)), Ending::Done(_)) => {
                self.describe_system();
                Ending::Failed(error.to_run_error())
            }
            (_, ending) => {
                for (hook, error) in &failures {
                    self.left_in_trouble(&plan.spec.name, hook, error);
                }
                ending
            }
        };
        if let Ending::Failed(error) = &ending
            && self.run.kind.is_scheduled()
        {
            self.report.log(Level::Error, "failure", &error.message);
            self.hooks_of_the_end(&hooks.on_failure, "on failure");
        }
        ending
    }

    /// Writes down how the system is when the run fails.
    pub(super) fn describe_system(&self) {
        let hooks = self.order.plan.as_ref().map(|plan| &plan.spec.hooks);
        let repositories = self.inner.repositories(self.order);
        let around = Surroundings::of(hooks, self.order.source.as_ref(), &repositories);
        self.inner.workshop.describe_system(around, &self.report);
    }

    /// Tells people that what a hook has to make good is not.
    fn left_in_trouble(&self, plan: &str, hook: &Hook, error: &WorkError) {
        let told = error.to_run_error();
        let hint = told.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        let text = format!(
            "an instance may be left in trouble: the hook \"{}\" after the run of plan {plan} failed: {}{hint}. See whether \
             what the plan stops is running again, and start it by hand if it is not; run {} has the log",
            hook.describe(),
            told.message,
            self.run.id
        );
        self.handle.block_on(self.inner.trouble(&text));
    }

    /// Hooks that make good what those before the backup did, as starting a service again: they run within their own times,
    /// however the work ended, and all of them. Those that failed are given back.
    fn hooks_of_the_end<'a>(&self, hooks: &'a [Hook], when: &str) -> Vec<(&'a Hook, WorkError)> {
        let unstopped = Control::new();
        let mut failures = Vec::new();
        for hook in hooks {
            self.active.excuse(hook.timeout);
            if let Err(error) = self.hooks(std::slice::from_ref(hook), when, &unstopped) {
                self.tell(&error);
                failures.push((hook, error));
            }
        }
        self.active.excuse(Duration::ZERO);
        failures
    }

    pub(super) fn hooks(&self, hooks: &[Hook], when: &str, control: &Control) -> Result<(), WorkError> {
        for hook in hooks {
            let outcome = self.inner.workshop.hook(hook, self.run, control, &self.report);
            match outcome {
                Ok(()) => {}
                Err(error) if hook.ignore_failure => self.report.log(
                    Level::Warning,
                    "hook",
                    &format!(
                        "{} ({when}) failed, which the plan ignores: {}",
                        hook.describe(),
                        error.message()
                    ),
                ),
                Err(error) => return Err(error),
            }
            self.report.moved();
        }
        Ok(())
    }
}
