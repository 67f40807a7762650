//! What the wall clock of a zone shows, minute by minute over some years.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;

use super::calendar::{Date, day_number};

/// Minutes in a day.
pub const DAY: i64 = 24 * 60;

/// How many years a clock covers.
const YEARS: i64 = 9;

/// The wall clock of a zone. Its minutes count from 1970: those of UTC, and those that it shows.
pub struct Clock {
    first: i64,
    /// By how many minutes it is ahead of UTC, for each minute of UTC.
    ahead: Vec<i16>,
}

/// Clocks by zone and year.
type Clocks = BTreeMap<(String, i64), Arc<Clock>>;

/// Each is read once.
static CLOCKS: LazyLock<Mutex<Clocks>> = LazyLock::new(Mutex::default);

impl Clock {
    /// The clock of a zone for the nine years from `year`.
    pub fn of(zone: &str, year: i64) -> Arc<Self> {
        let mut clocks = CLOCKS.lock().unwrap();
        clocks.entry((zone.to_owned(), year)).or_insert_with(|| Arc::new(Self::read(zone, year))).clone()
    }

    fn read(zone: &str, year: i64) -> Self {
        let zone = TimeZoneDatabase::bundled().get(zone).unwrap();
        let first = day_number(Date { year, month: 1, day: 1 }) * DAY;
        let end = day_number(Date { year: year + YEARS, month: 1, day: 1 }) * DAY;
        let mut ahead = Vec::new();
        let (mut date, mut midnight) = (Date { year: 0, month: 0, day: 0 }, 0);
        for minute in first..end {
            let shown = zone.to_datetime(Timestamp::from_second(minute * 60).unwrap());
            let today =
                Date { year: shown.year().into(), month: shown.month().into(), day: shown.day().into() };
            if today != date {
                (date, midnight) = (today, day_number(today) * DAY);
            }
            let wall = midnight + i64::from(shown.hour()) * 60 + i64::from(shown.minute());
            ahead.push(i16::try_from(wall - minute).unwrap());
        }
        Self { first, ahead }
    }

    /// What it shows at that minute.
    pub fn shows(&self, minute: i64) -> i64 {
        let index = usize::try_from(minute - self.first).unwrap();
        minute + i64::from(self.ahead[index])
    }

    /// The first minute at which it shows `wall` or more: a time that it skips is the end of the gap, and
    /// of one that it shows twice the first.
    pub fn first_showing(&self, wall: i64) -> i64 {
        // No zone is a day away from UTC.
        let mut minute = wall - DAY;
        while self.shows(minute) < wall {
            minute += 1;
        }
        minute
    }
}
