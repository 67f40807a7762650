//! What is due when, and which flags a table's point takes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use backup_chain_core::due::{ChainView, PolicyState, SlotOrigin, copy_flags, due, flags, next_slot};
use backup_chain_core::ids::VaultArn;
use backup_chain_core::policy::{Home, Policy};
use backup_chain_core::tier::{Flag, Tier, TierSlot};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const COPIES: &str = "arn:aws:backup:eu-west-1:111122223333:backup-vault:copies";

/// The reference product's worked example of harmonized schedules.
const HARMONIZED: &str = "
  daily: {at: [07:00, 19:00], keep: 3 days}
  weekly: {on: monday, at: 07:00, keep: 14 days}
  monthly: {on: first monday, at: 07:00, keep: 6 months}";

fn policy(tiers: &str) -> Policy {
    policy_in("UTC", tiers)
}

fn home() -> Home {
    Home {
        partition: "aws".to_owned(),
        account: "111122223333".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
    }
}

fn policy_in(zone: &str, tiers: &str) -> Policy {
    let copies =
        if tiers.contains("copy") { format!("copies: [{{vault: '{COPIES}'}}]\n") } else { String::new() };
    let text = format!(
        "name: test\nvault: main\nsources: {{all: true}}\ntime_zone: {zone}\n{copies}tiers:{tiers}\n"
    );
    Policy::parse(&text, &home()).unwrap_or_else(|errors| panic!("{errors}"))
}

fn at(text: &str) -> Timestamp {
    format!("{text}:00Z").parse().unwrap()
}

fn target() -> VaultArn {
    COPIES.parse().unwrap()
}

fn letters(flags: &[Flag]) -> String {
    if flags.is_empty() { "-".to_owned() } else { flags.iter().map(|flag| flag.tier.letter()).collect() }
}

