//! What a plan does around a backup, as far as the host's owner allows it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use backstay_core::Control;
use backstay_model::hook::{Action, CommandAction, HttpAction, HttpMethod};
use backstay_model::{Hook, Level, Run};

use super::{Class, Report, Result, WorkError, Workshop, command, http};

impl Workshop {
    /// Carries out a hook of a run.
    ///
    /// # Errors
    /// When the policy forbids it, it fails, or takes too long.
    pub fn hook(&self, hook: &Hook, run: &Run, control: &Control, report: &Arc<dyn Report>) -> Result<()> {
        let what = hook.describe();
        report.log(Level::Info, "hook", &what);
        let manage = |command: Command| command::run(command, &what, hook.timeout, control, report);
        match &hook.action {
            Action::Command(action) => manage(self.command(action, run)?),
            Action::Http(action) => self.request(action, run, hook.timeout),
            Action::StopService(name) => manage(self.service("stop", name)?),
            Action::StartService(name) => manage(self.service("start", name)?),
            Action::StopContainer(name) => manage(self.container("stop", name)?),
            Action::StartContainer(name) => manage(self.container("start", name)?),
        }
    }

    fn command(&self, action: &CommandAction, run: &Run) -> Result<Command> {
        let program = self.policy.check_command(&self.found(&action.program)?)?;
        let mut command = Command::new(program);
        command.args(&action.arguments).env_clear().env("PATH", self.policy.search()).env("LANG", "C.UTF-8");
        for (name, value) in facts(run) {
            command.env(name, value);
        }
        for (name, value) in &action.environment {
            self.policy.check_variable(name)?;
            command.env(name, value);
        }
        Ok(command)
    }

    fn service(&self, verb: &str, name: &str) -> Result<Command> {
        self.policy.check_service(name)?;
        let mut command = Command::new(self.found("systemctl")?);
        command.args([verb, "--", name]);
        Ok(command)
    }

    fn container(&self, verb: &str, name: &str) -> Result<Command> {
        self.policy.check_container(name)?;
        let mut command = Command::new(self.found("docker").or_else(|_| self.found("podman"))?);
        command.args([verb, "--", name]);
        Ok(command)
    }

    /// A program by its path, or looked for where programs are.
    pub(super) fn found(&self, program: &str) -> Result<PathBuf> {
        if program.contains('/') {
            return Ok(PathBuf::from(program));
        }
        let mut places = self.policy.programs().iter().map(|folder| folder.join(program));
        places.find(|path| path.is_file()).ok_or_else(|| {
            let hint = format!(
                "name it by its whole path, or add its folder to `programs` in {}",
                self.policy.file().display()
            );
            WorkError::new(Class::HookFailed, format!("there is no program {program:?} on this host"))
                .hint(hint)
        })
    }

    fn request(&self, action: &HttpAction, run: &Run, timeout: std::time::Duration) -> Result<()> {
        let body = match (action.method, &action.body) {
            (HttpMethod::Get, _) => None,
            (HttpMethod::Post, Some(body)) => Some(body.clone()),
            (HttpMethod::Post, None) => Some(serde_json::to_string(run).unwrap_or_default()),
        };
        http::send(&action.url, body, timeout, self.reach_of(true))
    }
}

/// What a program may know of the run.
fn facts(run: &Run) -> Vec<(&'static str, String)> {
    let mut facts = vec![("BACKSTAY_RUN", run.id.to_string()), ("BACKSTAY_KIND", run.kind.name().to_owned())];
    if let Some(plan) = &run.plan {
        facts.push(("BACKSTAY_PLAN", plan.name.clone()));
    }
    if let Some(source) = &run.source {
        facts.push(("BACKSTAY_SOURCE", source.name.clone()));
    }
    facts.into_iter().filter(|(_, value)| !value.contains('\0')).collect()
}
