//! Which days a schedule runs on, as an operator writes them.

use std::fmt;

use jiff::civil::{Date, Weekday};
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::spelling::{self, Misspelt};
use crate::suggest;

/// A text that names no day, or no days of the kind that are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}: {way_out}")]
pub struct InvalidDays {
    what: String,
    way_out: String,
}

impl Misspelt for InvalidDays {
    fn what(&self) -> String {
        self.what.clone()
    }

    fn way_out(&self) -> String {
        self.way_out.clone()
    }
}

impl InvalidDays {
    fn new(given: &str, is_no: &str, way_out: impl Into<String>) -> Self {
        Self { what: format!("{given:?} is no {is_no}"), way_out: way_out.into() }
    }

    /// `given` is none of `choices`; `all` says them in few words.
    pub(crate) fn none_of<'a>(
        given: &str,
        is_no: &str,
        choices: impl Iterator<Item = &'a str>,
        all: &str,
    ) -> Self {
        Self::new(given, is_no, suggest::hint(given, choices, all))
    }

    fn month_day(given: &str) -> Self {
        let way_out = r#"write "first monday" (or second, third, fourth, last), "day 15" or "last day""#;
        Self::new(given, "day of a month", way_out)
    }

    fn year_day(given: &str) -> Self {
        let way_out = r#"write "first monday of january", "31 december" or "last day of february""#;
        Self::new(given, "day of a year", way_out)
    }
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The English name of a weekday, in lower case.
pub(crate) fn weekday_name(day: Weekday) -> &'static str {
    WEEKDAYS[day.to_monday_zero_offset() as usize].0
}

/// The names of the weekdays, Monday first.
pub(crate) fn weekday_names() -> impl Iterator<Item = &'static str> {
    WEEKDAYS.into_iter().map(|(name, _)| name)
}

/// The weekday called `text`, in English, in any case.
pub(crate) fn weekday(text: &str) -> Option<Weekday> {
    let lower = text.trim_matches(' ').to_ascii_lowercase();
    WEEKDAYS.iter().find(|(name, _)| *name == lower).map(|(_, day)| *day)
}

/// The number, 1 to 12, of the month called `text`, in English, in any case.
pub(crate) fn month(text: &str) -> Option<i8> {
    let lower = text.trim_matches(' ').to_ascii_lowercase();
    (1..).zip(MONTHS).find(|(_, name)| *name == lower).map(|(number, _)| number)
}

/// The names of the months, January first.
pub(crate) fn month_names() -> impl Iterator<Item = &'static str> {
    MONTHS.into_iter()
}

/// The English name of month 1 to 12, in lower case.
pub(crate) fn month_name(month: i8) -> &'static str {
    MONTHS[(month - 1) as usize]
}

/// Some days of the week. Written as `every day`, `workdays` or a list of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Weekdays(u8);

impl Weekdays {
    /// Monday to Sunday.
    pub const EVERY_DAY: Weekdays = Weekdays(0b111_1111);
    /// Monday to Friday.
    pub const WORKDAYS: Weekdays = Weekdays(0b001_1111);

    /// Adds a day; false when it was there.
    pub fn insert(&mut self, day: Weekday) -> bool {
        let new = !self.contains(day);
        self.0 |= 1 << day.to_monday_zero_offset();
        new
    }

    /// Whether `day` is one of them.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & (1 << day.to_monday_zero_offset()) != 0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The days, Monday first.
    pub fn iter(self) -> impl Iterator<Item = Weekday> {
        WEEKDAYS.into_iter().map(|(_, day)| day).filter(move |day| self.contains(*day))
    }

    /// Their names, Monday first.
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(weekday_name).collect()
    }
}

impl Serialize for Weekdays {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::EVERY_DAY => serializer.serialize_str("every day"),
            Self::WORKDAYS => serializer.serialize_str("workdays"),
            some => some.names().serialize(serializer),
        }
    }
}

/// Which one of a month's Mondays, Tuesdays and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nth {
    /// Days 1 to 7.
    First,
    /// Days 8 to 14.
    Second,
    /// Days 15 to 21.
    Third,
    /// Days 22 to 28.
    Fourth,
    /// The last seven days.
    Last,
}

