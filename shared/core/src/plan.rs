//! What changes AWS, as values: planned, recorded, then sent byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::{PointId, RecoveryPointArn, TableArn, TableId, VaultArn, VaultName};

/// A StartBackupJob request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartBackup {
    /// The vault in the table's Region.
    pub vault: VaultName,
    /// The table.
    pub table: TableArn,
    /// The service role that AWS Backup assumes.
    pub role: String,
    /// The idempotency token.
    pub token: String,
    /// Within how many minutes the job must have started.
    pub start_window_minutes: i64,
    /// Move to cold storage after so many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold_after_days: Option<i64>,
    /// AWS deletes it after so many days: only in a locked vault, where we cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after_days: Option<i64>,
    /// Tags of the recovery point: the sealed metadata; none where that is in the settings table.
    pub tags: BTreeMap<String, String>,
}

/// How many start windows tell jobs without tags apart.
const MARK_COUNT: i64 = 59;

impl StartBackup {
    /// The same request without tags, for the try `attempt` of `point`. Its token is another, for a token stands for
    /// one request. Its start window is up to an hour shorter, or longer where that is too short, by a number of
    /// minutes that depends on the point and the try and is never a whole hour: AWS returns it back of the job, which
    /// is known by it (see [`match_job`]).
    #[must_use]
    pub fn untagged(self, point: &PointId, attempt: u32) -> Self {
        let digest = Sha256::digest(point.as_str());
        let number = digest.iter().fold(0, |number, byte| (number * 256 + i64::from(*byte)) % MARK_COUNT);
        let mark = 1 + (number + i64::from(attempt)) % MARK_COUNT;
        let window = self.start_window_minutes;
        // AWS takes none below an hour.
        let start_window_minutes = if window > 60 + MARK_COUNT { window - mark } else { window + mark };
        let mut token = hex(&Sha256::digest(format!("untagged|{}", self.token)));
        token.truncate(self.token.len());
        Self { token, start_window_minutes, tags: BTreeMap::new(), ..self }
    }
}

/// What AWS lists of a backup job, as far as it tells whose it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobTraits {
    /// Its id.
    pub job: String,
    /// The service role that it assumes.
    pub role: Option<String>,
    /// The vault that it makes its point in.
    pub vault: Option<String>,
    /// Whether a backup plan started it.
    pub is_planned: bool,
    /// From its creation until it must have started.
    pub start_window: Option<SignedDuration>,
}

/// Which job of a table a request without tags has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobMatch {
    /// This one.
    Job(String),
    /// None of those that are listed.
    None,
    /// It may be one of these, or none.
    Unclear(BTreeSet<String>),
}

/// Finds the job that `request`, which has no tags, has made among those that AWS lists of its table. Those of
/// `others`, restore points that have their job, are none of it.
///
/// A job is its own by role, vault and start window, and when no plan started it. AWS documents that a job's `StartBy`
/// is its scheduled time and the start window, to the millisecond.
pub fn match_job(request: &StartBackup, listed: &[JobTraits], others: &BTreeSet<String>) -> JobMatch {
    let is_like = |found: Option<&str>, asked: &str| found.is_none_or(|found| found == asked);
    let may_be = |job: &&JobTraits| {
        let is_in_time = job.start_window.is_none_or(|window| {
            let difference = window - SignedDuration::from_mins(request.start_window_minutes);
            difference.abs() < SignedDuration::from_secs(30)
        });
        !job.is_planned
            && is_in_time
            && is_like(job.role.as_deref(), &request.role)
            && is_like(job.vault.as_deref(), request.vault.as_str())
            && !others.contains(&job.job)
    };
    let is_told = |job: &&&JobTraits| job.role.is_some() && job.vault.is_some() && job.start_window.is_some();
    let candidates: Vec<&JobTraits> = listed.iter().filter(may_be).collect();
    match (candidates.iter().filter(is_told).collect::<Vec<_>>().as_slice(), candidates.as_slice()) {
        ([own], _) => JobMatch::Job(own.job.clone()),
        (_, []) => JobMatch::None,
        _ => JobMatch::Unclear(candidates.iter().map(|job| job.job.clone()).collect()),
    }
}

