//! Log lines: for people on a terminal, JSON for machines. Always on standard error; standard output belongs to answers.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::{Error, Format, Log};

/// Starts logging for the whole process.
///
/// # Errors
/// If the filter makes no sense or logging was started before.
pub(crate) fn start(log: &Log) -> Result<(), Error> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|error| Error(format!("log.filter: {error}")))?;
    let registry = tracing_subscriber::registry().with(filter);
    let started = match log.format {
        Format::Human => {
            let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            registry.with(fmt::layer().with_writer(std::io::stderr).with_ansi(colours)).try_init()
        }
        Format::Json => registry.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).try_init(),
    };
    started.map_err(|error| Error(format!("logging cannot be started: {error}")))
}
