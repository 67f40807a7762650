//! Time zones by their IANA names, from the database that is compiled in.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::spelling::Misspelt;
use crate::suggest;

/// An IANA time zone such as `Europe/Berlin`. Written and read as its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

/// A name that the time-zone database does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no time zone is called {given:?}: {hint}")]
pub struct UnknownZone {
    given: String,
    hint: String,
}

impl Misspelt for UnknownZone {
    fn what(&self) -> String {
        format!("no time zone is called {:?}", self.given)
    }

    fn way_out(&self) -> String {
        self.hint.clone()
    }
}

/// What the database holds for machines whose zone has not been set: no zone of any place.
const UNSET: &str = "Factory";

impl Zone {
    /// Coordinated universal time, the default.
    pub const UTC: Zone = Zone(TimeZone::UTC);

    /// Its IANA name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// It as jiff's time zone.
    pub fn time_zone(&self) -> &TimeZone {
        &self.0
    }

    /// The instant of a wall-clock time: see [`instant`].
    pub fn instant(&self, local: DateTime) -> Option<Timestamp> {
        instant(&self.0, local)
    }
}

/// The instant at which the wall clock first shows `local`: the first moment after the gap where it never
/// does, the first of the two where it does so twice. `None` outside the calendar.
pub fn instant(zone: &TimeZone, local: DateTime) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    if let AmbiguousOffset::Gap { after, .. } = ambiguous.offset() {
        // Read with the later offset, a time inside the gap lies just before the change.
        let before_change = after.to_timestamp(local).ok()?;
        let change = zone.following(before_change).find(|change| change.offset() == after)?;
        return Some(change.timestamp());
    }
    // Where a zone's rule for the years to come begins, jiff may take a time to come twice that comes once,
    // such as the eve of 29 October 2023 in Nuuk. Then the first of the two is not shown as that time.
    let shows_it = |moment: &Timestamp| zone.to_datetime(*moment) == local;
    ambiguous.earlier().ok().filter(shows_it).or_else(|| ambiguous.later().ok())
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;
    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        // Not jiff's global database, which another crate's features could point at the machine's own.
        let database = TimeZoneDatabase::bundled();
        match database.get(text) {
            Ok(zone) if !zone.is_unknown() && zone.iana_name() != Some(UNSET) => Ok(Self(zone)),
            _ => {
                let names = database.available().map(|name| name.as_str().to_owned());
                let names: Vec<String> = names.filter(|name| name != UNSET).collect();
                let near = near_zones(text, &names);
                let hint = if near.is_empty() {
                    "write an IANA name, such as Europe/Berlin or UTC".to_owned()
                } else {
                    format!("did you mean {}?", suggest::any_of(&near))
                };
                Err(UnknownZone { given: text.to_owned(), hint })
            }
        }
    }
}

/// Zones spelt nearly like `text`, or else those of the city that it names.
fn near_zones<'a>(text: &str, names: &'a [String]) -> Vec<&'a str> {
    let city = |name: &str| name.rsplit('/').next().unwrap_or(name).replace('_', " ").to_lowercase();
    let wanted = city(text);
    let by_city = || names.iter().map(String::as_str).filter(|name| city(name) == wanted).take(3).collect();
    let by_spelling = suggest::nearest(text, names.iter().map(String::as_str), 3);
    if by_spelling.is_empty() { by_city() } else { by_spelling }
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;
    fn try_from(text: String) -> Result<Self, UnknownZone> {
        text.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> String {
        zone.name().to_owned()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
