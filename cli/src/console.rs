//! What the operator reads and answers: the one place where an answer goes out, in each of its forms.

use std::borrow::Cow;
use std::fmt;
use std::io::{BufRead, Write};

use backup_chain_core::calendar::Zone;
use backup_chain_core::picture::{Line, Look};
use clap::{ColorChoice, ValueEnum};
use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit};
use serde::Serialize;

use crate::fold::cell;
use crate::ids;
use crate::outcome::Failure;

/// In which form an answer goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Output {
    #[default]
    Text,
    Json,
    Yaml,
    // Of lists alone.
    Csv,
}

/// What standard output is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Screen {
    /// How many columns the terminal has; none where it is no terminal: what goes there is not fitted.
    pub width: Option<usize>,
    /// Whether colour is welcome there.
    pub colour: bool,
}

/// The three streams of a command.
pub struct Console<'a> {
    /// The answer.
    pub out: &'a mut dyn Write,
    /// Progress, questions and refusals.
    pub err: &'a mut dyn Write,
    /// The operator's answers.
    pub input: &'a mut dyn BufRead,
    screen: Screen,
    output: Output,
    zone: Zone,
}

impl fmt::Debug for Console<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Console")
    }
}

impl<'a> Console<'a> {
    /// A console whose standard output is no terminal.
    pub fn new(out: &'a mut dyn Write, err: &'a mut dyn Write, input: &'a mut dyn BufRead) -> Self {
        Self { out, err, input, screen: Screen::default(), output: Output::default(), zone: Zone::UTC }
    }

    /// The same on a terminal.
    #[must_use]
    pub fn on(self, screen: Screen) -> Self {
        Self { screen, ..self }
    }
}

