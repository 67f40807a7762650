//! The world's clock.

use std::time::SystemTime;

use aws_smithy_async::time::TimeSource;
use jiff::Timestamp;
use tokio::time::Instant;

/// A clock that starts at a chosen instant and moves with tokio's time: on a paused runtime only by
/// `tokio::time::advance` and by tokio's own advance when every task sleeps, elsewhere in real time.
///
/// It also feeds the SDK clients, as their time source.
#[derive(Debug, Clone)]
pub struct WorldClock {
    start: Timestamp,
    origin: Instant,
}

impl WorldClock {
    /// A clock that shows `start` now.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self { start, origin: Instant::now() }
    }

    /// The world's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.start.checked_add(self.origin.elapsed()).unwrap_or(Timestamp::MAX)
    }
}

impl TimeSource for WorldClock {
    fn now(&self) -> SystemTime {
        SystemTime::from(Self::now(self))
    }
}
