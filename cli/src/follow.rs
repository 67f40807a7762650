//! Restores that are followed to their end.

use std::collections::BTreeMap;

use backup_chain_core::ids::RestoreId;
use backup_chain_core::restore::{Restore, RestoreView, Stage, StepRecord, StepState};
use jiff::{SignedDuration, Timestamp};

use crate::Console;
use crate::console::word;
use crate::deployment::Deployed;
use crate::outcome::Failure;
use crate::restore_output::{stage, why};

/// The time between two looks at restores.
const POLL_INTERVAL: SignedDuration = SignedDuration::from_secs(5);

/// What a restore waits for is reported when it waits for so long.
const REPORT_WAITS_LONGER_THAN: SignedDuration = SignedDuration::from_mins(1);

/// Notes every change of stage and every step until all have ended.
pub(crate) async fn follow(
    begun: &[RestoreView],
    deployed: &Deployed,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let mut followed: Vec<Followed> = begun.iter().map(Followed::of).collect();
    loop {
        for it in followed.iter_mut().filter(|it| it.is_open()) {
            let found = deployed.catalog().restore(&it.id).await?;
            let restore = found.ok_or_else(|| {
                Failure::refused(format!("restore {} is not in the catalog any more", it.id))
            })?;
            for change in it.changes(&restore) {
                note(console, deployed.app.context.now(), &restore, &change)?;
            }
        }
        if !followed.iter().any(Followed::is_open) {
            return Ok(());
        }
        deployed.app.context.clock().until(deployed.app.context.now() + POLL_INTERVAL).await;
    }
}

/// Notes a change of a restore, with its time.
pub(crate) fn note(
    console: &mut Console<'_>,
    now: Timestamp,
    restore: &Restore,
    change: &str,
) -> Result<(), Failure> {
    console.note(format_args!("{} {}: {change}", now.strftime("%H:%M:%S"), restore.target.name))
}

/// A restore that is followed.
pub(crate) struct Followed {
    id: RestoreId,
    /// The steps in their order: keys and titles.
    titles: Vec<(String, String)>,
    stage: Option<Stage>,
    /// What it was last seen to wait for.
    hitch: Option<String>,
    steps: BTreeMap<String, StepRecord>,
}

impl Followed {
    pub(crate) fn of(told: &RestoreView) -> Self {
        let (id, steps) = (told.restore.id.clone(), BTreeMap::new());
        Self { id, titles: titles(told), stage: None, hitch: None, steps }
    }

    fn is_open(&self) -> bool {
        self.stage.is_none_or(Stage::is_open)
    }

    /// What has changed since it was last looked at.
    pub(crate) fn changes(&mut self, now: &Restore) -> Vec<String> {
        let mut changes = Vec::new();
        if self.stage.replace(now.stage) != Some(now.stage) && now.stage.is_open() {
            changes.push(stage(now));
        }
        // What passes within a minute is not worth a line.
        let held_up = now
            .hitch
            .as_ref()
            .filter(|hitch| now.check_at.duration_since(hitch.since) >= REPORT_WAITS_LONGER_THAN);
        let held_up = held_up.map(|hitch| hitch.why.clone());
        if held_up != self.hitch {
            changes.extend(held_up.iter().map(|why| format!("waits: {why}")));
            self.hitch = held_up;
        }
        // A restore without settings has steps all the same, for what was asked.
        for key in now.steps.keys() {
            if !self.titles.iter().any(|(known, _)| known == key) {
                let kind = key.split('#').next().unwrap_or(key).replace('-', " ");
                self.titles.push((key.clone(), kind));
            }
        }
        let is_over = |record: &&StepRecord| record.state != StepState::Waiting;
        let mut over = self.steps.values().filter(is_over).count();
        for (key, title) in &self.titles {
            let before = self.steps.get(key);
            let Some(record) = now.steps.get(key).filter(|record| before != Some(record)) else {
                continue;
            };
            // That it waits for the same is reported once.
            if !is_over(&record) && before.is_some_and(|before| before.why == record.why) {
                continue;
            }
            let why = Some(why(record)).filter(|why| !why.is_empty());
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            changes.push(if is_over(&record) {
                over += 1;
                format!("{over} of {}, {title}: {}{why}", self.titles.len(), word(&record.state))
            } else {
                format!("{title} waits{why}")
            });
        }
        if !now.stage.is_open() {
            changes.push(stage(now));
        }
        self.steps.clone_from(&now.steps);
        changes
    }
}

fn titles(told: &RestoreView) -> Vec<(String, String)> {
    told.steps.iter().map(|step| (step.key.clone(), step.title.clone())).collect()
}
