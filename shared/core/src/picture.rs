//! A chain as a picture in text: a column per day, a row per time of day, a mark per restore point. Pure: lines of pieces,
//! each with its look; who prints them knows whether there is colour. No look says what the text does not.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::point::{PointKind, RestorePoint, State};
use crate::tier::{Tier, TierSlot};

/// How a piece of a picture looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As the text around it.
    Plain,
    /// It stands out.
    Strong,
    /// It stands back.
    Faint,
    /// Something went wrong.
    Bad,
    /// A restore point that a weekly flag keeps.
    Weekly,
    /// One that a monthly flag keeps.
    Monthly,
    /// One that a yearly flag keeps.
    Yearly,
}

impl Look {
    /// The code by which a terminal shows it; none of what is plain.
    pub fn code(self) -> Option<&'static str> {
        Some(match self {
            Self::Plain => return None,
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Bad => "31;1",
            Self::Weekly => "36",
            Self::Monthly => "33",
            Self::Yearly => "35",
        })
    }

    fn of(tier: Tier) -> Self {
        match tier {
            Tier::Daily => Self::Plain,
            Tier::Weekly => Self::Weekly,
            Tier::Monthly => Self::Monthly,
            Tier::Yearly => Self::Yearly,
        }
    }
}

/// A line of a picture: pieces of text, each with its look.
pub type Line = Vec<(Look, String)>;

/// The width of the names of rows.
const NAME: usize = 7;
/// What a removal by an operator is recorded with.
const BY_OPERATOR: &str = "removed by an operator";

/// Days side by side, each with the column in which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Days(Vec<(Date, usize)>);

impl Days {
    /// The days from one to another, in as many strips as a width asks for: one where there is none.
    pub fn strips(first: Date, last: Date, width: Option<usize>) -> Vec<Self> {
        let mut strips = vec![Self(Vec::new())];
        let mut column = NAME;
        for day in first.series(1.day()).take_while(|day| *day <= last) {
            // A Monday has room for more letters.
            let wide = if day.weekday() == Weekday::Monday { 3 } else { 2 };
            if width.is_some_and(|width| column + wide > width) && column > NAME {
                strips.push(Self(Vec::new()));
                column = NAME;
            }
            if let Some(Self(days)) = strips.last_mut() {
                days.push((day, column));
            }
            column += wide;
        }
        strips
    }

    /// The names of the months, and the days of the Mondays.
    pub fn axis(&self) -> [Line; 2] {
        let (mut months, mut mondays) = (String::new(), String::new());
        for (day, start) in &self.0 {
            if months.is_empty() || day.day() == 1 {
                months = format!("{months:<start$}{}", day.strftime("%b"));
            }
            if day.weekday() == Weekday::Monday {
                mondays = format!("{mondays:<start$}{}", day.day());
            }
        }
        [vec![(Look::Plain, months)], vec![(Look::Plain, mondays)]]
    }

    /// A row per time of day at which points of a chain, and slots that got none, were due in a zone; and one for
    /// manual backups. Of two points in one place the later one is shown.
    pub fn rows(
        &self,
        points: &[&RestorePoint],
        missed: &[TierSlot],
        zone: &TimeZone,
        now: Timestamp,
    ) -> Vec<Line> {
        let Some(((first, _), (last, _))) = self.0.first().zip(self.0.last()) else { return Vec::new() };
        let mut rows: BTreeMap<String, BTreeMap<Date, (Look, String)>> = BTreeMap::new();
        let missed = missed.iter().map(|missed| (missed.slot, None));
        for (slot, point) in missed.chain(points.iter().map(|point| (point.slot, Some(*point)))) {
            let local = slot.to_zoned(zone.clone());
            if !(*first..=*last).contains(&local.date()) {
                continue;
            }
            let name = match point {
                Some(point) if point.kind == PointKind::Manual => "manual".to_owned(),
                _ => local.strftime("%H:%M").to_string(),
            };
            let mark = point.map_or_else(|| (Look::Bad, "-".to_owned()), |point| mark(point, now));
            rows.entry(name).or_default().insert(local.date(), mark);
        }
        rows.into_iter().map(|(name, marks)| self.row(&name, &marks)).collect()
    }

    fn row(&self, name: &str, marks: &BTreeMap<Date, (Look, String)>) -> Line {
        let mut line = vec![(Look::Faint, format!("{name:<NAME$}"))];
        let mut used = NAME;
        for (day, start) in &self.0 {
            let Some((look, mark)) = marks.get(day) else { continue };
            // A mark that is wider than its day moves the next one, never itself.
            line.push((Look::Plain, " ".repeat(start.saturating_sub(used))));
            used = used.max(*start) + mark.chars().count();
            line.push((*look, mark.clone()));
        }
        line
    }
}

