//! The server's log, on standard error.

use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;

/// Begins to log. `TOWPATH_LOG` says what, in the form of `tracing`'s filters.
pub(super) fn start(format: LogFormat, verbose: u8, quiet: bool, color: bool) {
    let level = match (quiet, verbose) {
        (true, _) => "warn",
        (false, 0) => "info",
        (false, 1) => "debug",
        (false, _) => "trace",
    };
    // Libraries tell their own stories only when everything is asked for.
    let default = format!(
        "warn,towpath={level},towpath_engine={level},towpath_server={level},towpath_adapters={level},towpath_proxy={level},towpath_store={level}"
    );
    let filter = EnvFilter::try_from_env("TOWPATH_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A second subscriber in one process is refused; the first goes on.
    let _ = match format {
        LogFormat::Text => logs.with_ansi(color).compact().try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
}
