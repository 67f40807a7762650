//! The moves of a restore point through its states, each written together with its table's head before or
//! after the call to AWS that it belongs to.
//!
//! Every move fails with [`Meaning::Condition`](crate::Meaning::Condition) when somebody else moved the point
//! or the head since it was read; nothing is changed then, and the next tick reads again.

use std::collections::BTreeSet;

use backup_chain_core::ids::RecoveryPointArn;
use backup_chain_core::metrics::{Measured, Metric};
use backup_chain_core::notice::{CopyFailed, Notice};
use backup_chain_core::point::{PointKind, Request, RestorePoint, State, StoredLeftover};
use backup_chain_core::restore::Restore;
use backup_chain_core::settings::Digest;
use backup_chain_core::table::TableHead;
use backup_chain_core::transition;
use backup_chain_core::wait;
use jiff::{SignedDuration, Timestamp};

use crate::catalog::{Catalog, Write};
use crate::context::Context;
use crate::error::Error;
use crate::notices::Notices;
use crate::services::Services;

/// Writes the moves of restore points into the catalog. A clone shares its parts.
#[derive(Debug, Clone)]
pub struct Ledger {
    context: Context,
    aws: Services,
    catalog: Catalog,
    notices: Notices,
}

impl Ledger {
    pub(crate) fn new(context: Context, aws: Services, catalog: Catalog, notices: Notices) -> Self {
        Self { context, aws, catalog, notices }
    }

