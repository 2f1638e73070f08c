//! Where the server and the node write what happens to them: standard error, which systemd keeps.

use tracing_subscriber::filter::LevelFilter;

use crate::app::App;
use crate::console::Level;

/// Starts writing; as much as `-q` and `-v` say.
pub(crate) fn start(app: &App) {
    let level = match app.settings.level {
        Level::Quiet => LevelFilter::ERROR,
        Level::Normal => LevelFilter::WARN,
        Level::Verbose => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    let layer = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_ansi(false);
    // Somebody else who listens in this process already is as good.
    let _ = layer.try_init();
}
