//! What the resources of the deployment are called, and where they are.

use std::error::Error;

use backup_chain_core::functions;
use jiff::SignedDuration;

/// Anything that a deployment or a function may fail with.
pub type Failure = Box<dyn Error + Send + Sync>;

/// The account of the deployment.
pub const ACCOUNT: &str = "111122223333";
/// Its source Region.
pub const SOURCE: &str = "eu-central-1";
/// Its target Region.
pub const TARGET: &str = "eu-west-1";
/// The vault of the source Region.
pub const VAULT: &str = "backup-chain";
/// The vault of the target Region.
pub const COPIES: &str = "backup-chain-copies";

/// The functions, as the template names them after the stack's name, and their roles.
pub const FUNCTIONS: [(&str, &str); 4] = [
    (functions::SESSION.name, SESSION),
    (functions::COPY.name, COPY),
    (functions::RETENTION.name, RETENTION),
    (functions::RESTORE.name, RESTORE),
];

/// The roles of the functions.
pub const ROLES: [&str; 4] = [SESSION, COPY, RETENTION, RESTORE];

/// The role of the session function.
pub const SESSION: &str = "backup-chain-session-function-eu-central-1";
/// The role of the copy function.
pub const COPY: &str = "backup-chain-copy-function-eu-central-1";
/// The role of the retention function.
pub const RETENTION: &str = "backup-chain-retention-function-eu-central-1";
/// The role of the restore function.
pub const RESTORE: &str = "backup-chain-restore-function-eu-central-1";

/// The name of the stack.
pub(super) const STACK: &str = "backup-chain";
/// The full name of a function.
#[must_use]
pub fn function(name: &str) -> String {
    format!("{STACK}-{name}")
}

/// One who looks at the deployment from outside.
pub(super) const OBSERVER: &str = "observer";
pub(super) const CATALOG: &str = "backup-chain-catalog";
pub(super) const SETTINGS: &str = "backup-chain-settings";
/// The roles that AWS Backup makes backups, copies and tables with.
pub(super) const BACKUP_ROLE: &str = "backup-chain-AWSBackup-backup-eu-central-1";
pub(super) const COPY_ROLE: &str = "backup-chain-AWSBackup-copy-eu-central-1";
pub(super) const RESTORE_ROLE: &str = "backup-chain-AWSBackup-restore-eu-central-1";

/// How the schedules run.
#[derive(Debug, Clone, Copy)]
pub struct Schedules {
    /// The time from one tick to the next, in whole minutes.
    pub tick: SignedDuration,
    /// Whether retention runs every day.
    pub retention: bool,
    /// How long an invocation may take.
    pub timeout: SignedDuration,
}

impl Default for Schedules {
    fn default() -> Self {
        Self { tick: SignedDuration::from_mins(1), retention: true, timeout: SignedDuration::from_mins(5) }
    }
}
