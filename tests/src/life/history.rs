//! The history of a life: what was called, what the outside did, and how things stood.

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use backup_chain_checker::{Call, Deployment, Entry, Fate, Functions, Intent, State};
use backup_chain_deployed::stack::{
    ACCOUNT, COPIES, COPY, RESTORE, RETENTION, SESSION, SOURCE, Stack, TARGET, VAULT,
};
use backup_chain_local::{World, record};
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A history that is being made.
#[derive(Debug, Default)]
pub(super) struct History(Mutex<Vec<Entry>>);

impl History {
    /// The outside does something now.
    pub(super) fn note(&self, world: &World, what: Intent) {
        self.entries().push(Entry::intent(world.now(), what));
    }

    /// All is quiet now.
    pub(super) fn quiet(&self, world: &World, state: State) {
        self.entries().push(Entry::Quiet { at: world.now(), state: Box::new(state) });
    }

    /// All of it, with what was called.
    pub(super) fn end(&self, world: &World) -> Vec<Entry> {
        let mut entries = std::mem::take(&mut *self.entries());
        let calls = world.take_calls();
        entries.extend(calls.iter().map(|call| Entry::Call(Box::new(told(call)))));
        // What was meant stands before what was done at that moment.
        entries.sort_by_key(moment);
        entries
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn moment(entry: &Entry) -> Timestamp {
    match entry {
        Entry::Call(call) => call.at,
        Entry::Intent { at, .. } | Entry::Log { at, .. } | Entry::Quiet { at, .. } => *at,
    }
}

fn told(call: &record::Call) -> Call {
    let read = |body: &[u8]| match body {
        [] => Value::Null,
        body => serde_json::from_slice(body)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(body).into_owned())),
    };
    let bodies = call.bodies.clone().unwrap_or_default();
    Call {
        at: call.at,
        caller: call.caller.clone(),
        account: call.account.clone(),
        region: call.region.clone(),
        service: call.service.clone(),
        operation: call.operation.clone(),
        resource: call.resource.clone(),
        path: bodies.path,
        request: read(&bodies.request),
        status: bodies.status,
        response: read(&bodies.response),
        fate: match call.fate {
            record::Fate::Heard => Fate::Heard,
            record::Fate::Lost => Fate::Lost,
            record::Fate::Unheard => Fate::Unheard,
            record::Fate::DiedBefore => Fate::DiedBefore,
            record::Fate::DiedAfter => Fate::DiedAfter,
        },
    }
}

/// What is deployed, as the first entry of a history tells it.
pub(super) fn deployed(stack: &Stack) -> Intent {
    let deployment = stack.app().context.deployment();
    let functions = Functions {
        session: SESSION.to_owned(),
        copy: COPY.to_owned(),
        retention: RETENTION.to_owned(),
        restore: RESTORE.to_owned(),
    };
    Intent::Deployed(Deployment {
        account: ACCOUNT.to_owned(),
        region: SOURCE.to_owned(),
        catalog: deployment.catalog.clone(),
        settings: deployment.settings.clone(),
        vault: VAULT.to_owned(),
        copies: vec![format!("{TARGET}/{COPIES}")],
        functions,
        job_roles: [&deployment.backup_role, &deployment.copy_role, &deployment.restore_role]
            .map(Clone::clone)
            .into(),
        min_age_hours: deployment.min_age.as_hours(),
        most_deletions: deployment.brakes.most_deletions,
    })
}

/// SHA-256 of a history, in hexadecimal digits.
///
/// # Panics
/// Never: a history is JSON.
#[must_use]
pub fn digest(history: &[Entry]) -> String {
    let mut digest = Sha256::new();
    for entry in history {
        digest.update(serde_json::to_vec(entry).expect("a history is JSON"));
    }
    digest.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
