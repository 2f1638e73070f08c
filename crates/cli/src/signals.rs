//! Ctrl-C: the first asks the work to stop, so that it can put things in order; a second one ends at once. `SIGUSR1`
//! has progress shown.

use std::io::Write;
use std::sync::Arc;

use backstay_core::Control;

use crate::console::Console;
use crate::failure::{Exit, Explain, Outcome};

/// Has an interrupt or a request to terminate cancel this work, and `SIGUSR1` show how far it is.
pub(crate) fn watch(control: &Control, console: &Arc<Console>) -> Outcome {
    use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
    let mut signals =
        signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGUSR1]).explain("cannot watch for Ctrl-C")?;
    let (control, console) = (control.clone(), Arc::clone(console));
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                if signal == SIGUSR1 {
                    console.ask_for_progress();
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
