//! Putting the settings back: one change at a time, only ever to the table that the restore made.

use backup_chain_aws::change::LiveTable;
use backup_chain_aws::{App, AwsError, Meaning};
use backup_chain_core::restore::{
    self, Feature, Outcome, Plan, Property, Restore, Stage, Step, StepRecord, StepState,
};
use backup_chain_core::settings::TableSettings;
use backup_chain_core::wait::{CONSISTENCY, LIMITS, RIGHTS};
use jiff::{SignedDuration, Timestamp};

use crate::error::RestoreError;
use crate::stage::{MIN_PAUSE, end, end_with_warning, enter_stage};
use crate::store::Store;
use crate::view::plan;
use crate::wait::{wait, wait_until_visible};
use crate::{mark, open, tag};

/// The longest pause between two attempts.
const MAX_BACKOFF: SignedDuration = SignedDuration::from_mins(15);

/// The longest pause between two looks at what was just put.
const MAX_RECHECK_PAUSE: SignedDuration = SignedDuration::from_secs(30);

/// Continues with the settings of a table that is there.
pub(crate) async fn apply(app: &App, store: &Store, restore: &mut Restore) -> Result<(), RestoreError> {
    let Some(look) = describe_target(app, store, restore).await? else { return Ok(()) };
    let captured = match restore.items_only {
        // Without its metadata nothing is known but what AWS has brought back.
        true => {
            let mut brought = look.settings.clone();
            app.aws.region(&restore.start.region).name_key(&mut brought).await;
            brought
        }
        false => match open::settings(app, restore).await? {
            Some(settings) => settings,
            None => {
                if wait(app, store, restore, "its metadata cannot be read", CONSISTENCY).await? {
                    return Ok(());
                }
                let why = "the settings of its restore point cannot be read any more: the table has what AWS restored";
                return end_with_warning(app, store, restore, why).await;
            }
        },
    };
    let plan = plan(app, Some(&captured), restore).await?;
    let is_first = |step: &&Step| !step.is_ttl() && !step.is_policy();
    if !run_steps(app, store, restore, &plan, plan.steps.iter().filter(is_first)).await? {
        return Ok(());
    }
    if let Some(step) = plan.steps.iter().find(|step| step.is_ttl())
        && !restore.steps.contains_key(&step.key())
    {
        let Some(report) = compare_with_backup(app, store, restore, &captured).await? else { return Ok(()) };
        if !restore.choices.with.contains(&Feature::Ttl) && !restore::is_verified(&report) {
            let why = "it starts deleting, and something else is not as it was: look at that first";
            record_step(restore, step, StepState::Failed, app.context.now(), Some(why.to_owned()));
        }
    }
    // What may shut this function out of the table comes after all that has to be done to it.
    if !run_steps(app, store, restore, &plan, plan.steps.iter().filter(|step| step.is_ttl())).await?
        || !run_steps(app, store, restore, &plan, plan.steps.iter().filter(|step| step.is_policy())).await?
    {
        return Ok(());
    }
    finish(app, store, restore, &captured).await
}

/// Takes steps, in their order. True when all of them are done, or have failed.
async fn run_steps(
    app: &App,
    store: &Store,
    restore: &mut Restore,
    plan: &Plan,
    steps: impl Iterator<Item = &Step> + Clone,
) -> Result<bool, RestoreError> {
    for step in steps.clone() {
        // Boxed: keeps the parent future small.
        if !Box::pin(run_step(app, store, restore, plan, step)).await? {
            return Ok(false);
        }
    }
    let Some(again_at) = steps.filter_map(|step| restore.steps.get(&step.key())?.again_at).min() else {
        return Ok(true);
    };
    let wait = again_at.duration_since(app.context.now()).max(MIN_PAUSE);
    enter_stage(app, store, restore, Stage::Applying, wait).await?;
    Ok(false)
}

