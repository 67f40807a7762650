//! What goes wrong, and how it ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use backup_chain_checker::Intent;
use backup_chain_deployed::stack::{ACCOUNT, COPIES, Failure, SOURCE, TARGET, VAULT};
use backup_chain_local::backup::{Durations, EventFaults};
use backup_chain_local::{Fault, FaultRule, Lag};
use jiff::{SignedDuration, Timestamp};

use super::act::{Calls, Crash, Key, Retag, Trouble, What};
use super::draw::FUNCTIONS;
use super::scene::Scene;

/// The rule that lets the functions tick.
const TICK: &str = "backup-chain-tick";
const FAILED: &str = "AWS Backup encountered an error.";

impl Scene {
    /// Something goes wrong at once.
    ///
    /// # Errors
    /// When the embedded AWS does not do what it is there for.
    pub(super) async fn strike(self: &Arc<Self>, what: &What) -> Result<(), Failure> {
        match what {
            What::Tick(function) => {
                let (scene, function) = (Arc::clone(self), *function);
                tokio::spawn(async move { scene.tick(function).await });
            }
            What::Crash(Crash { caller, nth, effect: false }) => self.world.crash_before(caller, *nth),
            What::Crash(Crash { caller, nth, effect: true }) => self.world.crash_after(caller, *nth),
            What::FailBackup(table) => {
                self.world.with_backup(|backup| backup.fail_next_backup(&arn(table), FAILED));
            }
            What::FailCopy(table) => {
                self.world.with_backup(|backup| backup.fail_next_copy(&arn(table), FAILED));
            }
            What::Abort => self.abort().await?,
            What::Vanish(chosen) => {
                if let Some((arn, _)) = self.held(*chosen) {
                    self.note(Intent::PointDeleted { arn: arn.clone() });
                    self.world.with_backup(|backup| backup.remove_silently(&arn));
                }
            }
            What::Retag(chosen, how) => self.retag(*chosen, *how),
            _ => {}
        }
        Ok(())
    }

    /// Something goes wrong until it is ended.
    ///
    /// # Errors
    /// When the embedded AWS does not do what it is there for.
    pub(super) async fn begin(&self, trouble: &Trouble, lasts: SignedDuration) -> Result<(), Failure> {
        let (now, world) = (self.world.now(), &self.world);
        let until = now + lasts;
        match trouble {
            Trouble::Calls(calls) => self.disturb(calls, now, until),
            Trouble::Away(region) => {
                for caller in FUNCTIONS {
                    let away = FaultRule::new("*", "*", Fault::Bare(503)).caller(caller).region(region);
                    world.inject(away.between(now, until));
                }
            }
            Trouble::EventsLost => world.with_backup(|backup| backup.event_faults_mut().lose_all = true),
            Trouble::EventsLate(late) => world.with_backup(|backup| {
                let faults = backup.event_faults_mut();
                (faults.double_all, faults.reverse, faults.delay_to) = (true, true, *late);
            }),
            Trouble::NoTicks => {
                let client = aws_sdk_eventbridge::Client::new(&world.sdk_config(ACCOUNT, SOURCE, "operator"));
                client.disable_rule().name(TICK).send().await?;
            }
            Trouble::KeyOff(key) => self.switch(*key, false).await?,
            Trouble::Skew(seconds) => {
                world.skew(SignedDuration::from_secs(*seconds));
                self.note(Intent::Skewed { seconds: *seconds });
            }
            Trouble::Lag(lag) => Lag::ALL.into_iter().for_each(|kind| world.stretch(kind, *lag)),
            Trouble::Slow(table, takes) => world.with_backup(|backup| {
                let mut durations = backup.options().durations.clone();
                durations.tables.insert(arn(table), *takes);
                backup.set_durations(durations);
            }),
            Trouble::LateStart(late) => self.start_after(*late),
            Trouble::CopiesHang(table) => {
                world.with_backup(|backup| backup.disturb_copies(&arn(table), until));
            }
            Trouble::LegalHold(chosen) => self.hold_by_law(*chosen, true),
            Trouble::Lock(copies) => {
                let (client, vault) = self.vault(*copies);
                let lock = client.put_backup_vault_lock_configuration().backup_vault_name(vault);
                lock.min_retention_days(1).send().await?;
            }
        }
        Ok(())
    }

    /// It is over.
    ///
    /// # Errors
    /// When the embedded AWS does not do what it is there for.
    pub(super) async fn end(&self, trouble: &Trouble) -> Result<(), Failure> {
        let world = &self.world;
        match trouble {
            // They end by themselves.
            Trouble::Calls(_) | Trouble::Away(_) | Trouble::CopiesHang(_) => {}
            Trouble::EventsLost | Trouble::EventsLate(_) => {
                world.with_backup(|backup| *backup.event_faults_mut() = EventFaults::default());
            }
            Trouble::NoTicks => {
                let client = aws_sdk_eventbridge::Client::new(&world.sdk_config(ACCOUNT, SOURCE, "operator"));
                client.enable_rule().name(TICK).send().await?;
            }
            Trouble::KeyOff(key) => self.switch(*key, true).await?,
            Trouble::Skew(_) => {
                world.skew(SignedDuration::ZERO);
                self.note(Intent::Skewed { seconds: 0 });
            }
            Trouble::Lag(_) => world.hesitate(),
            Trouble::Slow(table, _) => world.with_backup(|backup| {
                let mut durations = backup.options().durations.clone();
                durations.tables.remove(&arn(table));
                backup.set_durations(durations);
            }),
            Trouble::LateStart(_) => self.start_after(Durations::default().start),
            Trouble::LegalHold(chosen) => self.hold_by_law(*chosen, false),
            Trouble::Lock(copies) => {
                let (client, vault) = self.vault(*copies);
                client.delete_backup_vault_lock_configuration().backup_vault_name(vault).send().await?;
            }
        }
        Ok(())
    }

