//! Slots: the instants of a schedule.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Days, TimeOfDay, Zone};

/// Certain times on certain days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    /// The days.
    pub days: Days,
    /// The times of each of them, in order, none twice.
    pub times: Vec<TimeOfDay>,
}

impl Slots {
    /// These slots in a zone.
    pub fn within<'a>(&'a self, zone: &'a Zone) -> Schedule<'a> {
        Schedule { slots: self, zone }
    }

    /// Adds `on`, `months` where they are chosen apart, and `at`, as a policy spells them.
    pub(crate) fn entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match &self.days {
            Days::Week(days) => map.serialize_entry("on", days)?,
            Days::Month(day, months) => {
                map.serialize_entry("on", &day.to_string())?;
                map.serialize_entry("months", months)?;
            }
            year @ Days::Year(..) => map.serialize_entry("on", &year.to_string())?,
        }
        map.serialize_entry("at", &self.times)
    }
}

impl Serialize for Slots {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.entries(&mut map)?;
        map.end()
    }
}

/// [`Slots`] in a zone: a strictly increasing sequence of instants without end.
///
/// Two wall-clock times that fall on one instant, in a daylight-saving gap, are one slot.
#[derive(Debug, Clone, Copy)]
pub struct Schedule<'a> {
    slots: &'a Slots,
    zone: &'a Zone,
}

/// A wall-clock day and the days that its instants can fall on differ by less: a zone that crosses the
/// date line skips or repeats one day.
const MARGIN_DAYS: i32 = 2;

impl<'a> Schedule<'a> {
    /// The slots after `after` (exclusive), up to `until` (inclusive).
    pub fn slots(self, after: Timestamp, until: Timestamp) -> impl Iterator<Item = Timestamp> + 'a {
        self.forward(after).take_while(move |slot| *slot <= until)
    }

    /// The first slot after `after`; `None` at the end of the calendar.
    pub fn next(self, after: Timestamp) -> Option<Timestamp> {
        self.forward(after).next()
    }

    /// The last slot at or before `until`; `None` at the beginning of the calendar.
    pub fn latest(self, until: Timestamp) -> Option<Timestamp> {
        let days = self.slots.days;
        let start = self.local_date(until).saturating_add(MARGIN_DAYS.days());
        std::iter::successors(days.last_until(start), move |date| days.last_until(date.yesterday().ok()?))
            .flat_map(|date| self.slots.times.iter().rev().map(move |time| (date, *time)))
            .filter_map(|(date, time)| self.instant(date, time))
            .find(|slot| *slot <= until)
    }

    fn forward(self, after: Timestamp) -> impl Iterator<Item = Timestamp> + 'a {
        let Self { slots, .. } = self;
        let days = slots.days;
        let start = self.local_date(after).saturating_sub(MARGIN_DAYS.days());
        let mut last = after;
        std::iter::successors(days.first_from(start), move |date| days.first_from(date.tomorrow().ok()?))
            .flat_map(|date| slots.times.iter().map(move |time| (date, *time)))
            .filter_map(move |(date, time)| self.instant(date, time))
            // Instants follow their wall-clock times in order, so this drops what came before and what
            // fell together.
            .filter(move |slot| {
                let new = *slot > last;
                last = last.max(*slot);
                new
            })
    }

    fn local_date(self, moment: Timestamp) -> Date {
        self.zone.time_zone().to_datetime(moment).date()
    }

    fn instant(self, date: Date, time: TimeOfDay) -> Option<Timestamp> {
        self.zone.instant(date.to_datetime(time.time()))
    }
}
