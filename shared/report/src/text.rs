//! Numbers and times in words.

use jiff::{SignedDuration, Timestamp, Unit};

/// A moment in UTC, to the minute.
pub(crate) fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// A duration that can be read at a glance, to the minute; to the second where it is shorter than that.
pub(crate) fn duration(took: SignedDuration) -> String {
    let unit = if took.abs() < SignedDuration::from_mins(10) { Unit::Second } else { Unit::Minute };
    format!("{:#}", took.round(unit).unwrap_or(took))
}

/// A size that can be read at a glance.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    if bytes < 1024 { format!("{bytes} B") } else { format!("{size:.1} {}", UNITS[unit]) }
}

/// US dollars, with as many digits as tell something.
pub(crate) fn usd(amount: f64) -> String {
    if amount == 0.0 || amount >= 0.01 { format!("{amount:.2}") } else { "< 0.01".to_owned() }
}

/// `1 table`, `2 tables`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The one word that stands for a value in JSON.
pub(crate) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => format!("{other:?}"),
    }
}

/// How many of how many, in percent; never 100 unless it is all.
pub(crate) fn percent(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let tenths = (part * 1000) / whole;
    if tenths == 1000 { "100 %".to_owned() } else { format!("{}.{} %", tenths / 10, tenths % 10) }
}
