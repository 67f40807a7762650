//! Sessions, copies and retention with the functions killed in them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use aws_config::SdkConfig;
use aws_sdk_backup::Client as Backup;
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_lambda::types::Environment;
use backup_chain_deployed::stack::{COPIES, FUNCTIONS, TARGET, VAULT, function};
use backup_chain_tests::kills::seen::{apply, asked, assert_quiet, held, list, text};
use backup_chain_tests::kills::{Hunted, Strike, Victim};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{FEW, POLICY, asked_for, assert_ended_well, plain_table, random};

/// Days of the policy: each day retention removes the points of the day before the last one, and a session makes a new
/// one of every table.
struct Days {
    hunted: Hunted,
    vaults: [(Backup, &'static str); 2],
    dynamodb: DynamoDb,
    tables: BTreeSet<String>,
    first: Timestamp,
}

impl Days {
    async fn begin(tables: usize) -> Self {
        let hunted = super::held("1h");
        let (here, there) = (hunted.served.config().await, hunted.served.config_in(TARGET).await);
        let dynamodb = DynamoDb::new(&here);
        let tables: BTreeSet<String> = (0..tables).map(|number| format!("app-{number:03}")).collect();
        for (number, name) in tables.iter().enumerate() {
            plain_table(&dynamodb, name).await;
            // DynamoDB makes so many tables at a time.
            if number % 40 == 39 {
                hunted.served.clock(&["advance", "10s"]);
            }
        }
        hunted.served.clock(&["advance", "10s"]);
        apply(&hunted, POLICY);
        allow_deletions(&here, 2 * tables.len()).await;
        let vaults = [(Backup::new(&here), VAULT), (Backup::new(&there), COPIES)];
        Self { hunted, vaults, dynamodb, tables, first: "2026-01-05T00:00:00Z".parse().unwrap() }
    }

    /// A moment of a day, which are counted from 0.
    fn at(&self, day: usize, hour: i64, minute: i64) -> Timestamp {
        let hours = i64::try_from(day).unwrap() * 24 + hour;
        self.first + SignedDuration::from_hours(hours) + SignedDuration::from_mins(minute)
    }

    fn live_until(&self, moment: Timestamp) {
        self.hunted.served.clock(&["set", &moment.to_string()]);
    }

    /// The sessions by their slots.
    fn sessions(&self) -> BTreeMap<Timestamp, Value> {
        let listed = asked(&self.hunted.served, &["session", "list", "--limit", "1000"]);
        let by_slot: BTreeMap<Timestamp, Value> = list(&listed)
            .iter()
            .map(|session| (text(session, "slot").parse().unwrap(), session.clone()))
            .collect();
        assert_eq!(by_slot.len(), list(&listed).len(), "a slot has one session: {listed:#}");
        by_slot
    }

    /// What the session of a day has made, in each vault: one point of each table, all in this state.
    fn made(&self, sessions: &BTreeMap<Timestamp, Value>, day: usize, state: &str) -> [BTreeSet<String>; 2] {
        let slot = self.at(day, 7, 0);
        let session = sessions.get(&slot).unwrap_or_else(|| panic!("no session of {slot}: {sessions:#?}"));
        assert_eq!(session["status"], "succeeded", "{session:#}");
        assert_eq!(session["planned"], self.tables.len(), "{session:#}");
        assert_eq!(session["available"], self.tables.len(), "{session:#}");
        let shown = asked(&self.hunted.served, &["session", "show", text(session, "id")]);
        ["backup", "copy"].map(|kind| {
            let points: Vec<&Value> =
                list(&shown["points"]).iter().filter(|point| point["kind"] == kind).collect();
            let other: Vec<&&Value> = points.iter().filter(|point| point["state"] != state).collect();
            assert!(other.is_empty(), "{kind} points of {slot} that are not {state}: {other:#?}");
            let tables: BTreeSet<String> =
                points.iter().map(|point| text(point, "table").to_owned()).collect();
            assert_eq!(points.len(), tables.len(), "{kind} points of {slot}: {points:#?}");
            assert_eq!(tables, self.tables, "{kind} points of {slot}");
            points.iter().map(|point| text(point, "recovery_point").to_owned()).collect()
        })
    }

    /// The vaults hold the points of these days, as the catalog has them, and nothing else.
    async fn assert_kept(&self, days: RangeInclusive<usize>) {
        let sessions = self.sessions();
        let mut known = [BTreeSet::new(), BTreeSet::new()];
        for day in days.clone() {
            for (known, made) in known.iter_mut().zip(self.made(&sessions, day, "available")) {
                known.extend(made);
            }
        }
        if let Some(before) = days.start().checked_sub(1) {
            self.made(&sessions, before, "deleted");
        }
        for ((backup, vault), known) in self.vaults.iter().zip(known) {
            let held = held(backup, vault).await;
            assert_eq!(held.len(), days.clone().count() * self.tables.len(), "in {vault}");
            assert_eq!(held, known, "in {vault}");
        }
    }
}

/// Lets a retention run remove so many points, as the parameter of the stack does: every function has it.
async fn allow_deletions(config: &SdkConfig, most: usize) {
    let lambda = aws_sdk_lambda::Client::new(config);
    for name in FUNCTIONS.map(|(name, _)| function(name)) {
        let set = lambda.get_function_configuration().function_name(&name).send().await.unwrap();
        let mut variables = set.environment.and_then(|environment| environment.variables).unwrap();
        variables.insert("BACKUP_CHAIN_MOST_DELETIONS".to_owned(), most.to_string());
        let environment = Environment::builder().set_variables(Some(variables)).build();
        let update = lambda.update_function_configuration().function_name(&name);
        update.environment(environment).send().await.unwrap();
    }
}

#[tokio::test]
async fn sessions_copies_and_retention_come_right_whoever_is_killed() {
    let (rounds, tables) = asked_for().map_or((FEW, 4), |rounds| (rounds, 200));
    let mut rng = random("sessions, copies and retention");
    let days = Days::begin(tables).await;
    let hunted = &days.hunted;
    let making = [
        Victim::Each("session"),
        Victim::Each("session"),
        Victim::Each("copy"),
        Victim::One("copy"),
        Victim::Newborn("session"),
        Victim::Newborn("copy"),
        Victim::All,
    ];
    let removing =
        [Victim::Each("retention"), Victim::Each("retention"), Victim::Newborn("retention"), Victim::All];
    let (mut struck, mut missed) = (0, 0);
    // Points are removed from the third day on.
    for day in 0..rounds + 2 {
        if day >= 2 {
            // Lambda tries an event three times in all, and the first time may meet a process that was killed idle.
            let strikes = Strike::some(&mut rng, 1, tables * 25, &removing);
            println!("day {day}, retention: {strikes:?}");
            struck += strikes.len();
            hunted.arm(&strikes);
            days.live_until(days.at(day, 7, 30));
            missed += hunted.disarm();
            days.assert_kept(day - 1..=day - 1).await;
        }
        if day < rounds {
            let idle = if rng.bool() { hunted.kill(Victim::All, 0) } else { 0 };
            let strikes = Strike::some(&mut rng, 3, tables * 45, &making);
            println!("day {day}, session: {idle} idle, {strikes:?}");
            struck += strikes.len();
            hunted.arm(&strikes);
        }
        days.live_until(days.at(day + 1, 6, 30));
        missed += hunted.disarm();
        days.assert_kept(day.saturating_sub(1)..=day).await;
        assert_quiet(&days.dynamodb, &hunted.served).await;
    }
    assert_ended_well(hunted, struck, missed, "copy");
}
