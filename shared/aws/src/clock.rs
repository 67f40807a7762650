//! The one clock and the one source of randomness, which also feed the SDK and the sealing.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::SdkConfig;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource, TimeSource};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use jiff::{SignedDuration, Timestamp};

/// The time, as the SDK has it. Waiting is tokio's.
#[derive(Debug, Clone)]
pub struct Clock {
    source: SharedTimeSource,
    /// Our time minus AWS's in milliseconds, as of its last answer.
    ahead: Arc<AtomicI64>,
}

/// No answer has told AWS's time yet.
const NOT_KNOWN: i64 = i64::MIN;

impl Clock {
    /// A clock on the SDK's own time source.
    pub fn new(source: SharedTimeSource) -> Self {
        Self { source, ahead: Arc::new(AtomicI64::new(NOT_KNOWN)) }
    }

    /// The clock of a configuration: the system's, where it names none.
    pub fn of(config: &SdkConfig) -> Self {
        Self::new(config.time_source().unwrap_or_else(|| SharedTimeSource::new(SystemTimeSource::new())))
    }

    /// How far our clock is ahead of AWS's, by the date of its last answer; to the second.
    pub fn ahead_of_aws(&self) -> Option<SignedDuration> {
        let ahead = self.ahead.load(Ordering::Relaxed);
        (ahead != NOT_KNOWN).then(|| SignedDuration::from_millis(ahead))
    }

    /// The present moment, to the millisecond.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(milliseconds(self.source.now())).unwrap_or(Timestamp::MAX)
    }

    /// Waits until `moment`; returns at once when it has passed.
    pub async fn until(&self, moment: Timestamp) {
        let wait = moment.duration_since(self.now());
        if wait > SignedDuration::ZERO {
            tokio::time::sleep(wait.unsigned_abs()).await;
        }
    }
}

/// Reads AWS's time off the date of every answer.
impl Intercept for Clock {
    fn name(&self) -> &'static str {
        "Clock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(theirs) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) {
            let ahead = self.now().as_millisecond().saturating_sub(theirs.timestamp().as_millisecond());
            self.ahead.store(ahead, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// The clock that a file tells: [`crate::runtime::CLOCK`] says how.
#[derive(Debug)]
pub(crate) struct FileClock {
    path: PathBuf,
    /// What it said last, in milliseconds since 1970: for when the file is gone, and with it the world that it is of.
    last: AtomicI64,
}

impl FileClock {
    /// The clock in the file `path`.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn open(path: PathBuf) -> Result<Self, String> {
        let clock = Self { path, last: AtomicI64::default() };
        clock.read().map(|_| clock)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn read(&self) -> Result<i64, String> {
        let path = self.path.display();
        let line = std::fs::read_to_string(&self.path).map_err(|error| format!("names {path}: {error}"))?;
        parse_clock_line(&line, milliseconds(SystemTime::now()))
            .ok_or_else(|| format!("names {path}, which tells no time"))
    }
}

impl TimeSource for FileClock {
    fn now(&self) -> SystemTime {
        let now = match self.read() {
            Ok(now) => {
                self.last.store(now, Ordering::Relaxed);
                now
            }
            Err(_) => self.last.load(Ordering::Relaxed),
        };
        UNIX_EPOCH + Duration::from_millis(now.max(0).unsigned_abs())
    }
}

/// What a line of a [`FileClock`] tells when the system's clock says `system`.
fn parse_clock_line(line: &str, system: i64) -> Option<i64> {
    let mut numbers = line.split_whitespace().map(str::parse::<i64>);
    let shows = numbers.next()?.ok()?;
    let passed = match numbers.next() {
        Some(since) => system.saturating_sub(since.ok()?),
        None => 0,
    };
    Some(shows.saturating_add(passed))
}

fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A moment as the SDK returns it, to the millisecond; none outside the calendar.
pub(crate) fn timestamp(date: Option<&DateTime>) -> Option<Timestamp> {
    date.and_then(|date| date.to_millis().ok()).and_then(|ms| Timestamp::from_millisecond(ms).ok())
}

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

/// Fills buffers with random bytes.
#[derive(Clone)]
pub struct Random(Arc<Fill>);

impl Random {
    /// A source of one's own, such as a seeded one.
    pub fn new(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// The operating system's, through AWS-LC.
    pub fn system() -> Self {
        Self::new(|bytes| {
            aws_lc_rs::rand::fill(bytes)
                .expect("AWS-LC aborts the process rather than fail to gather entropy");
        })
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0)(&mut bytes);
        bytes
    }

    /// A random number.
    pub fn number(&self) -> u128 {
        u128::from_be_bytes(self.bytes())
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random")
    }
}

/// Until when an invocation may begin new work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    ends: Timestamp,
}

impl Deadline {
    /// What is begun needs this long to reach a safe place.
    const MARGIN: SignedDuration = SignedDuration::from_secs(15);

    /// The moment at which the invocation is ended from outside.
    pub fn at(ends: Timestamp) -> Self {
        Self { ends }
    }

    /// The same by the system's time. Of a moment outside the calendar nothing is known, and nothing is begun.
    pub fn of(ends: SystemTime) -> Self {
        Self { ends: Timestamp::try_from(ends).unwrap_or(Timestamp::MIN) }
    }

    /// When the invocation is certainly over.
    pub fn ends(self) -> Timestamp {
        self.ends
    }

    /// Whether new work may begin at `now`.
    pub fn allows_work(self, now: Timestamp) -> bool {
        now + Self::MARGIN < self.ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_tells_a_clock_that_goes_or_stands_still() {
        assert_eq!(parse_clock_line("1000 500", 520), Some(1020));
        assert_eq!(parse_clock_line("1000\n", 520), Some(1000));
        for line in ["", "soon", "1000 ago"] {
            assert_eq!(parse_clock_line(line, 520), None, "{line:?}");
        }
    }

    #[test]
    fn a_clock_whose_file_is_gone_stands_still() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clock");
        assert!(FileClock::open(path.clone()).unwrap_err().starts_with("names "));
        std::fs::write(&path, "1000").unwrap();
        let clock = FileClock::open(path.clone()).unwrap();
        assert_eq!(clock.now(), UNIX_EPOCH + Duration::from_secs(1));
        std::fs::remove_file(path).unwrap();
        assert_eq!(clock.now(), UNIX_EPOCH + Duration::from_secs(1));
    }
}