    /// Writes ahead: the point is about to be asked of AWS by `request`, and holds its table until it is
    /// final. No one takes it up again before `until`, when this invocation is certainly over.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn mark_starting(
        &self,
        point: &mut RestorePoint,
        head: &mut TableHead,
        request: Request,
        until: Timestamp,
    ) -> Result<(), Error> {
        transition::starting(point, head, request, until, self.context.now())?;
        self.catalog.commit([Write::of(point), Write::of(head)]).await
    }

    /// AWS has taken the request and made a job of it, and perhaps named the recovery point that the job is to make.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn mark_running(
        &self,
        point: &mut RestorePoint,
        job: &str,
        recovery_point: Option<RecoveryPointArn>,
    ) -> Result<(), Error> {
        transition::running(point, job, recovery_point, self.context.now())?;
        self.catalog.commit([Write::of(point)]).await?;
        self.context.measure(&Measured::of_point(point).with(Metric::JobsStarted, 1));
        Ok(())
    }

    /// The job is over, and what it made could not be looked at: the point stays running, and its table is free.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn mark_job_ended(
        &self,
        point: &mut RestorePoint,
        arn: &RecoveryPointArn,
    ) -> Result<(), Error> {
        let mut head = self.catalog.head(&point.table).await?;
        transition::job_ended(point, head.as_mut(), arn, self.context.now())?;
        self.commit(point, head, &mut []).await
    }

    /// A try failed: another follows after the policy's pause, or the point has failed.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn mark_try_failed(&self, point: &mut RestorePoint, why: &str) -> Result<(), Error> {
        let Some(retry) = point.next_retry() else { return self.mark_failed(point, why).await };
        self.plan_again(point, why, SignedDuration::from_mins(i64::from(retry.pause_minutes)), false).await
    }

    /// AWS gave up the job of a backup for its tags: it is tried again at once without them. That is none of the tries
    /// that its policy allows.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn mark_untagged(&self, point: &mut RestorePoint, why: &str) -> Result<(), Error> {
        if let Some(retry) = &mut point.retry {
            retry.attempts += 1;
        }
        self.plan_again(point, why, SignedDuration::ZERO, true).await
    }

    /// Plans the next try of a point, after a pause. A backup is described again, without tags if it is to be
    /// `untagged`.
    async fn plan_again(
        &self,
        point: &mut RestorePoint,
        why: &str,
        pause: SignedDuration,
        untagged: bool,
    ) -> Result<(), Error> {
        let now = self.context.now();
        let again_at = now + pause;
        tracing::warn!(point = %point.id, table = %point.table.arn.name, kind = ?point.kind, attempt = point.attempt,
            why, %again_at, "failed, and is tried again");
        let mut head = self.catalog.head(&point.table).await?;
        let retried = transition::planned_again(point, head.as_mut(), why, again_at, untagged, now)?;
        if point.retry.is_some_and(|retry| retry.notices_each) {
            self.notices.publish(&Notice::Retried(retried)).await?;
        }
        self.commit(point, head, &mut []).await
    }

    /// Nothing came of the point, or nothing will: its slots are owed.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn mark_failed(&self, point: &mut RestorePoint, why: &str) -> Result<(), Error> {
        tracing::warn!(point = %point.id, table = %point.table.arn.name, kind = ?point.kind, why, "restore point failed");
        // A backup that failed is reported with its session, which does not wait for its copies.
        if point.kind == PointKind::Copy {
            self.notices.publish(&Notice::CopyFailed(CopyFailed::of(point, why))).await?;
            self.context.measure(&Measured::of_point(point).with(Metric::CopiesFailed, 1));
        }
        let mut head = self.catalog.head(&point.table).await?;
        transition::failed(point, head.as_mut(), why, self.context.now())?;
        self.commit(point, head, &mut []).await
    }

    /// A newer copy goes in place of this one, which was never started.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn mark_dropped(&self, point: &mut RestorePoint, why: &str) -> Result<(), Error> {
        tracing::info!(point = %point.id, table = %point.table.arn.name, why, "copy dropped");
        let mut head = self.catalog.head(&point.table).await?;
        transition::dropped(point, head.as_mut(), why, self.context.now())?;
        self.commit(point, head, &mut []).await
    }

    /// The point can be restored from. Believed, it meets its slots, and the copies that its slot asks for are
    /// recorded with it.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn mark_available(
        &self,
        point: &mut RestorePoint,
        arn: &RecoveryPointArn,
        copy_took: Option<SignedDuration>,
    ) -> Result<Vec<RestorePoint>, Error> {
        let mut head = self.catalog.head(&point.table).await?;
        let mut copies = transition::available(point, head.as_mut(), arn, copy_took, self.context.now())?;
        self.commit(point, head, &mut copies).await?;
        Ok(copies)
    }

    /// A point that was not believed is: it meets its slots, and those of its copies that were never recorded are, and
    /// are returned.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn mark_believed(&self, point: &mut RestorePoint) -> Result<Vec<RestorePoint>, Error> {
        let known = self.catalog.points_of_table(&point.table.arn.name).await?;
        let mut copies = transition::believed(point, &known, self.context.now());
        let head = self.changed_head(point).await?;
        self.commit(point, head, &mut copies).await?;
        Ok(copies)
    }

    /// The point is about to be deleted; its slots are no longer met by it.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn mark_deleting(&self, point: &mut RestorePoint, why: &str) -> Result<(), Error> {
        transition::deleting(point, why, self.context.now())?;
        self.commit_with_head(point).await
    }

    /// AWS refuses to delete the point: it is there, and counts again.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn mark_available_again(&self, point: &mut RestorePoint, why: &str) -> Result<(), Error> {
        transition::deletion_blocked(point, why)?;
        self.commit_with_head(point).await
    }

    /// The point is gone: by our own deletion, or else for this reason. What the settings table of its Region holds of it
    /// goes with it, unless another point of the table there names the same.
    ///
    /// # Errors
    /// [`Error`] of the catalog or the settings table.
    pub async fn mark_deleted(&self, point: &mut RestorePoint, otherwise: &str) -> Result<(), Error> {
        let mut gone = point.clone();
        let left = transition::deleted(&mut gone, otherwise, self.context.now())?;
        self.delete_leftovers(&gone, &left).await?;
        *point = gone;
        self.commit_with_head(point).await
    }

    /// Removes what tries of the point that failed have left in the settings table of its Region, once no recovery
    /// point can come of them any more. Whoever asks has seen that none of the table is there and unknown.
    ///
    /// # Errors
    /// [`Error`] of the catalog or the settings table.
    pub async fn remove_leftovers(&self, point: &mut RestorePoint) -> Result<(), Error> {
        let now = self.context.now();
        let is_over = |left: &StoredLeftover| left.since + wait::LEFTOVERS <= now;
        let (over, young): (Vec<StoredLeftover>, Vec<StoredLeftover>) =
            point.leftovers.drain(..).partition(is_over);
        point.leftovers = young;
        if over.is_empty() {
            return Ok(());
        }
        self.delete_leftovers(point, &over).await?;
        self.catalog.commit([Write::of(point)]).await
    }

    /// Removes from the settings table what no point names any more, the point itself included as long as it is not
    /// past.
    async fn delete_leftovers(&self, point: &RestorePoint, left: &[StoredLeftover]) -> Result<(), Error> {
        let store = &self.aws.region(&point.vault.region).settings;
        let own = |arn: &&RecoveryPointArn| !point.state().is_past() && point.recovery_point() == Some(*arn);
        for arn in left.iter().filter_map(|left| left.arn.as_ref()).filter(|arn| !own(arn)) {
            store.delete_index_entry(arn).await?;
        }
        // Read before it is looked who names them: a sealing that comes later writes them again.
        let mut unnamed = Vec::new();
        for digest in left.iter().flat_map(|left| &left.digests).collect::<BTreeSet<_>>() {
            unnamed.extend(store.get(&point.table.id, digest).await?.map(|bytes| (*digest, bytes)));
        }
        if unnamed.is_empty() {
            return Ok(());
        }
        let mut others = self.others_of_table(point).await?;
        if !point.state().is_past() {
            others.push(point.clone());
        }
        unnamed.retain(|(digest, _)| !others.iter().any(|other| may_reference(other, digest)));
        if !unnamed.is_empty() && self.is_being_copied_back(point).await? {
            unnamed.clear();
        }
        for (digest, bytes) in unnamed {
            store.remove(&point.table.id, &digest, bytes).await?;
        }
        Ok(())
    }

    /// The other points of its table that name what the settings table of its Region holds, or may yet.
    async fn others_of_table(&self, point: &RestorePoint) -> Result<Vec<RestorePoint>, Error> {
        let region = &point.vault.region;
        let mut others = self.catalog.whole_points_of_table(&point.table.arn.name).await?;
        others.retain(|other| {
            let is_other = other.id != point.id || other.vault != point.vault;
            // A copy that is not made yet takes what it needs from the source Region; then it has its own.
            let waits = other.state().is_open() && *region == self.context.deployment().region;
            let is_near = other.vault.region == *region || waits;
            is_other && is_near && !other.state().is_past() && other.table == point.table
        });
        Ok(others)
    }

    /// Whether a copy of its table is on its way back for a restore: what it names is there before its record is.
    async fn is_being_copied_back(&self, point: &RestorePoint) -> Result<bool, Error> {
        let open = self.catalog.open_restores().await?;
        let is_on_its_way = |restore: &Restore| {
            let to = restore.copy_back.as_ref().map(|copy| &copy.request.target.region);
            restore.table == point.table && to == Some(&point.vault.region)
        };
        Ok(open.iter().any(is_on_its_way))
    }

    /// Writes a point whose standing in its chain has changed, with the slots that the chain now meets.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn commit_with_head(&self, point: &mut RestorePoint) -> Result<(), Error> {
        let head = self.changed_head(point).await?;
        self.commit(point, head, &mut []).await
    }

    /// Writes a point with the head of its table and its copies, as far as there are any: all, or nothing.
    async fn commit(
        &self,
        point: &mut RestorePoint,
        mut head: Option<TableHead>,
        copies: &mut [RestorePoint],
    ) -> Result<(), Error> {
        let writes = [Some(Write::of(point)), head.as_mut().map(Write::of)].into_iter().flatten();
        self.catalog.commit(writes.chain(copies.iter_mut().map(Write::of))).await
    }

    /// Records a point that is in a vault again, where it may have been before: then its record comes back.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn restore_record(&self, point: &mut RestorePoint) -> Result<(), Error> {
        let of_table = self.catalog.points_of_table(&point.table.arn.name).await?;
        let mut of_place = of_table.iter().filter(|other| other.id == point.id && other.vault == point.vault);
        let mut head = self.changed_head(point).await?;
        let write = match of_place.next() {
            Some(there) if !there.state().is_past() => return Ok(()),
            Some(past) => {
                point.rev = past.rev;
                Write::back(point)
            }
            None => Write::of(point),
        };
        self.catalog.commit([Some(write), head.as_mut().map(Write::of)].into_iter().flatten()).await
    }

    /// The head of its table, where the standing of this point changes what it says of the chain.
    async fn changed_head(&self, point: &RestorePoint) -> Result<Option<TableHead>, Error> {
        let head = match point.kind {
            PointKind::Manual => None,
            PointKind::Backup | PointKind::Copy => self.catalog.head(&point.table).await?,
        };
        match head {
            Some(mut head) if head.is_affected_by(point) => {
                let mut chain = self.catalog.chain(&point.table, &point.vault).await?;
                chain.retain(|other| other.id != point.id);
                chain.push(point.clone());
                head.recompute(&point.vault, &chain);
                Ok(Some(head))
            }
            _ => Ok(None),
        }
    }
}

/// Whether another point names this digest in the settings table; one that is about to be sealed may name any.
fn may_reference(other: &RestorePoint, digest: &Digest) -> bool {
    let is_unsealed = other.state() == State::Planned && other.kind != PointKind::Copy;
    is_unsealed || other.stored().any(|named| named == *digest)
}
