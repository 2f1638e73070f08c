//! Where the password of a repository comes from.

use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::environment::variable;
use crate::failure::{Explain, Failure, Outcome};

/// A password. Wiped from memory when dropped.
pub(crate) type Password = Zeroizing<String>;

/// The ways in which a password was given.
#[derive(Debug, Clone, Default)]
pub(crate) struct PasswordSource {
    /// A file that holds it.
    pub(crate) file: Option<PathBuf>,
    /// A command that prints it.
    pub(crate) command: Option<String>,
    /// What stands before `PASSWORD` in the names of variables: empty or `FROM_`.
    pub(crate) environment: &'static str,
    /// It is empty, and that is meant.
    pub(crate) insecure_empty: bool,
}

impl PasswordSource {
    /// The password that was given by flag or environment; `None` if somebody has to be asked.
    pub(crate) fn given(&self) -> Outcome<Option<Password>> {
        let password = self.flags_or_environment()?;
        match (self.insecure_empty, password) {
            (true, Some(_)) => Err(Failure::fatal(
                "--insecure-no-password must not be specified together with providing a password via a cli option or environment variable",
            )),
            (true, None) => Ok(Some(Password::default())),
            (false, password) => Ok(password),
        }
    }

    fn flags_or_environment(&self) -> Outcome<Option<Password>> {
        let (file, command) = match (&self.file, &self.command) {
            (None, None) => (
                variable(&format!("{}PASSWORD_FILE", self.environment)).map(PathBuf::from),
                variable(&format!("{}PASSWORD_COMMAND", self.environment)),
            ),
            (file, command) => (file.clone(), command.clone()),
        };
        match (file, command) {
            (Some(_), Some(_)) => {
                Err(Failure::fatal("Password file and command are mutually exclusive options"))
            }
            (None, Some(command)) => from_command(&command).map(Some),
            (Some(file), None) => from_file(&file).map(Some),
            (None, None) => Ok(variable(&format!("{}PASSWORD", self.environment)).map(Password::new)),
        }
    }
}

/// What is in a file, without space around it. Empty is refused.
pub(crate) fn from_file(path: &Path) -> Outcome<Password> {
    let text = Zeroizing::new(
        std::fs::read(path).explain(format!("cannot read the password from {}", path.display()))?,
    );
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let text = std::str::from_utf8(text)
        .explain(format!("the password in {} is not valid UTF-8", path.display()))?;
    match text.trim() {
        "" => Err(Failure::fatal(format!("the password file {} is empty", path.display()))),
        password => Ok(Password::new(password.to_owned())),
    }
}

/// What a command prints. It is split into words as a shell does, but no shell runs.
fn from_command(command: &str) -> Outcome<Password> {
    let words = shell_words::split(command).explain("cannot read the password command")?;
    let Some((program, arguments)) = words.split_first() else {
        return Err(Failure::fatal("the password command is empty"));
    };
    let output = std::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::inherit())
        .stderr(std::process::Stdio::inherit())
        .output()
        .explain(format!("Resolving password failed: cannot run {program}"))?;
    let printed = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(Failure::fatal(format!(
            "Resolving password failed: {program} ended with {}",
            output.status
        )));
    }
    let text =
        std::str::from_utf8(&printed).explain("the password command printed something that is not UTF-8")?;
    Ok(Password::new(text.trim().to_owned()))
}

/// Whether somebody can be asked.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks on the terminal, or takes the first line of standard input. Empty is refused.
pub(crate) fn ask(prompt: &str) -> Outcome<Password> {
    let password = if can_ask() {
        let typed = rpassword::prompt_password(prompt);
        if typed.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::Interrupted) {
            return Err(Failure::interrupted());
        }
        Password::new(typed.explain("unable to read password")?)
    } else {
        let mut line = Password::default();
        std::io::stdin().lock().read_line(&mut line).explain("unable to read password")?;
        let length = line.trim_end_matches(['\r', '\n']).len();
        line.truncate(length);
        line
    };
    if password.is_empty() {
        return Err(Failure::fatal("an empty password is not allowed by default").hint(
            "give the password with --password-file, --password-command or BACKSTAY_PASSWORD, or allow an empty one with --insecure-no-password",
        ));
    }
    Ok(password)
}

/// Asks for a new password, on a terminal twice.
pub(crate) fn ask_new(first: &str) -> Outcome<Password> {
    let password = ask(first)?;
    if can_ask() && ask("enter password again: ")? != password {
        return Err(Failure::fatal("passwords do not match"));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    #[test]
    fn a_file_may_have_a_mark_and_space_around_the_password() {
        assert_eq!(*from_file(file(b"\xef\xbb\xbf secret word\r\n").path()).unwrap(), "secret word");
        assert!(from_file(file(b" \n").path()).is_err());
        assert!(from_file(file(b"\xff").path()).is_err());
    }

    #[test]
    fn a_command_is_split_but_no_shell_runs() {
        assert_eq!(*from_command("printf '%s\n' 'a b; $HOME'").unwrap(), "a b; $HOME");
        assert!(from_command("false").unwrap_err().to_string().contains("false ended with"));
        assert!(from_command("").is_err());
    }
}