/// The table, if it is the one that this restore made. None where it is not there: the restore waits for it then, or has
/// ended.
async fn describe_target(
    app: &App,
    store: &Store,
    restore: &mut Restore,
) -> Result<Option<LiveTable>, RestoreError> {
    let dynamodb = &app.aws.region(&restore.start.region).dynamodb;
    let found = dynamodb.live_table(&restore.target.name).await?;
    let (why, over) = match &found {
        Some(look) if restore.made.as_ref() == Some(&look.table.id) => return Ok(found),
        Some(_) => (
            "another table of that name is seen",
            "the table of that name is not the one that this restore made: it is left alone",
        ),
        None => ("the table is not seen", "the table that was made is gone: somebody has deleted it"),
    };
    wait_until_visible(app, store, restore, why, over).await.map(|()| None)
}

/// Takes a step, unless it is done, has failed, or its time has not come. False when nothing more can be done now.
async fn run_step(
    app: &App,
    store: &Store,
    restore: &mut Restore,
    plan: &Plan,
    step: &Step,
) -> Result<bool, RestoreError> {
    let now = app.context.now();
    let record = restore.steps.get(&step.key()).cloned();
    match &record {
        Some(StepRecord { state: StepState::Done | StepState::Failed, .. }) => return Ok(true),
        Some(StepRecord { again_at: Some(again_at), .. }) if *again_at > now => return Ok(true),
        _ => {}
    }
    match prerequisite_state(restore, plan, step) {
        Some(StepState::Done) | None => {}
        Some(StepState::Waiting) => return Ok(true),
        Some(StepState::Failed) => {
            let why = "what it needs could not be put back".to_owned();
            record_step(restore, step, StepState::Failed, now, Some(why));
            return enter_stage(app, store, restore, Stage::Applying, SignedDuration::ZERO)
                .await
                .map(|()| true);
        }
    }
    let Some(look) = describe_target(app, store, restore).await? else { return Ok(false) };
    if let Some(status) = &look.unfit {
        let why =
            format!("the table is {status}: it has what AWS restored, and its settings are left as they are");
        return end_with_warning(app, store, restore, &why).await.map(|()| false);
    }
    if !look.is_active {
        if !wait(app, store, restore, "the table is being changed", LIMITS).await? {
            let why = "the table is being changed for hours: its settings are left as they are";
            end_with_warning(app, store, restore, why).await?;
        }
        return Ok(false);
    }
    // The tag comes first, and every later write looks for it: no other table is ever touched.
    let done = match mark::put_restore_tag(app, store, restore, &look).await? {
        mark::TagStatus::Seen => {
            app.aws.region(&restore.target.region).change(&restore.target(), &look, step).await
        }
        mark::TagStatus::Waits => return Ok(false),
        mark::TagStatus::Refused(why) => {
            record_step(restore, step, StepState::Failed, now, Some(why));
            return enter_stage(app, store, restore, Stage::Applying, SignedDuration::ZERO)
                .await
                .map(|()| true);
        }
    };
    match done {
        Ok(()) => {
            if step.needs_restore_tag() {
                // The tag is honoured: what was refused before was not for lack of it.
                restore.problem = None;
            }
            record_step(restore, step, StepState::Done, app.context.now(), None);
        }
        Err(error) => record_refusal(restore, step, record.as_ref(), &error, now),
    }
    enter_stage(app, store, restore, Stage::Applying, SignedDuration::ZERO).await?;
    Ok(true)
}

