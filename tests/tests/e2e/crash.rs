//! Crashes: the process is dropped at each of its calls in turn, and the schedules finish what it left.
//!
//! One history is lived through undisturbed and its calls are counted. Then, for each call, the same history
//! is lived through again and the function dies there: after the call has taken effect, or before it arrives.

use std::fmt::Debug;

use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::{RetentionRequest, SessionRequest};
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_core::session::Status;
use backup_chain_deployed::stack::{
    ACCOUNT, COPIES, COPY, RETENTION, SESSION, SOURCE, Schedules, Stack, TARGET, VAULT,
};
use backup_chain_local::backup::Durations;
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::{all_points, apply, assert_agreement, at, deployed_with, table};
use jiff::SignedDuration;

const DAILY: &str = "
name: daily
sources: {prefixes: [app-]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 1 day, copy: {keep: 1 day}}
";

/// Where a function dies, seen from the call.
#[derive(Debug, Clone, Copy)]
enum Crash {
    Before,
    After,
}

/// A deployment with tables in the care of a policy, a minute before its slot.
struct Scene {
    world: World,
    stack: Stack,
    tables: Vec<TableName>,
}

impl Scene {
    async fn new() -> Self {
        let (tick, timeout) = (SignedDuration::from_mins(10), SignedDuration::from_mins(1));
        Self::with(Schedules { tick, retention: false, timeout }, &["app-carts", "app-orders"], 0).await
    }

    /// A table whose own tags leave no room for ours.
    async fn full() -> Self {
        let (tick, timeout) = (SignedDuration::from_mins(10), SignedDuration::from_mins(1));
        Self::with(Schedules { tick, retention: false, timeout }, &["app-full"], 50).await
    }

    async fn with(schedules: Schedules, names: &[&str], own_tags: usize) -> Self {
        let (world, stack) = deployed_with("2026-01-05T06:59:00Z", schedules).await;
        world.with_backup(|backup| {
            let (short, start) = (SignedDuration::from_mins(1), SignedDuration::from_secs(2));
            backup.set_durations(Durations { start, backup: short, copy: short, ..Durations::default() });
            backup.event_faults_mut().delay_to = SignedDuration::from_secs(30);
        });
        let own: Vec<String> = (0..own_tags).map(|number| format!("own-{number}")).collect();
        let own: Vec<(&str, &str)> = own.iter().map(|key| (key.as_str(), "x")).collect();
        let mut tables = Vec::new();
        for name in names {
            tables.push(table(&world, name, &own).await.unwrap());
        }
        apply(&stack, DAILY).await.unwrap();
        world.clear_calls();
        Self { world, stack, tables }
    }

    fn calls_of(&self, caller: &str) -> usize {
        self.world.calls().iter().filter(|call| call.caller == caller).count()
    }

    fn crash(&self, crash: Crash, caller: &str, nth: usize) {
        match crash {
            Crash::Before => self.world.crash_before(caller, nth),
            Crash::After => self.world.crash_after(caller, nth),
        }
    }

    /// Long enough for whatever was left to be found and finished.
    async fn live_on(&mut self) {
        self.stack.live_until(at("2026-01-05T07:59:00Z")).await;
    }

    /// How many recovery points the vaults hold.
    fn held(&self) -> [usize; 2] {
        let count =
            |region, vault| self.world.with_backup(|backup| backup.points(ACCOUNT, region, vault).len());
        [count(SOURCE, VAULT), count(TARGET, COPIES)]
    }

    async fn points(&self, table: &TableName) -> Vec<(PointKind, State)> {
        let kind = |point: &RestorePoint| (point.kind, point.state());
        all_points(&self.stack, table).await.iter().map(kind).collect()
    }

    /// One recovery point per table and vault, known to the catalog, and a session that has ended well.
    async fn assert_one_point_each(&self, place: &dyn Debug) {
        for table in &self.tables {
            let points = self.points(table).await;
            assert_eq!(
                points,
                [(PointKind::Backup, State::Available), (PointKind::Copy, State::Available)],
                "{place:?}: {table}"
            );
        }
        assert_eq!(self.held(), [self.tables.len(); 2], "{place:?}");
        assert_agreement(&self.world, &self.stack, &self.tables).await;
        let sessions = self.stack.app().catalog.sessions().await.unwrap();
        let ended: Vec<_> =
            sessions.iter().map(|session| (session.status, session.planned, session.available)).collect();
        let count = u32::try_from(self.tables.len()).unwrap();
        assert_eq!(ended, [(Status::Succeeded, count, count)], "{place:?}");
        assert_eq!(self.world.crash_points_ahead(), 0, "{place:?}: the crash point was not reached");
    }
}

