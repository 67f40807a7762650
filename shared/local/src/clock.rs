//! The world's clock.

use std::{
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use aws_smithy_async::time::TimeSource;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::scratch::Scratch;

/// A clock that starts at a chosen instant and goes with tokio's time: on a paused runtime only by
/// `tokio::time::advance` and by tokio's own advance when every task sleeps, elsewhere in real time. It can be held:
/// then it goes only while a function runs, and jumps where it is set.
///
/// It also feeds the SDK clients, as their time source.
#[derive(Debug, Clone)]
pub struct WorldClock(Arc<Mutex<Hand>>);

#[derive(Debug)]
struct Hand {
    /// What the clock shows while it stands still, or showed at `since`.
    shows: Timestamp,
    /// From when on it has gone; none while it stands still.
    since: Option<Instant>,
    /// Whether it goes only while something runs.
    held: bool,
    /// How many things run that take their time.
    running: usize,
    /// Where other processes read it.
    file: Option<ClockFile>,
}

impl WorldClock {
    /// A clock that shows `start` now.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        let since = Some(Instant::now());
        Self(Arc::new(Mutex::new(Hand { shows: start, since, held: false, running: 0, file: None })))
    }

    /// The world's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.hand().at(Instant::now())
    }

    /// Whether time passes now.
    pub(crate) fn goes(&self) -> bool {
        self.hand().since.is_some()
    }

    pub(crate) fn is_held(&self) -> bool {
        self.hand().held
    }

    /// From now on time stands still while nothing runs.
    pub(crate) fn hold(&self) {
        self.hand().change(|hand| hand.held = true);
    }

    /// So many more things run: they take their time.
    pub(crate) fn begin(&self, count: usize) {
        self.hand().change(|hand| hand.running += count);
    }

    /// One of them has come to its end.
    pub(crate) fn end(&self) {
        self.hand().change(|hand| hand.running = hand.running.saturating_sub(1));
    }

    /// Shows a moment from now on, if it is not past. Nothing is lived through: what falls due happens when the world
    /// is next driven or asked.
    pub fn move_to(&self, moment: Timestamp) {
        self.hand().change(|hand| hand.shows = hand.shows.max(moment));
    }

    /// A file that tells other processes the time; made when it is first asked for.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn file(&self) -> io::Result<PathBuf> {
        let mut hand = self.hand();
        if let Some(file) = &hand.file {
            return Ok(file.path());
        }
        let file = ClockFile(Scratch::new()?);
        file.write(hand.at(Instant::now()), hand.since.is_some())?;
        Ok(hand.file.insert(file).path())
    }

    fn hand(&self) -> MutexGuard<'_, Hand> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hand {
    fn at(&self, now: Instant) -> Timestamp {
        let passed = self.since.map(|since| now.saturating_duration_since(since)).unwrap_or_default();
        self.shows.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// Changes it from this moment on, and tells other processes when that makes a difference to them.
    fn change(&mut self, change: impl FnOnce(&mut Self)) {
        let now = Instant::now();
        let (shows, went) = (self.at(now), self.since.is_some());
        self.shows = shows;
        change(self);
        let goes = !self.held || self.running > 0;
        self.since = goes.then_some(now);
        if (self.shows, goes) != (shows, went)
            && let Some(file) = &self.file
            && let Err(error) = file.write(self.shows, goes)
        {
            tracing::error!(%error, "the functions do not see that the clock has moved");
        }
    }
}

/// The time for other processes, in one line: the moment in milliseconds since 1970 and, while the clock goes, the
/// moment at which the system's clock said so.
#[derive(Debug)]
struct ClockFile(Scratch);

impl ClockFile {
    fn path(&self) -> PathBuf {
        self.0.path().join("clock")
    }

    /// Replaces it at once: no one reads half a line.
    #[expect(clippy::disallowed_methods, reason = "readers in other processes know no other clock")]
    fn write(&self, shows: Timestamp, goes: bool) -> io::Result<()> {
        let mut line = shows.as_millisecond().to_string();
        if goes {
            line.push_str(&format!(" {}", Timestamp::now().as_millisecond()));
        }
        let new = self.0.path().join("new");
        fs::write(&new, line)?;
        fs::rename(new, self.path())
    }
}

impl TimeSource for WorldClock {
    fn now(&self) -> SystemTime {
        SystemTime::from(Self::now(self))
    }
}