/// Where the step stands that `step` cannot be taken without.
fn prerequisite_state(restore: &Restore, plan: &Plan, step: &Step) -> Option<StepState> {
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

fn record_step(restore: &mut Restore, step: &Step, state: StepState, now: Timestamp, why: Option<String>) {
    let key = step.key();
    tracing::info!(restore = %restore.id, step = key, ?state, why, "step");
    let at = (state == StepState::Done).then_some(now);
    restore.steps.insert(key, StepRecord { state, refusals: 0, since: None, again_at: None, at, why });
}

/// A step was refused: it is tried again where that may help, later each time, and not without end.
fn record_refusal(
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
    let is_over = match error.meaning {
        // A right that depends on a tag comes some time after the tag is seen.
        Meaning::Denied => {
            !step.needs_restore_tag() || restore.tagged_at().is_none_or(|at| now.duration_since(at) >= RIGHTS)
        }
        // The table was seen just now, and the part of it that is to be changed is not seen yet.
        Meaning::NotFound => now.duration_since(since) >= CONSISTENCY,
        _ => !error.is_retryable_later() || now.duration_since(since) >= LIMITS,
    };
    if is_over {
        let is_honoured = |(key, record): (&String, &StepRecord)| {
            record.state == StepState::Done && restore::needs_restore_tag(key)
        };
        if error.meaning == Meaning::Denied
            && step.needs_restore_tag()
            && !restore.steps.iter().any(is_honoured)
        {
            restore.problem = Some(tag::abac_off_note(restore));
        }
        return record_step(restore, step, StepState::Failed, now, Some(why));
    }
    let pause = MIN_PAUSE.saturating_mul(2_i32.saturating_pow(refusals.min(16)));
    let longest = if error.is_retryable_later() { MAX_BACKOFF } else { MAX_RECHECK_PAUSE };
    tracing::warn!(restore = %restore.id, step = step.key(), why, refusals, "step refused for now");
    let why = if error.meaning == Meaning::Denied { "no right by its tag yet".to_owned() } else { why };
    let (state, again_at) = (StepState::Waiting, Some(now + pause.min(longest)));
    let record = StepRecord { state, refusals, since: Some(since), again_at, at: None, why: Some(why) };
    restore.steps.insert(step.key(), record);
}

/// Captures the restored table as a whole, and compares it with the settings of the backup. None while what was just put
/// is not seen yet: then the restore is to look again later.
async fn compare_with_backup(
    app: &App,
    store: &Store,
    restore: &mut Restore,
    captured: &TableSettings,
) -> Result<Option<Vec<Property>>, RestoreError> {
    let mut live = app.aws.region(&restore.target.region).capture_anew(&restore.target.name).await?.settings;
    let now = app.context.now();
    restore::expire(&mut live.scaling, now);
    let mut report = restore::compare(captured, &live, &restore.choices, &restore.target(), &restore.steps);
    let last = restore.steps.values().filter_map(|record| record.at).max();
    if let Some(last) = last.filter(|last| now.duration_since(*last) < CONSISTENCY)
        && restore::settles(&report, &restore.steps)
    {
        let pause = (now.duration_since(last) / 2).clamp(MIN_PAUSE, MAX_RECHECK_PAUSE);
        tracing::info!(restore = %restore.id, "what was just put is not seen yet");
        return enter_stage(app, store, restore, Stage::Applying, pause).await.map(|()| None);
    }
    if restore.items_only {
        for property in report.iter_mut().filter(|property| property.outcome == Outcome::Restored) {
            property.outcome = Outcome::Impossible;
            property.why = Some("what it was is not known: the metadata is not believed".to_owned());
        }
    }
    Ok(Some(report))
}

/// All is done that can be: what came of it is reported, and the restore's tag comes off the table.
async fn finish(
    app: &App,
    store: &Store,
    restore: &mut Restore,
    captured: &TableSettings,
) -> Result<(), RestoreError> {
    if describe_target(app, store, restore).await?.is_none() {
        return Ok(());
    }
    let Some(report) = compare_with_backup(app, store, restore, captured).await? else { return Ok(()) };
    // A table that needed no step was never tagged, and without the tag the role may not touch it.
    match tag::remove(app, restore).await {
        Ok(()) => {}
        Err(error) if error.is_transient() => return Err(error.into()),
        Err(error) => {
            // It may have been taken off a moment ago: it is still seen then, and the right to take it off is gone.
            if wait(app, store, restore, "the restore's tag is still seen", CONSISTENCY).await? {
                return Ok(());
            }
            tracing::warn!(restore = %restore.id, %error, "the table keeps the tag");
            let problem = restore.problem.take().map(|problem| format!("{problem}; ")).unwrap_or_default();
            restore.problem = Some(format!("{problem}{}", tag::removal_command_note(restore)));
        }
    }
    restore.report = report;
    let is_failed = |property: &Property| property.outcome == Outcome::Failed;
    let is_complete = restore.problem.is_none() && !restore.report.iter().any(is_failed);
    end(app, store, restore, if is_complete { Stage::Succeeded } else { Stage::Warning }).await
}