impl Nth {
    const ALL: [(&str, Nth, i8); 5] = [
        ("first", Nth::First, 1),
        ("second", Nth::Second, 2),
        ("third", Nth::Third, 3),
        ("fourth", Nth::Fourth, 4),
        ("last", Nth::Last, -1),
    ];

    fn entry(self) -> (&'static str, i8) {
        let (name, _, number) = Self::ALL[self as usize];
        (name, number)
    }
}

/// A day within a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MonthDay {
    /// `first monday`, `last friday`.
    Weekday(Nth, Weekday),
    /// `day 15`. A month without that day has no such day.
    Day(i8),
    /// `last day`.
    Last,
}

impl MonthDay {
    /// Reads `first monday`, `day 15` or `last day`.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self, InvalidDays> {
        let lower = text.to_ascii_lowercase();
        match *spelling::words(&lower) {
            ["last", "day"] => Some(Self::Last),
            ["day", number] => number_of_day(number).map(Self::Day),
            [nth, day] => match Nth::ALL.iter().find(|(name, ..)| *name == nth) {
                None => None,
                Some((_, nth, _)) => Some(Self::Weekday(*nth, weekday_of(day)?)),
            },
            _ => None,
        }
        .ok_or_else(|| InvalidDays::month_day(text))
    }

    /// The date in that month, if the month has one.
    pub fn date(self, year: i16, month: i8) -> Option<Date> {
        let first = Date::new(year, month, 1).ok()?;
        match self {
            Self::Weekday(nth, day) => first.nth_weekday_of_month(nth.entry().1, day).ok(),
            Self::Day(day) => Date::new(year, month, day).ok(),
            Self::Last => Some(first.last_of_month()),
        }
    }
}

/// The number of a day, which may be written in two digits.
fn number_of_day(text: &str) -> Option<i8> {
    let number = spelling::number(text.strip_prefix('0').unwrap_or(text))?;
    i8::try_from(number).ok().filter(|day| (1..=31).contains(day))
}

fn weekday_of(text: &str) -> Result<Weekday, InvalidDays> {
    let all = "write monday to sunday";
    weekday(text).ok_or_else(|| InvalidDays::none_of(text, "day of the week", weekday_names(), all))
}

impl fmt::Display for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weekday(nth, day) => write!(f, "{} {}", nth.entry().0, weekday_name(*day)),
            Self::Day(day) => write!(f, "day {day}"),
            Self::Last => f.write_str("last day"),
        }
    }
}

/// Some months of the year. Written as `all` or a list of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Months(u16);

impl Months {
    /// January to December.
    pub const ALL: Months = Months(0b1111_1111_1111);

    /// Month 1 to 12 alone.
    pub fn only(month: i8) -> Self {
        Self(1 << (month - 1))
    }

    /// Adds month 1 to 12; false when it was there.
    pub fn insert(&mut self, month: i8) -> bool {
        let new = !self.contains(month);
        self.0 |= 1 << (month - 1);
        new
    }

    /// Whether month 1 to 12 is one of them.
    pub fn contains(self, month: i8) -> bool {
        self.0 & (1 << (month - 1)) != 0
    }

    /// The months, 1 to 12.
    pub fn iter(self) -> impl Iterator<Item = i8> {
        (1..=12).filter(move |month| self.contains(*month))
    }

    /// Their names, January first.
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(month_name).collect()
    }
}

impl Serialize for Months {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::ALL => serializer.serialize_str("all"),
            some => some.names().serialize(serializer),
        }
    }
}

/// The days of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Days {
    /// Some days of every week.
    Week(Weekdays),
    /// One day of some months.
    Month(MonthDay, Months),
    /// One day of the month 1 to 12, each year.
    Year(MonthDay, i8),
}