fn mark(point: &RestorePoint, now: Timestamp) -> (Look, String) {
    let live: Vec<Tier> = point.flags.iter().filter(|flag| flag.is_live(now)).map(|flag| flag.tier).collect();
    let (look, mut text) = match point.state() {
        State::Available if point.suspect.is_some() => (Look::Bad, "s".to_owned()),
        State::Available if point.kind == PointKind::Manual => (Look::Strong, "#".to_owned()),
        // Kept by no flag any more, until the next retention run.
        State::Available if live.is_empty() => (Look::Faint, "o".to_owned()),
        State::Available => {
            let longest = live.iter().copied().max().map_or(Look::Plain, Look::of);
            (longest, live.into_iter().map(Tier::letter).collect())
        }
        State::Deleted if point.reason() == Some(BY_OPERATOR) => (Look::Bad, "x".to_owned()),
        State::Deleted => (Look::Faint, ".".to_owned()),
        State::Failed => (Look::Bad, "!".to_owned()),
        State::Dropped => (Look::Faint, "/".to_owned()),
        State::Planned | State::Starting | State::Running | State::Deleting => (Look::Faint, "?".to_owned()),
    };
    if point.hold.as_ref().is_some_and(|hold| hold.is_live(now)) {
        text.push('*');
    }
    (look, text)
}

/// What the marks of a picture mean.
pub fn legend() -> Vec<Line> {
    let plain = |text: &str| (Look::Plain, text.to_owned());
    let mut tiers = vec![plain("a restore point is the letters of the flags that keep it: ")];
    for tier in Tier::ALL {
        let gap = if tier == Tier::Daily { "" } else { ", " };
        tiers.push(plain(gap));
        tiers.push((Look::of(tier), tier.letter().to_string()));
        tiers.push(plain(&format!(" {tier}")));
    }
    let rest = [
        "*  held by an operator  #  manual backup   o  outdated   s  suspect   ?  under way",
        ".  removed              x  removed by an operator        !  failed    -  missed   /  dropped",
    ];
    [tiers].into_iter().chain(rest.map(|line| vec![plain(line)])).collect()
}

/// How many points there are, and how many each tier keeps: `4 points: 3 daily, 1 weekly`.
pub fn kept(points: &[&RestorePoint], now: Timestamp) -> String {
    let there: Vec<_> = points.iter().filter(|point| point.state() == State::Available).collect();
    let live =
        |point: &RestorePoint, tier| point.flags.iter().any(|flag| flag.tier == tier && flag.is_live(now));
    let count = |tier| there.iter().filter(|point| live(point, tier)).count();
    let tiers = Tier::ALL.into_iter().map(|tier| (count(tier), tier.to_string()));
    let manual = there.iter().filter(|point| point.kind == PointKind::Manual).count();
    let counts = tiers.chain([(manual, "manual".to_owned())]).filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, what)| format!("{count} {what}")).collect();
    let points = if there.len() == 1 { "point" } else { "points" };
    let gap = if counts.is_empty() { "" } else { ": " };
    format!("{} {points}{gap}{}", there.len(), counts.join(", "))
}

