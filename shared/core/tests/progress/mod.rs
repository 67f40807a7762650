//! Restore points in each of their states.
#![allow(dead_code, reason = "each test program takes what it needs")]

use backup_chain_core::ids::{RecoveryPointArn, VaultArn};
use backup_chain_core::plan::StartCopy;
use backup_chain_core::point::{Made, Progress, Request, State};

/// The recovery point of them all.
pub fn arn() -> RecoveryPointArn {
    "arn:aws:backup:eu-central-1:111122223333:recovery-point:1".parse().unwrap()
}

/// A request as well as any.
pub fn request() -> Request {
    let target: VaultArn = "arn:aws:backup:eu-central-1:111122223333:backup-vault:main".parse().unwrap();
    Request::Copy(StartCopy {
        source: arn(),
        source_vault: target.name.clone(),
        target,
        role: String::new(),
        token: String::new(),
        cold_after_days: None,
        delete_after_days: None,
    })
}

/// A state with what belongs to it.
pub fn of(state: State) -> Progress {
    let made = Made { recovery_point: arn(), job: Some("job".to_owned()) };
    let why = "why".to_owned();
    match state {
        State::Planned => Progress::Planned,
        State::Starting => Progress::Starting { request: request() },
        State::Running => Progress::Running {
            request: request(),
            job: "job".to_owned(),
            recovery_point: None,
            ended: false,
        },
        State::Available => Progress::Available { made, blocked: None },
        State::Failed => Progress::Failed { why, job: None, recovery_point: None },
        State::Dropped => Progress::Dropped { why },
        State::Deleting => Progress::Deleting { made, why },
        State::Deleted => Progress::Deleted { made, why },
    }
}
