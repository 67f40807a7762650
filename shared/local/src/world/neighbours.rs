//! What AWS Backup finds around it, and what falls due in the services' own lives.

use jiff::Timestamp;

use super::State;
use crate::{
    api::{Neighbours, Restore, TableState},
    backup::Backup,
    dynamodb::Dynamo,
    iam::Iam,
    kms::Kms,
    scaling,
};

impl State {
    /// When something is next due in a service's own life, if anything is.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        [self.backup.next_at(), self.kms.next_at(), self.scaling.next_at()].into_iter().flatten().min()
    }

    /// Lets everything that is due by now happen in the services' own lives.
    pub(super) fn settle(&mut self, now: Timestamp) {
        self.kms.settle(now);
        self.dynamo.settle(now);
        self.dynamo.learn(self.kms.outages());
        let (backup, mut around) = self.backup();
        backup.settle(now, &mut around);
        let mut around = scaling::Around { cloudwatch: &mut self.cloudwatch, dynamo: &mut self.dynamo };
        self.scaling.settle(now, &mut around);
    }

    /// What a request has changed may take a capacity out of the range of its scalable target.
    pub(super) fn watch_capacities(&mut self, now: Timestamp) {
        let mut around = scaling::Around { cloudwatch: &mut self.cloudwatch, dynamo: &mut self.dynamo };
        self.scaling.look(now, &mut around);
    }

    /// AWS Backup, and what it finds around it.
    pub(super) fn backup(&mut self) -> (&mut Backup, Around<'_>) {
        (&mut self.backup, Around { dynamo: &mut self.dynamo, iam: &mut self.iam, kms: &mut self.kms })
    }
}

/// What AWS Backup finds around it in this world.
pub(super) struct Around<'a> {
    dynamo: &'a mut Dynamo,
    iam: &'a mut Iam,
    kms: &'a mut Kms,
}

impl Neighbours for Around<'_> {
    fn table(&self, account: &str, region: &str, table: &str) -> Option<TableState> {
        self.dynamo.state(account, region, table)
    }

    fn begin_restore(&mut self, restore: &Restore) -> Result<(), String> {
        self.dynamo.begin_restore(restore)
    }

    fn end_restore(&mut self, restore: &Restore) {
        self.dynamo.end_restore(restore);
    }

    fn role_may(&self, role_arn: &str, action: &str, resource: &str) -> Result<(), String> {
        self.iam.role_may(role_arn, "backup.amazonaws.com", action, resource)
    }

    fn key_usable(&self, key_arn: &str) -> Result<(), String> {
        self.kms.key_usable(key_arn)
    }

    fn managed_key(&mut self, account: &str, region: &str, service: &'static str, now: Timestamp) -> String {
        self.kms.managed(account, region, service, now)
    }

    fn service_linked_role(&mut self, account: &str, caller: &str) -> bool {
        self.iam.service_linked_role(account, caller, "backup.amazonaws.com")
    }
}