/// The slots of a chain that are owed: the latest of each tier that failed and that no point carries, or is to carry.
pub fn owed(points: &[&RestorePoint]) -> Vec<TierSlot> {
    let mut owed: BTreeMap<Tier, Timestamp> = BTreeMap::new();
    let mut carried: BTreeMap<Tier, Timestamp> = BTreeMap::new();
    for point in points {
        let of = match point.state() {
            State::Failed => &mut owed,
            State::Dropped => continue,
            State::Available if point.suspect.is_some() => continue,
            _ => &mut carried,
        };
        for flag in &point.flags {
            let slot = of.entry(flag.tier).or_insert(flag.slot);
            *slot = flag.slot.max(*slot);
        }
    }
    owed.retain(|tier, slot| carried.get(tier).is_none_or(|carried| carried < slot));
    owed.into_iter().map(|(tier, slot)| TierSlot { tier, slot }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{PointId, Table};
    use crate::point::{Hold, Made, Progress};
    use crate::tier::Flag;

    const NOW: &str = "2026-01-14T12:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A point of 07:00 of a day of January, with its flags and the days that they last.
    fn point(day: i8, flags: &[(Tier, i64)], progress: Progress) -> RestorePoint {
        let slot = at(&format!("2026-01-{day:02}T07:00:00Z"));
        let table = Table {
            arn: "arn:aws:dynamodb:eu-central-1:111122223333:table/orders".parse().unwrap(),
            id: "table-1".parse().unwrap(),
        };
        let vault = "arn:aws:backup:eu-central-1:111122223333:backup-vault:backup-chain".parse().unwrap();
        let session = "01KE73DJG0C1V5K6TP3T2ZJ4ZD".parse().unwrap();
        let mut point =
            RestorePoint::planned(PointId::new(slot, 7), PointKind::Backup, table, vault, session, slot);
        let flag = |(tier, days): &(Tier, i64)| Flag {
            tier: *tier,
            slot,
            span: format!("{days} days").parse().unwrap(),
            lapses: slot + jiff::SignedDuration::from_hours(24 * days),
        };
        point.flags = flags.iter().map(flag).collect();
        point.progress = progress;
        point
    }

    fn made() -> Made {
        let recovery_point = "arn:aws:backup:eu-central-1:111122223333:recovery-point:1".parse().unwrap();
        Made { recovery_point, job: None }
    }

    fn available() -> Progress {
        Progress::Available { made: made(), blocked: None }
    }

    fn failed() -> Progress {
        Progress::Failed { why: "AWS says so".to_owned(), job: None, recovery_point: None }
    }

    fn deleted(why: &str) -> Progress {
        Progress::Deleted { made: made(), why: why.to_owned() }
    }

    fn text(lines: impl IntoIterator<Item = Line>) -> String {
        let line = |line: Line| line.into_iter().map(|(_, text)| text).collect::<String>();
        lines.into_iter().map(|it| line(it).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }

    fn picture(points: &[&RestorePoint], missed: &[TierSlot], width: Option<usize>) -> String {
        let day = |day: i8| jiff::civil::date(2026, 1, day);
        let strips = Days::strips(day(1), day(14), width);
        let strip =
            |days: Days| days.axis().into_iter().chain(days.rows(points, missed, &TimeZone::UTC, at(NOW)));
        text(strips.into_iter().flat_map(strip))
    }

    #[test]
    fn a_chain_is_drawn_by_its_flags_and_by_what_became_of_it() {
        use Tier::{Daily, Monthly, Weekly};
        let mut held = point(12, &[(Daily, 7), (Weekly, 35)], available());
        let reason = "audit".to_owned();
        held.hold = Some(Hold { reason, author: None, until: None, since: Some(at(NOW)) });
        let mut manual = point(9, &[], available());
        (manual.kind, manual.slot) = (PointKind::Manual, at("2026-01-09T10:31:00Z"));
        let mut suspect = point(11, &[(Daily, 7)], available());
        suspect.suspect = Some("another's".to_owned());
        let points = [
            point(1, &[(Daily, 3)], deleted("no flag is live")),
            point(2, &[(Daily, 3)], deleted(BY_OPERATOR)),
            point(3, &[(Daily, 3)], available()),
            point(5, &[(Daily, 3), (Weekly, 35), (Monthly, 390)], available()),
            manual,
            point(10, &[(Daily, 3)], failed()),
            suspect,
            held,
            point(13, &[(Daily, 7)], available()),
            point(14, &[(Daily, 7)], Progress::Planned),
        ];
        let points: Vec<&RestorePoint> = points.iter().collect();
        let missed = [TierSlot { tier: Daily, slot: at("2026-01-08T07:00:00Z") }];
        insta::assert_snapshot!(picture(&points, &missed, None), @"
               Jan
                       5              12
        07:00  . x o   WM     -   ! s DW*D ?
        manual                  #
        ");
        insta::assert_snapshot!(picture(&points, &missed, Some(24)), @"
               Jan
                       5
        07:00  . x o   WM     -
               Jan
                     12
        07:00    ! s DW*D ?
        manual #
        ");
        insta::assert_snapshot!(text(legend()), @"
        a restore point is the letters of the flags that keep it: D daily, W weekly, M monthly, Y yearly
        *  held by an operator  #  manual backup   o  outdated   s  suspect   ?  under way
        .  removed              x  removed by an operator        !  failed    -  missed   /  dropped
        ");
        insta::assert_snapshot!(kept(&points, at(NOW)), @"6 points: 3 daily, 2 weekly, 1 monthly, 1 manual");
    }

    #[test]
    fn no_strip_is_wider_than_asked_and_none_is_lost() {
        let (first, last) = (jiff::civil::date(2025, 11, 20), jiff::civil::date(2026, 2, 11));
        for width in [10, 24, 80, 100] {
            let strips = Days::strips(first, last, Some(width));
            let days: Vec<Date> = strips.iter().flat_map(|strip| &strip.0).map(|(day, _)| *day).collect();
            assert_eq!(days, first.series(1.day()).take_while(|day| *day <= last).collect::<Vec<_>>());
            assert!(strips.iter().flat_map(|strip| &strip.0).all(|(_, column)| column + 2 <= width));
        }
        assert_eq!(Days::strips(first, last, None).len(), 1);
    }

    #[test]
    fn a_slot_is_owed_until_a_later_point_carries_its_tier() {
        use Tier::{Daily, Weekly};
        let lost = point(5, &[(Daily, 3), (Weekly, 35)], failed());
        let next = point(6, &[(Daily, 3)], available());
        let weekly = TierSlot { tier: Weekly, slot: lost.slot };
        assert_eq!(owed(&[&lost]), [TierSlot { tier: Daily, slot: lost.slot }, weekly.clone()]);
        assert_eq!(owed(&[&lost, &next]), [weekly]);
        let mut makes_up = point(7, &[(Daily, 3), (Weekly, 35)], Progress::Planned);
        makes_up.flags[1].slot = lost.slot;
        assert_eq!(owed(&[&lost, &next, &makes_up]), []);
    }
}
