//! Putting the settings back: one change at a time, only ever to the table that the restore made.

use std::collections::BTreeMap;

use backup_chain_aws::change::Look;
use backup_chain_aws::{AwsError, Edge};
use backup_chain_core::restore::{
    self, Feature, Outcome, Plan, Property, Restore, Stage, Step, StepRecord, StepState,
};
use backup_chain_core::settings::TableSettings;
use jiff::{SignedDuration, Timestamp};

use crate::work::{MOMENT, end, fail, go, stop};
use crate::{RestoreError, Store, open};

/// How long a step that is refused for now is tried again. Time to live takes one change an hour; a table class, of
/// which there are two in 30 days, is left to the operator.
const PATIENCE: SignedDuration = SignedDuration::from_hours(3);

/// The longest pause between two tries.
const LONGEST: SignedDuration = SignedDuration::from_mins(15);

/// Goes on with the settings of a table that is there.
pub(crate) async fn apply(edge: &Edge, store: &Store, restore: &mut Restore) -> Result<(), RestoreError> {
    let Some(look) = look(edge, store, restore).await? else { return Ok(()) };
    let then = match restore.items_only {
        true => None,
        false => match open::settings(edge, restore).await? {
            Some(settings) => Some(settings),
            None => {
                let why = "the settings of its restore point cannot be read any more: the table has what AWS restored";
                return stop(edge, store, restore, why).await;
            }
        },
    };
    // Without its metadata nothing is known but what AWS has brought back.
    let then = then.unwrap_or_else(|| look.settings.clone());
    let plan = restore::plan(&then, &restore.choices, &restore.target());
    for step in plan.steps.iter().filter(|step| !is_ttl(step)) {
        if !take(edge, store, restore, &plan, step).await? {
            return Ok(());
        }
    }
    if let Some(again_at) = waits(restore, &plan) {
        let wait = again_at.duration_since(edge.clock().now()).max(MOMENT);
        return go(edge, store, restore, Stage::Applying, wait).await;
    }
    let report = verify(edge, restore, &then).await?;
    if let Some(step) = plan.steps.iter().find(|step| is_ttl(step)) {
        let is_asked = restore.choices.with.contains(&Feature::Ttl);
        if is_asked || restore::is_verified(&report) {
            if !take(edge, store, restore, &plan, step).await? {
                return Ok(());
            }
            if let Some(again_at) = restore.steps.get(&step.key()).and_then(|record| record.again_at) {
                let wait = again_at.duration_since(edge.clock().now()).max(MOMENT);
                return go(edge, store, restore, Stage::Applying, wait).await;
            }
        } else {
            let why = "it starts deleting, and something else is not as it was: look at that first";
            note(restore, step, StepState::Failed, Some(why.to_owned()));
        }
    }
    finish(edge, store, restore, &then).await
}

fn is_ttl(step: &Step) -> bool {
    matches!(step, Step::Ttl(_))
}

/// Looks at the table, and makes sure that it is the one that this restore made: the first time by the recovery point
/// that DynamoDB says it was made from, then by its TableId.
async fn look(edge: &Edge, store: &Store, restore: &mut Restore) -> Result<Option<Look>, RestoreError> {
    let dynamodb = &edge.region(&restore.start.region).dynamodb;
    let Some(look) = dynamodb.look(&restore.target.name).await? else {
        let why = "the table that was made is gone: somebody has deleted it".to_owned();
        return fail(edge, store, restore, why).await.map(|()| None);
    };
    match &restore.made {
        Some(made) if *made == look.table.id => {}
        None if look.is_made_from(&restore.arn) => {
            restore.made = Some(look.table.id.clone());
            go(edge, store, restore, Stage::Applying, SignedDuration::ZERO).await?;
        }
        _ => {
            let why =
                "the table of that name is not the one that this restore made: it is left alone".to_owned();
            return fail(edge, store, restore, why).await.map(|()| None);
        }
    }
    Ok(Some(look))
}

/// Takes a step, unless it is behind us or its time has not come. False when nothing more can be done now.
async fn take(
    edge: &Edge,
    store: &Store,
    restore: &mut Restore,
    plan: &Plan,
    step: &Step,
) -> Result<bool, RestoreError> {
    let now = edge.clock().now();
    let record = restore.steps.get(&step.key()).cloned();
    match &record {
        Some(StepRecord { state: StepState::Done | StepState::Failed, .. }) => return Ok(true),
        Some(StepRecord { again_at: Some(again_at), .. }) if *again_at > now => return Ok(true),
        _ => {}
    }
    match needed(restore, plan, step) {
        Some(StepState::Done) | None => {}
        Some(StepState::Waiting) => return Ok(true),
        Some(StepState::Failed) => {
            note(restore, step, StepState::Failed, Some("what it needs could not be put back".to_owned()));
            return go(edge, store, restore, Stage::Applying, SignedDuration::ZERO).await.map(|()| true);
        }
    }
    let Some(look) = look(edge, store, restore).await? else { return Ok(false) };
    if let Some(status) = &look.unfit {
        let why =
            format!("the table is {status}: it has what AWS restored, and its settings are left as they are");
        return stop(edge, store, restore, &why).await.map(|()| false);
    }
    if !look.is_active {
        return go(edge, store, restore, Stage::Applying, MOMENT).await.map(|()| false);
    }
    let dynamodb = &edge.region(&restore.start.region).dynamodb;
    // The tag comes first, and every later write looks for it: no other table is ever touched.
    if !dynamodb.is_claimed(&look.table, restore.id.as_str()).await? {
        if !restore.steps.is_empty() {
            let why = "the tag of this restore was taken off the table: it is left as it is";
            return stop(edge, store, restore, why).await.map(|()| false);
        }
        dynamodb.claim(&look.table, restore.id.as_str()).await?;
    }
    match edge.change(&restore.target(), &look, step).await {
        Ok(()) => note(restore, step, StepState::Done, None),
        Err(error) => refused(restore, step, record.as_ref(), &error, now),
    }
    go(edge, store, restore, Stage::Applying, SignedDuration::ZERO).await?;
    Ok(true)
}

