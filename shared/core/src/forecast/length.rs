//! How long a session takes.

use jiff::SignedDuration;
use serde::Serialize;

/// What bounds a session. The defaults are those of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SessionLimits {
    /// Jobs that are started in a second, in the source Region. AWS Backup takes 5 calls of StartBackupJob;
    /// for StartCopyJob nothing is published and the same is taken. We use half: 2.5.
    pub starts_per_second: f64,
    /// Backup jobs that run at once (250).
    pub backups_in_flight: usize,
    /// Copy jobs that run at once, for each target Region (80).
    pub copies_in_flight: usize,
    /// How long AWS takes for one backup. **An assumption** (10 minutes): AWS promises nothing.
    pub backup: SignedDuration,
    /// How long AWS takes for one copy. **An assumption** (15 minutes): it grows with the table.
    pub copy: SignedDuration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            starts_per_second: 2.5,
            backups_in_flight: 250,
            copies_in_flight: 80,
            backup: SignedDuration::from_mins(10),
            copy: SignedDuration::from_mins(15),
        }
    }
}

/// How long a session takes that backs up every table and copies each backup to every target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SessionLength {
    /// From the first backup job's start to the end of the last.
    pub backups: SignedDuration,
    /// The same for the copies, if they began when all backups were there. They begin sooner, so a session
    /// takes at most both together.
    pub copies: SignedDuration,
}

/// The length of a session over so many tables, whose backups are copied to so many target Regions.
///
/// AWS runs one job per table at a time, so the copies of one backup follow each other.
pub fn session_length(tables: usize, targets: usize, limits: &SessionLimits) -> SessionLength {
    let copies_at_once = tables.min(limits.copies_in_flight.saturating_mul(targets));
    SessionLength {
        backups: length(tables, limits.starts_per_second, limits.backups_in_flight, limits.backup),
        copies: length(tables.saturating_mul(targets), limits.starts_per_second, copies_at_once, limits.copy),
    }
}

/// The last of `jobs` starts as late as the rate or the rounds before it demand, and then runs.
fn length(jobs: usize, per_second: f64, at_once: usize, each: SignedDuration) -> SignedDuration {
    let Some(before) = jobs.checked_sub(1) else { return SignedDuration::ZERO };
    let at_once = at_once.max(1);
    let started = |jobs: usize| jobs as f64 / per_second.max(f64::MIN_POSITIVE);
    let rounds = (before / at_once) as f64 * each.as_secs_f64() + started(before % at_once);
    let seconds = started(before).max(rounds) + each.as_secs_f64();
    // Beyond what a duration holds it is endless all the same.
    SignedDuration::try_from_secs_f64(seconds.ceil()).unwrap_or(SignedDuration::MAX)
}
