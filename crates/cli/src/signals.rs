//! Ctrl-C: the first asks the work to stop, so that it can put things in order; a second one ends at once.

use std::io::Write;

use backstay_core::Control;

use crate::failure::{Exit, Explain, Outcome};

/// Has an interrupt or a request to terminate cancel this work.
pub(crate) fn cancel_on_interrupt(control: &Control) -> Outcome {
    use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
    let mut signals =
        signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGUSR1]).explain("cannot watch for Ctrl-C")?;
    let control = control.clone();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                // restic's scripts send it to be told of progress; it must not end a backup.
                if signal == SIGUSR1 {
                    continue;
                }
                if control.is_cancelled() {
                    std::process::exit(Exit::Interrupted as i32);
                }
                control.cancel();
                // Whoever reads our messages may be gone already.
                let text = "\nsignal interrupt received, cleaning up (again to stop at once)";
                let _ = writeln!(std::io::stderr(), "{text}");
            }
        })
        .explain("cannot watch for Ctrl-C")?;
    Ok(())
}
