//! Somebody may write the tags of recovery points, and the metadata of any can stand on any other. Each attempt is
//! made on the same vaults, with the catalog and after its loss, and then everything that goes by metadata goes on: a
//! rebuild, restores, restores without the source Region, and retention. None of it decides a deletion, mixes two
//! points, or is silent.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use backup_chain_core::ids::{PointId, RecoveryPointArn, TableName};
use backup_chain_core::invoke::{Ask, From, SessionRequest, Wanted};
use backup_chain_core::metadata::tags;
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_core::restore::RestoreView;
use backup_chain_deployed::stack::{COPIES, SOURCE, Schedules, Stack, TARGET, VAULT};
use backup_chain_local::World;
use backup_chain_tests::restores::{ask, detached, newest};
use backup_chain_tests::{
    all_points, apply, at, deployed_with, lose_the_catalog, somebody_elses, table, vault_tags,
};
use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};

const POLICY: &str = "
name: chains
sources: {prefixes: [app-]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00, 13:00], keep: 2 days, copy: {keep: 2 days}}
  weekly: {on: monday, at: [07:00], keep: 7 years, copy: {keep: 7 years}}
";

/// What is in the vaults, before anybody did anything.
struct Scene {
    world: World,
    stack: Stack,
    /// By their ARNs, as they were made.
    truth: BTreeMap<RecoveryPointArn, RestorePoint>,
    tags: BTreeMap<RecoveryPointArn, BTreeMap<String, String>>,
}

impl Scene {
    /// Two tables, a week that is kept for seven years and the point six hours younger, their copies, a manual
    /// backup, a held point, and a backup that somebody else's role made.
    async fn new() -> Self {
        let tick = SignedDuration::from_hours(2);
        let (world, mut stack) =
            deployed_with("2026-01-05T06:00:00Z", Schedules { tick, ..Schedules::default() }).await;
        table(&world, "app-public", &[("classification", "public")]).await.unwrap();
        table(&world, "app-secret", &[("classification", "secret")]).await.unwrap();
        apply(&stack, POLICY).await.unwrap();
        stack.live_until(at("2026-01-05T15:00:00Z")).await;
        let by_hand = SessionRequest::backup(vec!["app-public".to_owned()]);
        stack.session(by_hand).await.unwrap();
        somebody_elses(&world, "app-public").await.unwrap();
        stack.live_until(at("2026-01-06T18:30:00Z")).await;
        // No session changes what there is from here on.
        apply(&stack, &format!("{POLICY}enabled: false\n")).await.unwrap();
        let mut truth = BTreeMap::new();
        for name in ["app-public", "app-secret"] {
            for point in all_points(&stack, &name.parse().unwrap()).await {
                assert!(point.is_counted() && point.bound.is_some(), "{point:#?}");
                truth.insert(point.recovery_point().cloned().unwrap(), point);
            }
        }
        assert_eq!(truth.len(), 2 * 2 * 4 + 1);
        let mut tags = vault_tags(&world, SOURCE, VAULT);
        tags.extend(vault_tags(&world, TARGET, COPIES));
        Self { world, stack, truth, tags }
    }

    /// The recovery point of a table, made for this slot.
    fn of(&self, table: &str, kind: PointKind, slot: &str) -> RecoveryPointArn {
        let is_it = |point: &&RestorePoint| {
            point.table.arn.name.as_str() == table && point.kind == kind && point.slot == at(slot)
        };
        self.truth.values().find(is_it).unwrap().recovery_point().cloned().unwrap()
    }

    fn manual(&self) -> RecoveryPointArn {
        self.truth
            .values()
            .find(|point| point.kind == PointKind::Manual)
            .unwrap()
            .recovery_point()
            .cloned()
            .unwrap()
    }

    /// The one that another role made.
    fn stranger(&self) -> RecoveryPointArn {
        self.tags.keys().find(|arn| !self.truth.contains_key(*arn)).unwrap().clone()
    }

