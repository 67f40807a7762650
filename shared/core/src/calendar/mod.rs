//! The calendar: wall-clock times on certain days in a zone, and the instants that they stand for.
//!
//! A slot is one such instant. Through daylight-saving changes a wall-clock time that does not exist runs
//! at the first moment after the gap, and one that exists twice runs once, at the first of the two.

mod days;
mod gap;
mod schedule;
mod time;
mod zone;

pub use days::{Days, InvalidDays, MonthDay, Months, Nth, Weekdays};
pub(crate) use days::{month, month_name, month_names, weekday, weekday_name, weekday_names};
pub(crate) use gap::{Gaps, MINUTES_OF_A_DAY, days_of_slots, gaps, longest_gap};
pub use schedule::{Schedule, Slots};
pub use time::{InvalidTime, TimeOfDay};
pub use zone::{UnknownZone, Zone, instant};
