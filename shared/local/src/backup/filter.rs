//! The filters of the lists of jobs. Those that no job of this model can meet list nothing.

use jiff::{SignedDuration, Timestamp};

use super::backup_job::{BackupJob, category};
use super::copy_job::CopyJob;
use super::restore_job::RestoreJob;
use super::wire::{Request, invalid_parameter};
use crate::api::ApiError;

/// AWS lists the jobs of the last 30 days.
const LISTED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A job as the filters see it.
pub(super) trait Listed {
    fn resource(&self) -> &str;
    fn state(&self) -> &'static str;
    fn message(&self) -> Option<&str>;
    fn created(&self) -> Timestamp;
    fn completed(&self) -> Option<Timestamp>;
}

/// The same five members make each kind of job listable.
macro_rules! listed {
    ($($job:ty),*) => {$(
        impl Listed for $job {
            fn resource(&self) -> &str {
                &self.resource
            }

            fn state(&self) -> &'static str {
                self.state.as_str()
            }

            fn message(&self) -> Option<&str> {
                self.message.as_deref()
            }

            fn created(&self) -> Timestamp {
                self.created
            }

            fn completed(&self) -> Option<Timestamp> {
                self.completed
            }
        }
    )*};
}

listed!(BackupJob, CopyJob, RestoreJob);

/// The filters that the lists of jobs share.
pub(super) struct JobFilter<'a> {
    pub(super) resource: Option<&'a str>,
    state: Option<&'a str>,
    category: Option<&'a str>,
    possible: bool,
    created: (Option<Timestamp>, Option<Timestamp>),
    completed: (Option<Timestamp>, Option<Timestamp>),
    oldest: Timestamp,
}

impl<'a> JobFilter<'a> {
    /// Reads the filters; `state` is the parameter of the state, `states` what it may be.
    pub(super) fn of(request: &'a Request<'_>, state: &str, states: &[&str]) -> Result<Self, ApiError> {
        let wanted = request.query(state);
        if let Some(unknown) = wanted.filter(|wanted| !states.contains(wanted)) {
            return Err(invalid_parameter(format!("Invalid {state}: {unknown}")));
        }
        // All jobs are of tables, of this account, and no one's children.
        let possible = request.query("resourceType").is_none_or(|kind| kind == "DynamoDB")
            && request.query("accountId").is_none_or(|id| id == "*" || id == request.place.account)
            && request.query("parentJobId").is_none();
        Ok(Self {
            resource: request.query("resourceArn"),
            state: wanted,
            category: request.query("messageCategory"),
            possible,
            created: (request.query_time("createdAfter")?, request.query_time("createdBefore")?),
            completed: (request.query_time("completeAfter")?, request.query_time("completeBefore")?),
            oldest: request.now() - LISTED,
        })
    }

    pub(super) fn admits(&self, job: &impl Listed) -> bool {
        self.possible
            && job.created() >= self.oldest
            && self.resource.is_none_or(|wanted| wanted == job.resource())
            && self.state.is_none_or(|wanted| wanted == job.state())
            && self.category.is_none_or(|wanted| {
                category(job.state(), job.message()).is_some_and(|found| found.eq_ignore_ascii_case(wanted))
            })
            && within(Some(job.created()), self.created)
            && within(job.completed(), self.completed)
    }
}

/// Whether a moment lies after one bound and before the other, of those that are given.
pub(super) fn within(at: Option<Timestamp>, (after, before): (Option<Timestamp>, Option<Timestamp>)) -> bool {
    after.is_none_or(|after| at.is_some_and(|at| at > after))
        && before.is_none_or(|before| at.is_some_and(|at| at < before))
}
