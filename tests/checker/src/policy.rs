//! A policy as the outside means it, and the document that says so.

use jiff::civil::{Time, Weekday};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// The lowest goes first.
    pub priority: u16,
    /// What the document says; see [`crate::Intent::PolicyDisabled`] for the switch beside it.
    pub enabled: bool,
    /// The tables, by name.
    pub tables: Vec<String>,
    /// The beginnings of tables' names.
    pub prefixes: Vec<String>,
    /// An IANA time zone.
    pub time_zone: String,
    /// The vault of the backups.
    pub vault: String,
    /// The ARNs of the vaults of the copies.
    pub copies: Vec<String>,
    /// The tiers, each at most once.
    pub tiers: Vec<Tier>,
    /// So many of the newest points stay.
    pub keep_last: u32,
    /// For so long they stay once table or policy is gone.
    pub after_drop: Span,
    /// How many more tries.
    pub attempts: u32,
    /// Minutes before each.
    pub pause: u32,
    /// Hours in which AWS Backup must have started a job.
    pub start_window: u32,
    /// Hours of the greatest age of a table's newest point.
    pub objective: Option<u32>,
}

/// A schedule with its retention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// `daily`, `weekly`, `monthly` or `yearly`.
    pub name: String,
    /// On which days.
    pub on: Days,
    /// At which times.
    pub at: Vec<Time>,
    /// For how long.
    pub keep: Span,
    /// Which of the backups are copied, and for how long.
    pub copy: Option<CopyRule>,
}

/// Which backups of a tier are copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyRule {
    /// Those at these times; all when there is none.
    pub at: Vec<Time>,
    /// For how long.
    pub keep: Span,
}

/// Days on which a tier is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Days {
    /// All.
    Every,
    /// These days of the week.
    Weekdays(Vec<DayOfWeek>),
    /// This day of every month, 1 to 28.
    MonthDay(i8),
    /// The last day of every month.
    LastDay,
    /// This day of every year: month and day.
    YearDay(i8, i8),
}

/// A day of the week, Monday being 1.
pub type DayOfWeek = i8;

/// A number of calendar units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// How many.
    pub count: i32,
    /// Of what.
    pub unit: Unit,
}

/// A unit of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Days.
    Days,
    /// Weeks.
    Weeks,
    /// Months.
    Months,
    /// Years.
    Years,
}

impl Span {
    /// As a document writes it.
    #[must_use]
    pub fn text(self) -> String {
        let unit = match self.unit {
            Unit::Days => "day",
            Unit::Weeks => "week",
            Unit::Months => "month",
            Unit::Years => "year",
        };
        format!("{} {unit}{}", self.count, if self.count == 1 { "" } else { "s" })
    }
}

impl Policy {
    /// The document that says all this: JSON, which is YAML.
    #[must_use]
    pub fn document(&self) -> String {
        let mut sources = json!({});
        if !self.tables.is_empty() {
            sources["tables"] = json!(self.tables);
        }
        if !self.prefixes.is_empty() {
            sources["prefixes"] = json!(self.prefixes);
        }
        let mut document = json!({
            "name": self.name,
            "priority": self.priority,
            "enabled": self.enabled,
            "time_zone": self.time_zone,
            "sources": sources,
            "vault": self.vault,
            "keep_last": self.keep_last,
            "after_drop": self.after_drop.text(),
            "retries": {"attempts": self.attempts, "pause": format!("{} minutes", self.pause)},
            "start_window": format!("{} hours", self.start_window),
        });
        if !self.copies.is_empty() {
            document["copies"] = self.copies.iter().map(|vault| json!({ "vault": vault })).collect();
        }
        if let Some(hours) = self.objective {
            document["objective"] = json!(format!("{hours} hours"));
        }
        for tier in &self.tiers {
            document["tiers"][&tier.name] = tier.document();
        }
        document.to_string()
    }
}

impl Tier {
    fn document(&self) -> Value {
        let mut tier = json!({ "at": times(&self.at), "keep": self.keep.text() });
        if let Some(on) = self.on.document() {
            tier["on"] = on;
        }
        if let Some(copy) = &self.copy {
            tier["copy"] = json!({ "keep": copy.keep.text() });
            if !copy.at.is_empty() {
                tier["copy"]["at"] = times(&copy.at);
            }
        }
        tier
    }
}

impl Days {
    fn document(&self) -> Option<Value> {
        Some(match self {
            Self::Every => return None,
            Self::Weekdays(days) => days.iter().map(|day| weekday(*day)).collect(),
            Self::MonthDay(day) => json!(format!("day {day}")),
            Self::LastDay => json!("last day"),
            Self::YearDay(month, day) => {
                json!(format!("{day} {}", MONTHS[usize::from(month.unsigned_abs() - 1) % 12]))
            }
        })
    }
}

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

fn weekday(day: DayOfWeek) -> &'static str {
    match Weekday::from_monday_one_offset(day) {
        Ok(Weekday::Monday) | Err(_) => "monday",
        Ok(Weekday::Tuesday) => "tuesday",
        Ok(Weekday::Wednesday) => "wednesday",
        Ok(Weekday::Thursday) => "thursday",
        Ok(Weekday::Friday) => "friday",
        Ok(Weekday::Saturday) => "saturday",
        Ok(Weekday::Sunday) => "sunday",
    }
}

fn times(times: &[Time]) -> Value {
    times.iter().map(|time| json!(format!("{:02}:{:02}", time.hour(), time.minute()))).collect()
}
