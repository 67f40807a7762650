//! What a seed has in store: the acts of a life, drawn before it begins.

use backup_chain_checker::{CopyRule, Days, Policy, Span, Tier, Unit};
pub use backup_chain_deployed::stack::ROLES as FUNCTIONS;
use backup_chain_deployed::stack::{ACCOUNT, COPIES, SOURCE, TARGET, VAULT};
use backup_chain_local::{Fault, ModelledError, common_errors, modelled_errors};
use jiff::SignedDuration;
use jiff::civil::Time;

use super::act::{Act, Calls, Crash, Key, Retag, Trouble, What};
use super::dice::Dice;

/// For so long a life is disturbed, then it is let come to rest.
const CYCLE: SignedDuration = SignedDuration::from_hours(5 * 24);
/// The end of each cycle, in which nothing new goes wrong: a run of retention and every slot of a day fit in.
const CALM: SignedDuration = SignedDuration::from_hours(34);
/// The drill of a rebuild, while nothing else happens.
const DRILL: SignedDuration = SignedDuration::from_hours(1);
const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"];
const POLICIES: [&str; 3] = ["gold", "silver", "bronze"];
/// The services that the functions ask day by day.
const ASKED: [&str; 7] =
    ["application-autoscaling", "backup", "dynamodb", "events", "kms", "monitoring", "tagging"];
/// The tables that there may be, each of one of the policies by its name, and one of none.
pub(super) const TABLES: [&str; 12] = [
    "gold-orders",
    "silver-logs",
    "gold-users",
    "silver-mails",
    "bronze-notes",
    "gold-carts",
    "other",
    "silver-stock",
    "silver-prices",
    "bronze-drafts",
    "bronze-trials",
    "gold-ledger",
];

/// The acts of a life of so many days, in order.
#[must_use]
pub fn draw(seed: u64, days: u32) -> Vec<Act> {
    let mut dice = Dice::of(seed);
    let end = SignedDuration::from_hours(i64::from(days) * 24);
    let mut acts = Vec::new();
    let mut begins = SignedDuration::ZERO;
    let most = u32::try_from(TABLES.len()).unwrap_or_default();
    let more = if dice.one_in(4) { most - 2 } else { 5 };
    let tables = 3 + dice.below(more);
    let tables = &TABLES[..usize::try_from(tables).unwrap_or_default()];
    for table in tables {
        acts.push(Act { after: begins, what: What::Create((*table).to_owned()) });
    }
    for name in POLICIES {
        acts.push(Act { after: begins, what: What::Apply(Box::new(policy(&mut dice, name, tables))) });
    }
    // Some lives are quiet, some are not.
    let (people, troubles) = (1 + dice.below(8), dice.below(24));
    while begins < end {
        let calm = (begins + CYCLE).min(end) - CALM;
        let mut cycle = Vec::new();
        for _ in 0..people {
            let after = dice.between(begins + DRILL, calm);
            cycle.push(Act { after, what: people_do(&mut dice, tables) });
        }
        for _ in 0..troubles {
            let after = dice.between(begins + DRILL, calm);
            cycle.push(Act { after, what: goes_wrong(&mut dice, tables, calm - after) });
        }
        cycle.sort_by_key(|act| act.after);
        acts.append(&mut cycle);
        acts.push(Act { after: calm, what: What::Calm });
        begins = (begins + CYCLE).min(end);
        acts.push(Act { after: begins, what: What::Quiet });
        if dice.one_in(4) {
            acts.push(Act { after: begins, what: What::Rebuild });
            acts.push(Act { after: begins + DRILL, what: What::Quiet });
        }
    }
    acts
}

fn people_do(dice: &mut Dice, tables: &[&str]) -> What {
    let table = dice.one_of(tables).to_owned();
    let name = dice.one_of(&POLICIES).to_owned();
    match dice.below(25) {
        0..=2 => What::Create(table),
        3 => What::Drop(table),
        4..=6 => What::Write(table),
        7..=9 => What::Apply(Box::new(policy(dice, &name, tables))),
        10 => What::Switch(name, false),
        11..=12 => What::Switch(name, true),
        13 => What::Delete(name),
        14..=15 => What::Run(name),
        16..=17 => What::Backup(table),
        18..=19 => What::Retention,
        20 => What::Hold(dice.below(1000)),
        21 => What::Lift(dice.below(1000)),
        22..=23 => What::Remove(dice.below(1000), dice.one_in(3)),
        _ => What::Restore(table, dice.one_in(3)),
    }
}