/// A StartCopyJob request. It has no tags: a copy inherits those of its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartCopy {
    /// What to copy.
    pub source: RecoveryPointArn,
    /// The vault that holds it.
    pub source_vault: VaultName,
    /// The vault to copy it into.
    pub target: VaultArn,
    /// The service role that AWS Backup assumes.
    pub role: String,
    /// The idempotency token.
    pub token: String,
    /// Move the copy to cold storage after so many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold_after_days: Option<i64>,
    /// AWS deletes the copy after so many days: in a locked vault, where we cannot, and where its source ends by
    /// itself, as late as AWS takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after_days: Option<i64>,
}

/// The idempotency token of one try: the same try gives the same token, another try another. What it is worth is
/// assumption A1.
///
/// 50 hexadecimal characters. AWS documents no greatest length; 50 is what its other tokens allow (assumption A2).
pub fn token(
    kind: &str,
    origin: &str,
    slot: jiff::Timestamp,
    table: &TableId,
    vault: &VaultArn,
    attempt: u32,
) -> String {
    let text = format!("{kind}|{origin}|{slot}|{table}|{vault}|{attempt}");
    let mut token = hex(&Sha256::digest(text));
    token.truncate(50);
    token
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POINT: &str = "01KBA3Q8TZ4M1N6C9X0W2V5R7S";

    fn request(start_window_minutes: i64) -> StartBackup {
        StartBackup {
            vault: "backups".parse().unwrap(),
            table: "arn:aws:dynamodb:eu-central-1:111122223333:table/orders".parse().unwrap(),
            role: "arn:aws:iam::111122223333:role/backup".to_owned(),
            token: "0123456789".repeat(5),
            start_window_minutes,
            cold_after_days: None,
            delete_after_days: None,
            tags: BTreeMap::from([("team".to_owned(), "shop".to_owned())]),
        }
    }

    fn made_by(request: &StartBackup, job: &str) -> JobTraits {
        JobTraits {
            job: job.to_owned(),
            role: Some(request.role.clone()),
            vault: Some(request.vault.to_string()),
            is_planned: false,
            start_window: Some(SignedDuration::from_mins(request.start_window_minutes)),
        }
    }

    #[test]
    fn a_job_without_tags_is_known_by_role_vault_and_start_window() {
        let own = request(480).untagged(&POINT.parse().unwrap(), 1);
        let ours = made_by(&own, "ours");
        let none = BTreeSet::new();
        assert_eq!(match_job(&own, std::slice::from_ref(&ours), &none), JobMatch::Job("ours".to_owned()));
        let by_hand = made_by(&request(480), "by hand");
        let of_before = made_by(&request(480).untagged(&POINT.parse().unwrap(), 2), "of another try");
        let strange = [
            by_hand,
            of_before,
            JobTraits { is_planned: true, ..ours.clone() },
            JobTraits { role: Some("another".to_owned()), ..ours.clone() },
            JobTraits { vault: Some("another".to_owned()), ..ours.clone() },
        ];
        assert_eq!(match_job(&own, &strange, &none), JobMatch::None);
        let mut all = strange.to_vec();
        all.push(ours.clone());
        assert_eq!(match_job(&own, &all, &none), JobMatch::Job("ours".to_owned()));
        assert_eq!(match_job(&own, &all, &BTreeSet::from(["ours".to_owned()])), JobMatch::None);
        // What AWS does not tell decides nothing, and neither do two that are alike.
        let untold = JobTraits { start_window: None, job: "untold".to_owned(), ..ours.clone() };
        assert_eq!(
            match_job(&own, &[untold], &none),
            JobMatch::Unclear(BTreeSet::from(["untold".to_owned()]))
        );
        let twin = JobTraits { job: "twin".to_owned(), ..ours.clone() };
        let both = ["ours", "twin"].map(str::to_owned).into();
        assert_eq!(match_job(&own, &[ours, twin], &none), JobMatch::Unclear(both));
    }

    proptest! {
        #[test]
        fn start_windows_without_tags_are_in_range_and_never_those_of_a_hand(
            hours in 1..=12i64,
            point in any::<u128>(),
            attempt in 1..100u32,
        ) {
            let point = PointId::new("2026-01-05T07:00:00Z".parse().unwrap(), point);
            let own = request(hours * 60).untagged(&point, attempt);
            prop_assert!((61..720).contains(&own.start_window_minutes));
            prop_assert!(own.start_window_minutes % 60 != 0);
            prop_assert!((own.start_window_minutes - hours * 60).abs() < 60);
            prop_assert!(own.tags.is_empty() && own.token.len() == 50 && own.token != request(480).token);
            let next = request(hours * 60).untagged(&point, attempt + 1);
            prop_assert!(next.start_window_minutes != own.start_window_minutes);
        }
    }
}
