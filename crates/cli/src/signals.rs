//! Ctrl-C: the first asks the work to stop, so that it can put things in order; a second one ends at once.

use backstay_core::Control;

use crate::failure::{Exit, Explain, Outcome};

/// Has an interrupt or a request to terminate cancel this work.
pub(crate) fn cancel_on_interrupt(control: &Control) -> Outcome {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals =
        signal_hook::iterator::Signals::new([SIGINT, SIGTERM]).explain("cannot watch for Ctrl-C")?;
    let control = control.clone();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for _ in signals.forever() {
                if control.is_cancelled() {
                    std::process::exit(Exit::Interrupted as i32);
                }
                eprintln!("\nsignal interrupt received, cleaning up (again to stop at once)");
                control.cancel();
            }
        })
        .explain("cannot watch for Ctrl-C")?;
    Ok(())
}