/// Lives through the scheduled session once undisturbed, then once for each call of `caller`, with a crash there.
async fn sessions_with_crashes(crash: Crash, caller: &str) {
    lives_with_crashes(crash, caller, Scene::new).await;
}

async fn lives_with_crashes(crash: Crash, caller: &str, new: impl AsyncFn() -> Scene) {
    let mut scene = new().await;
    scene.live_on().await;
    let calls = scene.calls_of(caller);
    scene.assert_one_point_each(&"undisturbed").await;
    let mut crashes = 0;
    for nth in 1..=calls {
        let mut scene = new().await;
        scene.crash(crash, caller, nth);
        scene.live_on().await;
        scene.assert_one_point_each(&(crash, caller, nth)).await;
        crashes += 1;
    }
    println!("{caller}: {calls} calls, {crashes} crash points {crash:?}");
    assert_eq!(crashes, calls);
    assert!(calls > 15 * scene.tables.len(), "{calls} calls are too few for {} tables", scene.tables.len());
}

#[tokio::test(start_paused = true)]
async fn a_session_survives_a_crash_after_each_call_of_the_session_function() {
    sessions_with_crashes(Crash::After, SESSION).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_survives_a_crash_before_each_call_of_the_session_function() {
    sessions_with_crashes(Crash::Before, SESSION).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_survives_a_crash_after_each_call_of_the_copy_function() {
    sessions_with_crashes(Crash::After, COPY).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_survives_a_crash_before_each_call_of_the_copy_function() {
    sessions_with_crashes(Crash::Before, COPY).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_without_tags_survives_a_crash_at_each_call() {
    for crash in [Crash::Before, Crash::After] {
        for caller in [SESSION, COPY] {
            lives_with_crashes(crash, caller, Scene::full).await;
        }
    }
}

/// A session that the operator asks for by hand outlives its invocation once it is recorded.
#[tokio::test(start_paused = true)]
async fn a_manual_backup_survives_a_crash_after_each_call_of_its_invocation() {
    let ask = || SessionRequest::backup(vec!["app-carts".to_owned(), "app-orders".to_owned()]);
    let scene = Scene::new().await;
    scene.stack.session(ask()).await.unwrap();
    let calls = scene.calls_of(SESSION);
    let mut unrecorded = 0;
    for nth in 1..=calls {
        let mut scene = Scene::new().await;
        scene.crash(Crash::After, SESSION, nth);
        scene.stack.session(ask()).await.unwrap_err();
        if scene.stack.app().catalog.sessions().await.unwrap().is_empty() {
            unrecorded += 1;
            scene.stack.session(ask()).await.unwrap();
        }
        scene.stack.live_until(at("2026-01-05T06:59:30Z")).await;
        scene.stack.live_until(at("2026-01-05T07:59:00Z")).await;
        for table in &scene.tables {
            let points = scene.points(table).await;
            let manual = points.iter().filter(|(kind, _)| *kind == PointKind::Manual).collect::<Vec<_>>();
            assert_eq!(manual, [&(PointKind::Manual, State::Available)], "after call {nth}: {table}");
            assert_eq!(points.len(), 3, "after call {nth}: beside the scheduled backup and its copy");
        }
        assert_eq!(scene.held(), [4, 2], "after call {nth}");
        assert_agreement(&scene.world, &scene.stack, &scene.tables).await;
        assert_eq!(scene.world.crash_points_ahead(), 0);
    }
    println!("manual backup: {calls} calls, {calls} crash points, {unrecorded} before it was recorded");
    assert!(unrecorded < calls / 4 && calls > 20, "{unrecorded} of {calls}");
}

const RUN: RetentionRequest = RetentionRequest::run();

/// A table whose points are kept for a day: every evening those of the day before are outdated in both vaults.
async fn kept_for_a_day() -> Scene {
    let tick = SignedDuration::from_hours(1);
    let mut scene =
        Scene::with(Schedules { tick, retention: false, ..Schedules::default() }, &["app-carts"], 0).await;
    scene.stack.live_until(at("2026-01-05T18:00:00Z")).await;
    scene
}

impl Scene {
    async fn live_a_day(&mut self) {
        self.stack.live(SignedDuration::from_hours(24)).await;
    }

    /// Of `days` days only the newest backup and its copy are left, and what is gone is gone by the catalog too.
    async fn assert_newest_left(&self, days: usize, place: &dyn Debug) {
        let all = all_points(&self.stack, &self.tables[0]).await;
        let count = |state| all.iter().filter(|point| point.state() == state).count();
        assert_eq!(
            (count(State::Available), count(State::Deleted), all.len()),
            (2, 2 * days - 2, 2 * days),
            "{place:?}"
        );
        let mut gone = all.iter().filter(|point| point.state() == State::Deleted);
        let lapsed = |point: &RestorePoint| point.reason().is_some_and(|why| why.starts_with("daily lapsed"));
        assert!(gone.all(lapsed), "{place:?}: {all:#?}");
        let newest = all.iter().map(|point| point.slot).max();
        let left = all.iter().filter(|point| point.state() == State::Available);
        assert!(
            left.clone().all(|point| Some(point.slot) == newest),
            "{place:?}: {:#?}",
            left.collect::<Vec<_>>()
        );
        assert_eq!(self.held(), [1, 1], "{place:?}");
        assert_agreement(&self.world, &self.stack, &self.tables).await;
    }
}

/// One life, and every evening the run dies one call later.
#[tokio::test(start_paused = true)]
async fn a_retention_run_survives_a_crash_after_each_of_its_calls() {
    let mut scene = kept_for_a_day().await;
    scene.live_a_day().await;
    scene.world.clear_calls();
    let report = scene.stack.retention(RUN).await.unwrap();
    assert_eq!(report.problems, [""; 0]);
    let calls = scene.calls_of(RETENTION);
    scene.assert_newest_left(2, &"undisturbed").await;
    for nth in 1..=calls {
        scene.live_a_day().await;
        scene.crash(Crash::After, RETENTION, nth);
        scene.stack.retention(RUN).await.unwrap_err();
        // At once, while what was asked for is under way, and again when it is done.
        scene.stack.retention(RUN).await.unwrap();
        scene.stack.live(SignedDuration::from_mins(5)).await;
        scene.stack.retention(RUN).await.unwrap();
        scene.assert_newest_left(2 + nth, &("after", nth)).await;
    }
    println!("retention: {calls} calls, {calls} crash points");
    assert!(calls > 25, "{calls} calls are too few for two removals");
}

/// The answer is lost although the effect has happened: of one try of a call, and of every try of it.
#[tokio::test(start_paused = true)]
async fn an_effect_without_an_answer_is_not_done_twice() {
    for (service, operation, caller, calls) in [
        ("backup", "StartBackupJob", SESSION, 2),
        ("backup", "StartCopyJob", COPY, 2),
        ("dynamodb", "TransactWriteItems", SESSION, 4),
        ("dynamodb", "TransactWriteItems", COPY, 4),
    ] {
        for (skip, lost) in (0..calls).flat_map(|skip| [(skip, 1), (skip, 3)]) {
            let mut scene = Scene::new().await;
            let rule = FaultRule::new(service, operation, Fault::TimeoutAfter).caller(caller);
            scene.world.inject(rule.skip(skip).times(lost));
            scene.live_on().await;
            let calls = scene.world.calls();
            let unanswered = calls.iter().filter(|call| call.error.as_deref() == Some("Timeout"));
            assert_eq!(unanswered.count(), lost, "{caller} {operation} {skip}");
            scene.assert_one_point_each(&(operation, caller, skip, lost)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_without_an_answer_is_seen_through() {
    let mut scene = kept_for_a_day().await;
    // Of one try, and of every try of the call.
    for (days, lost) in [(2, 1), (3, 3)] {
        scene.live_a_day().await;
        scene.world.inject(FaultRule::new("backup", "DeleteRecoveryPoint", Fault::TimeoutAfter).times(lost));
        scene.stack.retention(RUN).await.unwrap();
        scene.stack.live(SignedDuration::from_mins(5)).await;
        scene.stack.retention(RUN).await.unwrap();
        scene.assert_newest_left(days, &lost).await;
    }
}