impl Console<'_> {
    /// As the command line has it.
    pub(crate) fn set(&mut self, output: Output, wide: bool, colour: ColorChoice) {
        self.output = output;
        if wide {
            self.screen.width = None;
        }
        self.screen.colour = match colour {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => self.screen.colour,
        };
    }

    /// Moments are told in this zone from here on, rather than in UTC.
    pub(crate) fn tell_in(&mut self, zone: &Zone) {
        self.zone = zone.clone();
    }

    /// How many columns there are to draw on.
    pub(crate) fn width(&self) -> Option<usize> {
        self.screen.width
    }

    /// Whether CSV was asked for.
    pub(crate) fn is_csv(&self) -> bool {
        self.output == Output::Csv
    }

    /// How the rows of a list are written.
    pub(crate) fn form(&self) -> Form {
        let exact = self.output == Output::Csv;
        Form { zone: self.zone.clone(), exact, whole: exact || self.screen.width.is_some() }
    }

    /// A line of the answer.
    pub(crate) fn line(&mut self, line: impl fmt::Display) -> Result<(), Failure> {
        Ok(writeln!(self.out, "{}", harmless(&line.to_string()))?)
    }

    /// A line of a picture.
    pub(crate) fn drawn(&mut self, mut line: Line) -> Result<(), Failure> {
        while line.last().is_some_and(|(_, text)| text.trim_end().is_empty()) {
            line.pop();
        }
        let colour = self.screen.colour;
        let paint = |(look, text): &(Look, String)| painted(&harmless(text), look.code().filter(|_| colour));
        let text: String = line.iter().map(paint).collect();
        Ok(writeln!(self.out, "{}", text.trim_end())?)
    }

    /// Progress: on standard error, so that the answer can be piped.
    pub(crate) fn note(&mut self, line: impl fmt::Display) -> Result<(), Failure> {
        writeln!(self.err, "{}", harmless(&line.to_string()))?;
        Ok(self.err.flush()?)
    }

    /// The answer as data: as JSON, but where YAML was asked for.
    pub(crate) fn json(&mut self, answer: &impl Serialize) -> Result<(), Failure> {
        // As a whole, so that a reader who has seen enough is the same as with a text.
        let text = match self.output {
            Output::Yaml => serde_saphyr::to_string(answer)?,
            Output::Text | Output::Json | Output::Csv => serde_json::to_string_pretty(answer)?,
        };
        self.line(text.trim_end())
    }

    /// A refusal as data, for whoever asked for data that can hold it.
    pub(crate) fn refusal(&mut self, refusal: &impl Serialize) -> Result<(), Failure> {
        match self.output {
            Output::Json | Output::Yaml => self.json(refusal),
            Output::Text | Output::Csv => Ok(()),
        }
    }

    /// A list as data: with all fields, or as CSV with those that its table has.
    pub(crate) fn list<const N: usize>(
        &mut self,
        answer: &impl Serialize,
        heading: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> Result<(), Failure> {
        if self.output != Output::Csv {
            return self.json(answer);
        }
        let mut csv = csv::Writer::from_writer(Vec::new());
        let written = |error: csv::Error| Failure::Output(error.into());
        let heading = heading.map(|name| name.trim_end_matches(UTC).to_lowercase().replace(' ', "_"));
        csv.write_record(heading).map_err(written)?;
        for row in rows {
            csv.write_record(row.map(|cell| field(&cell))).map_err(written)?;
        }
        let text = csv.into_inner().map_err(|error| error.into_error())?;
        Ok(self.out.write_all(&text)?)
    }

    /// A table with a heading. On a terminal it fits its width as far as words go, and ids are shown by their ends.
    pub(crate) fn table<const N: usize>(
        &mut self,
        heading: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> Result<(), Failure> {
        self.tabulate(heading, rows, self.screen.width)
    }

    /// A table in full, whatever the terminal.
    pub(crate) fn full_table<const N: usize>(
        &mut self,
        heading: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> Result<(), Failure> {
        self.tabulate(heading, rows, None)
    }

    fn tabulate<const N: usize>(
        &mut self,
        heading: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
        width: Option<usize>,
    ) -> Result<(), Failure> {
        let mut rows: Vec<[String; N]> = rows.into_iter().collect();
        let mut table = Table::new();
        let zone = format!(" ({})", self.zone.name());
        let told = heading
            .map(|name| name.strip_suffix(UTC).map_or(name.to_owned(), |name| format!("{name}{zone}")));
        table.load_style(NOTHING);
        if let Some(width) = width {
            for column in 0..N {
                ids::shorten(rows.iter_mut().map(|row| &mut row[column]));
            }
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
        table.set_header(told).add_rows(&rows);
        if width.is_some() {
            for (column, least) in table.column_iter_mut().zip(least_widths(&heading, &rows)) {
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
            }
        }
        let lines: Vec<String> = table.lines().collect();
        let standing = heading.iter().position(|name| STANDINGS.contains(name));
        // The heading is plain ASCII.
        let from = standing.and_then(|column| lines.first()?.find(heading[column]));
        for (number, line) in lines.iter().enumerate() {
            let line = harmless(line.trim_end()).into_owned();
            match from.filter(|_| self.screen.colour && number > 0) {
                None => writeln!(self.out, "{line}")?,
                Some(from) => writeln!(self.out, "{}", with_standing(&line, from))?,
            }
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

/// What a column of moments says that are in UTC, and the zone in its place where they are in another.
const UTC: &str = " (UTC)";

/// The columns whose words are in colour.
const STANDINGS: [&str; 4] = ["STANDING", "STATE", "STATUS", "FATE"];

/// The widest that a column is made for the sake of a single word.
const WORD: usize = 24;

/// No column is narrower than its longest word, so that names and moments stay whole.
fn least_widths<const N: usize>(heading: &[&str; N], rows: &[[String; N]]) -> Vec<u16> {
    let longest = |text: &str| text.split_whitespace().map(|word| word.chars().count()).max().unwrap_or(0);
    let least = |column: usize| {
        let cells = rows.iter().map(|row| longest(&row[column]));
        // With the space on either side.
        cells.chain([longest(heading[column])]).max().unwrap_or(0).min(WORD) + 2
    };
    (0..N).map(|column| u16::try_from(least(column)).unwrap_or(u16::MAX)).collect()
}

/// A line of a table with the word that stands at a place of it in its colour.
fn with_standing(line: &str, from: usize) -> String {
    let Some((from, _)) = line.char_indices().nth(from) else { return line.to_owned() };
    let (before, rest) = line.split_at(from);
    let (word, after) = rest.split_once("  ").map_or((rest, None), |(word, after)| (word, Some(after)));
    let code = match word {
        "failed" | "unprotected" | "late" | "suspect" | "canceled" | "blocked" | "without-copies" => "31;1",
        "warning" | "attention" | "unknown" | "gone" | "remove" | "removed" | "removing" => "33",
        "available" | "succeeded" | "protected" | "ok" | "keep" => "32",
        _ => return line.to_owned(),
    };
    let after = after.map(|after| format!("  {after}")).unwrap_or_default();
    format!("{before}{}{after}", painted(word, Some(code)))
}

fn painted(text: &str, code: Option<&str>) -> String {
    match code {
        Some(code) if !text.is_empty() => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        _ => text.to_owned(),
    }
}

/// A cell as a field of CSV. A spreadsheet would compute what begins like a formula: that begins with an apostrophe.
fn field(text: &str) -> String {
    let text = harmless(text);
    if text == "-" {
        return String::new();
    }
    let quote = if text.starts_with(['=', '+', '-', '@', '\t', '\n']) { "'" } else { "" };
    format!("{quote}{}", text.replace('\n', "; "))
}

/// How the rows of a list are written.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    zone: Zone,
    /// For programs: RFC 3339, in UTC.
    exact: bool,
    /// Long texts are left as they are: a terminal's table folds them to its width.
    whole: bool,
}

impl Form {
    /// A moment, to the second.
    pub fn at(&self, at: Timestamp) -> String {
        if self.exact {
            return at.to_string();
        }
        self.zone.time_zone().to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// A text that may be long.
    pub fn text(&self, text: &str) -> String {
        if self.whole { text.to_owned() } else { cell(text) }
    }

    /// The same where there may be none.
    pub fn or_dash(&self, at: Option<Timestamp>) -> String {
        at.map_or_else(|| "-".to_owned(), |at| self.at(at))
    }
}

/// How long ago a moment is, to the minute.
pub(crate) fn since(at: Timestamp, now: Timestamp) -> String {
    age(now.duration_since(at))
}

/// An age that can be read at a glance, to the minute.
pub(crate) fn age(age: SignedDuration) -> String {
    format!("{:#}", age.round(Unit::Minute).unwrap_or(age))
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

/// `1 point`, `2 points`; `1 copy`, `2 copies`.
pub(crate) fn count(number: usize, what: &str) -> String {
    let is_consonant = |stem: &&str| !stem.ends_with(['a', 'e', 'o', 'u']);
    match what.strip_suffix('y').filter(is_consonant) {
        _ if number == 1 => format!("1 {what}"),
        Some(stem) => format!("{number} {stem}ies"),
        None => format!("{number} {what}s"),
    }
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
