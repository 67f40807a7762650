//! What a policy will hold, cost and take, by hand and by the program.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use backup_chain_core::forecast::{
    Carrier, Chain, Count, Facts, InvalidPrices, Prices, SessionLimits, VaultFacts, cost, load,
    session_length, steady_state, warnings,
};
use backup_chain_core::ids::Region;
use backup_chain_core::lock::{Lock, MAX_DAYS};
use backup_chain_core::policy::{Home, Policy};
use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const COPIES: &str = "arn:aws:backup:eu-west-1:111122223333:backup-vault:copies";

fn parse(text: &str) -> Policy {
    let home = Home {
        partition: "aws".to_owned(),
        account: "111122223333".parse().unwrap(),
        region: region("eu-central-1"),
    };
    Policy::parse(text, &home).unwrap_or_else(|errors| panic!("{errors}"))
}

fn policy(more: &str) -> Policy {
    let copies =
        if more.contains("copy") { format!("copies: [{{vault: '{COPIES}'}}]") } else { String::new() };
    parse(&format!("name: test\nsources: {{all: true}}\nvault: main\n{copies}\n{more}\n"))
}

fn example(name: &str) -> Policy {
    let path = format!("{}/../../examples/policies/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    parse(&std::fs::read_to_string(path).unwrap())
}

fn region(name: &str) -> Region {
    name.parse().unwrap()
}

fn now() -> Timestamp {
    "2026-03-10T12:00:00Z".parse().unwrap()
}

fn range(count: Count) -> String {
    let Count { least, most, average } = count;
    if least == most { most.to_string() } else { format!("{least} to {most}, {average:.1} on average") }
}

fn told(chain: &Chain) -> String {
    let mut text = format!("points: {}\ncold: {}\n", range(chain.points), range(chain.cold));
    for (tier, count) in &chain.tiers {
        writeln!(text, "{tier}: {}", range(*count)).unwrap();
    }
    write!(text, "a month: {:.1}", chain.made_per_month).unwrap();
    text
}

fn backups(policy: &Policy) -> String {
    told(&steady_state(policy, now()).backups)
}

#[test]
fn bronze() {
    // One a day, kept for 7: the eighth is made at the moment at which the first lapses. 365 / 12 = 30.4.
    let steady = steady_state(&example("bronze"), now());
    assert!(steady.copies.is_none());
    assert_snapshot!(told(&steady.backups), @"
    points: 7
    cold: 0
    daily: 7
    a month: 30.4
    ");
}

#[test]
fn silver() {
    // Two a workday, kept for 4 days: 4 from Monday to Wednesday morning, when Thursday's and Friday's (then
    // Friday's and Monday's, then Monday's and Tuesday's) are there; 8 from Thursday evening on. On average
    // 522 a year * 4 days / 365 days = 5.7. Weekly: 4 Mondays, the newest of which is the daily one of 07:00
    // until Friday 07:00. So 4 + 4 - 1 = 7 at the least, 8 + 4 = 12 at the most. A month: 522 / 12 = 43.5.
    assert_snapshot!(backups(&example("silver")), @"
    points: 7 to 12, 9.1 on average
    cold: 0
    daily: 4 to 8, 5.7 on average
    weekly: 4
    a month: 43.5
    ");
}

#[test]
fn gold() {
    // Daily: 4 * 3 = 12. Weekly: 5 Mondays, the newest of which is daily too for 3 days of 7. Monthly: 13, one
    // more or less where the first Monday comes by an earlier or a later date than 13 months ago; those of the last
    // 5 weeks, 1.15, are weekly too. Yearly: 7, and for two days of January 2027 an eighth; those of the last 13
    // months, 1.08, are monthly too. 12 + 5 + 13 + 7 - 3/7 - 1.15 - 1.08 = 34.3.
    // Cold: of the monthly ones those of the last 90 days are not, 13 - 2.96, and 5.92 that are only yearly: 15.96.
    // A month: 4 * 365 / 12 = 121.7; all tiers share daily slots.
    let steady = steady_state(&example("gold"), now());
    assert_snapshot!(told(&steady.backups), @"
    points: 32 to 35, 34.3 on average
    cold: 15 to 17, 15.9 on average
    daily: 12
    weekly: 5
    monthly: 12 to 14, 13.0 on average
    yearly: 7 to 8, 7.0 on average
    a month: 121.7
    ");
    // Copied daily at 19:00, kept for a week: 7, which share nothing with the Mondays at 07:00:
    // 7 + 5 + 13 - 1.15 + 7 - 1.08 = 29.8. A month: (365 + 52) / 12 = 34.8.
    assert_snapshot!(told(&steady.copies.unwrap()), @"
    points: 28 to 30, 29.8 on average
    cold: 15 to 17, 15.9 on average
    daily: 7
    weekly: 5
    monthly: 12 to 14, 13.0 on average
    yearly: 7 to 8, 7.0 on average
    a month: 34.8
    ");
}

#[test]
fn tiers_share_points_only_where_they_share_slots() {
    let shared = "tiers: {daily: {at: 07:00, keep: 7 days}, weekly: {on: monday, at: 07:00, keep: 7 days}}";
    assert_snapshot!(backups(&policy(shared)), @"
    points: 7
    cold: 0
    daily: 7
    weekly: 1
    a month: 30.4
    ");
    let apart = "tiers: {daily: {at: 07:00, keep: 7 days}, weekly: {on: monday, at: 08:00, keep: 7 days}}";
    assert_snapshot!(backups(&policy(apart)), @"
    points: 8
    cold: 0
    daily: 7
    weekly: 1
    a month: 34.8
    ");
}

#[test]
fn the_newest_points_stay() {
    assert_snapshot!(backups(&policy("keep_last: 5\ntiers: {daily: {at: 07:00, keep: 3 days}}")), @"
    points: 5
    cold: 0
    daily: 3
    a month: 30.4
    ");
    // Without tiers there is nothing to keep.
    assert_snapshot!(backups(&policy("keep_last: 5")), @"
    points: 0
    cold: 0
    a month: 0.0
    ");
}

#[test]
fn cold_storage_takes_what_stays_long_enough() {
    // Kept for 200 days, cold after 100: half of them, as 200 >= 100 + 90.
    let cold = |keep| {
        backups(&policy(&format!("cold_after: 100 days\ntiers: {{daily: {{at: 07:00, keep: {keep}}}}}")))
    };
    assert_snapshot!(cold("200 days"), @"
    points: 200
    cold: 100
    daily: 200
    a month: 30.4
    ");
    // A daily point that is a weekly one too moves for the weekly one's sake.
    let both = "cold_after: 10 days
tiers: {daily: {at: 07:00, keep: 14 days}, weekly: {on: monday, at: 07:00, keep: 20 weeks}}";
    assert_snapshot!(backups(&policy(both)), @"
    points: 32
    cold: 18 to 19, 18.6 on average
    daily: 14
    weekly: 20
    a month: 30.4
    ");
}

/// Counts by the definition: every slot, its lapse in the zone, no sharing but by instant.
fn by_hand(policy: &Policy, now: Timestamp) -> u32 {
    let zone = policy.time_zone.time_zone();
    let mut live = std::collections::BTreeSet::new();
    for (tier, rule) in policy.tiers.iter() {
        let from = now - SignedDuration::from_hours(24 * 420);
        let slots = policy.schedule(tier).unwrap().slots(from, now);
        live.extend(slots.filter(|slot| rule.keep.after(*slot, zone) > now));
    }
    u32::try_from(live.len()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_moment_has_more_or_less(
        daily in 1..20u32, times in prop::collection::btree_set(0..24u32, 1..4), weekly in 1..8u32, monthly in 1..13u32,
        hour in 0..8760i64, day in 1..28u32,
    ) {
        let times: Vec<String> = times.iter().map(|hour| format!("\"{hour}:00\"")).collect();
        let monthly = monthly + 1;
        let policy = policy(&format!(
            "tiers: {{daily: {{at: [{times}], keep: {daily} days}}, \
             weekly: {{on: monday, at: [{first}], keep: {weekly} weeks}}, \
             monthly: {{on: day {day}, at: [\"23:30\"], keep: {monthly} months}}}}",
            times = times.join(", "), first = times[0],
        ));
        let points = steady_state(&policy, now()).backups.points;
        // Moments of the steady year that it did look at.
        let midnight: Timestamp = "2026-03-10T00:00:00Z".parse().unwrap();
        let count = by_hand(&policy, midnight + SignedDuration::from_hours(hour / 13 * 13));
        prop_assert!((points.least..=points.most).contains(&count), "{count} {points:?}");
    }
}

#[test]
fn summer_time_changes_nothing_but_its_hours() {
    let policy = policy("time_zone: Europe/Berlin\ntiers: {daily: {at: [\"02:30\", 14:00], keep: 7 days}}");
    let points = steady_state(&policy, now()).backups.points;
    assert_eq!((points.least, points.most), (14, 14));
}

#[test]
fn large_policies_are_quick() {
    let times: Vec<String> = (0..288).map(|n| format!("\"{:02}:{:02}\"", n / 12, n % 12 * 5)).collect();
    let policy = policy(&format!(
        "tiers: {{daily: {{at: [{}], keep: 90 days}}, yearly: {{on: 31 december, at: [\"00:00\"], keep: 100 years}}}}",
        times.join(", ")
    ));
    let begun = std::time::Instant::now();
    // 288 * 90 = 25,920, and 100 yearly ones, of which the newest is a daily one for 90 days.
    assert_snapshot!(backups(&policy), @"
    points: 26019 to 26020, 26019.8 on average
    cold: 0
    daily: 25920
    yearly: 100
    a month: 8760.0
    ");
    // Below 50 ms where it is optimised; here it must only not be wildly slow on a busy machine.
    let most = if cfg!(debug_assertions) { 5_000 } else { 200 };
    assert!(begun.elapsed().as_millis() < most, "{:?}", begun.elapsed());
}

#[test]
fn the_bounds_of_the_language_are_no_trouble() {
    for keep in ["36500 days", "5214 weeks", "1200 months", "100 years"] {
        let policy = policy(&format!("tiers: {{yearly: {{on: 1 january, at: 07:00, keep: {keep}}}}}"));
        let points =
            steady_state(&policy, Timestamp::MAX - SignedDuration::from_hours(50_000)).backups.points;
        assert!((99..=101).contains(&points.most), "{points:?}");
    }
}

#[test]
fn the_embedded_prices_are_dated_and_read() {
    let prices = Prices::embedded();
    assert_eq!(prices.as_of.to_string(), "2026-07-10");
    assert_eq!(prices.of(&region("us-east-1")).warm, 0.10);
    assert_eq!(prices.of(&region("mx-central-1")), &prices.other_regions);
    assert_eq!(Prices::parse(&serde_json::to_string(&prices).unwrap()), Ok(prices));
}

const FLAT: &str = "{as_of: 2026-01-01, regions: {eu-central-1: {warm: 1, cold: 0.5, restore_warm: 2, restore_cold: 3, \
                    copy: 0.25, copy_to: {eu-west-1: 0.125}}}, \
                    other_regions: {warm: 10, cold: 5, restore_warm: 2, restore_cold: 3, copy: 4}}";

#[test]
fn prices_that_are_none_are_refused() {
    let error = |text: &str| Prices::parse(text).unwrap_err().to_string();
    let errors = [
        error(""),
        error("as_of: 2026-01-01"),
        error(&FLAT.replace("2026-01-01", "yesterday")),
        error(&FLAT.replace("warm: 1,", "warm: 1, hot: 3,")),
        error(&FLAT.replace("warm: 1,", "warm: much,")),
        error(&FLAT.replace("eu-central-1", "Frankfurt")),
        error(&FLAT.replace("warm: 1,", "warm: -1,")),
        error(&FLAT.replace("copy: 4", "copy: .inf")),
        error(&FLAT.replace("0.125", ".nan")),
    ];
    assert_snapshot!(errors.join("\n"), @r#"
    the text is no price file: unexpected end of input at line 1, column 1
    the text is no price file: missing field `regions` at line 1, column 1
    the text is no price file: failed to parse four digit integer as year: invalid digit, expected 0-9 but got y at line 1, column 9
    the text is no price file: unknown field `hot`, expected one of warm, cold, restore_warm, restore_cold, copy, copy_to at line 1, column 55
    the text is no price file: invalid floating point at line 1, column 52
    the text is no price file: "Frankfurt" is no Region: lower-case letters, digits and hyphens, such as eu-central-1 at line 1, column 31
    regions.eu-central-1.warm is -1: write a price in USD that is not negative
    other_regions.copy is inf: write a price in USD that is not negative
    regions.eu-central-1.copy_to.eu-west-1 is NaN: write a price in USD that is not negative
    "#);
    assert!(matches!(Prices::parse("no"), Err(InvalidPrices::Form(_))));
}

#[test]
fn a_month_is_storage_and_traffic() {
    let policy = policy("tiers: {daily: {at: 07:00, keep: 7 days, copy: {keep: 14 days}}}");
    let steady = steady_state(&policy, now());
    let tables = [3 << 30, 1 << 30];
    let cost = cost(&policy, Some(&region("eu-central-1")), &steady, &tables, &Prices::parse(FLAT).unwrap());
    // 4 GB * 7 points * 1 USD here; 4 GB * 14 points * 10 USD there, as that Region is not listed;
    // 365 / 12 copies a month of 4 GB at 0.125 USD.
    assert_eq!((cost.backups.warm, cost.backups.cold), (28.0, 0.0));
    let copy = &cost.copies[0];
    assert_eq!((copy.storage.warm, copy.storage.cold), (560.0, 0.0));
    assert!((copy.traffic - 365.0 / 24.0).abs() < 1e-9, "{}", copy.traffic);
    assert!((cost.total - (588.0 + 365.0 / 24.0)).abs() < 1e-9);
    assert_snapshot!(cost.notes.join("\n"), @"the prices do not list eu-west-1: those of other_regions are taken");
}

#[test]
fn the_examples_in_usd() {
    let mut text = String::new();
    for name in ["bronze", "silver", "gold"] {
        let policy = example(name);
        let steady = steady_state(&policy, now());
        let cost = cost(&policy, Some(&region("eu-central-1")), &steady, &[100 << 30], &Prices::embedded());
        write!(text, "{name}: backups {:.2} + {:.2}", cost.backups.warm, cost.backups.cold).unwrap();
        for copy in &cost.copies {
            let storage = copy.storage;
            write!(text, ", copies {:.2} + {:.2}, traffic {:.2}", storage.warm, storage.cold, copy.traffic)
                .unwrap();
        }
        writeln!(text, ", total {:.2}", cost.total).unwrap();
    }
    // Bronze by hand: 7 points * 100 GB * 0.122 USD = 85.40.
    assert_snapshot!(text, @"
    bronze: backups 85.40 + 0.00, total 85.40
    silver: backups 111.47 + 0.00, total 111.47
    gold: backups 224.31 + 59.01, copies 156.12 + 54.22, traffic 173.75, total 667.41
    ");
}

#[test]
fn what_is_planned_goes_out_as_json() {
    let policy = policy("tiers: {daily: {at: 07:00, keep: 7 days, copy: {keep: 14 days}}}");
    let steady = steady_state(&policy, "2028-01-01T00:00:00Z".parse().unwrap());
    assert_snapshot!(serde_json::to_string_pretty(&steady).unwrap(), @r#"
    {
      "backups": {
        "points": {
          "least": 7,
          "most": 7,
          "average": 7.0
        },
        "cold": {
          "least": 0,
          "most": 0,
          "average": 0.0
        },
        "tiers": {
          "daily": {
            "least": 7,
            "most": 7,
            "average": 7.0
          }
        },
        "made_per_month": 30.5,
        "most_removed_in_a_day": 1
      },
      "copies": {
        "points": {
          "least": 14,
          "most": 14,
          "average": 14.0
        },
        "cold": {
          "least": 0,
          "most": 0,
          "average": 0.0
        },
        "tiers": {
          "daily": {
            "least": 14,
            "most": 14,
            "average": 14.0
          }
        },
        "made_per_month": 30.5,
        "most_removed_in_a_day": 1
      }
    }
    "#);
    let cost =
        cost(&policy, Some(&region("eu-central-1")), &steady, &[1 << 30], &Prices::parse(FLAT).unwrap());
    assert_snapshot!(serde_json::to_string(&cost).unwrap(), @r#"{"prices_as_of":"2026-01-01","backups":{"warm":7.0,"cold":0.0},"copies":[{"vault":"arn:aws:backup:eu-west-1:111122223333:backup-vault:copies","storage":{"warm":140.0,"cold":0.0},"traffic":3.8125}],"total":150.8125,"notes":["the prices do not list eu-west-1: those of other_regions are taken"]}"#);
}

#[test]
fn sessions_are_bound_by_the_rate_or_by_what_runs_at_once() {
    let limits = SessionLimits::default();
    let length = |tables, targets| {
        let length = session_length(tables, targets, &limits);
        format!("{:#} and {:#}", length.backups, length.copies)
    };
    let lengths = [(0, 1), (1, 0), (1, 1), (1, 2), (250, 1), (251, 1), (1000, 1), (1000, 2), (5000, 1)];
    let told = lengths
        .map(|(tables, targets)| format!("{tables} tables, {targets} targets: {}", length(tables, targets)));
    // 250: the last starts after 249 / 2.5 s = 100 s. 251: it waits for the first to end. 1000: three rounds of 10
    // minutes, then 249 / 2.5 s, then its own 10 minutes; of copies 12 rounds of 15 minutes, 39 / 2.5 s, and 15
    // minutes.
    assert_snapshot!(told.join("\n"), @"
    0 tables, 1 targets: 0s and 0s
    1 tables, 0 targets: 10m and 0s
    1 tables, 1 targets: 10m and 15m
    1 tables, 2 targets: 10m and 30m
    250 tables, 1 targets: 11m 40s and 1h 4s
    251 tables, 1 targets: 20m and 1h 4s
    1000 tables, 1 targets: 41m 40s and 3h 15m 16s
    1000 tables, 2 targets: 41m 40s and 3h 15m 32s
    5000 tables, 1 targets: 3h 21m 40s and 15h 45m 16s
    ");
    // Quick jobs are bound by the rate alone: 999 / 2.5 s, and one second.
    let quick = SessionLimits { backup: SignedDuration::from_secs(1), ..limits };
    assert_eq!(session_length(1000, 0, &quick).backups, SignedDuration::from_secs(401));
    // A table's copies follow each other, however many targets there are.
    assert_eq!(session_length(1, 3, &limits).copies, SignedDuration::from_mins(45));
    let stopped = SessionLimits { starts_per_second: 0.0, ..limits };
    assert_eq!(session_length(2, 0, &stopped).backups, SignedDuration::MAX);
}

fn lock(min_days: u32, max_days: u32) -> VaultFacts {
    VaultFacts { lock: Some(Lock { min_days, max_days }), air_gapped: false }
}

#[test]
fn ordinary_vaults_need_no_warning() {
    assert_eq!(warnings(&example("bronze"), &Facts::default()), Vec::<String>::new());
    assert_eq!(warnings(&example("silver"), &Facts::default()), Vec::<String>::new());
}

#[test]
fn cold_storage_says_whom_it_is_for() {
    assert_snapshot!(warnings(&example("gold"), &Facts::default()).join("\n"), @"
    cold_after is 90 days, and AWS wants a point kept for 90 days more, 180 altogether. So points of these tiers alone stay warm: daily backups (3 days), weekly backups (5 weeks), daily copies (7 days), weekly copies (5 weeks)
    cold_after is 90 days: from then on a restore takes up to 4 hours longer, and nothing can be copied from: monthly backups (13 months), yearly backups (7 years), monthly copies (13 months), yearly copies (7 years)
    ");
}

#[test]
fn locks_say_what_they_change() {
    let facts = Facts {
        vault: lock(7, 400),
        copies: BTreeMap::from([(
            "arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies".parse().unwrap(),
            VaultFacts { lock: Some(Lock { min_days: 7, max_days: 150 }), air_gapped: true },
        )]),
        ..Facts::default()
    };
    assert_snapshot!(warnings(&example("gold"), &facts).join("\n"), @"
    daily: keep is 3 days, and the locked vault backup-chain keeps points for 7 to 400 days: a point of this tier alone stays for 7 days and is billed for them; keep it for at least 7 days, or name another vault
    yearly: keep is 7 years, up to 2557 days, and the locked vault backup-chain keeps points for 7 to 400 days: AWS deletes its points after 400 days; keep it for at most 400 days, or name another vault
    the vault backup-chain is locked: AWS alone deletes there, when the retention that a point was made with ends. So keep_last (1) and holds do not exist there, and the last point of a table that is no longer backed up lapses too
    monthly: copy.keep is 13 months, up to 397 days, and the air-gapped vault backup-chain-copies in eu-west-1 keeps points for 7 to 150 days: AWS deletes its points after 150 days; keep it for at most 150 days, or name another vault
    yearly: copy.keep is 7 years, up to 2557 days, and the air-gapped vault backup-chain-copies in eu-west-1 keeps points for 7 to 150 days: AWS deletes its points after 150 days; keep it for at most 150 days, or name another vault
    the vault backup-chain-copies in eu-west-1 is air-gapped: AWS alone deletes there, when the retention that a point was made with ends. So keep_last (1) and holds do not exist there, and the last point of a table that is no longer backed up lapses too
    cold_after is 90 days, so AWS wants a point kept for 180 days, and the air-gapped vault backup-chain-copies in eu-west-1 keeps points for 7 to 150 days: everything stays warm there
    cold_after is 90 days, and AWS wants a point kept for 90 days more, 180 altogether. So points of these tiers alone stay warm: daily backups (3 days), weekly backups (5 weeks), daily copies (7 days), weekly copies (5 weeks)
    cold_after is 90 days: from then on a restore takes up to 4 hours longer, and nothing can be copied from: monthly backups (13 months), yearly backups (7 years), monthly copies (13 months), yearly copies (7 years)
    ");
}

#[test]
fn spans_are_measured_at_their_shortest_and_their_longest() {
    let policy = policy(
        "tiers: {monthly: {on: day 1, at: 07:00, keep: 1 month}, yearly: {on: 1 january, at: 07:00, keep: 1 year}}",
    );
    let count = |min, max| warnings(&policy, &Facts { vault: lock(min, max), ..Facts::default() }).len();
    // One line is of the lock itself. A month has 28 to 31 days, a year 365 or 366.
    assert_eq!((count(28, 366), count(29, 366), count(28, 365), count(28, 30)), (1, 2, 2, 3));
    let air_gapped = Facts { vault: VaultFacts { lock: None, air_gapped: true }, ..Facts::default() };
    assert_snapshot!(warnings(&policy, &air_gapped).join("\n"), @"
    vault main is air-gapped, and an air-gapped vault is for copies: name an ordinary vault here, and this one under copies
    the vault main is air-gapped: AWS alone deletes there, when the retention that a point was made with ends. So keep_last (1) and holds do not exist there, and the last point of a table that is no longer backed up lapses too
    ");
    assert_eq!(warnings(&policy, &Facts { vault: lock(1, MAX_DAYS), ..Facts::default() }).len(), 1);
}

#[test]
fn tables_with_many_tags_are_named() {
    let tags = [("orders", 40), ("payments", 49), ("stock", 50)];
    let table_tags = tags.map(|(name, tags)| (name.parse().unwrap(), tags)).into();
    let facts = Facts { table_tags, ..Facts::default() };
    assert_snapshot!(warnings(&example("bronze"), &facts).join("\n"), @"table stock has 50 tags, as many as AWS takes on a recovery point. So its points carry none of ours: their metadata is in the settings tables alone, a hold in the catalog alone, and the policy's tags are left out; remove 1 of the table's tags, better 10");
    let custom = Facts { custom_tags: 3, ..facts };
    assert_snapshot!(warnings(&example("bronze"), &custom)[..2].join("\n"), @"
    the policy has 3 tags, and by one of its pages AWS takes 10 that are added to a recovery point: the metadata of a typical table and a hold take 8. So some may be left out, with a warning on the point
    table orders has 40 tags: with up to 10 of ours and 3 of the policy a point would have 53, and AWS takes 50. So some of the policy's tags may be left out; remove 3 of the table's or of the policy's
    ");
}

/// What a policy of some tables would not be carried by, in a deployment that sets no bounds of its own.
fn loaded(policy: &Policy, tables: usize) -> String {
    let carrier = Carrier { tables, limits: &SessionLimits::default(), most_deletions: 100 };
    load(policy, &steady_state(policy, now()), carrier).join("\n")
}

#[test]
fn what_lapses_on_one_day_is_compared_with_the_brake() {
    for name in ["gold", "silver", "bronze"] {
        assert_eq!(loaded(&example(name), 5), "", "{name}");
    }
    // One a day of each table, and as many copies in the one target.
    let daily = policy("tiers: {daily: {at: 07:00, keep: 3 days, copy: {keep: 5 days}}}");
    assert_eq!(steady_state(&daily, now()).backups.most_removed_in_a_day, 1);
    assert_eq!(loaded(&daily, 50), "");
    assert_snapshot!(loaded(&daily, 51), @"up to 102 restore points lapse on one day, and a retention run removes at most 100 without a confirmation: it would stop and ask; set the stack's parameter MostDeletions to 102 or more");
    // Once a week all of them at once; a point of two tiers goes with the later of them.
    let weekly = policy(
        "tiers: {weekly: {on: monday, at: [07:00, 19:00], keep: 2 weeks}, monthly: {on: first monday, at: 07:00, keep: 6 months}}",
    );
    // Those of a Monday, and on some Mondays the monthly one of half a year before.
    assert_eq!(steady_state(&weekly, now()).backups.most_removed_in_a_day, 3);
    assert_eq!(loaded(&weekly, 33), "");
}

#[test]
fn what_cannot_keep_up_is_told() {
    let hourly = policy("tiers: {daily: {hours: every hour, keep: 1 day, copy: {keep: 1 day}}}");
    // 24 backups of 10 minutes and 24 copies of 15 are 10 hours.
    assert_eq!(loaded(&hourly, 2), "");
    let often =
        policy("tiers: {daily: {hours: every hour, runs_per_hour: 3, keep: 1 day, copy: {keep: 1 day}}}");
    assert_snapshot!(loaded(&often, 1), @"
    AWS Backup runs one job of a table at a time, and those of one table would take 30 hours of each day, at 10 minutes a backup and 15 a copy: make or copy fewer backups
    up to 144 restore points lapse on one day, and a retention run removes at most 100 without a confirmation: it would stop and ask; set the stack's parameter MostDeletions to 144 or more
    ");
    // 500 tables: 80 copies at a time take 7 rounds of 15 minutes.
    assert_snapshot!(loaded(&hourly, 500), @"
    copies cannot keep up: those of one session take about 1.8 hours, 80 at a time in each target Region, where AWS takes 100, and the next session is due after 1.0 hours on average; make fewer of them, or spread the tables over the day with policies of other times
    up to 24000 restore points lapse on one day, and a retention run removes at most 100 without a confirmation: it would stop and ask; set the stack's parameter MostDeletions to 24000 or more
    ");
    assert_snapshot!(loaded(&policy("enabled: false\ntiers: {daily: {at: 07:00, keep: 1 day}}"), 1), @"enabled is false: no slot starts a session; apply the policy with enabled: true when it is to run");
}

#[test]
fn slots_that_are_closer_than_a_backup_takes_are_told() {
    let told = |more: &str| warnings(&policy(more), &Facts::default()).join("\n");
    assert_eq!(told("tiers: {daily: {hours: every hour, runs_per_hour: 6, keep: 1 day}}"), "");
    assert_snapshot!(told("tiers: {daily: {hours: every hour, runs_per_hour: 12, keep: 1 day}}"), @"slots are as close as 5 minutes, and a backup takes about 10, begun by AWS Backup up to 8 hours after its slot (start_window). One backup of a table runs at a time, so slots would be skipped and owed to the next point: part them by more, or give tiers the same times, so that they share a point");
    // Two tiers that miss each other.
    assert_snapshot!(told("tiers: {daily: {at: 07:00, keep: 1 day}, weekly: {on: monday, at: 07:01, keep: 1 week}}"), @"slots are as close as 1 minute, and a backup takes about 10, begun by AWS Backup up to 8 hours after its slot (start_window). One backup of a table runs at a time, so slots would be skipped and owed to the next point: part them by more, or give tiers the same times, so that they share a point");
    assert_eq!(
        told("tiers: {daily: {at: 07:00, keep: 1 day}, weekly: {on: monday, at: 07:00, keep: 1 week}}"),
        ""
    );
}
