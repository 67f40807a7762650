//! The end of recovery points: by request, by their lifecycle, or not at all.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::point::{Point, PointState};
use super::timers::Due;
use super::wire::{Request, invalid_request};
use super::{Backup, place::AccountRegion};
use crate::api::{ApiError, Neighbours};
use crate::lags::Lag;

impl Backup {
    /// Sets the point's timer again after anything that its next change depends on.
    pub(super) fn schedule(&mut self, place: &AccountRegion, arn: &str, now: Timestamp) {
        let Some(point) = self.sites.get(place).and_then(|site| site.points.get(arn)) else { return };
        let next = point.next_at(self.held(place, point));
        self.timers.cancel(point.timer);
        let timer = next.map(|at| self.timers.set(at.max(now), Due::Point(place.clone(), arn.to_owned())));
        if let Some(point) = self.site(place).points.get_mut(arn) {
            point.timer = timer;
        }
    }

    pub(super) fn point_due(
        &mut self,
        place: &AccountRegion,
        arn: &str,
        at: Timestamp,
        around: &mut dyn Neighbours,
    ) {
        let Some(point) = self.sites.get(place).and_then(|site| site.points.get(arn)) else { return };
        let held = self.held(place, point);
        let lapses = point.lapse_at().is_some_and(|lapse| lapse <= at) && point.lapses(held);
        // AWS Backup lets a point lapse as the role of its job. DynamoDB's own backups need a right for it;
        // for the others no page names one, and AWS Backup's own role stands in for a role that is gone.
        let refused =
            !point.advanced && around.role_may(&point.role, "dynamodb:DeleteBackup", &point.arn).is_err();
        let Some(point) = self.site(place).points.get_mut(arn) else { return };
        point.timer = None;
        match point.ends {
            Some((_, true)) => {
                self.remove_point(place, arn, at);
                return;
            }
            None if lapses && !refused => {
                self.remove_point(place, arn, at);
                return;
            }
            // A hold that came after the timer was set lets it fire with nothing to do.
            None if !lapses => point.cold = point.cold || point.cold_due(at),
            Some((_, false)) | None => {
                self.enter(place, arn, at, |point| {
                    point.ends = None;
                    point.state = PointState::Expired;
                    point.message = Some("Insufficient permission to delete the recovery point.".to_owned());
                });
            }
        }
        self.schedule(place, arn, at);
    }

    /// A recovery point enters another state, and the event that tells of it is on its way.
    pub(super) fn enter(
        &mut self,
        place: &AccountRegion,
        arn: &str,
        at: Timestamp,
        change: impl FnOnce(&mut Point),
    ) {
        let seen = self.lags.draw(&[Lag::Points], at);
        let Some(point) = self.site(place).points.change(arn, seen, change).cloned() else { return };
        self.outbox.point(place, &point, at, self.options.usable);
    }

    pub(super) fn remove_point(&mut self, place: &AccountRegion, arn: &str, at: Timestamp) {
        let seen = self.lags.draw(&[Lag::Points], at);
        if let Some(point) = self.site(place).points.remove(arn, seen) {
            self.timers.cancel(point.timer);
        }
    }

    /// Answers at once; the point is DELETING for a while and then gone. AWS documents that a caller without
    /// the permission to make AWS Backup's service-linked role, where that is not there yet, gets the same
    /// answer, and the point turns EXPIRED.
    pub(super) fn delete_point(
        &mut self,
        request: &Request<'_>,
        around: &mut dyn Neighbours,
    ) -> Result<(String, Value), ApiError> {
        let now = request.now();
        let (point, locked) = self.requested_point(request)?;
        let arn = point.arn.clone();
        if locked {
            return Err(invalid_request(format!(
                "Recovery point {arn} cannot be deleted: backup vault {} is locked",
                point.vault
            )));
        }
        if self.held(&request.place, point) {
            return Err(invalid_request(format!(
                "Recovery point {arn} cannot be deleted: it is under a legal hold"
            )));
        }
        if point.busy > 0 || matches!(point.state, PointState::Creating | PointState::Deleting) {
            return Err(ApiError::client(
                "InvalidResourceStateException",
                format!("Recovery point {arn} is in use by another action"),
            ));
        }
        let ends = now + self.options.durations.delete;
        let permitted = !self.no_delete.contains(&request.scope.caller)
            && around.service_linked_role(&request.place.account, &request.scope.caller);
        self.enter(&request.place, &arn, now, |point| {
            point.state = PointState::Deleting;
            point.ends = Some((ends, permitted));
        });
        self.schedule(&request.place, &arn, now);
        Ok((arn, json!({})))
    }
}
