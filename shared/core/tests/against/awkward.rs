//! Awkward moments against policies of all kinds, told in one table to be read:
//! `snapshots/against_naive__awkward_moments.snap`. A line is a point: its number, the tick, its slot and, for
//! each of its flags, the slot where that is another, and when it lapses; ticks in UTC, the rest in the
//! policy's zone.
//!
//! The table is what the crate says, and the life that it is taken from checks each line against the naive
//! implementation.

use std::fmt::Write;

use super::adapter::tier_line;
use super::life::{Fate, Life};
use crate::naive::calendar::{Date, On, Slots, Span, Unit, date_of, day_number};
use crate::naive::chain::{Policy, Rule, State, Tier};
use crate::naive::clock::{Clock, DAY};

/// The policies are in force from here.
const BEGIN: &str = "2026-01-04 20:00:00";
const END: &str = "2029-04-01 00:00:00";

/// Ticks, in UTC. At those with an x the backup fails.
const MOMENTS: &str = "
    # The second before a slot, the slot, the second after.
    2026-01-05 06:59:59, 2026-01-05 07:00:00, 2026-01-05 07:00:01, 2026-01-05 19:00:00, 2026-01-06 07:00:00
    2026-01-07 07:00:30, 2026-01-08 06:59:59, 2026-01-08 07:00:00, 2026-01-09 23:59:59
    # A Monday that fails, and late ticks.
    2026-01-12 06:59:59, 2026-01-12 07:00:00 x, 2026-01-12 07:00:59, 2026-01-13 06:30:00, 2026-01-16 04:00:00
    2026-01-19 07:00:00, 2026-01-26 07:00:00
    # Month ends.
    2026-01-30 23:59:00, 2026-01-31 00:00:00, 2026-01-31 07:00:00 x, 2026-01-31 23:59:59, 2026-02-01 00:00:00
    2026-02-02 07:00:00
    # Casablanca goes back for Ramadan.
    2026-02-15 01:30:00, 2026-02-15 02:00:00, 2026-02-15 02:30:00
    # February ends.
    2026-02-28 07:00:00, 2026-02-28 23:59:00, 2026-03-01 00:00:00, 2026-03-01 07:00:00
    # New York to summer time, at 07:00 UTC.
    2026-03-08 06:30:00, 2026-03-08 06:59:59, 2026-03-08 07:00:00, 2026-03-08 07:30:00
    # Casablanca goes forth again.
    2026-03-22 01:59:59, 2026-03-22 02:00:00
    # Berlin and Dublin to summer time, at 01:00 UTC.
    2026-03-29 00:30:00, 2026-03-29 00:59:59, 2026-03-29 01:00:00, 2026-03-29 01:00:01, 2026-03-29 01:30:00
    2026-03-31 07:00:00, 2026-03-31 23:00:00
    # Lord Howe to winter time by half an hour, at 15:00 UTC.
    2026-04-04 14:45:00, 2026-04-04 15:00:00, 2026-04-04 15:15:00, 2026-04-04 15:45:00
    # Cairo to summer time at midnight, 22:00 UTC: a day that begins at one o'clock.
    2026-04-23 21:59:59, 2026-04-23 22:00:00, 2026-04-23 22:30:00
    2026-04-30 07:00:00, 2026-04-30 23:59:59, 2026-05-31 07:00:00, 2026-06-30 23:59:00
    # Half a year after the first Monday, and the slot after that.
    2026-07-05 06:59:59, 2026-07-05 07:00:00, 2026-07-06 07:00:00
    # Lord Howe to summer time, at 15:30 UTC.
    2026-10-03 15:29:59, 2026-10-03 15:30:00, 2026-10-03 15:45:00
    # Berlin to winter time, at 01:00 UTC: 02:30 comes twice.
    2026-10-25 00:00:00, 2026-10-25 00:30:00, 2026-10-25 01:00:00, 2026-10-25 01:30:00, 2026-10-25 02:00:00
    # Cairo to winter time, at 21:00 UTC; New York, at 06:00 UTC.
    2026-10-29 20:59:59, 2026-10-29 21:00:00, 2026-10-29 22:00:00
    2026-11-01 05:30:00, 2026-11-01 06:00:00, 2026-11-01 06:30:00, 2026-11-01 07:00:00
    # A week across New Year.
    2026-12-25 07:00:00, 2026-12-28 07:00:00, 2026-12-31 07:00:00, 2026-12-31 23:58:59, 2026-12-31 23:59:00
    2027-01-01 00:00:00, 2027-01-01 00:00:01, 2027-01-01 07:00:00, 2027-01-03 23:00:00, 2027-01-04 07:00:00 x
    2027-01-04 08:00:00, 2027-01-11 07:00:00
    # A look. Then a year with few ticks.
    2027-01-11 12:00:00 look, 2027-02-28 07:00:00, 2027-03-28 01:00:00, 2027-05-31 23:59:59, 2027-10-31 01:30:00
    2027-12-31 23:59:59, 2028-01-01 00:00:00, 2028-01-03 07:00:00
    # The leap day.
    2028-02-28 07:00:00, 2028-02-28 23:59:59, 2028-02-29 00:00:00, 2028-02-29 07:00:00, 2028-02-29 23:59:00
    2028-03-01 00:00:00, 2028-03-01 12:00:00 look
    # Years apart.
    2028-12-31 23:59:00, 2029-01-01 00:00:00, 2029-01-01 07:00:00, 2029-02-28 07:00:00, 2029-03-01 00:00:00
    2029-03-05 12:00:00 look