fn goes_wrong(dice: &mut Dice, tables: &[&str], left: SignedDuration) -> What {
    let table = dice.one_of(tables).to_owned();
    let short = SignedDuration::from_mins(5);
    let hours = |dice: &mut Dice, most: i64| dice.between(short, SignedDuration::from_hours(most)).min(left);
    match dice.below(41) {
        0..=8 => {
            let nth = 1 + usize::try_from(dice.below(60)).unwrap_or_default();
            What::Crash(Crash { caller: dice.one_of(&FUNCTIONS), nth, effect: dice.one_in(2) })
        }
        9..=10 => What::Tick(dice.one_of(&FUNCTIONS)),
        11 => What::FailBackup(table),
        12 => What::FailCopy(table),
        13 => What::Abort,
        14 => What::Vanish(dice.below(1000)),
        15 => What::Retag(
            dice.below(1000),
            match dice.below(4) {
                0 => Retag::None,
                1 => Retag::Part,
                2 => Retag::Hold,
                _ => Retag::Other(dice.below(1000)),
            },
        ),
        16..=27 => What::Trouble(Trouble::Calls(calls(dice)), hours(dice, 30)),
        28 => What::Trouble(Trouble::Away(dice.one_of(&[SOURCE, TARGET, TARGET])), hours(dice, 60)),
        29 => What::Trouble(Trouble::EventsLost, hours(dice, 48)),
        30 => {
            let late = dice.between(short, SignedDuration::from_hours(3));
            What::Trouble(Trouble::EventsLate(late), hours(dice, 48))
        }
        31 => What::Trouble(Trouble::NoTicks, hours(dice, 30)),
        32..=33 => {
            let key = dice.one_of(&[Key::Metadata, Key::Replica, Key::Vault, Key::Copies]);
            What::Trouble(Trouble::KeyOff(key), hours(dice, 12))
        }
        34 => What::Trouble(Trouble::Skew(i64::from(dice.below(1200)) - 600), hours(dice, 24)),
        35 => {
            let lag = dice.between(SignedDuration::ZERO, SignedDuration::from_mins(10));
            What::Trouble(Trouble::Lag(lag), hours(dice, 12))
        }
        36 => {
            let takes = dice.between(SignedDuration::from_hours(1), SignedDuration::from_hours(20));
            What::Trouble(Trouble::Slow(table, takes), hours(dice, 24))
        }
        37 => What::Trouble(Trouble::CopiesHang(table), hours(dice, 24)),
        38 => What::Trouble(Trouble::LegalHold(dice.below(1000)), hours(dice, 72)),
        39 => {
            let late = dice.between(SignedDuration::from_mins(10), SignedDuration::from_hours(12));
            What::Trouble(Trouble::LateStart(late), hours(dice, 24))
        }
        _ => What::Trouble(Trouble::Lock(dice.one_in(2)), hours(dice, 24)),
    }
}

/// Calls that go wrong: single ones, some of them, or all.
fn calls(dice: &mut Dice) -> Calls {
    let errors: Vec<_> = modelled_errors().iter().filter(|error| ASKED.contains(&error.service)).collect();
    let error = dice.one_of(&errors);
    let ModelledError { service, operation, .. } = *error;
    let any = "*".to_owned();
    let (mut service, mut operation) = (service.to_owned(), operation.to_owned());
    let fault = match dice.below(18) {
        0..=4 if !is_a_lie(error) => Fault::Error { code: error.code.to_owned(), status: Some(error.status) },
        0..=6 => {
            let own: Vec<_> = common_errors().iter().filter(|error| error.service == service).collect();
            own.get(
                usize::try_from(dice.below(u32::try_from(own.len()).unwrap_or_default())).unwrap_or_default(),
            )
            .map_or(Fault::Throttle, |error| Fault::Error {
                code: error.code.to_owned(),
                status: Some(error.status),
            })
        }
        7 => Fault::TimeoutBefore,
        8..=9 => Fault::TimeoutAfter,
        10 => Fault::ResetAfter,
        11 => Fault::Bare(503),
        12 => Fault::BadGateway,
        13 => Fault::Deny,
        14..=15 => Fault::Slow(1000 * dice.below(400)),
        16 => {
            (service, operation) = (any.clone(), any.clone());
            if dice.one_in(2) { Fault::ShortPage } else { Fault::EmptyPage }
        }
        _ => {
            let (of, code) = dice.one_of(&[
                ("PutEvents", "InternalException"),
                ("PutEvents", "ThrottlingException"),
                ("BatchGetItem", "ProvisionedThroughputExceededException"),
                ("TransactWriteItems", "TransactionConflict"),
                ("TransactWriteItems", "ThrottlingError"),
            ]);
            service = if of == "PutEvents" { "events" } else { "dynamodb" }.to_owned();
            operation = of.to_owned();
            Fault::entries(code)
        }
    };
    let anywhere = [Fault::TimeoutBefore, Fault::TimeoutAfter, Fault::ResetAfter, Fault::Bare(503)];
    if (anywhere.contains(&fault) || matches!(fault, Fault::Slow(_))) && dice.one_in(3) {
        (service, operation) = (any.clone(), any);
    }
    let (share, times) = match dice.below(3) {
        0 => (1000, 1 + usize::try_from(dice.below(4)).unwrap_or_default()),
        1 => (20 + dice.below(300), usize::MAX),
        _ => (1000, usize::MAX),
    };
    let caller = dice.one_in(2).then(|| dice.one_of(&FUNCTIONS));
    Calls { service, operation, fault, caller, share, times }
}