    fn put(&self, on: &RecoveryPointArn, tags: BTreeMap<String, String>) {
        assert!(self.world.with_backup(|backup| backup.overwrite_tags(on.as_str(), tags)));
    }

    fn change(&self, on: &RecoveryPointArn, change: impl FnOnce(&mut BTreeMap<String, String>)) {
        let mut tags = self.tags[on].clone();
        change(&mut tags);
        self.put(on, tags);
    }

    /// Each gets the tags of the other.
    fn swap(&self, one: &RecoveryPointArn, other: &RecoveryPointArn) {
        self.put(one, self.tags[other].clone());
        self.put(other, self.tags[one].clone());
    }

    /// Those whose tags are not what they were.
    fn touched(&self) -> Vec<RecoveryPointArn> {
        let mut now = vault_tags(&self.world, SOURCE, VAULT);
        now.extend(vault_tags(&self.world, TARGET, COPIES));
        self.tags
            .iter()
            .filter(|(arn, tags)| now.get(*arn) != Some(*tags))
            .map(|(arn, _)| arn.clone())
            .collect()
    }
}

const WEEK: &str = "2026-01-05T07:00:00Z";
const LATER: &str = "2026-01-05T13:00:00Z";
const NEXT_DAY: &str = "2026-01-06T07:00:00Z";
const NEWEST: &str = "2026-01-06T13:00:00Z";

type Attempt = fn(&Scene);

/// What somebody may try who may tag recovery points.
const ATTEMPTS: [(&str, Attempt); 16] = [
    ("nothing", |_| ()),
    ("two tables' backups swapped", |scene| {
        let of = |table| scene.of(table, PointKind::Backup, WEEK);
        scene.swap(&of("app-public"), &of("app-secret"));
    }),
    ("two tables' copies swapped", |scene| {
        let of = |table| scene.of(table, PointKind::Copy, NEWEST);
        scene.swap(&of("app-public"), &of("app-secret"));
    }),
    ("two backups of one table swapped, six hours apart", |scene| {
        let of = |slot| scene.of("app-secret", PointKind::Backup, slot);
        scene.swap(&of(WEEK), &of(LATER));
    }),
    ("two copies of one table swapped, six hours apart", |scene| {
        let of = |slot| scene.of("app-secret", PointKind::Copy, slot);
        scene.swap(&of(WEEK), &of(LATER));
    }),
    ("two backups of one table swapped, a day apart", |scene| {
        let of = |slot| scene.of("app-secret", PointKind::Backup, slot);
        scene.swap(&of(WEEK), &of(NEXT_DAY));
    }),
    ("a backup and its copy swapped", |scene| {
        scene.swap(
            &scene.of("app-secret", PointKind::Backup, WEEK),
            &scene.of("app-secret", PointKind::Copy, WEEK),
        );
    }),
    ("a short-lived backup's tags on the long-lived one", |scene| {
        let (week, later) = (
            scene.of("app-secret", PointKind::Backup, WEEK),
            scene.of("app-secret", PointKind::Backup, LATER),
        );
        scene.put(&week, scene.tags[&later].clone());
    }),
    ("a backup's tags on a manual one", |scene| {
        scene.put(&scene.manual(), scene.tags[&scene.of("app-public", PointKind::Backup, LATER)].clone());
    }),
    ("a backup's tags on one that another role made", |scene| {
        scene.put(&scene.stranger(), scene.tags[&scene.of("app-public", PointKind::Backup, LATER)].clone());
    }),
    ("the binding taken away", |scene| {
        scene.change(&scene.of("app-secret", PointKind::Backup, WEEK), |tags| drop(tags.remove(tags::BOUND)));
    }),
    ("another's binding", |scene| {
        let other = scene.tags[&scene.of("app-secret", PointKind::Backup, LATER)][tags::BOUND].clone();
        scene.change(&scene.of("app-secret", PointKind::Backup, WEEK), |tags| {
            tags.insert(tags::BOUND.to_owned(), other);
        });
    }),
    ("a binding that is none", |scene| {
        scene.change(&scene.of("app-secret", PointKind::Copy, WEEK), |tags| {
            tags.insert(tags::BOUND.to_owned(), "AAAA".to_owned());
        });
    }),
    ("another's id", |scene| {
        let other = scene.tags[&scene.of("app-secret", PointKind::Backup, LATER)][tags::ID].clone();
        scene.change(&scene.of("app-secret", PointKind::Backup, WEEK), |tags| {
            tags.insert(tags::ID.to_owned(), other);
        });
    }),
    ("all our tags taken away", |scene| {
        for kind in [PointKind::Backup, PointKind::Copy] {
            scene.change(&scene.of("app-secret", kind, WEEK), |tags| {
                tags.retain(|key, _| !key.starts_with(tags::PREFIX));
            });
        }
    }),
    ("all our tags but the id and the binding taken away", |scene| {
        scene.change(&scene.of("app-secret", PointKind::Backup, WEEK), |tags| {
            tags.retain(|key, _| [tags::ID, tags::BOUND].contains(&key.as_str()));
        });
    }),
];

