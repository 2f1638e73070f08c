//! One file whose content comes from standard input or from a command.

use std::io::Read;
use std::process::{Child, ChildStdout, Command, Stdio};

use backstay_core::{CutHint, EntryKind, Folder, Meta, Sink, Timestamp};

use crate::app::App;
use crate::args::Backup;
use crate::failure::{Explain, Failure, Outcome};

const PIECE: usize = 1 << 20;

/// The file's path in the snapshot.
pub(super) fn path(args: &Backup) -> String {
    format!("/{}", components(args).join("/"))
}

fn components(args: &Backup) -> Vec<&str> {
    args.stdin_filename.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect()
}

/// Pushes the data into the sink.
pub(super) fn capture(app: &App, args: &Backup, sink: &dyn Sink, time: &Timestamp) -> Outcome {
    let components = components(args);
    let Some((name, folders)) = components.split_last() else {
        return Err(Failure::fatal("--stdin-filename names no file"));
    };
    let mut source = Source::open(args)?;
    // The folders on the way, outermost first, each open until what is in it is done.
    let mut open: Vec<Box<dyn Folder>> = vec![sink.root()?];
    for folder in folders {
        let inner = match open.last() {
            Some(outer) => outer.folder(folder.as_bytes())?,
            None => break,
        };
        open.push(inner);
    }
    let Some(last) = open.last() else { return Ok(()) };
    let mut file = last.begin(name.as_bytes(), CutHint::ByContent)?;
    let mut piece = vec![0; PIECE];
    let mut size = 0;
    loop {
        app.control.checkpoint()?;
        let length = source.read(&mut piece).explain("reading the data to back up failed")?;
        let Some(data @ [_, ..]) = piece.get(..length) else { break };
        file.write(data)?;
        size += length as u64;
    }
    source.finish()?;
    if size == 0 {
        return Err(Failure::fatal("unable to save snapshot: no data was read")
            .hint("an empty backup is most likely a mistake upstream"));
    }
    file.finish(meta(EntryKind::File, 0o644, time, size))?;
    while let Some(folder) = open.pop() {
        folder.close(meta(EntryKind::Folder, 0o755, time, 0))?;
    }
    Ok(())
}

fn meta(kind: EntryKind, permissions: u32, time: &Timestamp, size: u64) -> Meta {
    Meta { kind, permissions, modified: *time, accessed: *time, changed: *time, size, ..Meta::default() }
}

/// Where the data comes from.
enum Source {
    Input(std::io::Stdin),
    Command { program: String, child: Child, output: ChildStdout },
}

impl Source {
    fn open(args: &Backup) -> Outcome<Self> {
        if !args.stdin_from_command {
            return Ok(Self::Input(std::io::stdin()));
        }
        let Some((program, arguments)) = args.paths.split_first() else {
            return Err(Failure::fatal("--stdin-from-command needs a command to run"));
        };
        let shown = program.to_string_lossy().into_owned();
        let mut child = Command::new(program)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .explain(format!("cannot run {shown}"))?;
        match child.stdout.take() {
            Some(output) => Ok(Self::Command { program: shown, child, output }),
            None => Err(Failure::fatal(format!("the output of {shown} cannot be read"))),
        }
    }

    /// Waits for a command. What it wrote counts only if it says that it succeeded.
    fn finish(self) -> Outcome {
        let Self::Command { program, mut child, output } = self else { return Ok(()) };
        drop(output);
        let status = child.wait().explain(format!("cannot wait for {program}"))?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::fatal(format!("unable to save snapshot: {program} failed with {status}")))
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Input(input) => input.lock().read(buffer),
            Self::Command { output, .. } => output.read(buffer),
        }
    }
}