/// `D 12 07:00 until 15 Jan 07:00`, for each flag.
fn told(flags: &[Flag]) -> String {
    if flags.is_empty() {
        return "-".to_owned();
    }
    let one = |flag: &Flag| {
        let (letter, lapses) = (flag.tier.letter(), flag.lapses.strftime("%d %b %H:%M"));
        format!("{letter} of {} until {lapses}", flag.slot.strftime("%d %b %H:%M"))
    };
    flags.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// One table's life under a policy, by the rules alone.
struct Life {
    policy: Policy,
    state: PolicyState,
    chain: ChainView,
    points: Vec<(Timestamp, Vec<Flag>)>,
}

impl Life {
    fn new(policy: Policy, since: Timestamp) -> Self {
        let state = PolicyState::starting(&policy, since);
        let chain = ChainView { since, ..ChainView::default() };
        Self { policy, state, chain, points: Vec::new() }
    }

    /// A tick: the flags of the point that it makes, or that it would have made if `works` is false.
    fn tick(&mut self, now: Timestamp, works: bool) -> Vec<Flag> {
        let Some(session) = due(&self.policy, &self.state, now) else { return Vec::new() };
        self.state.planned_until = now;
        self.point(SlotOrigin::Slot(session.slot), now, works)
    }

    fn point(&mut self, trigger: SlotOrigin, now: Timestamp, works: bool) -> Vec<Flag> {
        let flags = flags(&self.policy, &self.state, &self.chain, trigger, now).unwrap();
        if works && !flags.is_empty() {
            self.chain.met.extend(flags.iter().map(|flag| (flag.tier, flag.slot)));
            self.points.push((now, flags.clone()));
        }
        flags
    }

    /// The points that have no live flag any more, which go.
    fn outdated(&mut self, now: Timestamp) -> Vec<Timestamp> {
        let (live, gone): (Vec<_>, Vec<_>) =
            self.points.drain(..).partition(|(_, flags)| flags.iter().any(|flag| flag.is_live(now)));
        self.points = live;
        gone.into_iter().map(|(moment, _)| moment).collect()
    }

    /// Day by day: the points of each, and what went after each.
    fn days(&mut self, from: Timestamp, days: i64, fails: &[Timestamp]) -> String {
        let until = from + SignedDuration::from_hours(24 * days);
        let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut now = from;
        while let Some((slot, _)) = next_slot(&self.policy, now).filter(|(slot, _)| *slot < until) {
            now = slot;
            let works = !fails.contains(&now);
            let flags = letters(&self.tick(now, works));
            let gone: Vec<String> =
                self.outdated(now).iter().map(|gone| gone.strftime("%d %H:%M").to_string()).collect();
            let failed = if works { "" } else { " failed" };
            let gone =
                if gone.is_empty() { String::new() } else { format!(" (without {})", gone.join(", ")) };
            let entry = format!("{} {flags}{failed}{gone}", now.strftime("%H:%M"));
            lines.entry(now.strftime("%Y-%m-%d %a").to_string()).or_default().push(entry);
        }
        lines.into_iter().map(|(day, entries)| format!("{day}  {}\n", entries.join("  "))).collect()
    }
}

#[test]
fn the_worked_example_day_by_day() {
    let mut life = Life::new(policy(HARMONIZED), at("2026-01-04T20:00"));
    insta::assert_snapshot!(life.days(at("2026-01-05T00:00"), 36, &[]), @"
    2026-01-05 Mon  07:00 DWM  19:00 D
    2026-01-06 Tue  07:00 D  19:00 D
    2026-01-07 Wed  07:00 D  19:00 D
    2026-01-08 Thu  07:00 D  19:00 D (without 05 19:00)
    2026-01-09 Fri  07:00 D (without 06 07:00)  19:00 D (without 06 19:00)
    2026-01-10 Sat  07:00 D (without 07 07:00)  19:00 D (without 07 19:00)
    2026-01-11 Sun  07:00 D (without 08 07:00)  19:00 D (without 08 19:00)
    2026-01-12 Mon  07:00 DW (without 09 07:00)  19:00 D (without 09 19:00)
    2026-01-13 Tue  07:00 D (without 10 07:00)  19:00 D (without 10 19:00)
    2026-01-14 Wed  07:00 D (without 11 07:00)  19:00 D (without 11 19:00)
    2026-01-15 Thu  07:00 D  19:00 D (without 12 19:00)
    2026-01-16 Fri  07:00 D (without 13 07:00)  19:00 D (without 13 19:00)
    2026-01-17 Sat  07:00 D (without 14 07:00)  19:00 D (without 14 19:00)
    2026-01-18 Sun  07:00 D (without 15 07:00)  19:00 D (without 15 19:00)
    2026-01-19 Mon  07:00 DW (without 16 07:00)  19:00 D (without 16 19:00)
    2026-01-20 Tue  07:00 D (without 17 07:00)  19:00 D (without 17 19:00)
    2026-01-21 Wed  07:00 D (without 18 07:00)  19:00 D (without 18 19:00)
    2026-01-22 Thu  07:00 D  19:00 D (without 19 19:00)
    2026-01-23 Fri  07:00 D (without 20 07:00)  19:00 D (without 20 19:00)
    2026-01-24 Sat  07:00 D (without 21 07:00)  19:00 D (without 21 19:00)
    2026-01-25 Sun  07:00 D (without 22 07:00)  19:00 D (without 22 19:00)
    2026-01-26 Mon  07:00 DW (without 12 07:00, 23 07:00)  19:00 D (without 23 19:00)
    2026-01-27 Tue  07:00 D (without 24 07:00)  19:00 D (without 24 19:00)
    2026-01-28 Wed  07:00 D (without 25 07:00)  19:00 D (without 25 19:00)
    2026-01-29 Thu  07:00 D  19:00 D (without 26 19:00)
    2026-01-30 Fri  07:00 D (without 27 07:00)  19:00 D (without 27 19:00)
    2026-01-31 Sat  07:00 D (without 28 07:00)  19:00 D (without 28 19:00)
    2026-02-01 Sun  07:00 D (without 29 07:00)  19:00 D (without 29 19:00)
    2026-02-02 Mon  07:00 DWM (without 19 07:00, 30 07:00)  19:00 D (without 30 19:00)
    2026-02-03 Tue  07:00 D (without 31 07:00)  19:00 D (without 31 19:00)
    2026-02-04 Wed  07:00 D (without 01 07:00)  19:00 D (without 01 19:00)
    2026-02-05 Thu  07:00 D  19:00 D (without 02 19:00)
    2026-02-06 Fri  07:00 D (without 03 07:00)  19:00 D (without 03 19:00)
    2026-02-07 Sat  07:00 D (without 04 07:00)  19:00 D (without 04 19:00)
    2026-02-08 Sun  07:00 D (without 05 07:00)  19:00 D (without 05 19:00)
    2026-02-09 Mon  07:00 DW (without 26 07:00, 06 07:00)  19:00 D (without 06 19:00)
    ");
    let kept: Vec<String> = life
        .points
        .iter()
        .map(|(moment, flags)| format!("{} {}", moment.strftime("%d %b %H:%M"), letters(flags)))
        .collect();
    insta::assert_snapshot!(kept.join("\n"), @"
    05 Jan 07:00 DWM
    02 Feb 07:00 DWM
    07 Feb 07:00 D
    07 Feb 19:00 D
    08 Feb 07:00 D
    08 Feb 19:00 D
    09 Feb 07:00 DW
    09 Feb 19:00 D
    ");
}

#[test]
fn the_worked_example_ends_after_six_months() {
    let mut life = Life::new(policy(HARMONIZED), at("2026-01-04T20:00"));
    life.days(at("2026-01-05T00:00"), 180, &[]);
    let oldest = |life: &Life| life.points[0].0;
    assert_eq!(oldest(&life), at("2026-01-05T07:00"));
    life.days(at("2026-07-05T00:00"), 2, &[]);
    assert_eq!(oldest(&life), at("2026-02-02T07:00"));
}

#[test]
fn a_failed_week_is_owed_to_the_next_point() {
    let mut life = Life::new(policy(HARMONIZED), at("2026-01-04T20:00"));
    life.days(at("2026-01-05T00:00"), 6, &[]);
    let fails = [at("2026-01-12T07:00"), at("2026-01-12T19:00")];
    insta::assert_snapshot!(life.days(at("2026-01-11T00:00"), 4, &fails), @"
    2026-01-11 Sun  07:00 D (without 08 07:00)  19:00 D (without 08 19:00)
    2026-01-12 Mon  07:00 DW failed (without 09 07:00)  19:00 DW failed (without 09 19:00)
    2026-01-13 Tue  07:00 DW (without 10 07:00)  19:00 D (without 10 19:00)
    2026-01-14 Wed  07:00 D (without 11 07:00)  19:00 D (without 11 19:00)
    ");
    let (_, owed) = life.points.iter().find(|(moment, _)| *moment == at("2026-01-13T07:00")).unwrap();
    insta::assert_snapshot!(told(owed), @"D of 13 Jan 07:00 until 16 Jan 07:00, W of 12 Jan 07:00 until 27 Jan 07:00");
}

#[test]
fn a_late_tick_makes_up_for_the_latest_slot_of_each_tier() {
    let policy = policy(HARMONIZED);
    let state = PolicyState::starting(&policy, at("2026-01-31T20:00"));
    let now = at("2026-02-03T08:30");
    let session = due(&policy, &state, now).unwrap();
    assert_eq!(session.slot, at("2026-02-03T07:00"));
    let missed: Vec<String> = session
        .missed
        .iter()
        .map(|missed| format!("{} {}", missed.tier, missed.slot.strftime("%a %H:%M")))
        .collect();
    insta::assert_snapshot!(missed.join(", "), @"daily Sun 07:00, daily Sun 19:00, daily Mon 07:00, daily Mon 19:00");
    let chain = ChainView { since: at("2026-01-31T20:00"), ..ChainView::default() };
    let flags = flags(&policy, &state, &chain, SlotOrigin::Slot(session.slot), now).unwrap();
    insta::assert_snapshot!(told(&flags), @"D of 03 Feb 07:00 until 06 Feb 07:00, W of 02 Feb 07:00 until 17 Feb 07:00, M of 02 Feb 07:00 until 03 Aug 07:00");
}

#[test]
fn an_open_job_carries_its_slots() {
    let policy = policy(HARMONIZED);
    let state = PolicyState::starting(&policy, at("2026-01-04T20:00"));
    let slot = at("2026-01-05T07:00");
    let chain = ChainView {
        since: at("2026-01-04T20:00"),
        met: BTreeMap::from([(Tier::Weekly, slot)]),
        carried: BTreeMap::from([(Tier::Daily, slot)]),
    };
    let taken = flags(&policy, &state, &chain, SlotOrigin::Slot(slot), slot).unwrap();
    assert_eq!(letters(&taken), "M");
}

#[test]
fn nothing_is_owed_from_before_it_was_in_force() {
    let policy = policy(HARMONIZED);
    let applied = at("2026-01-06T12:00");
    let state = PolicyState::starting(&policy, applied);
    assert_eq!(due(&policy, &state, applied), None);
    assert_eq!(due(&policy, &state, at("2026-01-06T18:59")), None);
    assert_eq!(due(&policy, &state, at("2026-01-06T19:00")).unwrap().slot, at("2026-01-06T19:00"));
    let old_table =
        flags(&policy, &state, &ChainView::default(), SlotOrigin::Slot(applied), at("2026-01-06T19:00"));
    assert_eq!(letters(&old_table.unwrap()), "D");

    // A table made again on Wednesday owes nothing of the policy's earlier slots.
    let state = PolicyState::starting(&policy, at("2026-01-01T00:00"));
    let anew = ChainView { since: at("2026-01-07T12:00"), ..ChainView::default() };
    let slot = at("2026-01-07T07:00");
    assert!(
        flags(&policy, &state, &anew, SlotOrigin::Slot(slot), at("2026-01-07T12:30")).unwrap().is_empty()
    );
}

#[test]
fn a_disabled_policy_is_never_due() {
    let policy = Policy { enabled: false, ..policy(HARMONIZED) };
    let state = PolicyState::starting(&policy, at("2026-01-04T20:00"));
    assert_eq!(due(&policy, &state, at("2026-03-01T00:00")), None);
}

#[test]
fn a_change_brings_only_what_changed_into_force_anew() {
    let (applied, changed) = (at("2026-01-01T00:00"), at("2026-01-07T12:00"));
    let old = policy(
        "
  daily: {at: [07:00, 19:00], keep: 3 days, copy: {at: 07:00, keep: 3 days}}
  weekly: {on: monday, at: 07:00, keep: 14 days, copy: {keep: 14 days}}",
    );
    let new = policy(
        "
  daily: {at: [07:00, 19:00], keep: 9 days, copy: {at: 19:00, keep: 3 days}}
  weekly: {on: tuesday, at: 07:00, keep: 14 days, copy: {keep: 14 days}}
  monthly: {on: day 15, at: 07:00, keep: 6 months}",
    );
    let state = PolicyState::starting(&old, applied).changed(&old, &new, changed);
    assert_eq!(state.planned_until, applied);
    let since = |tiers: &[(Tier, Timestamp)]| tiers.iter().copied().collect::<BTreeMap<_, _>>();
    let expected = since(&[(Tier::Daily, applied), (Tier::Weekly, changed), (Tier::Monthly, changed)]);
    assert_eq!(state.effective_from, expected);
    assert_eq!(state.copies_from[&target()], since(&[(Tier::Daily, changed), (Tier::Weekly, changed)]));

    let elsewhere = Policy { time_zone: "Europe/Berlin".parse().unwrap(), ..old.clone() };
    assert_eq!(state.changed(&old, &elsewhere, changed), PolicyState::starting(&elsewhere, changed));
    let asleep = Policy { enabled: false, ..old.clone() };
    assert_eq!(state.changed(&asleep, &old, changed), PolicyState::starting(&old, changed));
}

#[test]
fn a_run_by_hand_takes_the_most_frequent_tier_and_what_is_owed() {
    let mut life = Life::new(policy(HARMONIZED), at("2026-01-04T20:00"));
    life.days(at("2026-01-05T00:00"), 7, &[]);
    life.tick(at("2026-01-12T07:00"), false);
    let now = at("2026-01-12T10:15");
    insta::assert_snapshot!(told(&life.point(SlotOrigin::ByHand(now), now, true)), @"D of 12 Jan 10:15 until 15 Jan 10:15, W of 12 Jan 07:00 until 26 Jan 10:15");
    // The next slot is due as ever; nothing is owed any more.
    assert_eq!(letters(&life.tick(at("2026-01-12T19:00"), true)), "D");

    let bare = Policy { tiers: Default::default(), ..life.policy };
    let refused = flags(&bare, &life.state, &life.chain, SlotOrigin::ByHand(now), now).unwrap_err();
    insta::assert_snapshot!(refused, @"policy test has no tiers, so a restore point of it would be kept for no time: give it a tier, or make a manual backup, which stays until it is removed by an operator");
}

#[test]
fn copies_follow_their_own_slots() {
    let policy = policy(
        "
  daily: {at: [07:00, 19:00], keep: 3 days, copy: {at: 19:00, keep: 7 days}}
  weekly: {on: [monday, thursday], at: 07:00, keep: 14 days, copy: {on: monday, keep: 1 month}}",
    );
    let state = PolicyState::starting(&policy, at("2026-01-04T20:00"));
    let mut copies = ChainView { since: at("2026-01-04T20:00"), ..ChainView::default() };
    let mut lines = Vec::new();
    let mut now = at("2026-01-05T00:00");
    for _ in 0..8 {
        now = next_slot(&policy, now).unwrap().0;
        let taken = copy_flags(&policy, &state, &target(), &copies, SlotOrigin::Slot(now), now);
        // The copy of Monday evening fails.
        if now != at("2026-01-05T19:00") {
            copies.met.extend(taken.iter().map(|flag| (flag.tier, flag.slot)));
        }
        lines.push(format!("{}  {}", now.strftime("%a %H:%M"), told(&taken)));
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    Mon 07:00  W of 05 Jan 07:00 until 05 Feb 07:00
    Mon 19:00  D of 05 Jan 19:00 until 12 Jan 19:00
    Tue 07:00  D of 05 Jan 19:00 until 13 Jan 07:00
    Tue 19:00  D of 06 Jan 19:00 until 13 Jan 19:00
    Wed 07:00  -
    Wed 19:00  D of 07 Jan 19:00 until 14 Jan 19:00
    Thu 07:00  -
    Thu 19:00  D of 08 Jan 19:00 until 15 Jan 19:00
    ");

    let by_hand = |policy: &Policy| {
        let now = at("2026-01-08T22:00");
        told(&copy_flags(policy, &state, &target(), &copies, SlotOrigin::ByHand(now), now))
    };
    insta::assert_snapshot!(by_hand(&policy), @"D of 08 Jan 22:00 until 15 Jan 22:00");
    let other: VaultArn = COPIES.replace("eu-west-1", "eu-west-2").parse().unwrap();
    assert!(copy_flags(&policy, &state, &other, &copies, SlotOrigin::Slot(now), now).is_empty());
}

#[test]
fn a_run_by_hand_is_not_copied_where_the_most_frequent_tier_is_not() {
    let policy = policy(
        "
  daily: {at: 07:00, keep: 3 days}
  weekly: {on: monday, at: 07:00, keep: 14 days, copy: {keep: 1 month}}",
    );
    let state = PolicyState::starting(&policy, at("2026-01-04T20:00"));
    let mut copies = ChainView::default();
    let now = at("2026-01-06T10:00");
    let mut letters_by_hand = || {
        let taken = copy_flags(&policy, &state, &target(), &copies, SlotOrigin::ByHand(now), now);
        copies.met.extend(taken.iter().map(|flag| (flag.tier, flag.slot)));
        letters(&taken)
    };
    assert_eq!(letters_by_hand(), "W", "Monday's copy is owed");
    assert_eq!(letters_by_hand(), "-");
}

#[test]
fn tiers_meet_in_the_zone_through_summer_time() {
    let policy = policy_in("Europe/Berlin", HARMONIZED);
    let mut now = at("2026-03-28T12:00");
    let mut lines = Vec::new();
    for _ in 0..6 {
        let (slot, tiers) = next_slot(&policy, now).unwrap();
        now = slot;
        let tiers: String = tiers.into_iter().map(Tier::letter).collect();
        let local = slot.to_zoned(policy.time_zone.time_zone().clone());
        lines.push(format!("{} = {} UTC  {tiers}", local.strftime("%a %d %H:%M"), slot.strftime("%H:%M")));
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    Sat 28 19:00 = 18:00 UTC  D
    Sun 29 07:00 = 05:00 UTC  D
    Sun 29 19:00 = 17:00 UTC  D
    Mon 30 07:00 = 05:00 UTC  DW
    Mon 30 19:00 = 17:00 UTC  D
    Tue 31 07:00 = 05:00 UTC  D
    ");
}

#[test]
fn a_flag_lapses_at_a_time_that_exists() {
    // On 29 March 2026 the clocks of Berlin go from 02:00 to 03:00.
    let policy = policy_in("Europe/Berlin", "\n  daily: {at: 02:30, keep: 3 days}");
    let slot = at("2026-03-26T01:30");
    let state = PolicyState::starting(&policy, at("2026-03-25T12:00"));
    let flags = flags(&policy, &state, &ChainView::default(), SlotOrigin::Slot(slot), slot).unwrap();
    assert_eq!(flags[0].lapses, at("2026-03-29T01:00"));
    assert_eq!(next_slot(&policy, at("2026-03-28T12:00")).unwrap().0, flags[0].lapses);
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let zone = prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]);
    let daily = prop::sample::select(vec![
        "",
        "\n  daily: {at: [02:30, 14:00], keep: 3 days}",
        "\n  daily: {on: workdays, at: 07:00, keep: 1 month}",
    ]);
    let weekly = prop::sample::select(vec![
        "",
        "\n  weekly: {on: monday, at: 07:00, keep: 1 week}",
        "\n  weekly: {on: [sunday, thursday], at: [02:30, 23:45], keep: 1 month}",
    ]);
    let monthly = prop::sample::select(vec![
        "\n  monthly: {on: last day, at: 02:15, keep: 2 months}",
        "\n  monthly: {on: first monday, at: 07:00, keep: 6 months}",
    ]);
    (zone, daily, weekly, monthly)
        .prop_map(|(zone, daily, weekly, monthly)| policy_in(zone, &format!("{daily}{weekly}{monthly}")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_canonical_form_is_the_same_policy(policy in any_policy()) {
        let json = serde_json::to_string(&policy).unwrap();
        prop_assert_eq!(Policy::parse(&json, &home()).unwrap(), policy);
    }

    /// Whatever the ticks and failures: each slot is served by a session or recorded as missed, exactly
    /// once, and what is not met in the end is owed.
    #[test]
    fn every_slot_is_served_missed_or_owed(
        policy in any_policy(),
        start in 1_700_000_000i64..1_900_000_000,
        ticks in prop::collection::vec((1..6000u32, any::<bool>()), 1..60),
    ) {
        let start = Timestamp::from_second(start).unwrap();
        let mut life = Life::new(policy.clone(), start);
        let mut told: Vec<(Tier, Timestamp)> = Vec::new();
        let mut now = start;
        for (minutes, works) in ticks {
            let before = now;
            now += SignedDuration::from_mins(i64::from(minutes));
            if let Some(session) = due(&policy, &life.state, now) {
                told.extend(session.missed.iter().map(|missed| (missed.tier, missed.slot)));
                let latest = |tier| policy.schedule(tier).unwrap().latest(now).filter(|slot| *slot > before);
                told.extend(policy.tiers.iter().filter_map(|(tier, _)| Some((tier, latest(tier)?))));
            }
            for flag in life.tick(now, works) {
                let zone = policy.time_zone.time_zone();
                prop_assert!(flag.lapses >= flag.span.after(flag.slot, zone));
                prop_assert!(flag.slot > start && flag.slot <= now);
            }
        }
        told.sort();
        let mut all: Vec<(Tier, Timestamp)> = Vec::new();
        for (tier, _) in policy.tiers.iter() {
            all.extend(policy.schedule(tier).unwrap().slots(start, now).map(|slot| (tier, slot)));
        }
        all.sort();
        prop_assert_eq!(told, all);

        let owed = flags(&policy, &life.state, &life.chain, SlotOrigin::Slot(now), now).unwrap();
        for (tier, _) in policy.tiers.iter() {
            let latest = policy.schedule(tier).unwrap().latest(now).filter(|slot| *slot > start);
            let is_owed = owed.iter().any(|flag| flag.tier == tier && Some(flag.slot) == latest);
            let is_met = life.chain.met.get(&tier).copied() >= latest;
            prop_assert!(is_owed != is_met || latest.is_none());
        }
    }
}

/// A promise begins after the moment at which it comes into force: the slot of that very moment is not promised.
#[test]
fn a_promise_begins_after_its_moment() {
    let policy = policy("\n  daily: {at: 07:00, keep: 3 days, copy: {keep: 3 days}}");
    let from = at("2026-01-05T07:00");
    let daily = |slot: Timestamp| TierSlot { tier: Tier::Daily, slot };
    let state = PolicyState {
        copies_from: [(target(), [(Tier::Daily, from)].into())].into(),
        ..PolicyState::starting(&policy, from)
    };
    let next = from + SignedDuration::from_hours(24);
    assert!(!state.promises(&daily(from)) && state.promises(&daily(next)));
    assert!(!state.promises_copy(&target(), &daily(from)) && state.promises_copy(&target(), &daily(next)));
    let weekly = TierSlot { tier: Tier::Weekly, slot: next };
    assert!(!state.promises(&weekly) && !state.promises_copy(&target(), &weekly));
}