/// Where the step stands that `step` cannot be taken without.
fn needed(restore: &Restore, plan: &Plan, step: &Step) -> Option<StepState> {
    let needs = |other: &&Step| match (step, other) {
        (Step::StreamPolicy(_), Step::Stream(_)) => true,
        (
            Step::ScalingPolicy(dimension, ..) | Step::ScheduledAction(dimension, ..),
            Step::ScalingTarget(target, _),
        ) => dimension == target,
        _ => false,
    };
    let needed = plan.steps.iter().find(needs)?;
    Some(restore.steps.get(&needed.key()).map_or(StepState::Waiting, |record| record.state))
}

fn note(restore: &mut Restore, step: &Step, state: StepState, why: Option<String>) {
    let title = step.key();
    tracing::info!(restore = %restore.id, step = title, ?state, why, "step");
    restore.steps.insert(step.key(), StepRecord { state, refusals: 0, since: None, again_at: None, why });
}

/// A step was refused: it is tried again where that may help, later each time, and not for ever.
fn refused(
    restore: &mut Restore,
    step: &Step,
    before: Option<&StepRecord>,
    error: &AwsError,
    now: Timestamp,
) {
    let since = before.and_then(|record| record.since).unwrap_or(now);
    let refusals = before.map_or(0, |record| record.refusals) + 1;
    // The message may quote settings, and the record must not.
    let why = format!("{}: {}", error.operation, error.code);
    if !error.passes() || now.duration_since(since) >= PATIENCE {
        return note(restore, step, StepState::Failed, Some(why));
    }
    let pause = MOMENT.saturating_mul(2_i32.saturating_pow(refusals.min(16))).min(LONGEST);
    tracing::warn!(restore = %restore.id, step = step.key(), why, refusals, "step refused for now");
    let (state, again_at) = (StepState::Waiting, Some(now + pause));
    let record = StepRecord { state, refusals, since: Some(since), again_at, why: Some(why) };
    restore.steps.insert(step.key(), record);
}

/// When the first step before the verification is to be tried again that was refused for now.
fn waits(restore: &Restore, plan: &Plan) -> Option<Timestamp> {
    let before = plan.steps.iter().filter(|step| !is_ttl(step));
    before.filter_map(|step| restore.steps.get(&step.key())?.again_at).min()
}

/// Looks at the restored table as a whole, and compares it with what it was.
async fn verify(edge: &Edge, restore: &Restore, then: &TableSettings) -> Result<Vec<Property>, RestoreError> {
    let now = edge.capture_anew(&restore.target.region, &restore.target.name).await?.settings;
    let why = |record: &StepRecord| record.why.clone().unwrap_or_default();
    let failed: BTreeMap<String, String> = restore
        .steps
        .iter()
        .filter(|(_, record)| record.state == StepState::Failed)
        .map(|(key, record)| (key.clone(), why(record)))
        .collect();
    let mut report = restore::compare(then, &now, &restore.choices, &restore.target(), &failed);
    if restore.items_only {
        for property in report.iter_mut().filter(|property| property.outcome == Outcome::Restored) {
            property.outcome = Outcome::Impossible;
            property.why = Some("what it was is not known: the metadata is not believed".to_owned());
        }
    }
    Ok(report)
}

/// All is done that can be: what came of it is reported, and the restore's tag comes off the table.
async fn finish(
    edge: &Edge,
    store: &Store,
    restore: &mut Restore,
    then: &TableSettings,
) -> Result<(), RestoreError> {
    let Some(look) = look(edge, store, restore).await? else { return Ok(()) };
    restore.report = verify(edge, restore, then).await?;
    // A table that needed no step was never tagged, and without the tag the role may not touch it.
    let dynamodb = &edge.region(&restore.start.region).dynamodb;
    if dynamodb.is_claimed(&look.table, restore.id.as_str()).await? {
        dynamodb.release(&look.table).await?;
    }
    let is_complete = restore.report.iter().all(|property| property.outcome != Outcome::Failed);
    end(edge, store, restore, if is_complete { Stage::Succeeded } else { Stage::Warning }).await
}