";

/// Zone, the newest points that stay, tiers.
const POLICIES: [(&str, usize, &str); 42] = [
    // The worked example of the reference product, and what is near it.
    ("UTC", 1, "D * 07:00,19:00 3d; W mon 07:00 14d; M 1mon 07:00 6m"),
    ("UTC", 2, "D * 07:00 3d; W mon 07:00 14d; M 1mon 07:00 6m; Y 1mon/1 07:00 2y"),
    ("Europe/Berlin", 1, "D * 07:00,19:00 3d; W mon 07:00 14d; M 1mon 07:00 6m"),
    ("America/New_York", 1, "D * 07:00 3d; W mon 07:00 14d; M 1mon 07:00 6m"),
    ("Asia/Kathmandu", 1, "D * 12:45 3d; W mon 12:45 14d"),
    // Every day.
    ("UTC", 1, "D * 00:00 1d"),
    ("UTC", 3, "D * 23:59 1w"),
    ("UTC", 1, "D * 00:00,07:00,23:59 1m"),
    ("UTC", 1, "D work 07:00 3d"),
    ("UTC", 1, "D sat,sun 07:00 6d"),
    // In and about gaps and overlaps.
    ("Europe/Berlin", 1, "D * 02:30 1d"),
    ("Europe/Berlin", 1, "D * 02:00,02:30,03:00 3d"),
    ("Europe/Berlin", 1, "W sun 02:30 1w; M last 02:30 2m"),
    ("Europe/Dublin", 1, "D * 01:30 2d; M Lsun 01:30 35d"),
    ("America/New_York", 1, "D * 01:30,02:30 1d"),
    ("America/New_York", 1, "W sun 02:30 2w; M 1sun 01:30 3m"),
    ("Australia/Lord_Howe", 1, "D * 01:45,02:15 1d"),
    ("Australia/Lord_Howe", 1, "W sun 02:15 7d; M 1sun 02:15 6m"),
    ("Africa/Cairo", 1, "D * 00:00 1d; W fri 00:30 1w"),
    ("Africa/Cairo", 1, "M Lfri 00:00 6m; Y Lfri/4 00:00 2y"),
    ("Africa/Casablanca", 1, "D * 02:30 1d; W sun 02:30 2w"),
    ("Asia/Kathmandu", 1, "D * 05:45 1d; M 1 05:45 1m"),
    // Every week.
    ("UTC", 1, "W mon 07:00 1w"),
    ("UTC", 1, "W sun 23:59 7d"),
    ("UTC", 2, "W mon,thu 00:00,07:00 1m"),
    ("Europe/Berlin", 1, "W mon 00:00 1w; Y 1/1 00:00 1y"),
    ("UTC", 1, "W fri 07:00 1w; M Lfri 07:00 6m; Y Lfri/12 07:00 2y"),
    // Every month.
    ("UTC", 1, "M 1 00:00 1m"),
    ("UTC", 1, "M last 23:59 2m"),
    ("UTC", 1, "M last 07:00 31d"),
    ("UTC", 1, "M 31/1,3,5,7,8,10,12 07:00 2m"),
    ("UTC", 1, "M 30/1,3,4,5,6 07:00 8m"),
    ("UTC", 1, "M 4mon/2,5 07:00 10m"),
    ("UTC", 1, "M Lmon 07:00 35d"),
    ("Europe/Berlin", 1, "M last 00:00 31d; Y last/12 00:00 2y"),
    ("America/New_York", 1, "M 28 19:00 1m"),
    ("Africa/Casablanca", 1, "M 3sun 02:30 36d"),
    // Every year.
    ("UTC", 1, "Y 31/12 23:59 1y"),
    ("UTC", 2, "Y last/2 07:00 367d"),
    ("UTC", 1, "M last 23:59 2m; Y last/2 23:59 2y"),
    ("Europe/Berlin", 1, "Y Lsun/3 02:30 2y"),
    ("UTC", 1, "D * 07:00 2d; Y 1mon/1 07:00 2y"),
];

