//! `service`: a systemd unit, so that backups start with the machine.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::app::App;
use crate::args::{Service, Unit};
use crate::environment::config_home;
use crate::failure::{Explain, Failure, Outcome};

/// Where the data of a service of the whole machine lies.
const DATA: &str = "/var/lib/backstay";

/// Whose service it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Machine,
    User,
}

pub(super) fn run(app: &App, args: &Service) -> Outcome {
    let scope = if rustix::process::geteuid().is_root() { Scope::Machine } else { Scope::User };
    match args {
        Service::Print(unit) => {
            app.console.print(text(scope, unit)?.trim_end());
            Ok(())
        }
        Service::Install(unit) => install(app, scope, unit),
        Service::Uninstall { agent } => uninstall(app, scope, *agent),
    }
}

fn install(app: &App, scope: Scope, unit: &Unit) -> Outcome {
    let path = path(scope, unit.agent)?;
    let text = text(scope, unit)?;
    systemctl(scope, &["--version"])?;
    write(&path, &text).explain(format!("cannot write {}", path.display()))?;
    app.console.say(format!("wrote {}", path.display()));
    let name = name(unit.agent);
    systemctl(scope, &["daemon-reload"])?;
    systemctl(scope, &["enable", name])?;
    // A service that runs already has to take the new unit up.
    systemctl(scope, &["restart", name])?;
    app.console.say(format!("{name} is enabled and running"));
    match scope {
        Scope::Machine => {
            app.console.say(format!("see it with `systemctl status {name}` and `journalctl -u {name}`"))
        }
        Scope::User => {
            app.console.say(format!(
                "see it with `systemctl --user status {name}` and `journalctl --user -u {name}`"
            ));
            app.console.say("so that it runs while you are not signed in: `loginctl enable-linger`");
        }
    }
    Ok(())
}

fn uninstall(app: &App, scope: Scope, agent: bool) -> Outcome {
    let (path, name) = (path(scope, agent)?, name(agent));
    if !path.exists() {
        return Err(Failure::fatal(format!("{} is not there", path.display())));
    }
    systemctl(scope, &["disable", "--now", name])?;
    std::fs::remove_file(&path).explain(format!("cannot remove {}", path.display()))?;
    systemctl(scope, &["daemon-reload"])?;
    app.console.say(format!("{name} is stopped and removed; data and keys are where they were"));
    Ok(())
}

const fn name(agent: bool) -> &'static str {
    if agent { "backstay-agent.service" } else { "backstay.service" }
}

fn path(scope: Scope, agent: bool) -> Outcome<PathBuf> {
    let folder = match scope {
        Scope::Machine => PathBuf::from("/etc/systemd/system"),
        Scope::User => {
            let home = config_home().ok_or_else(|| Failure::fatal("there is no home folder for a unit"))?;
            home.join("systemd/user")
        }
    };
    Ok(folder.join(name(agent)))
}

/// The unit.
fn text(scope: Scope, unit: &Unit) -> Outcome<String> {
    let program = std::env::current_exe().explain("cannot tell where this program is")?;
    let mut words: Vec<OsString> = vec![program.into()];
    words.extend(
        if unit.agent { ["agent", "run"].as_slice() } else { ["up"].as_slice() }.iter().map(Into::into),
    );
    let has_folder = unit.flags.iter().any(|flag| flag.to_string_lossy().starts_with("--data-dir"));
    if scope == Scope::Machine && !has_folder {
        words.extend([
            "--data-dir".into(),
            if unit.agent { format!("{DATA}/agent") } else { DATA.to_owned() }.into(),
        ]);
    }
    words.extend(unit.flags.iter().cloned());
    let command = words.iter().map(quoted).collect::<Outcome<Vec<_>>>()?.join(" ");
    let what = if unit.agent { "Backstay agent" } else { "Backstay server" };
    let wanted_by = if scope == Scope::Machine { "multi-user.target" } else { "default.target" };
    Ok(format!(
        "[Unit]\n\
         Description={what}\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         \n\
         [Service]\n\
         Type=exec\n\
         ExecStart={command}\n\
         Restart=always\n\
         RestartSec=5\n\
         # Runs in hand put themselves in order, and are taken up again at the next start.\n\
         TimeoutStopSec=90\n\
         KillMode=mixed\n\
         UMask=0077\n\
         Nice=5\n\
         IOSchedulingClass=best-effort\n\
         IOSchedulingPriority=6\n\
         LockPersonality=yes\n\
         NoNewPrivileges=yes\n\
         ProtectClock=yes\n\
         ProtectKernelModules=yes\n\
         ProtectKernelTunables=yes\n\
         RestrictRealtime=yes\n\
         RestrictSUIDSGID=no\n\
         \n\
         [Install]\n\
         WantedBy={wanted_by}\n"
    ))
}

/// A word as systemd reads it: in quotes, with nothing in it that means something else.
fn quoted(word: &OsString) -> Outcome<String> {
    let text = word.to_str().filter(|text| !text.contains(['\n', '\r', '\0']));
    let text = text.ok_or_else(|| Failure::fatal(format!("{word:?} cannot be written into a unit")))?;
    if !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:=,@+".contains(&byte))
    {
        return Ok(text.to_owned());
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    Ok(format!("\"{escaped}\""))
}

fn write(path: &PathBuf, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let partial = path.with_extension("service.partial");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&partial)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&partial, path)
}

fn systemctl(scope: Scope, arguments: &[&str]) -> Outcome {
    let mut command = Command::new("systemctl");
    if scope == Scope::User {
        command.arg("--user");
    }
    let output = command.args(arguments).output().map_err(|error| {
        Failure::fatal("systemd cannot be asked: there is no systemctl here")
            .because(&error)
            .hint("have `backstay up` started by what starts services on this system")
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::fatal(format!("systemctl {}: {said}", arguments.join(" "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_nothing_to_systemd() {
        assert_eq!(quoted(&"--data-dir".into()).unwrap(), "--data-dir");
        assert_eq!(quoted(&"/srv/a b".into()).unwrap(), "\"/srv/a b\"");
        assert_eq!(quoted(&"50% \"$HOME\" \\".into()).unwrap(), "\"50%% \\\"$$HOME\\\" \\\\\"");
        assert!(quoted(&"a\nExecStartPre=/bin/evil".into()).is_err());
    }

    #[test]
    fn a_unit_of_the_machine_has_its_data_in_var_lib() {
        let unit = |agent, flags: &[&str]| Unit { agent, flags: flags.iter().map(Into::into).collect() };
        let server = text(Scope::Machine, &unit(false, &["--listen", "[::]:8420"])).unwrap();
        assert!(server.contains(" up --data-dir /var/lib/backstay --listen \"[::]:8420\"\n"), "{server}");
        assert!(
            text(Scope::Machine, &unit(true, &[]))
                .unwrap()
                .contains(" agent run --data-dir /var/lib/backstay/agent\n")
        );
        let own = text(Scope::User, &unit(false, &[])).unwrap();
        assert!(own.contains(" up\n") && own.contains("WantedBy=default.target"), "{own}");
    }
}
