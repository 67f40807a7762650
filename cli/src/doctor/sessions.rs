//! How the last session of each policy ended: tables that it left without a restore point are named.

use std::collections::BTreeMap;

use backup_chain_core::session::{Session, Status};

use super::context::CheckContext;
use super::finding::{Check, Finding};
use crate::console::{count, utc};

/// So many tables are named for each session.
const MAX_NAMED: usize = 5;

pub(super) async fn check(look: &CheckContext<'_>) -> Vec<Finding> {
    let sessions = match look.app.catalog.sessions().await {
        Ok(sessions) => sessions,
        Err(error) => {
            let catalog = look.here(&look.app.context.deployment().catalog);
            return vec![Finding::unread(Check::Sessions, catalog, &error)];
        }
    };
    // Oldest first: the last one of each policy stays.
    let ended = sessions.iter().filter(|session| !session.status.is_open());
    let last: BTreeMap<&str, &Session> =
        ended.filter_map(|session| Some((session.policy.as_ref()?.name.as_str(), session))).collect();
    let is_stored = |name: &str| look.policies.iter().any(|active| active.policy.name.as_str() == name);
    let last = last.into_iter().filter(|(name, _)| is_stored(name));
    last.map(|(name, session)| of_session(look, name, session)).collect()
}

fn of_session(look: &CheckContext<'_>, policy: &str, session: &Session) -> Finding {
    let place = look.here(&format!("policy {policy}"));
    let at = utc(session.started_at);
    let skipped: Vec<_> = session.skipped.iter().filter(|skipped| skipped.warning).collect();
    let missing = session.planned.saturating_sub(session.available) as usize;
    let named = |some: &[&backup_chain_core::session::Skipped]| {
        let lines: Vec<String> = some
            .iter()
            .take(MAX_NAMED)
            .map(|skipped| format!("{} ({})", skipped.table, skipped.why))
            .collect();
        let more = some.len().saturating_sub(MAX_NAMED);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        lines.join(", ") + &more
    };
    let mut parts = Vec::new();
    if missing > 0 {
        parts.push(format!("left {} without the restore point that was planned", count(missing, "table")));
    }
    if !skipped.is_empty() {
        parts.push(format!("skipped {}: {}", count(skipped.len(), "table"), named(&skipped)));
    }
    parts.extend(session.problems.iter().take(MAX_NAMED).cloned());
    let show = format!("backup-chain session show {}", session.id);
    match session.status {
        Status::Failed => {
            let what = format!("its last session, {at} UTC, failed: {}", parts.join("; "));
            Finding::wrong(Check::Sessions, place, what)
                .fix("see why; what was due is owed to the next restore points")
                .command(show)
        }
        // A table without its restore point is not protected, whatever became of the others.
        Status::Warning if missing > 0 || !skipped.is_empty() => {
            let what = format!("its last session, {at} UTC, {}", parts.join("; "));
            Finding::wrong(Check::Sessions, place, what)
                .fix("see why; what was due is owed to the next restore points")
                .command(show)
        }
        Status::Warning if !parts.is_empty() => {
            let what = format!("its last session, {at} UTC, met {}", parts.join("; "));
            Finding::warning(Check::Sessions, place, what).fix("see what it says").command(show)
        }
        _ => Finding::ok(
            Check::Sessions,
            place,
            format!("its last session, {at} UTC, is {:?}", session.status),
        ),
    }
}
