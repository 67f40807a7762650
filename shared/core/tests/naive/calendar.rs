//! Days by year, month, day and weekday; slots by walking the clock; spans by counting on.

use super::clock::{Clock, DAY};

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    pub year: i64,
    pub month: i64,
    pub day: i64,
}

fn days_in_year(year: i64) -> i64 {
    if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 { 366 } else { 365 }
}

/// How many days a month has.
pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if days_in_year(year) == 366 => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01.
pub fn day_number(date: Date) -> i64 {
    let years: i64 = (1970..date.year).map(days_in_year).sum();
    let months: i64 = (1..date.month).map(|month| days_in_month(date.year, month)).sum();
    years + months + date.day - 1
}

/// The day that is so many days after 1970-01-01.
pub fn date_of(mut number: i64) -> Date {
    let mut year = 1970;
    while number >= days_in_year(year) {
        number -= days_in_year(year);
        year += 1;
    }
    let mut month = 1;
    while number >= days_in_month(year, month) {
        number -= days_in_month(year, month);
        month += 1;
    }
    Date { year, month, day: number + 1 }
}

/// Which days. Weekdays count from Monday, 0, to Sunday, 6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    EveryDay,
    Workdays,
    Weekdays(Vec<i64>),
    /// The first to fourth such weekday of the month.
    Nth(i64, i64),
    /// The last such weekday of the month.
    LastWeekday(i64),
    Day(i64),
    LastDay,
}

/// Certain times on certain days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    pub on: On,
    /// The months, 1 to 12; none named are all.
    pub months: Vec<i64>,
    /// Minutes after midnight.
    pub times: Vec<i64>,
}

impl Slots {
    /// Whether the wall clock's minute `wall` is named.
    pub fn names(&self, wall: i64) -> bool {
        self.times.contains(&(wall % DAY)) && self.is_on(wall / DAY)
    }

    fn is_on(&self, number: i64) -> bool {
        let Date { year, month, day } = date_of(number);
        // 1970-01-01 was a Thursday.
        let weekday = (number + 3) % 7;
        let last = days_in_month(year, month);
        let on = match &self.on {
            On::EveryDay => true,
            On::Workdays => weekday < 5,
            On::Weekdays(days) => days.contains(&weekday),
            On::Nth(nth, wanted) => weekday == *wanted && (day - 1) / 7 + 1 == *nth,
            On::LastWeekday(wanted) => weekday == *wanted && day + 7 > last,
            On::Day(wanted) => day == *wanted,
            On::LastDay => day == last,
        };
        on && (self.months.is_empty() || self.months.contains(&month))
    }
}

/// The moments of each of some slots from the minute `from` to the minute before `end`: whenever the clock
/// shows, or skips, a minute that they name and that it had not shown before.
pub fn walk(clock: &Clock, slots: &[&Slots], from: i64, end: i64) -> Vec<Vec<i64>> {
    let mut found = vec![Vec::new(); slots.len()];
    let mut asked = [false; DAY as usize];
    for time in slots.iter().flat_map(|slots| &slots.times) {
        asked[usize::try_from(*time).unwrap()] = true;
    }
    // From two days before, so that what it had shown before is known.
    let mut shown = clock.shows(from - 2 * DAY);
    let mut minute = from - 2 * DAY + 1;
    while minute < end {
        let wall = clock.shows(minute);
        while shown < wall {
            shown += 1;
            if !asked[(shown % DAY) as usize] || minute < from {
                continue;
            }
            for (slots, found) in slots.iter().zip(&mut found) {
                // Two times in one gap are one slot.
                if slots.names(shown) && found.last() != Some(&(minute * 60)) {
                    found.push(minute * 60);
                }
            }
        }
        minute += 1;
    }
    found
}

/// A number of days, weeks, months or years.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub count: i64,
    pub unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Day,
    Week,
    Month,
    Year,
}

/// The moment a span after `from`: the same wall-clock time on the later day.
pub fn after(clock: &Clock, from: i64, span: Span) -> i64 {
    let (minute, second) = (from / 60, from % 60);
    let wall = clock.shows(minute);
    let mut date = date_of(wall / DAY);
    match span.unit {
        Unit::Day => date = date_of(day_number(date) + span.count),
        Unit::Week => date = date_of(day_number(date) + span.count * 7),
        Unit::Year => date.year += span.count,
        Unit::Month => {
            for _ in 0..span.count {
                (date.year, date.month) =
                    if date.month == 12 { (date.year + 1, 1) } else { (date.year, date.month + 1) };
            }
        }
    }
    date.day = date.day.min(days_in_month(date.year, date.month));
    let wanted = day_number(date) * DAY + wall % DAY;
    let minute = clock.first_showing(wanted);
    // After a gap it is the first moment that counts, not the second within the minute.
    if clock.shows(minute) == wanted { minute * 60 + second } else { minute * 60 }
}
