//! What a test or the demo may do to AWS Backup that no API offers.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::events::{BackupEvent, EventFaults};
use super::options::{Durations, Options};
use super::{Backup, place::AccountRegion};
use crate::lags::{Lagging, Seen};

impl Backup {
    /// The limits and readings in force.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Changes limits and readings, for what begins from now on.
    pub fn options_mut(&mut self) -> &mut Options {
        &mut self.options
    }

    /// Sets how long things take, for what begins from now on.
    pub fn set_durations(&mut self, durations: Durations) {
        self.options.durations = durations;
    }

    /// What goes wrong with events from now on.
    pub fn event_faults_mut(&mut self) -> &mut EventFaults {
        &mut self.outbox.faults
    }

    /// Delivers an event of the caller's making at `at`, past all faults.
    pub fn inject_event(&mut self, at: Timestamp, event: BackupEvent) {
        self.outbox.post(at, event);
    }

    /// The table's next backup ends FAILED with this message when it would have completed; several calls
    /// fail as many backups, one after another.
    pub fn fail_next_backup(&mut self, table_arn: &str, message: &str) {
        self.fail_backups.entry(table_arn.to_owned()).or_default().push_back(message.to_owned());
    }

    /// The table's next copy ends FAILED with this message when it would have completed.
    pub fn fail_next_copy(&mut self, table_arn: &str, message: &str) {
        self.fail_copies.entry(table_arn.to_owned()).or_default().push_back(message.to_owned());
    }

    /// The table's next backup that completes does so with an issue: COMPLETED, with this message.
    pub fn complete_next_backup_with(&mut self, table_arn: &str, message: &str) {
        self.issues.entry(table_arn.to_owned()).or_default().push_back(message.to_owned());
    }

    /// Until then the table's copies meet errors of AWS's own systems when they would run: AWS documents that
    /// they stay CREATED and are tried again, for two hours by itself and then by hand. Here both are every
    /// ten minutes.
    pub fn disturb_copies(&mut self, table_arn: &str, until: Timestamp) {
        self.disturbed.insert(table_arn.to_owned(), until);
    }

    /// Whether a caller may delete recovery points, on top of what its role says. Without that, DeleteRecoveryPoint
    /// answers 200 all the same, and the point ends EXPIRED.
    pub fn permit_delete(&mut self, caller: &str, permitted: bool) {
        if permitted {
            self.no_delete.remove(caller);
        } else {
            self.no_delete.insert(caller.to_owned());
        }
    }

    /// Puts one recovery point under a legal hold of its own, or lifts that. Returns whether there is such a point.
    pub fn legal_hold(&mut self, recovery_point_arn: &str, held: bool, now: Timestamp) -> bool {
        let Some(place) = self.place_of_point(recovery_point_arn) else { return false };
        self.hold_point(&place, recovery_point_arn, held, now);
        true
    }

    /// Replaces all tags of a recovery point, as somebody who tampers would. Returns whether there is such
    /// a point.
    pub fn overwrite_tags(&mut self, recovery_point_arn: &str, tags: BTreeMap<String, String>) -> bool {
        let Some(place) = self.place_of_point(recovery_point_arn) else { return false };
        if let Some(point) = self.site(&place).points.get_mut(recovery_point_arn) {
            point.tags = Lagging::known(tags);
        }
        true
    }

    /// AWS remembers no idempotency token any more; how long it does is documented nowhere.
    pub fn forget_tokens(&mut self) {
        for site in self.sites.values_mut() {
            site.tokens.clear();
        }
    }

    /// Makes a recovery point vanish without any event. Returns whether there was such a point.
    pub fn remove_silently(&mut self, recovery_point_arn: &str) -> bool {
        let Some(place) = self.place_of_point(recovery_point_arn) else { return false };
        if let Some(point) = self.site(&place).points.remove(recovery_point_arn, Seen::default()) {
            self.timers.cancel(point.timer);
        }
        true
    }

    fn place_of_point(&self, arn: &str) -> Option<AccountRegion> {
        let place = AccountRegion::of_arn(arn)?;
        self.sites.get(&place)?.points.get(arn).is_some().then_some(place)
    }
}
