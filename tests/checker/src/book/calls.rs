//! What calls to AWS and their answers tell.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Book, Job, Use};
use crate::entry::Call;
use crate::read::{self, text};

impl<'a> Book<'a> {
    pub(super) fn call(&mut self, call: &'a Call) {
        let (asked, told) = (&call.request, &call.response);
        match (call.service.as_str(), call.operation.as_str()) {
            ("kms", "GenerateDataKey") => self.key(&told["CiphertextBlob"], &told["Plaintext"]),
            ("kms", "Decrypt") => self.key(&asked["CiphertextBlob"], &told["Plaintext"]),
            ("kms", "Encrypt") => {
                let context = &asked["EncryptionContext"];
                let bound =
                    (text(context, "recovery-point").to_owned(), text(context, "metadata").to_owned());
                self.bindings.insert(text(told, "CiphertextBlob").to_owned(), bound);
            }
            ("backup", "StartBackupJob") => self.started(call),
            ("backup", "DescribeBackupJob") => self.job(call.at, told),
            ("backup", "ListBackupJobs") => {
                told["BackupJobs"].as_array().into_iter().flatten().for_each(|job| self.job(call.at, job));
            }
            ("backup", "StartCopyJob") => {
                let source = text(asked, "RecoveryPointArn").to_owned();
                let job = text(told, "CopyJobId").to_owned();
                self.copies.entry(job).or_insert(Use { source, ended: false, lasts: days(asked) });
            }
            ("backup", "DescribeCopyJob") => self.copy(&told["CopyJob"]),
            ("backup", "ListCopyJobs") => {
                told["CopyJobs"].as_array().into_iter().flatten().for_each(|job| self.copy(job));
            }
            ("backup", "StartRestoreJob") => {
                let source = text(asked, "RecoveryPointArn").to_owned();
                let job = text(told, "RestoreJobId").to_owned();
                self.restores.entry(job).or_insert(Use { source, ended: false, lasts: None });
            }
            ("backup", "DescribeRestoreJob") => {
                let ended = ["COMPLETED", "FAILED", "ABORTED"].contains(&text(told, "Status"));
                if let Some(restore) = self.restores.get_mut(text(told, "RestoreJobId")) {
                    restore.ended |= ended;
                }
            }
            ("backup", "DescribeRecoveryPoint") => self.described(told),
            ("backup", "DeleteRecoveryPoint") => {
                let at = call.at;
                self.point(&read::arn(call)).gone.get_or_insert(at);
            }
            ("backup", "TagResource") if !asked["Tags"]["backup-chain/hold"].is_null() => {
                self.point(&read::arn(call)).tagged.get_or_insert(call.at);
            }
            ("backup", "UntagResource") => {
                let untagged = asked["TagKeyList"].as_array().into_iter().flatten();
                if untagged.into_iter().any(|key| key == "backup-chain/hold") {
                    self.point(&read::arn(call)).tagged = None;
                }
            }
            ("events", "PutEvents") => self.events(asked),
            ("dynamodb", "PutItem") => self.write(call, asked, &asked["Item"]),
            ("dynamodb", "DeleteItem") => self.erase(call, asked),
            ("dynamodb", "TransactWriteItems") => {
                for item in asked["TransactItems"].as_array().into_iter().flatten() {
                    self.write(call, &item["Put"], &item["Put"]["Item"]);
                    self.erase(call, &item["Delete"]);
                }
            }
            ("dynamodb", "BatchWriteItem") => self.batch(call),
            _ => {}
        }
    }

    fn key(&mut self, sealed: &Value, plain: &Value) {
        if let Some((sealed, plain)) = read::bytes(sealed).zip(read::bytes(plain)) {
            self.keys.insert(sealed, plain);
        }
    }

    fn started(&mut self, call: &'a Call) {
        let (asked, told) = (&call.request, &call.response);
        let tags = &asked["RecoveryPointTags"];
        let tag = |key: &str| tags[key].as_str();
        let id = tag("backup-chain/id").map(str::to_owned);
        let in_tags = self.in_tags(tag);
        let document = in_tags.or_else(|| self.by_id.get(id.as_ref()?).cloned());
        let vault = format!("{}/{}", call.region, text(asked, "BackupVaultName"));
        let resource = text(asked, "ResourceArn").to_owned();
        let created = read::date(&told["CreationDate"]);
        let arn = text(told, "RecoveryPointArn");
        let job = Job { arn: arn.to_owned(), asked: call.at, failed: None };
        self.jobs.entry(text(told, "BackupJobId").to_owned()).or_insert(job);
        let point = self.point(arn);
        point.vault = vault;
        point.resource = resource;
        point.created = created;
        point.ends = created.zip(days(asked)).map(|(created, days)| created + days);
        point.id = point.id.take().or(id);
        point.document = point.document.take().or(document);
    }

    fn job(&mut self, at: Timestamp, told: &Value) {
        let state = text(told, "State");
        if ["FAILED", "ABORTED", "EXPIRED", "PARTIAL"].contains(&state)
            && let Some(job) = self.jobs.get_mut(text(told, "BackupJobId"))
        {
            job.failed.get_or_insert(at);
        }
        if state == "COMPLETED"
            && let Some(point) = self.points.get_mut(text(told, "RecoveryPointArn"))
        {
            point.complete = true;
        }
    }

    fn copy(&mut self, told: &Value) {
        let state = text(told, "State");
        let mut lasts = None;
        if let Some(copy) = self.copies.get_mut(text(told, "CopyJobId")) {
            copy.ended |= ["COMPLETED", "FAILED", "PARTIAL"].contains(&state);
            lasts = copy.lasts;
        }
        let arn = text(told, "DestinationRecoveryPointArn");
        if arn.is_empty() {
            return;
        }
        let source = self.points.get(text(told, "SourceRecoveryPointArn")).cloned();
        let vault = read::place(text(told, "DestinationBackupVaultArn"));
        let point = self.point(arn);
        point.vault = vault;
        point.resource = text(told, "ResourceArn").to_owned();
        point.complete |= state == "COMPLETED";
        if let Some(source) = source {
            point.created = point.created.or(source.created);
            point.ends = point.created.zip(lasts).map(|(created, lasts)| created + lasts);
            point.id = point.id.take().or(source.id);
            point.document = point.document.take().or(source.document);
        }
    }

    fn described(&mut self, told: &Value) {
        let complete = ["COMPLETED", "AVAILABLE"].contains(&text(told, "Status"));
        if let Some(point) = self.points.get_mut(text(told, "RecoveryPointArn")) {
            point.complete |= complete;
            point.created = point.created.or_else(|| read::date(&told["CreationDate"]));
        }
    }
}

/// After how long AWS Backup is to delete what a job makes.
fn days(asked: &Value) -> Option<SignedDuration> {
    Some(SignedDuration::from_hours(asked["Lifecycle"]["DeleteAfterDays"].as_i64()? * 24))
}
