//! What every command needs: the settings, the console, and the reins of the work.

use std::sync::Arc;

use backstay_core::Control;

use crate::console::Console;
use crate::environment::{SystemClock, SystemRandom};
use crate::failure::Outcome;
use crate::settings::Settings;

/// One run of the program.
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) console: Arc<Console>,
    /// Cancelled by Ctrl-C.
    pub(crate) control: Control,
    pub(crate) clock: Arc<SystemClock>,
    pub(crate) random: Arc<SystemRandom>,
}

impl App {
    /// A run with these settings.
    pub(crate) fn new(settings: Settings) -> Outcome<Self> {
        let control = Control::new();
        let console = Arc::new(Console::new(settings.level, settings.json));
        crate::signals::watch(&control, &console)?;
        Ok(Self { console, settings, control, clock: Arc::default(), random: Arc::default() })
    }
}
