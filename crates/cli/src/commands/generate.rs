//! `generate`: man pages and completions, made from the grammar itself.

use std::io::Write;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::app::App;
use crate::args::{Cli, Generate};
use crate::failure::{Failure, Outcome};

pub(super) fn run(app: &App, args: &Generate) -> Outcome {
    let completions = [
        (&args.bash_completion, Shell::Bash),
        (&args.fish_completion, Shell::Fish),
        (&args.zsh_completion, Shell::Zsh),
        (&args.powershell_completion, Shell::PowerShell),
    ];
    let wanted: Vec<_> = completions
        .into_iter()
        .filter_map(|(path, shell)| path.as_deref().map(|path| (path, shell)))
        .collect();
    let on_output = wanted.iter().filter(|(path, _)| is_output(path)).count();
    if on_output > 1 {
        return Err(Failure::fatal("the generate command can write only one file to stdout"));
    }
    if wanted.is_empty() && args.man.is_none() {
        return Err(Failure::fatal("nothing to do, please specify at least one output file/dir"));
    }
    if let Some(folder) = &args.man {
        app.console.say(format!("writing man pages to directory {}", folder.display()));
        clap_mangen::generate_to(Cli::command(), folder)
            .map_err(|error| cannot_write("man pages to ", folder, folder, &error))?;
    }
    for (path, shell) in wanted {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "backstay", &mut script);
        if is_output(path) {
            app.console.write(&script)?;
        } else {
            app.console.say(format!("writing {shell} completion file to {}", path.display()));
            let written = std::fs::File::create(path).and_then(|mut file| file.write_all(&script));
            let folder = path.parent().unwrap_or(path);
            written.map_err(|error| cannot_write("", path, folder, &error))?;
        }
    }
    Ok(())
}

fn cannot_write(what: &str, path: &Path, folder: &Path, error: &std::io::Error) -> Failure {
    let failure = Failure::fatal(format!("cannot write {what}{}", path.display())).because(error);
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return failure.hint("name a place that you may write to");
    }
    failure.hint(format!("make the folder first: mkdir -p {}", folder.display()))
}

fn is_output(path: &Path) -> bool {
    path.as_os_str() == "-"
}
