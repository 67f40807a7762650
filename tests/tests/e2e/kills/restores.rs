//! Restores with the restore function killed in them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::Client as DynamoDb;
use backup_chain_deployed::stack::{SOURCE, TARGET};
use backup_chain_tests::kills::seen::{apply, asked, assert_quiet, items, list, tables, text};
use backup_chain_tests::kills::{Hunted, Strike, Victim};
use serde_json::Value;

use super::{
    FEW, POLICY, answered, asked_for, assert_ended_well, disable, fill, plain_table, random, rich_table,
};

const RICH: &str = "app-rich";
const PLAIN: &str = "app-plain";
const COPIES: &str = "eu-west-1/backup-chain-copies";

/// A restore that is asked for in each round.
struct Asked {
    table: &'static str,
    /// What the name of the new table begins with.
    prefix: &'static str,
    abroad: bool,
    /// What is not as it was, by the report: nothing is switched on by itself under another name.
    other: &'static [&'static str],
    options: &'static [&'static str],
}

/// From the backup, from a copy that goes back, and from a copy in its own Region.
const ASKED: [Asked; 3] = [
    Asked { table: RICH, prefix: "again", abroad: false, other: &["stream", "time to live"], options: &[] },
    Asked {
        table: PLAIN,
        prefix: "back",
        abroad: false,
        other: &["time to live"],
        options: &["--vault", COPIES, "--to-region", SOURCE],
    },
    Asked {
        table: RICH,
        prefix: "abroad",
        abroad: true,
        other: &["stream", "time to live"],
        options: &["--vault", COPIES, "--key", "aws-owned"],
    },
];

/// Asks and ticks of a round that nobody disturbs, in exchanges.
const EXCHANGES: usize = 450;

struct Scene {
    hunted: Hunted,
    here: DynamoDb,
    there: DynamoDb,
    items: BTreeMap<&'static str, Vec<String>>,
    own: [BTreeSet<String>; 2],
}

impl Scene {
    async fn new() -> Self {
        let hunted = super::held("5m");
        let here = DynamoDb::new(&hunted.served.config().await);
        let there = DynamoDb::new(&hunted.served.config_in(TARGET).await);
        plain_table(&here, PLAIN).await;
        rich_table(&here, RICH).await;
        hunted.served.clock(&["advance", "1m"]);
        for table in [PLAIN, RICH] {
            fill(&here, table).await;
        }
        apply(&hunted, POLICY);
        hunted.served.clock(&["advance", "4h"]);
        let sessions = asked(&hunted.served, &["session", "list"]);
        assert_eq!(sessions[0]["available"], 2, "{sessions:#}");
        disable(&hunted);
        let items = BTreeMap::from([(PLAIN, items(&here, PLAIN).await), (RICH, items(&here, RICH).await)]);
        let own = [tables(&here).await, tables(&there).await];
        Self { hunted, here, there, items, own }
    }

    fn client(&self, abroad: bool) -> &DynamoDb {
        if abroad { &self.there } else { &self.here }
    }

    /// The restores by the names of their new tables.
    fn restores(&self) -> BTreeMap<String, Value> {
        let listed = asked(&self.hunted.served, &["restore", "list", "--limit", "1000"]);
        let by_target: BTreeMap<String, Value> = list(&listed)
            .iter()
            .map(|restore| (text(restore, "target").to_owned(), restore.clone()))
            .collect();
        assert_eq!(by_target.len(), list(&listed).len(), "a table is restored once: {listed:#}");
        by_target
    }

    /// Asks for a restore. Whose function is killed meanwhile is told so, looks, and asks again where there is none.
    fn ask(&self, asked: &Asked, name: &str) {
        let wanted = format!("{}={name}", asked.table);
        let args = [&["restore", "start", &wanted, "--yes", "--no-wait"], asked.options].concat();
        loop {
            let done = self.hunted.served.run("backup-chain", &args);
            if done.status.success() {
                return;
            }
            let said = String::from_utf8(done.stderr).unwrap();
            let why = said.lines().last().unwrap_or_default();
            assert!(why.starts_with("error: ") && why.contains("signal: 9"), "{said}");
            if self.restores().contains_key(name) {
                return;
            }
        }
    }

    /// Asks for the restores of a round and lives on until they have ended, as ones that nobody disturbs do. Tells how
    /// many strikes have not come.
    async fn round(&self, number: usize, strikes: &[Strike]) -> usize {
        let served = &self.hunted.served;
        self.hunted.arm(strikes);
        let names = ASKED.map(|asked| format!("{}-{number}", asked.prefix));
        for (asked, name) in ASKED.iter().zip(&names) {
            self.ask(asked, name);
        }
        for _ in 0..12 {
            served.clock(&["advance", "30m"]);
            if list(&asked(served, &["restore", "list", "--open"])).is_empty() {
                break;
            }
        }
        let missed = self.hunted.disarm();
        let restores = self.restores();
        let mut left = self.own.clone();
        for (wanted, name) in ASKED.iter().zip(&names) {
            let shown = answered(served, &["restore", "show", text(&restores[name], "id"), "--json"]);
            assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
            let told: Value = serde_json::from_slice(&shown.stdout).unwrap();
            assert_eq!(told["restore"]["stage"], "succeeded", "{told:#}");
            let report = list(&told["restore"]["report"]);
            let other: Vec<&str> =
                report.iter().filter(|it| it["outcome"] != "restored").map(|it| text(it, "name")).collect();
            assert!(other == wanted.other && report.len() > other.len(), "{report:#?}");
            let client = self.client(wanted.abroad);
            assert_eq!(items(client, name).await, self.items[wanted.table], "{name}");
            let described = client.describe_table().table_name(name).send().await.unwrap();
            let arn = described.table().unwrap().table_arn().unwrap();
            let tagged = client.list_tags_of_resource().resource_arn(arn).send().await.unwrap();
            assert!(tagged.tags().iter().all(|tag| !tag.key().starts_with("backup-chain/")), "{tagged:?}");
            left[usize::from(wanted.abroad)].insert(name.clone());
        }
        assert_eq!([tables(&self.here).await, tables(&self.there).await], left);
        assert_quiet(&self.here, served).await;
        self.drop_tables(&names).await;
        missed
    }

    /// Drops what was restored.
    async fn drop_tables(&self, names: &[String; 3]) {
        for (asked, name) in ASKED.iter().zip(names) {
            let update = self.client(asked.abroad).update_table().table_name(name);
            // Fails where nothing is to be changed.
            let _ = update.deletion_protection_enabled(false).send().await;
        }
        self.hunted.served.clock(&["advance", "1m"]);
        for (asked, name) in ASKED.iter().zip(names) {
            self.client(asked.abroad).delete_table().table_name(name).send().await.unwrap();
        }
        self.hunted.served.clock(&["advance", "1m"]);
    }
}

#[tokio::test]
async fn restores_end_as_undisturbed_ones_whoever_is_killed() {
    let rounds = asked_for().unwrap_or(FEW);
    let mut rng = random("restores");
    let scene = Scene::new().await;
    let victims = [Victim::Each("restore"), Victim::Each("restore"), Victim::Newborn("restore"), Victim::All];
    let (mut struck, mut missed) = (0, 0);
    for number in 1..=rounds {
        let strikes = Strike::some(&mut rng, 3, EXCHANGES, &victims);
        println!("round {number}: {strikes:?}");
        struck += strikes.len();
        missed += scene.round(number, &strikes).await;
    }
    assert_ended_well(&scene.hunted, struck, missed, "restore");
}
