//! The functions' log, in memory.

use std::io::Write;
use std::sync::{Arc, Mutex, Once, PoisonError};

use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use serde_json::Value;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, Interest};
use tracing::{Event, Metadata, Subscriber};

/// A log in memory.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Records what is logged on this thread, by the functions' own logging at this level.
    pub fn listen(level: LevelFilter) -> (Self, DefaultGuard) {
        static DEAF: Once = Once::new();
        // Without it a line that is first said by a test that does not listen, at the moment at which another begins
        // to, may be said to no one from then on.
        DEAF.call_once(|| tracing::subscriber::set_global_default(Deaf).expect("nobody else sets one"));
        let log = Self::default();
        let writer = log.clone();
        let time = SharedTimeSource::new(SystemTimeSource::new());
        let subscriber = backup_chain_aws::runtime::subscriber(level, time, move || writer.clone());
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// All of it.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Its lines; null for one that is no JSON.
    pub fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap_or_default()).collect()
    }
}

/// Hears nothing, and never says that it would not.
struct Deaf;

impl Subscriber for Deaf {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
