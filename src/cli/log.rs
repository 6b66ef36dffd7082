//! The log of API calls (`-v`).

use std::io;

use super::output::visible_text;

/// `-v` logs API calls, `-vv` also what libraries do, `-vvv` everything. Never bodies, never headers.
pub(super) fn log_to_stderr(verbose: u8) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;

    let (own, others) = match verbose {
        0 => (LevelFilter::WARN, LevelFilter::OFF),
        1 => (LevelFilter::DEBUG, LevelFilter::WARN),
        2 => (LevelFilter::TRACE, LevelFilter::DEBUG),
        _ => (LevelFilter::TRACE, LevelFilter::TRACE),
    };
    let shown = Targets::new().with_target("attune", own).with_default(others);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| Log)
        .with_ansi(false)
        .without_time()
        // A closed terminal must not stop the run.
        .log_internal_errors(false)
        .with_target(false);
    tracing_subscriber::registry().with(shown).with(lines).init();
}

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().write_all(visible_text(bytes, false).as_bytes()).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