impl Days {
    /// Reads the day of a year: `first monday of january`, `31 december`, `last day of february`.
    ///
    /// # Errors
    /// When it is none of these, or the month or weekday has no such name.
    pub fn parse_year(text: &str) -> Result<Self, InvalidDays> {
        let lower = text.to_ascii_lowercase();
        let month_of = |text: &str| {
            let all = "write a month from january to december";
            month(text).ok_or_else(|| InvalidDays::none_of(text, "month", month_names(), all))
        };
        match *spelling::words(&lower) {
            [number, of] => {
                let day = number_of_day(number).ok_or_else(|| Self::no_year_day(text))?;
                Ok(Self::Year(MonthDay::Day(day), month_of(of)?))
            }
            [which, day, "of", of] => {
                let is_nth = Nth::ALL.iter().any(|(name, ..)| *name == which);
                let day = MonthDay::parse(&format!("{which} {day}"))
                    .map_err(|error| if is_nth { error } else { InvalidDays::year_day(text) })?;
                let days = Self::Year(day, month_of(of)?);
                if let MonthDay::Day(_) = day {
                    // One way to write it is enough, and that of the canonical form is the shorter.
                    return Err(InvalidDays::new(text, "day of a year", format!("write \"{days}\"")));
                }
                Ok(days)
            }
            _ => Err(Self::no_year_day(text)),
        }
    }

    fn no_year_day(text: &str) -> InvalidDays {
        match MonthDay::parse(text) {
            Ok(day) => {
                let example = format!("name its month, such as \"{}\"", Self::Year(day, 12));
                InvalidDays::new(text, "day of a year", example)
            }
            Err(_) => InvalidDays::year_day(text),
        }
    }

    /// The first of these days at or after `date`.
    pub(crate) fn first_from(self, date: Date) -> Option<Date> {
        match self {
            Self::Week(days) => std::iter::successors(Some(date), |d| d.tomorrow().ok())
                .take(7)
                .find(|d| days.contains(d.weekday())),
            Self::Month(day, months) => first_in_months(day, months, date),
            Self::Year(day, month) => first_in_months(day, Months::only(month), date),
        }
    }

    /// The last of these days at or before `date`.
    pub(crate) fn last_until(self, date: Date) -> Option<Date> {
        match self {
            Self::Week(days) => std::iter::successors(Some(date), |d| d.yesterday().ok())
                .take(7)
                .find(|d| days.contains(d.weekday())),
            Self::Month(day, months) => last_in_months(day, months, date),
            Self::Year(day, month) => last_in_months(day, Months::only(month), date),
        }
    }
}

/// How far to look for a month: a 29 February may be eight years away.
const MONTHS_AHEAD: usize = 8 * 12 + 1;

fn first_in_months(day: MonthDay, months: Months, from: Date) -> Option<Date> {
    let after =
        |&(year, month): &(i16, i8)| Some(if month == 12 { (year + 1, 1) } else { (year, month + 1) });
    std::iter::successors(Some((from.year(), from.month())), after)
        .take(MONTHS_AHEAD)
        .filter(|(_, month)| months.contains(*month))
        .find_map(|(year, month)| day.date(year, month).filter(|date| *date >= from))
}

fn last_in_months(day: MonthDay, months: Months, until: Date) -> Option<Date> {
    let before =
        |&(year, month): &(i16, i8)| Some(if month == 1 { (year - 1, 12) } else { (year, month - 1) });
    std::iter::successors(Some((until.year(), until.month())), before)
        .take(MONTHS_AHEAD)
        .filter(|(_, month)| months.contains(*month))
        .find_map(|(year, month)| day.date(year, month).filter(|date| *date <= until))
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Week(Weekdays::EVERY_DAY) => f.write_str("every day"),
            Self::Week(Weekdays::WORKDAYS) => f.write_str("workdays"),
            Self::Week(days) => f.write_str(&days.names().join(", ")),
            Self::Month(day, Months::ALL) => write!(f, "{day}"),
            Self::Month(day, months) => write!(f, "{day} of {}", months.names().join(", ")),
            Self::Year(MonthDay::Day(day), month) => write!(f, "{day} {}", month_name(*month)),
            Self::Year(day, month) => write!(f, "{day} of {}", month_name(*month)),
        }
    }
}
