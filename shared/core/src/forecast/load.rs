//! What a policy asks of AWS and of the deployment once all of its tables are in it.

use jiff::SignedDuration;

use super::{Chain, SessionLength, SessionLimits, SteadyState, session_length};
use crate::policy::Policy;

/// What carries a policy.
#[derive(Debug, Clone, Copy)]
pub struct Carrier<'a> {
    /// How many tables the policy covers.
    pub tables: usize,
    /// What bounds its sessions.
    pub limits: &'a SessionLimits,
    /// How many restore points a retention run removes without a confirmation.
    pub most_deletions: usize,
}

/// The greatest value of the parameter in `template.yaml`.
const MAX_MOST_DELETIONS: usize = 100_000;

/// A month on average, as [`Chain::made_per_month`] counts.
const MONTH: SignedDuration = SignedDuration::from_hours(365 * 24 / 12);

/// One line for each thing that does not keep up with the policy, with the way out.
///
/// AWS Backup runs one backup or copy job of a table at a time, and 100 copy jobs of an account into one target Region, which
/// no request raises: <https://docs.aws.amazon.com/aws-backup/latest/devguide/aws-backup-limits.html> (2026). A deployment
/// stays below that ([`SessionLimits::copies_in_flight`]). How long a job takes is an assumption.
pub fn load(policy: &Policy, steady: &SteadyState, carrier: Carrier<'_>) -> Vec<String> {
    let Carrier { tables, limits, most_deletions } = carrier;
    let mut lines = Vec::new();
    if !policy.enabled {
        lines.push(
            "enabled is false: no slot starts a session; apply the policy with enabled: true when it is to run"
                .to_owned(),
        );
    }
    let targets = policy.copies.len();
    let copied = steady.copies.as_ref().map_or(0.0, |chain| chain.made_per_month);
    let of_table = limits.backup.as_secs_f64() * steady.backups.made_per_month
        + limits.copy.as_secs_f64() * copied * targets as f64;
    if of_table > MONTH.as_secs_f64() {
        lines.push(format!(
            "AWS Backup runs one job of a table at a time, and those of one table would take {:.0} hours of each day, at {} \
             minutes a backup and {} a copy: make or copy fewer backups",
            of_table / MONTH.as_secs_f64() * 24.0,
            limits.backup.as_mins(),
            limits.copy.as_mins(),
        ));
    } else {
        let SessionLength { backups, copies } = session_length(tables, targets, limits);
        let all = [
            ("backups", backups, steady.backups.made_per_month, limits.backups_in_flight, ""),
            (
                "copies",
                copies,
                copied,
                limits.copies_in_flight,
                " in each target Region, where AWS takes 100",
            ),
        ];
        let behind = all
            .into_iter()
            .filter(|(_, length, sessions, ..)| length.as_secs_f64() * sessions > MONTH.as_secs_f64());
        lines.extend(behind.map(|(what, length, sessions, in_flight, bound)| {
            format!(
                "{what} cannot keep up: those of one session take about {:.1} hours, {in_flight} at a time{bound}, and the next \
                 session is due after {:.1} hours on average; make fewer of them, or spread the tables over the day with \
                 policies of other times",
                length.as_secs_f64() / 3_600.0,
                MONTH.as_secs_f64() / sessions / 3_600.0,
            )
        }));
    }
    let of_chain = |chain: &Chain| chain.most_removed_in_a_day as usize;
    let copies = steady.copies.as_ref().map_or(0, of_chain).saturating_mul(targets);
    let removed = tables.saturating_mul(of_chain(&steady.backups).saturating_add(copies));
    if removed > most_deletions {
        let way_out = match removed <= MAX_MOST_DELETIONS {
            true => format!("set the stack's parameter MostDeletions to {removed} or more"),
            false => format!(
                "make fewer backups, for the stack's parameter MostDeletions ends at {MAX_MOST_DELETIONS}"
            ),
        };
        lines.push(format!(
            "up to {removed} restore points lapse on one day, and a retention run removes at most {most_deletions} without a \
             confirmation: it would stop and ask; {way_out}"
        ));
    }
    lines
}
