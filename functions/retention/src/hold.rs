//! Holds: in the catalog and as a tag on the recovery point. Either alone holds, so it is set in the catalog
//! first and lifted there last.

use std::collections::BTreeMap;

use backup_chain_aws::backup::Tagged;
use backup_chain_aws::catalog::Write;
use backup_chain_aws::{App, Error, Meaning};
use backup_chain_core::history::Action;
use backup_chain_core::ids::RecoveryPointArn;
use backup_chain_core::metadata::tags;
use backup_chain_core::point::{Hold, RestorePoint};
use backup_chain_core::retention::{HoldView, name_of};
use jiff::Timestamp;

use crate::RetentionError;
use crate::error::not_to_hold;

/// Holds a point, or changes its hold.
pub(crate) async fn add(
    app: &App,
    point: &mut RestorePoint,
    reason: String,
    until: Option<Timestamp>,
    by: Option<String>,
) -> Result<HoldView, RetentionError> {
    let now = app.context.now();
    if let Some(until) = until.filter(|until| *until <= now) {
        return Err(RetentionError::HoldIsOver(until));
    }
    let Some(arn) = point.available().cloned() else {
        return Err(not_to_hold(&point.id, point.state()));
    };
    if app.aws.lock_of(&point.vault).await?.is_some() {
        let why = "its vault is locked, so AWS deletes it when its retention ends; copy it to a vault without a lock";
        return Err(RetentionError::NotToHold { point: point.id.clone(), why: why.to_owned() });
    }
    let mut entry = app.context.entry(Action::HoldAdded, subject(point), by.clone());
    entry.reason = Some(reason.clone());
    entry.details.extend(until.map(|until| format!("until {until}")));
    let hold = Hold { reason, author: by, since: Some(now), until };
    let tag = BTreeMap::from([(tags::HOLD.to_owned(), tags::hold_value(&hold))]);
    point.hold = Some(hold);
    app.catalog.commit([Write::of(point), Write::of(&mut entry)]).await?;
    let backup = &app.aws.region(&point.vault.region).backup;
    let tagged = async {
        // Without our id it is not ours to the function's rights.
        if backup.tags(&arn).await?.contains_key(tags::ID) {
            backup.tag(&arn, &tag).await
        } else {
            Ok(Tagged::Refused("its recovery point carries no tag of ours".to_owned()))
        }
    };
    match tagged.await {
        Ok(Tagged::Done) => Ok(HoldView::of(point)),
        Ok(Tagged::Refused(why)) => {
            let note = format!(
                "the hold is in the catalog alone, so that a rebuilt catalog will not know of it: {why}"
            );
            Ok(HoldView { note: Some(note), ..HoldView::of(point) })
        }
        Err(error) => Err(RetentionError::TagMissing { point: point.id.clone(), error: error.into() }),
    }
}

/// Lifts the hold of a point: on the recovery point, then in the catalog.
pub(crate) async fn lift(
    app: &App,
    point: &mut RestorePoint,
    by: Option<String>,
    reason: Option<String>,
) -> Result<HoldView, RetentionError> {
    let Some(arn) = point.available().cloned() else {
        return Err(RetentionError::NotHeld(point.id.clone()));
    };
    let backup = &app.aws.region(&point.vault.region).backup;
    let found = backup.tags(&arn).await?;
    let is_tagged = found.contains_key(tags::HOLD);
    if point.hold.is_none() && !is_tagged {
        return Err(RetentionError::NotHeld(point.id.clone()));
    }
    // A tag that was just put may not be seen yet. Without our id there is none.
    if is_tagged || found.contains_key(tags::ID) {
        backup.untag(&arn, tags::HOLD).await?;
    }
    let mut entry = app.context.entry(Action::HoldRemoved, subject(point), by);
    entry.reason = reason;
    entry.details.extend(point.hold.as_ref().map(|hold| format!("was held: {}", hold.reason)));
    point.hold = None;
    app.catalog.commit([Write::of(point), Write::of(&mut entry)]).await?;
    Ok(HoldView::of(point))
}

/// Lifts a hold whose time is over.
pub(crate) async fn end(app: &App, point: &mut RestorePoint, arn: &RecoveryPointArn) -> Result<(), Error> {
    match app.aws.region(&point.vault.region).backup.untag(arn, tags::HOLD).await {
        Err(error) if error.meaning != Meaning::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut entry = app.context.entry(Action::HoldRemoved, subject(point), None);
    entry.reason = Some("its time is over".to_owned());
    point.hold = None;
    app.catalog.commit([Write::of(point), Write::of(&mut entry)]).await
}

/// A point as the history names it.
pub(crate) fn subject(point: &RestorePoint) -> String {
    format!("{} {}", point.table.arn.name, name_of(point))
}