/// An error that says what is not so, and not that something has failed: that what is there is not. AWS says so of what
/// is new, which is a lag.
fn is_a_lie(error: &ModelledError) -> bool {
    ["NotFound", "NoSuch", "AlreadyExists", "ConditionalCheckFailed", "DoesNotExist"]
        .iter()
        .any(|part| error.code.contains(part))
}

fn policy(dice: &mut Dice, name: &str, tables: &[&str]) -> Policy {
    let time = |dice: &mut Dice| Time::constant(i8::try_from(dice.below(24)).unwrap_or_default(), 0, 0, 0);
    let span = |count: u32, unit| Span { count: i32::try_from(count).unwrap_or(1), unit };
    let has_copies = dice.below(4) > 0;
    let copies = [format!("arn:aws:backup:{TARGET}:{ACCOUNT}:backup-vault:{COPIES}")];
    let first = time(dice);
    let mut at = vec![first];
    if dice.one_in(4) {
        let hour = (first.hour() + 6 + i8::try_from(dice.below(12)).unwrap_or_default()) % 24;
        at.push(Time::constant(hour, 0, 0, 0));
        at.sort();
    }
    let copy = |dice: &mut Dice, unit| {
        has_copies.then(|| CopyRule { at: Vec::new(), keep: span(2 + dice.below(4), unit) })
    };
    let mut tiers = vec![Tier {
        name: "daily".to_owned(),
        on: Days::Every,
        at,
        keep: span(1 + dice.below(6), Unit::Days),
        copy: copy(dice, Unit::Days),
    }];
    if dice.one_in(2) {
        tiers.push(Tier {
            name: "weekly".to_owned(),
            on: Days::Weekdays(vec![1 + i8::try_from(dice.below(7)).unwrap_or_default()]),
            at: vec![first],
            keep: span(1 + dice.below(5), Unit::Weeks),
            copy: if dice.one_in(2) { copy(dice, Unit::Weeks) } else { None },
        });
    }
    if dice.one_in(3) {
        let on = match dice.one_in(2) {
            true => Days::MonthDay(1 + i8::try_from(dice.below(28)).unwrap_or_default()),
            false => Days::LastDay,
        };
        let keep = span(2 + dice.below(11), Unit::Months);
        tiers.push(Tier { name: "monthly".to_owned(), on, at: vec![first], keep, copy: None });
    }
    let explicit = dice.one_in(4);
    let prefix = format!("{name}-");
    let named = tables.iter().filter(|table| table.starts_with(&prefix));
    Policy {
        name: name.to_owned(),
        priority: 10 + u16::try_from(dice.below(30)).unwrap_or_default(),
        enabled: true,
        tables: if explicit { named.map(|table| (*table).to_owned()).collect() } else { Vec::new() },
        prefixes: if explicit { Vec::new() } else { vec![prefix] },
        time_zone: dice.one_of(&ZONES).to_owned(),
        vault: VAULT.to_owned(),
        copies: if has_copies { copies.into() } else { Vec::new() },
        tiers,
        keep_last: 1 + dice.below(3),
        after_drop: span(1 + dice.below(10), Unit::Days),
        attempts: dice.below(4),
        pause: 1 + dice.below(20),
        start_window: 1 + dice.below(8),
        objective: None,
    }
}
