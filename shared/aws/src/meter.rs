//! Where measurements go: each a line in CloudWatch's embedded metric format.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;

use backup_chain_core::metrics::{Measured, Metric};

use crate::edge::Edge;
use crate::error::Error;

type Take = dyn Fn(&str) + Send + Sync;

/// Takes the lines of measurements.
#[derive(Clone, Default)]
pub struct Meter(Option<Arc<Take>>);

impl Meter {
    /// One of one's own, such as one that keeps them.
    pub fn new(take: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(take)))
    }

    /// Nobody looks at them.
    pub fn none() -> Self {
        Self::default()
    }

    /// Standard output, which Lambda puts into the log.
    pub fn stdout() -> Self {
        Self::new(|line| {
            // A metric that cannot be written must not stop a backup.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        })
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meter")
    }
}

impl Edge {
    /// Writes what was measured. Written at once: an invocation that is cut off later has told so far.
    pub fn measure(&self, measured: &Measured) {
        if let Some(take) = &self.meter().0 {
            take(&measured.line(&self.deployment().name, self.clock().now()));
        }
    }

    /// An error leaves work to a later invocation: it is logged and measured, for an alarm to see when it goes on. What
    /// somebody else has moved is no error: the next invocation reads it again.
    pub fn leave(&self, measured: &Measured, what: &'static str, error: &Error) {
        if error.is_overtaken() {
            tracing::info!(%error, what, "moved by another invocation");
            return;
        }
        tracing::warn!(%error, what, "left to a later invocation");
        self.measure(&measured.clone().with(Metric::WorkLeft, 1));
    }

    /// Measures the records of the catalog that this invocation met and could not read.
    pub fn measure_unreadable(&self) {
        let unreadable = self.catalog().unreadable().len();
        if unreadable > 0 {
            self.measure(&Measured::default().with(Metric::RecordsUnreadable, unreadable));
        }
    }
}