/// The table.
pub fn table() -> String {
    let mut told = String::new();
    for (number, (zone, keep_last, tiers)) in POLICIES.into_iter().enumerate() {
        let policy = Policy {
            zone: zone.to_owned(),
            enabled: true,
            keep_last,
            tiers: tiers.split("; ").map(tier).collect(),
        };
        writeln!(told, "policy {}: {zone}, the newest {keep_last}", number + 1).unwrap();
        for tier in &policy.tiers {
            writeln!(told, "  {}", tier_line(tier)).unwrap();
        }
        tell(policy, &mut told);
        told.push('\n');
    }
    told
}

/// What the life under a policy comes to: its points, one a line, and at each look what becomes of them.
fn tell(policy: Policy, told: &mut String) {
    let clock = Clock::of(&policy.zone, 2023);
    let mut before = utc(BEGIN);
    let mut life = Life::new(policy, 2023, utc(BEGIN), utc(END));
    let moments =
        MOMENTS.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(|line| line.split(','));
    for moment in moments.map(str::trim).filter(|moment| !moment.is_empty()) {
        let (now, mark) = (utc(&moment[..19]), moment[19..].trim());
        assert!(now > before, "{moment} is out of order");
        before = now;
        if mark == "look" {
            look(&mut life, now, told);
            continue;
        }
        let fate = Fate { state: if mark == "x" { State::Failed } else { State::Available }, ..Fate::WELL };
        let missed = life.missed(now);
        let Some(point) = life.tick(now, fate, fate) else { continue };
        let point = life.backups.points.iter().find(|made| made.number == point).unwrap();
        let year = moment[..4].parse().unwrap();
        let wall = |moment: i64| shown(clock.shows(moment / 60), year);
        let flags: Vec<String> = point
            .flags
            .iter()
            .map(|flag| {
                let of =
                    if flag.slot == point.slot { String::new() } else { format!(" of {}", wall(flag.slot)) };
                format!("{}{of} -> {}", LETTERS[flag.tier], wall(flag.lapses))
            })
            .collect();
        let missed = if missed == 0 { String::new() } else { format!("; {missed} missed") };
        let failed = if mark == "x" { "failed: " } else { "" };
        let (number, flags, slot) = (point.number, flags.join(", "), wall(point.slot));
        writeln!(told, "  {number:>3}  {}Z  {slot}  {failed}{flags}{missed}", &moment[..19]).unwrap();
    }
}