    fn start_after(&self, late: SignedDuration) {
        self.world.with_backup(|backup| {
            let durations = Durations { start: late, ..backup.options().durations.clone() };
            backup.set_durations(durations);
        });
    }

    /// Calls of the functions meet a fault; everybody else is spared.
    fn disturb(&self, calls: &Calls, from: Timestamp, until: Timestamp) {
        let callers = FUNCTIONS.into_iter().filter(|role| calls.caller.is_none_or(|caller| caller == *role));
        for caller in callers {
            let rule = FaultRule::new(&calls.service, &calls.operation, calls.fault.clone()).caller(caller);
            self.world.inject(rule.per_mille(calls.share).times(calls.times).between(from, until));
        }
    }

    /// All recovery points that are there, with their tags, in a fixed order.
    fn all_held(&self) -> Vec<(String, BTreeMap<String, String>)> {
        let places = [(SOURCE, VAULT), (TARGET, COPIES)];
        let points = places
            .map(|(region, vault)| self.world.with_backup(|backup| backup.points(ACCOUNT, region, vault)));
        points.into_iter().flatten().map(|point| (point.arn, point.tags)).collect()
    }

    fn held(&self, chosen: u32) -> Option<(String, BTreeMap<String, String>)> {
        let mut held = self.all_held();
        let count = u32::try_from(held.len()).ok().filter(|count| *count > 0)?;
        Some(held.swap_remove(usize::try_from(chosen % count).ok()?))
    }

    fn retag(&self, chosen: u32, how: Retag) {
        let Some((arn, mut tags)) = self.held(chosen) else { return };
        let before = tags.clone();
        match how {
            Retag::None => tags.clear(),
            Retag::Part => {
                if let Some(part) = tags.keys().find(|key| key.starts_with("backup-chain/v1/")).cloned() {
                    tags.remove(&part);
                }
            }
            Retag::Other(other) => {
                if let Some((_, others)) = self.held(other) {
                    tags = others;
                }
            }
            Retag::Hold => {
                tags.insert("backup-chain/hold".to_owned(), "audit".to_owned());
            }
        }
        // Without tags of ours there is nothing to change that anyone goes by.
        let is_ours = |(key, _): &(&String, &String)| key.starts_with("backup-chain/");
        if tags.iter().filter(is_ours).eq(before.iter().filter(is_ours)) {
            return;
        }
        self.note(Intent::PointTagged { arn: arn.clone(), tags: tags.clone() });
        self.world.with_backup(|backup| backup.overwrite_tags(&arn, tags));
    }

    fn hold_by_law(&self, chosen: u32, held: bool) {
        // The same point is meant when the hold ends.
        let mut by_law = self.by_law();
        let arn = match held {
            true => self.held(chosen).map(|(arn, _)| arn),
            false => by_law.remove(&chosen),
        };
        if let Some(arn) = arn {
            if held {
                by_law.insert(chosen, arn.clone());
            }
            drop(by_law);
            self.note(Intent::LegalHold { arn: arn.clone(), held });
            let now = self.world.now();
            self.world.with_backup(|backup| backup.legal_hold(&arn, held, now));
        }
    }

    async fn abort(&self) -> Result<(), Failure> {
        let client = crate::backup(&self.world, SOURCE);
        let jobs = client.list_backup_jobs().send().await?;
        for job in jobs.backup_jobs() {
            let (Some(id), None) = (job.backup_job_id(), job.completion_date()) else { continue };
            // One that has ended meanwhile cannot be stopped.
            let _ = client.stop_backup_job().backup_job_id(id).send().await;
        }
        Ok(())
    }

    async fn switch(&self, key: Key, on: bool) -> Result<(), Failure> {
        let region = if matches!(key, Key::Metadata | Key::Vault) { SOURCE } else { TARGET };
        let id = match key {
            Key::Metadata | Key::Replica => {
                self.stack.app().context.deployment().key.rsplit('/').next().unwrap_or_default().to_owned()
            }
            Key::Vault | Key::Copies => {
                let (client, vault) = self.vault(matches!(key, Key::Copies));
                let described = client.describe_backup_vault().backup_vault_name(vault).send().await?;
                described.encryption_key_arn.ok_or("a vault without a key")?
            }
        };
        let kms = aws_sdk_kms::Client::new(&self.world.sdk_config(ACCOUNT, region, "operator"));
        if on {
            kms.enable_key().key_id(id).send().await?;
        } else {
            kms.disable_key().key_id(id).send().await?;
        }
        Ok(())
    }

    fn vault(&self, copies: bool) -> (aws_sdk_backup::Client, &'static str) {
        let (region, vault) = if copies { (TARGET, COPIES) } else { (SOURCE, VAULT) };
        (crate::backup(&self.world, region), vault)
    }
}

fn arn(table: &str) -> String {
    format!("arn:aws:dynamodb:{SOURCE}:{ACCOUNT}:table/{table}")
}