/// A restore that is planned alone: what it would restore, or why not.
async fn planned(scene: &Scene, wanted: Wanted) -> Result<RestoreView, String> {
    let wanted = Wanted { name: Some("app-again".parse().unwrap()), ..wanted };
    let ask = Ask { dry_run: true, ..ask([wanted]) };
    let told = scene.stack.restore(ask).await.map_err(|error| error.to_string())?;
    Ok(told.into_iter().next().unwrap())
}

/// What is planned is the recovery point that its id says, with the settings of its own table.
fn assert_itself(scene: &Scene, attempt: &str, told: &RestoreView) {
    let restore = &told.restore;
    let truth = &scene.truth[&restore.arn];
    assert_eq!((&restore.point, &restore.table), (&truth.id, &truth.table), "{attempt}");
    let name = truth.table.arn.name.as_str().trim_start_matches("app-");
    let own = told.settings.as_ref().map(|settings| settings["tags"]["classification"].clone());
    assert_eq!(own, Some(name.into()), "{attempt}: the settings are another's");
}

/// What becomes of each recovery point that was touched, in the words of what tells it.
async fn live_through(attempt: &str, make: Attempt, is_lost: bool) -> Vec<String> {
    let mut scene = Scene::new().await;
    make(&scene);
    let touched = scene.touched();
    let mut problems = Vec::new();
    if is_lost {
        lose_the_catalog(&scene.world, &scene.stack).await;
        apply(&scene.stack, &format!("{POLICY}enabled: false\n")).await.unwrap();
        problems.extend(scene.stack.rebuild().await.unwrap().problems);
    }

    // Whatever is restored is what it says.
    let mut refused = BTreeMap::new();
    for name in ["app-public", "app-secret"] {
        let name: TableName = name.parse().unwrap();
        for point in all_points(&scene.stack, &name).await {
            let vault = Some(point.place());
            let wanted = Wanted { from: From::Point(point.id.clone()), vault, region: None, ..newest(&name) };
            match planned(&scene, wanted).await {
                Ok(told) => assert_itself(&scene, attempt, &told),
                Err(why) => {
                    refused.insert(point.recovery_point().unwrap().clone(), why);
                }
            }
        }
        let told = planned(&scene, newest(&name)).await.unwrap_or_else(|why| panic!("{attempt}: {why}"));
        assert_itself(&scene, attempt, &told);
        let folder = tempfile::tempdir().unwrap();
        let detached = detached(&scene.world, &name, folder.path().join("restore.json")).await.unwrap();
        let ids: BTreeSet<PointId> = scene.truth.values().map(|point| point.id.clone()).collect();
        let mut wanted = vec![newest(&name)];
        wanted.extend(ids.into_iter().map(|id| Wanted { from: From::Point(id), ..newest(&name) }));
        for wanted in wanted {
            if let Ok(told) = detached.begin(&Ask { dry_run: true, ..ask([wanted]) }).await {
                assert_itself(&scene, attempt, &told);
            }
        }
    }

    // Whatever is deleted was outdated.
    let end: Timestamp = at("2026-01-20T12:00:00Z");
    scene.stack.live_until(end).await;
    let mut left: BTreeSet<RecoveryPointArn> = vault_tags(&scene.world, SOURCE, VAULT).into_keys().collect();
    left.extend(vault_tags(&scene.world, TARGET, COPIES).into_keys());
    for (arn, truth) in &scene.truth {
        let is_outdated = truth.lapses().is_some_and(|lapses| lapses <= end);
        assert!(left.contains(arn) || is_outdated, "{attempt}: {arn} was deleted: {truth:#?}");
    }
    assert!(left.contains(&scene.stranger()), "{attempt}");
    let gone = scene.truth.keys().filter(|arn| !left.contains(*arn)).count();
    assert!(gone > 4, "{attempt}: next to nothing is removed any more");

    problems.extend(scene.stack.reports().into_iter().flat_map(|(_, report)| report.problems));
    let mut outcomes = Vec::new();
    for arn in touched {
        let what = scene.truth.get(&arn).map_or("another role's backup".to_owned(), |truth| {
            format!("{:?} of {} for {}", truth.kind, truth.table.arn.name, truth.slot)
        });
        let told = problems.iter().find(|problem| problem.contains(arn.as_str()));
        let outcome = match (refused.get(&arn), told) {
            (Some(why), _) => format!("not restored: {why}"),
            (None, Some(problem)) => format!("told: {problem}"),
            (None, None) => {
                let recorded = all_points(&scene.stack, &scene.truth[&arn].table.arn.name).await;
                let recorded = recorded.into_iter().find(|point| point.recovery_point() == Some(&arn));
                let is_itself = recorded.is_some_and(|point| {
                    point.id == scene.truth[&arn].id
                        && (point.suspect.is_none() || point.state() == State::Available)
                });
                assert!(is_itself, "{attempt}: silence about {what}");
                "is what it was".to_owned()
            }
        };
        outcomes.push(format!("  {what}: {}", plain(&scene, &outcome)));
    }
    outcomes
}