/// Retention at a moment, carried out.
fn look(life: &mut Life, now: i64, told: &mut String) {
    let guards = life.guards();
    let verdicts = life.retention(now, &guards, true);
    let (removed, kept): (Vec<_>, Vec<_>) = verdicts.into_iter().partition(|(verdict, _)| verdict.remove);
    writeln!(told, "  at {}", shown(now / 60, 0)).unwrap();
    for (verdict, why) in kept {
        writeln!(told, "  {:>3}  stays: {why}", verdict.number).unwrap();
    }
    let numbers: Vec<usize> = removed.iter().map(|(verdict, _)| verdict.number).collect();
    if !numbers.is_empty() {
        writeln!(told, "       removed: {}", ranges(&numbers)).unwrap();
    }
}

/// `1-3, 7`
fn ranges(numbers: &[usize]) -> String {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b);
    let told = runs.map(|run| match run {
        [one] => one.to_string(),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    });
    told.collect::<Vec<_>>().join(", ")
}

const LETTERS: [&str; 4] = ["D", "W", "M", "Y"];

/// `Mon 05 Jan 07:00`, with the year where it is not `year`.
fn shown(minute: i64, year: i64) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let date = date_of(minute / DAY);
    let (weekday, month) = (WEEKDAYS[(minute / DAY % 7) as usize], MONTHS[date.month as usize - 1]);
    let time = minute % DAY;
    let of_year = if date.year == year { String::new() } else { format!(" {}", date.year) };
    format!("{weekday} {:02} {month}{of_year} {:02}:{:02}", date.day, time / 60, time % 60)
}

/// `2026-01-05 06:59:59`
fn utc(text: &str) -> i64 {
    let numbers: Vec<i64> = text.split(['-', ' ', ':']).map(|number| number.parse().unwrap()).collect();
    let &[year, month, day, hour, minute, second] = numbers.as_slice() else { panic!("{text}") };
    ((day_number(Date { year, month, day }) * 24 + hour) * 60 + minute) * 60 + second
}

/// `W mon,thu 07:00 14d`, `M 1mon/1,7 07:00 6m`: letter, days and months, times, span.
fn tier(text: &str) -> Tier {
    let words: Vec<&str> = text.split(' ').collect();
    let &[letter, days, times, keep] = words.as_slice() else { panic!("{text}") };
    let (on, months) = days.split_once('/').unwrap_or((days, ""));
    let time = |text: &str| {
        let (hour, minute) = text.split_once(':').unwrap();
        hour.parse::<i64>().unwrap() * 60 + minute.parse::<i64>().unwrap()
    };
    let slots = Slots {
        on: days_of(on),
        months: months.split(',').filter_map(|month| month.parse().ok()).collect(),
        times: times.split(',').map(time).collect(),
    };
    let (count, unit) = keep.split_at(keep.len() - 1);
    let unit = match unit {
        "d" => Unit::Day,
        "w" => Unit::Week,
        "m" => Unit::Month,
        _ => Unit::Year,
    };
    let keep = Span { count: count.parse().unwrap(), unit };
    let number = LETTERS.iter().position(|known| *known == letter).unwrap();
    Tier { number, backups: Rule { slots, keep }, copies: None }
}

fn days_of(text: &str) -> On {
    let weekday = |text: &str| {
        ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].iter().zip(0..).find(|(name, _)| **name == text)
    };
    match text {
        "*" => return On::EveryDay,
        "work" => return On::Workdays,
        "last" => return On::LastDay,
        _ => {}
    }
    if let Ok(day) = text.parse() {
        return On::Day(day);
    }
    let (first, rest) = text.split_at(1);
    match (weekday(rest), first.parse()) {
        (Some((_, day)), Ok(nth)) => On::Nth(nth, day),
        (Some((_, day)), Err(_)) => On::LastWeekday(day),
        (None, _) => On::Weekdays(text.split(',').map(|day| weekday(day).unwrap().1).collect()),
    }
}
