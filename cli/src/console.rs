//! What the operator reads and answers.

use std::borrow::Cow;
use std::fmt;
use std::io::{BufRead, Write};

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit};
use serde::Serialize;

use crate::outcome::Failure;

/// The three streams of a command.
pub struct Console<'a> {
    /// The answer.
    pub out: &'a mut dyn Write,
    /// Progress, questions and refusals.
    pub err: &'a mut dyn Write,
    /// The operator's answers.
    pub input: &'a mut dyn BufRead,
}

impl fmt::Debug for Console<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Console")
    }
}

impl Console<'_> {
    /// A line of the answer.
    pub(crate) fn line(&mut self, line: impl fmt::Display) -> Result<(), Failure> {
        Ok(writeln!(self.out, "{}", harmless(&line.to_string()))?)
    }

    /// Progress: on standard error, so that the answer can be piped.
    pub(crate) fn note(&mut self, line: impl fmt::Display) -> Result<(), Failure> {
        writeln!(self.err, "{}", harmless(&line.to_string()))?;
        Ok(self.err.flush()?)
    }

    /// The answer as JSON.
    pub(crate) fn json(&mut self, answer: &impl Serialize) -> Result<(), Failure> {
        // As a whole, so that a reader who has seen enough is the same as with a text.
        let text = serde_json::to_string_pretty(answer)?;
        self.line(text)
    }

    /// A table with a heading.
    pub(crate) fn table<const N: usize>(
        &mut self,
        heading: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> Result<(), Failure> {
        let mut table = Table::new();
        table.load_style(NOTHING).set_header(heading).add_rows(rows);
        for line in table.lines() {
            self.line(line.trim_end())?;
        }
        Ok(())
    }

    /// Asks, and takes nothing but yes for yes.
    pub(crate) fn agrees(&mut self, question: &str) -> Result<bool, Failure> {
        write!(self.err, "{} [y/N] ", harmless(question))?;
        self.err.flush()?;
        let mut answer = String::new();
        let read = self.input.read_line(&mut answer)?;
        if read == 0 {
            writeln!(self.err)?;
        }
        Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
    }
}

/// Text from wherever it comes, so that a terminal shows it and does nothing else: control characters, and those that turn
/// the direction of what follows, are written out.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let acts = |c: char| {
        (c.is_control() && !['\n', '\t'].contains(&c))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().map(|c| if acts(c) { c.escape_unicode().to_string() } else { c.to_string() });
    Cow::Owned(shown.collect())
}

/// A moment in UTC, to the second.
pub(crate) fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The same where there may be none.
pub(crate) fn utc_or_dash(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), utc)
}

/// A moment as operators write it: with its offset from UTC, or a date or a date and time in UTC.
pub(crate) fn written(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    // jiff would read over a time zone that it is not asked for.
    let in_utc = if text.contains('[') { None } else { text.parse::<DateTime>().ok() };
    let in_utc = in_utc.ok_or("write a date such as 2027-04-01, or a moment such as 2027-04-01T12:00:00Z")?;
    let zoned = in_utc.to_zoned(TimeZone::UTC).map_err(|error| error.to_string())?;
    Ok(zoned.timestamp())
}

/// An age that can be read at a glance, to the minute.
pub(crate) fn age(seconds: i64) -> String {
    let age = SignedDuration::from_secs(seconds);
    format!("{:#}", age.round(Unit::Minute).unwrap_or(age))
}

/// A size that can be read at a glance.
pub(crate) fn size(bytes: i64) -> String {
    let mut size = bytes as f64;
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for next in units {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = next;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") }
}

/// The one word that stands for a value in JSON.
pub(crate) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => format!("{other:?}"),
    }
}

/// `1 point`, `2 points`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_act_on_a_terminal_is_written_out() {
        assert_eq!(harmless("Tür\n\tzwei"), "Tür\n\tzwei");
        assert_eq!(harmless("a\u{1b}[2Jb\r\u{202e}c"), "a\\u{1b}[2Jb\\u{d}\\u{202e}c");
    }
}