/// Without what AWS and we name at random.
fn plain(scene: &Scene, text: &str) -> String {
    let mut text = text.to_owned();
    for (arn, truth) in &scene.truth {
        text = text.replace(arn.as_str(), "<arn>").replace(truth.id.as_str(), "<id>");
    }
    let words = text.replace(scene.stranger().as_str(), "<arn>");
    // Ids that a rebuild gave.
    let is_id = |word: &str| word.len() == 26 && word.starts_with("01K");
    let words = words
        .split(' ')
        .map(|word| if is_id(word.trim_matches(|c: char| !c.is_alphanumeric())) { "<new id>" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// Lives through every attempt on two threads, each in a world of its own.
fn table_of(is_lost: bool) -> String {
    let half = |from: usize| {
        thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            let runtime = runtime.unwrap();
            let mut told = Vec::new();
            for (number, (attempt, make)) in ATTEMPTS.into_iter().enumerate().skip(from).step_by(2) {
                let outcomes = runtime.block_on(live_through(attempt, make, is_lost));
                told.push((number, format!("{attempt}\n{}\n", outcomes.join("\n"))));
            }
            told
        })
    };
    let (even, odd) = (half(0), half(1));
    let mut told = even.join().unwrap();
    told.extend(odd.join().unwrap());
    told.sort();
    told.into_iter().map(|(_, text)| text).collect()
}

#[test]
fn with_the_catalog_no_tag_decides_a_deletion_or_a_restore() {
    assert_snapshot!(table_of(false));
}

#[test]
fn without_the_catalog_what_is_not_bound_decides_nothing() {
    assert_snapshot!(table_of(true));
}
