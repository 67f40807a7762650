//! Where measurements go: each a line in CloudWatch's embedded metric format.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;

type Take = dyn Fn(&str) + Send + Sync;

/// Takes the lines of measurements.
#[derive(Clone, Default)]
pub struct Meter(Option<Arc<Take>>);

impl Meter {
    /// One of one's own, such as one that keeps them.
    pub fn new(take: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(take)))
    }

    /// No one looks at them.
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

    /// Takes a line, which is made only where somebody looks at it.
    pub(crate) fn take(&self, line: impl FnOnce() -> String) {
        if let Some(take) = &self.0 {
            take(&line());
        }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meter")
    }
}
