//! How long the work waits for what does not answer. Nothing is retried without end, and nothing passing is final:
//! past each of these a session, a restore point or a copy continues without what is missing, or fails, and says why.
//!
//! How long a backup may wait for its start is not among them: its policy's start window says so.

use jiff::SignedDuration;

/// For the tables of a session to be found and recorded. Those that could be are started meanwhile.
pub const PLANNING: SignedDuration = SignedDuration::from_mins(30);

/// For a part of a table's settings, or the lock of its vault: then it is recorded as unknown, and the backup is made.
pub const SETTINGS: SignedDuration = SignedDuration::from_mins(15);

/// For metadata to be sealed: then a try has failed, and the last one makes a point without.
pub const SEALING: SignedDuration = SignedDuration::from_hours(1);

/// For what was just written to be seen. DynamoDB's and AWS Backup's tags show "after a few seconds".
pub const CONSISTENCY: SignedDuration = SignedDuration::from_mins(10);

/// For a job to be looked at, once a look has failed.
pub const JOB: SignedDuration = SignedDuration::from_hours(6);

/// For what a backup job made to be looked at, so that it can be believed.
pub const BACKUP: SignedDuration = SignedDuration::from_hours(1);

/// The same for what a copy job made: its Region may be away for long, and nothing waits for it meanwhile.
pub const COPY: SignedDuration = SignedDuration::from_hours(48);

/// For a copy to be asked for, from the moment of its backup on, while what it needs does not answer.
pub const COPY_START: SignedDuration = SignedDuration::from_hours(24);

/// For a request for a copy to be taken. Its table is busy meanwhile.
pub const COPY_REQUEST: SignedDuration = SignedDuration::from_hours(1);

/// For a recovery point to appear of a job that was given up: AWS lets one wait for hours and run for days. Until then
/// what describes it stays.
pub const LEFTOVERS: SignedDuration = SignedDuration::from_hours(8 * 24);

/// For the records of a session's points, all of which should be final, to be readable.
pub const RECORDS: SignedDuration = SignedDuration::from_hours(24);

/// For a right that depends on a tag just written: it comes some time after the tag is seen.
pub const RIGHTS: SignedDuration = SignedDuration::from_mins(5);

/// For what a restored table refuses for now, and for an AWS that does not answer while its settings are put back:
/// time to live takes one change an hour.
pub const LIMITS: SignedDuration = SignedDuration::from_hours(3);

/// For an AWS that does not answer while a restore has no table yet: nothing is lost by waiting.
pub const OUTAGE: SignedDuration = SignedDuration::from_hours(24);

/// For a restore to get its turn, among hundreds and large ones too.
pub const TURN: SignedDuration = SignedDuration::from_hours(3 * 24);

/// For the job that makes a table, or copies one back. The largest tables take a day or so.
pub const RESTORE: SignedDuration = SignedDuration::from_hours(7 * 24);
