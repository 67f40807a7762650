//! The published API rates, per account, Region and operation, and for all operations together.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Place;
use crate::api::ApiError;

const ALL: &str = "*";

/// Requests per second as AWS publishes them; a second's worth may come at once. StartCopyJob and
/// DescribeCopyJob are not published and taken to be like their backup siblings. For the rest, which is
/// set-up, no rate is published either: it is taken to be that of the other reading operations.
fn per_second(operation: &str) -> i64 {
    match operation {
        ALL => 50,
        "StartBackupJob"
        | "StartCopyJob"
        | "StartRestoreJob"
        | "StopBackupJob"
        | "TagResource"
        | "UntagResource"
        | "UpdateRecoveryPointLifecycle"
        | "DescribeBackupVault" => 5,
        "DeleteRecoveryPoint" | "DescribeProtectedResource" => 10,
        name if name.starts_with("List") => 20,
        _ => 15,
    }
}

/// When each bucket has run full again: the theoretical arrival time of the generic cell rate algorithm.
#[derive(Debug, Default)]
pub(super) struct Rates(BTreeMap<(Place, &'static str), Timestamp>);

impl Rates {
    pub(super) fn take(
        &mut self,
        place: &Place,
        operation: &'static str,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let own = self.after(place, operation, now)?;
        let all = self.after(place, ALL, now)?;
        self.0.insert((place.clone(), operation), own);
        self.0.insert((place.clone(), ALL), all);
        Ok(())
    }

    fn after(&self, place: &Place, operation: &'static str, now: Timestamp) -> Result<Timestamp, ApiError> {
        let step = SignedDuration::from_nanos(1_000_000_000 / per_second(operation));
        let full = self.0.get(&(place.clone(), operation)).copied().unwrap_or(now).max(now) + step;
        if full.duration_since(now) > SignedDuration::from_secs(1) {
            return Err(ApiError::client("ThrottlingException", "Rate exceeded"));
        }
        Ok(full)
    }
}
